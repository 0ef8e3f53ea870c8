package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/images"
	digest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// linkLayout makes a working copy of a layout: blobs as links where the file system allows it, the files that a store
// rewrites as copies.
func linkLayout(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, inside)
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case filepath.Dir(inside) != "." && os.Link(path, target) == nil:
			return nil
		default:
			return copyFile(path, target)
		}
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func readIndex(folder string) (ocispec.Index, error) {
	var index ocispec.Index
	bytes, err := os.ReadFile(filepath.Join(folder, ocispec.ImageIndexFile))
	if err != nil {
		return index, err
	}
	return index, json.Unmarshal(bytes, &index)
}

func writeIndex(folder string, entries []ocispec.Descriptor) error {
	bytes, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: entries,
	})
	if err != nil {
		return err
	}
	// The stores' leavings are no part of a layout.
	os.RemoveAll(filepath.Join(folder, "ingest"))
	return os.WriteFile(filepath.Join(folder, ocispec.ImageIndexFile), bytes, 0o644)
}

// keepTag cuts index.json down to the entries of one tag.
func keepTag(folder, tag string) error {
	if tag == "" {
		return nil
	}
	index, err := readIndex(folder)
	if err != nil {
		return err
	}
	var kept []ocispec.Descriptor
	for _, desc := range index.Manifests {
		if desc.Annotations[ocispec.AnnotationRefName] == tag {
			kept = append(kept, desc)
		}
	}
	if len(kept) == 0 {
		return fmt.Errorf("no tag %q in %s", tag, folder)
	}
	return writeIndex(folder, kept)
}

// layoutRoot decides what is converted as the program does. One entry that is no index is the image. Otherwise there is a
// list, index.json itself or the one index it names; children whose blobs are missing are taken out of it. A list of one
// manifest counts as that manifest alone; a list that lost children is written anew.
func layoutRoot(folder string) (ocispec.Descriptor, error) {
	top, err := readIndex(folder)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	nested := len(top.Manifests) == 1
	if nested && !images.IsIndexType(top.Manifests[0].MediaType) {
		return top.Manifests[0], nil
	}
	list := top
	if nested {
		bytes, err := os.ReadFile(blobPath(folder, top.Manifests[0].Digest))
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		list = ocispec.Index{}
		if err := json.Unmarshal(bytes, &list); err != nil {
			return ocispec.Descriptor{}, err
		}
		list.MediaType = top.Manifests[0].MediaType
	}
	total := len(list.Manifests)
	list.Manifests = present(folder, list.Manifests)
	switch {
	case len(list.Manifests) == 0:
		return ocispec.Descriptor{}, errors.New("the list has no entry with a blob")
	case len(list.Manifests) == 1 && images.IsManifestType(list.Manifests[0].MediaType):
		return list.Manifests[0], nil
	case nested && len(list.Manifests) == total:
		return top.Manifests[0], nil
	}
	return writeList(folder, list)
}

func present(folder string, descs []ocispec.Descriptor) []ocispec.Descriptor {
	var found []ocispec.Descriptor
	for _, desc := range descs {
		if _, err := os.Stat(blobPath(folder, desc.Digest)); err == nil {
			found = append(found, desc)
		}
	}
	return found
}

func writeList(folder string, list ocispec.Index) (ocispec.Descriptor, error) {
	if list.MediaType == "" {
		list.MediaType = ocispec.MediaTypeImageIndex
	}
	bytes, err := json.Marshal(list)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := ocispec.Descriptor{MediaType: list.MediaType, Digest: digest.FromBytes(bytes), Size: int64(len(bytes))}
	return desc, os.WriteFile(blobPath(folder, desc.Digest), bytes, 0o644)
}

func blobPath(folder string, of digest.Digest) string {
	return filepath.Join(folder, ocispec.ImageBlobsDir, of.Algorithm().String(), of.Encoded())
}
