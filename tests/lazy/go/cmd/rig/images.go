package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/snapshotters"
	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/image-spec/identity"
)

type pullRequest struct {
	Image    string `json:"image"`
	Platform string `json:"platform"`
}

// pulled says what stands behind an image, lowest layer first.
type pulled struct {
	ID     int     `json:"id"`
	Layers []layer `json:"layers"`
}

// layer is one layer's folder.
type layer struct {
	Digest string `json:"digest"`
	Path   string `json:"path"`
	// Filesystem is the type of what is mounted there, empty when nothing is.
	Filesystem string `json:"filesystem"`
	// Source is what is mounted there.
	Source string `json:"source"`
}

// image is a pulled image with a namespace of its own: containerd takes layers with the same contents for the same snapshot, and
// then a second image's zTOC would never be looked at.
type image struct {
	containerd.Image
	namespace string
	layers    []layer
}

func (r *rig) pull(ctx context.Context, asked *pullRequest) (*pulled, error) {
	id := len(r.images)
	namespace := fmt.Sprintf("image-%d", id)
	ctx = namespaces.WithNamespace(ctx, namespace)
	// The snapshotter asks the registry by what these labels say; without them it stands aside.
	labels := containerd.WithImageHandlerWrapper(snapshotters.AppendInfoHandlerWrapper(asked.Image))
	found, err := r.client.Pull(ctx, asked.Image,
		containerd.WithPullUnpack, containerd.WithPullSnapshotter(snapshotterName), containerd.WithPlatform(asked.Platform), labels)
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", asked.Image, err)
	}
	layers, err := r.layers(ctx, found)
	if err != nil {
		return nil, fmt.Errorf("layers of %s: %w", asked.Image, err)
	}
	r.images = append(r.images, &image{Image: found, namespace: namespace, layers: layers})
	return &pulled{ID: id, Layers: layers}, nil
}

// layers asks the snapshotter for the folders of an image, and the kernel for what is mounted on them.
func (r *rig) layers(ctx context.Context, found containerd.Image) ([]layer, error) {
	diffIDs, err := found.RootFS(ctx)
	if err != nil {
		return nil, err
	}
	manifest, err := containerdManifest(ctx, found)
	if err != nil {
		return nil, err
	}
	// Without a lease the garbage collector may take the view before it is looked at.
	ctx, done, err := r.client.WithLease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = done(ctx) }()
	snapshotter := r.client.SnapshotService(snapshotterName)
	const key = "view"
	mounts, err := snapshotter.View(ctx, key, identity.ChainID(diffIDs).String())
	if err != nil {
		return nil, err
	}
	if err := snapshotter.Remove(ctx, key); err != nil {
		return nil, err
	}
	folders, err := folders(mounts)
	if err != nil {
		return nil, err
	}
	if len(folders) != len(manifest) {
		return nil, fmt.Errorf("%d folders for %d layers", len(folders), len(manifest))
	}
	layers := make([]layer, len(folders))
	for i, folder := range folders {
		layers[i] = layer{Digest: manifest[i], Path: folder}
		points, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(folder))
		if err != nil {
			return nil, err
		}
		for _, point := range points {
			layers[i].Filesystem, layers[i].Source = point.FSType, point.Source
		}
	}
	return layers, nil
}

// folders takes the lower folders out of an overlay's mount, lowest first. A single layer is bound instead.
func folders(mounts []mount.Mount) ([]string, error) {
	if len(mounts) != 1 {
		return nil, fmt.Errorf("not one mount but %v", mounts)
	}
	if mounts[0].Type == "bind" {
		return []string{mounts[0].Source}, nil
	}
	for _, option := range mounts[0].Options {
		if lower, ok := strings.CutPrefix(option, "lowerdir="); ok {
			found := strings.Split(lower, ":")
			slices.Reverse(found)
			return found, nil
		}
	}
	return nil, fmt.Errorf("no lower folders in %v", mounts)
}
