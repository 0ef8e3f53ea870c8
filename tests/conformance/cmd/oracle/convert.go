package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/awslabs/soci-snapshotter/soci"
	"github.com/awslabs/soci-snapshotter/soci/store"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/oci"
)

// conversion is one run of the reference's converter, step by step what `soci convert --standalone --all-platforms` does
// with the same library: a working copy of the layout, containerd's and ORAS's stores on that one folder, a fresh artifact
// database, Convert, and an index.json with the result alone.
//
// Three things are done otherwise, none of which reaches a digest. Blobs are linked instead of copied twice, so that as a
// benchmark it is kinder to the reference than its own program. A layout with several tags is first cut down to the one that
// was asked for; the program knows no tags. The root of the result can be tagged.
type conversion struct {
	in, inTag   string
	out, outTag string
	span, least int64
	tool        string
	platforms   []string // all when empty
	v1          bool     // SOCI index manifests v1 beside an untouched image, as `soci create` makes them
}

// convertCommand prints the digest of the resulting image index, or with -v1 one SOCI index digest per platform.
func convertCommand(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("convert", flag.ContinueOnError)
	var c conversion
	flags.Int64Var(&c.span, "span", 4<<20, "uncompressed bytes between checkpoints")
	flags.Int64Var(&c.least, "min-layer-size", 10<<20, "smaller layers are left out")
	flags.StringVar(&c.tool, "tool", "AWS SOCI CLI v0.2", "build tool identifier")
	flags.BoolVar(&c.v1, "v1", false, "make SOCI indexes v1")
	flags.Func("platform", "only this platform; repeat for more", func(p string) error {
		c.platforms = append(c.platforms, p)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errors.New("convert wants LAYOUT_IN[:TAG] and LAYOUT_OUT[:TAG]")
	}
	c.in, c.inTag = splitTag(flags.Arg(0))
	c.out, c.outTag = splitTag(flags.Arg(1))
	digests, err := c.run(context.Background())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, strings.Join(digests, "\n"))
	return err
}

func splitTag(reference string) (folder, tag string) {
	at := strings.LastIndex(reference, ":")
	if at < 0 || strings.Contains(reference[at:], "/") {
		return reference, ""
	}
	return reference[:at], reference[at+1:]
}

func (c conversion) run(ctx context.Context) ([]string, error) {
	if filepath.Clean(c.in) == filepath.Clean(c.out) {
		return nil, errors.New("a layout is not converted onto itself")
	}
	if _, err := readIndex(c.in); err != nil {
		return nil, err
	}
	if err := linkLayout(c.in, c.out); err != nil {
		return nil, err
	}
	if err := keepTag(c.out, c.inTag); err != nil {
		return nil, err
	}
	root, err := layoutRoot(c.out)
	if err != nil {
		return nil, err
	}
	orasStore, err := oci.New(c.out)
	if err != nil {
		return nil, err
	}
	contents, err := local.NewStore(c.out)
	if err != nil {
		return nil, err
	}
	builder, done, err := c.builder(contents, &store.SociStore{Store: orasStore})
	if err != nil {
		return nil, err
	}
	defer done()
	image := images.Image{Name: c.in, Target: root}
	wanted, err := c.wantedPlatforms(ctx, contents, root)
	if err != nil {
		return nil, err
	}
	var made []ocispec.Descriptor
	if c.v1 {
		made, err = create(ctx, builder, image, wanted)
	} else {
		made, err = convert(ctx, builder, image, wanted)
	}
	if err != nil {
		return nil, err
	}
	return c.close(root, made)
}

// builder sets what the program sets by default: no optimisation, no prefetch list, no forced rebuild.
func (c conversion) builder(contents content.Store, blobs store.Store) (*soci.IndexBuilder, func(), error) {
	dir, err := os.MkdirTemp("", "oracle-artifacts")
	if err != nil {
		return nil, nil, err
	}
	done := func() { os.RemoveAll(dir) }
	// The library keeps one database per process: the first path wins. Each conversion is a process of its own.
	db, err := soci.NewDB(soci.ArtifactsDbPath(dir))
	if err != nil {
		done()
		return nil, nil, err
	}
	builder, err := soci.NewIndexBuilder(contents, blobs,
		soci.WithMinLayerSize(c.least),
		soci.WithSpanSize(c.span),
		soci.WithBuildToolIdentifier(c.tool),
		soci.WithArtifactsDb(db),
	)
	if err != nil {
		done()
		return nil, nil, err
	}
	return builder, done, nil
}

func (c conversion) wantedPlatforms(ctx context.Context, contents content.Store, root ocispec.Descriptor) ([]ocispec.Platform, error) {
	if len(c.platforms) == 0 {
		return images.Platforms(ctx, contents, root)
	}
	var wanted []ocispec.Platform
	for _, words := range c.platforms {
		platform, err := platforms.Parse(words)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, platform)
	}
	return wanted, nil
}

func convert(ctx context.Context, builder *soci.IndexBuilder, image images.Image, wanted []ocispec.Platform) ([]ocispec.Descriptor, error) {
	converted, err := builder.Convert(ctx, image, soci.ConvertWithPlatforms(wanted...))
	if err != nil {
		return nil, err
	}
	return []ocispec.Descriptor{*converted}, nil
}

func create(ctx context.Context, builder *soci.IndexBuilder, image images.Image, wanted []ocispec.Platform) ([]ocispec.Descriptor, error) {
	var made []ocispec.Descriptor
	for _, platform := range wanted {
		index, err := builder.Build(ctx, image, soci.WithPlatform(platform), soci.WithNoGarbageCollectionLabel())
		if err != nil {
			return nil, err
		}
		made = append(made, index.Desc)
	}
	return made, nil
}

// close leaves the result alone in index.json; indexes v1 stand behind their image.
func (c conversion) close(root ocispec.Descriptor, made []ocispec.Descriptor) ([]string, error) {
	var digests []string
	for _, desc := range made {
		digests = append(digests, desc.Digest.String())
	}
	entries := made
	if c.v1 {
		entries = append([]ocispec.Descriptor{root}, made...)
	}
	if c.outTag != "" {
		entries[0].Annotations = map[string]string{ocispec.AnnotationRefName: c.outTag}
	}
	return digests, writeIndex(c.out, entries)
}
