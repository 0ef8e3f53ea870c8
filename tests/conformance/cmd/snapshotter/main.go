// Command snapshotter is soci-snapshotter's daemon, made of the library's packages: the module of its own program is not served by
// the Go module proxy.
//
//	snapshotter STATE SOCKET CONTAINERD FORMAT
//
// STATE is its folder, SOCKET is where containerd finds it, CONTAINERD is containerd's own socket. FORMAT is the only one in which it
// takes SOCI indexes: v2, which manifests name, or v1, which the registry lists as referrers. Everything else is the daemon's
// default, but for two settings: nothing is fetched in the background, so that what a container reads decides what is fetched and a
// proxy can count it; and there are no metrics.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/contrib/snapshotservice"
	bolt "go.etcd.io/bbolt"
	"google.golang.org/grpc"

	"github.com/awslabs/soci-snapshotter/config"
	"github.com/awslabs/soci-snapshotter/fs"
	"github.com/awslabs/soci-snapshotter/metadata"
	"github.com/awslabs/soci-snapshotter/service"
	"github.com/awslabs/soci-snapshotter/ztoc"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: snapshotter STATE SOCKET CONTAINERD FORMAT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintf(os.Stderr, "snapshotter: %v\n", err)
		os.Exit(1)
	}
}

func run(state, socket, containerd, format string) error {
	if format != "v1" && format != "v2" {
		return fmt.Errorf("no format of SOCI indexes: %q, it has to be v1 or v2", format)
	}
	settings := config.NewConfig()
	settings.PullModes.SOCIv1.Enable = format == "v1"
	settings.PullModes.SOCIv2.Enable = format == "v2"
	settings.BackgroundFetchConfig.Disable = true
	settings.NoPrometheus = true
	settings.ContentStoreConfig.ContainerdAddress = containerd
	if err := service.Supported(state); err != nil {
		return fmt.Errorf("%s: %w", state, err)
	}
	// One database for all layers, as the daemon has it by default.
	database, err := bolt.Open(filepath.Join(state, "metadata.db"), 0o600, nil)
	if err != nil {
		return err
	}
	store := func(layer *io.SectionReader, toc ztoc.TOC, options ...metadata.Option) (metadata.Reader, error) {
		return metadata.NewReader(database, layer, toc, options...)
	}
	snapshotter, err := service.NewSociSnapshotterService(context.Background(), state, &settings.ServiceConfig,
		service.WithFilesystemOptions(fs.WithMetadataStore(store)))
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	snapshotsapi.RegisterSnapshotsServer(server, snapshotservice.FromSnapshotter(snapshotter))
	return server.Serve(listener)
}
