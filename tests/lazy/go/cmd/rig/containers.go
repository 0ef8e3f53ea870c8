package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const (
	// Where a container finds the program and the single layers.
	listerInside = "/.rig/lister"
	layersInside = "/.rig/layers"
)

type listRequest struct {
	ID int `json:"id"`
	// What is listed: "image", "layers" (each below an overlay of its own) or "file".
	What string `json:"what"`
	// File is the one to look at, absolute.
	File string `json:"file"`
}

// list runs a container of the image that looks at itself; a JSON document per folder, in order.
func (r *rig) list(ctx context.Context, asked *listRequest) ([]json.RawMessage, error) {
	if asked.ID < 0 || asked.ID >= len(r.images) {
		return nil, fmt.Errorf("no image %d", asked.ID)
	}
	image := r.images[asked.ID]
	ctx = namespaces.WithNamespace(ctx, image.namespace)
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}},
		bound(r.programs.lister, listerInside),
	}
	var args []string
	switch asked.What {
	case "image":
		args = []string{"/"}
	case "file":
		args = []string{"-file", asked.File}
	case "layers":
		for i, layer := range image.layers {
			outside, err := single(image.namespace, i, layer.Path)
			if err != nil {
				return nil, err
			}
			inside := fmt.Sprintf("%s/%d", layersInside, i)
			mounts = append(mounts, bound(outside, inside))
			args = append(args, inside)
		}
	default:
		return nil, fmt.Errorf("nothing to list: %q", asked.What)
	}
	return r.run(ctx, image, append([]string{listerInside}, args...), mounts)
}

func bound(outside, inside string) specs.Mount {
	return specs.Mount{Destination: inside, Type: "bind", Source: outside, Options: []string{"bind", "ro"}}
}

// single mounts an overlay over one layer alone, as a container of an image of this one layer would have it.
func single(name string, number int, lower string) (string, error) {
	folder := filepath.Join("/run/layers", name, fmt.Sprint(number))
	empty := filepath.Join("/run/layers", "empty")
	for _, path := range []string{folder, empty} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return "", err
		}
	}
	err := unix.Mount("overlay", folder, "overlay", unix.MS_RDONLY, "lowerdir="+lower+":"+empty)
	return folder, err
}

func (r *rig) run(ctx context.Context, image *image, args []string, mounts []specs.Mount) (_ []json.RawMessage, err error) {
	const id = "reader"
	inNamespace := filepath.Join("/", r.cgroup, image.namespace)
	container, err := r.client.NewContainer(ctx, id,
		containerd.WithSnapshotter(snapshotterName),
		containerd.WithNewSnapshot(id, image.Image),
		containerd.WithRuntime("io.containerd.runc.v2", nil),
		containerd.WithNewSpec(
			oci.WithoutMounts("/run", "/sys", "/dev/pts", "/dev/shm", "/dev/mqueue", "/proc", "/dev"),
			oci.WithMounts(mounts),
			oci.WithProcessArgs(args...),
			oci.WithCgroup(inNamespace),
		),
	)
	if err != nil {
		return nil, fmt.Errorf("container: %w", err)
	}
	defer func() {
		err = errors.Join(err, container.Delete(ctx, containerd.WithSnapshotCleanup))
	}()
	var out, words bytes.Buffer
	task, err := container.NewTask(ctx, cio.NewCreator(cio.WithStreams(nil, &out, &words), cio.WithFIFODir("/run/fifo")))
	if err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	defer func() {
		_, deleted := task.Delete(ctx, containerd.WithProcessKill)
		err = errors.Join(err, deleted)
	}()
	ended, err := task.Wait(ctx)
	if err != nil {
		return nil, err
	}
	if err := task.Start(ctx); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	select {
	case status := <-ended:
		// The output is whole only when its pipe was read to the end.
		task.IO().Wait()
		if code, _, err := status.Result(); err != nil || code != 0 {
			return nil, fmt.Errorf("the container ended with %d: %v: %s", code, err, words.String())
		}
	case <-ctx.Done():
		_ = task.Kill(context.WithoutCancel(ctx), syscall.SIGKILL)
		return nil, ctx.Err()
	}
	return documents(&out)
}

func documents(in io.Reader) ([]json.RawMessage, error) {
	var found []json.RawMessage
	for decoder := json.NewDecoder(in); ; {
		var document json.RawMessage
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("what the container printed: %w", err)
		}
		found = append(found, document)
	}
}

// containerdManifest are the digests of an image's layers, lowest first.
func containerdManifest(ctx context.Context, image containerd.Image) ([]string, error) {
	manifest, err := images.Manifest(ctx, image.ContentStore(), image.Target(), image.Platform())
	if err != nil {
		return nil, err
	}
	var digests []string
	for _, layer := range manifest.Layers {
		digests = append(digests, layer.Digest.String())
	}
	return digests, nil
}
