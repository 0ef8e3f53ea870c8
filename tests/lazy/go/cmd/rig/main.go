// Command rig pulls images and runs containers of them with lazy loading, and leaves nothing behind.
//
// It is the first process of its own PID and mount namespaces (the caller starts it with unshare). State, sockets and mounts of
// containerd and of the snapshotter lie on memory file systems that only this namespace sees; /var/lib/soci-snapshotter-grpc,
// which the snapshotter cannot be talked out of, is one of them. When this process ends, however it ends, the kernel ends every
// other process of the namespace and takes the mounts away.
//
// Requests come as lines of JSON on standard input, an answer to each goes to standard output; what the daemons log goes to
// standard error. The end of standard input ends everything.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// patience is for one request: reading some hundred MiB through the snapshotter on a slow machine.
const patience = 5 * time.Minute

// request asks for one thing.
type request struct {
	Pull *pullRequest `json:"pull"`
	List *listRequest `json:"list"`
}

// answer has either what was asked for or an error.
type answer struct {
	Pulled *pulled           `json:"pulled,omitempty"`
	Listed []json.RawMessage `json:"listed,omitempty"`
	Error  string            `json:"error,omitempty"`
}

func main() {
	var programs programs
	flag.StringVar(&programs.containerd, "containerd", "", "containerd's `program`")
	flag.StringVar(&programs.shims, "shims", "", "the `folder` of containerd-shim-runc-v2")
	flag.StringVar(&programs.snapshotter, "snapshotter", "", "the snapshotter's `program`")
	flag.StringVar(&programs.lister, "lister", "", "the `program` that runs in containers")
	flag.StringVar(&programs.format, "format", "", "the `format` of SOCI indexes that the snapshotter takes: v1 or v2")
	cgroup := flag.String("cgroup", "", "the cgroup `path` below which containers get theirs")
	flag.Parse()
	if err := serve(programs, *cgroup); err != nil {
		fmt.Fprintf(os.Stderr, "rig: %v\n", err)
		os.Exit(1)
	}
}

func serve(programs programs, cgroup string) error {
	if os.Getpid() != 1 {
		return fmt.Errorf("it has to be the first process of its own PID namespace, but is %d", os.Getpid())
	}
	requests := make(chan []byte)
	go readLines(os.Stdin, requests)
	rig, err := start(programs, cgroup)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(answer{}); err != nil {
		return err
	}
	for line := range requests {
		if err := out.Encode(rig.perform(line)); err != nil {
			return err
		}
	}
	return nil
}

// readLines ends the process with the input, even amid a request: the caller is gone.
func readLines(in io.Reader, lines chan<- []byte) {
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		lines <- append([]byte(nil), scanner.Bytes()...)
	}
	os.Exit(0)
}

func (r *rig) perform(line []byte) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Error: err.Error()}
	}
	switch {
	case asked.Pull != nil:
		found, err := r.pull(ctx, asked.Pull)
		return answered(answer{Pulled: found}, err)
	case asked.List != nil:
		found, err := r.list(ctx, asked.List)
		return answered(answer{Listed: found}, err)
	}
	return answer{Error: fmt.Sprintf("no request: %s", line)}
}

func answered(found answer, err error) answer {
	if err != nil {
		return answer{Error: err.Error()}
	}
	return found
}
