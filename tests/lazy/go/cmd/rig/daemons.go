package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"golang.org/x/sys/unix"
)

const (
	// snapshotterName is how containerd calls it.
	snapshotterName    = "soci"
	containerdSocket   = "/run/containerd/containerd.sock"
	snapshotterSocket  = "/run/soci/soci.sock"
	snapshotterState   = "/var/lib/soci-snapshotter-grpc"
	startingPatience   = 30 * time.Second
	betweenTwoAttempts = 20 * time.Millisecond
)

// programs are the parts that are started.
type programs struct {
	containerd, shims, snapshotter, lister string
	// format is the one in which the snapshotter takes SOCI indexes.
	format string
}

// rig is everything running.
type rig struct {
	client   *containerd.Client
	programs programs
	cgroup   string
	images   []*image
}

// start makes the private folders and starts both daemons.
func start(programs programs, cgroup string) (*rig, error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("making mounts private: %w", err)
	}
	for _, folder := range []string{"/run", "/var/lib"} {
		if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "mode=755"); err != nil {
			return nil, fmt.Errorf("a private %s: %w", folder, err)
		}
	}
	for _, folder := range []string{"/run/soci", "/run/containerd", "/run/tmp", "/var/lib/containerd", snapshotterState} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile("/run/containerd/config.toml", []byte(config()), 0o600); err != nil {
		return nil, err
	}
	snapshotter := exec.Command(programs.snapshotter, snapshotterState, snapshotterSocket, containerdSocket, programs.format)
	if err := launch(snapshotter, programs, snapshotterSocket); err != nil {
		return nil, err
	}
	daemon := exec.Command(programs.containerd, "--config", "/run/containerd/config.toml")
	if err := launch(daemon, programs, containerdSocket); err != nil {
		return nil, err
	}
	client, err := connect()
	if err != nil {
		return nil, err
	}
	return &rig{client: client, programs: programs, cgroup: cgroup}, nil
}

// config names the snapshotter and its state; it reads /run of this namespace only.
func config() string {
	return fmt.Sprintf(`version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = %q
[proxy_plugins.%s]
type = "snapshot"
address = %q
[proxy_plugins.%s.exports]
root = %q
`, containerdSocket, snapshotterName, snapshotterSocket, snapshotterName, snapshotterState)
}

// launch starts a daemon and waits until its socket answers. A daemon that ends, now or later, ends the rig.
func launch(command *exec.Cmd, programs programs, socket string) error {
	command.Stderr = os.Stderr
	command.Stdout = os.Stderr
	command.Env = append(os.Environ(), "PATH="+programs.shims+":"+os.Getenv("PATH"), "TMPDIR=/run/tmp")
	if err := command.Start(); err != nil {
		return err
	}
	go func() {
		err := command.Wait()
		fmt.Fprintf(os.Stderr, "rig: %s ended: %v\n", command.Path, err)
		os.Exit(1)
	}()
	deadline := time.Now().Add(startingPatience)
	for {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			return connection.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer: %w", command.Path, err)
		}
		time.Sleep(betweenTwoAttempts)
	}
}

func connect() (*containerd.Client, error) {
	client, err := containerd.New(containerdSocket)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startingPatience)
	defer cancel()
	for {
		serving, err := client.IsServing(ctx)
		if serving {
			return client, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("containerd does not serve: %w", err)
		}
		time.Sleep(betweenTwoAttempts)
	}
}
