package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/awslabs/soci-snapshotter/cache"
	"github.com/awslabs/soci-snapshotter/fs/reader"
	spanmanager "github.com/awslabs/soci-snapshotter/fs/span-manager"
	"github.com/awslabs/soci-snapshotter/metadata"
	"github.com/awslabs/soci-snapshotter/ztoc"
	digest "github.com/opencontainers/go-digest"
	bolt "go.etcd.io/bbolt"
)

// node is what the daemon shows for one path. Names and link names are bytes and need not be UTF-8: they travel as hex.
type node struct {
	Path    string            `json:"path"`
	Type    string            `json:"type"`
	Size    int64             `json:"size"`
	Sha256  string            `json:"sha256"`
	Mode    uint32            `json:"mode"`
	UID     int               `json:"uid"`
	GID     int               `json:"gid"`
	ModTime string            `json:"mod_time"`
	Link    string            `json:"link"`
	Xattrs  map[string]string `json:"xattrs"`
	Error   string            `json:"error,omitempty"`
}

// readLayer opens a layer through a zTOC as the daemon does (unmarshal, span manager, metadata store, verifying reader), walks
// the tree from its root and reads every regular file to its end.
func readLayer(layerPath, ztocPath string) ([]node, error) {
	layer, toc, err := openBoth(layerPath, ztocPath)
	if err != nil {
		return nil, err
	}
	defer layer.Close()
	stat, err := layer.Stat()
	if err != nil {
		return nil, err
	}
	// The daemon compares the size that the zTOC claims with the layer's descriptor before anything else.
	if int64(toc.CompressedArchiveSize) != stat.Size() {
		return nil, fmt.Errorf("zTOC claims %d compressed bytes, layer has %d", toc.CompressedArchiveSize, stat.Size())
	}
	section := io.NewSectionReader(layer, 0, stat.Size())

	dir, err := os.MkdirTemp("", "oracle-metadata")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	db, err := bolt.Open(filepath.Join(dir, "db"), 0o600, &bolt.Options{NoSync: true, NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	meta, err := metadata.NewReader(db, section, toc.TOC)
	if err != nil {
		return nil, err
	}
	layerDigest := digest.FromString("layer")
	spans, err := spanmanager.New(toc, section, cache.NewMemoryCache(), 0, layerDigest)
	if err != nil {
		return nil, err
	}
	const disableVerification = false
	files, err := reader.NewReader(meta, layerDigest, spans, disableVerification)
	if err != nil {
		return nil, err
	}
	defer files.Close()

	w := walker{meta: meta, files: files, buf: make([]byte, 256<<10), onPath: map[uint32]bool{}}
	if err := w.walk(meta.RootID(), ""); err != nil {
		return nil, err
	}
	sort.Slice(w.nodes, func(i, j int) bool { return w.nodes[i].Path < w.nodes[j].Path })
	return w.nodes, nil
}

func openBoth(layerPath, ztocPath string) (*os.File, *ztoc.Ztoc, error) {
	blob, err := os.Open(ztocPath)
	if err != nil {
		return nil, nil, err
	}
	defer blob.Close()
	toc, err := ztoc.Unmarshal(blob)
	if err != nil {
		return nil, nil, err
	}
	layer, err := os.Open(layerPath)
	return layer, toc, err
}

type walker struct {
	meta   metadata.Reader
	files  reader.Reader
	buf    []byte
	nodes  []node
	onPath map[uint32]bool // directories above the current one: a hard link to one of them is a circle
}

func (w *walker) walk(id uint32, dir string) error {
	if w.onPath[id] {
		return fmt.Errorf("directory %q contains itself", dir)
	}
	w.onPath[id] = true
	defer delete(w.onPath, id)

	type child struct {
		name string
		id   uint32
	}
	var children []child
	err := w.meta.ForeachChild(id, func(name string, id uint32, _ os.FileMode) bool {
		// An entry for the root itself is stored as a child "." of the root; the kernel never asks for it.
		if name != "." {
			children = append(children, child{name, id})
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, c := range children {
		full := path.Join(dir, c.name)
		found, attr, err := w.meta.GetChild(id, c.name)
		if err != nil {
			return fmt.Errorf("child %q: %w", full, err)
		}
		w.nodes = append(w.nodes, w.describe(full, found, attr))
		if attr.Mode.IsDir() {
			if err := w.walk(found, full); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) describe(full string, id uint32, attr metadata.Attr) node {
	n := node{
		Path:    hex.EncodeToString([]byte(full)),
		Type:    typeName(attr.Mode),
		Size:    attr.Size,
		Mode:    uint32(attr.Mode.Perm()),
		UID:     attr.UID,
		GID:     attr.GID,
		ModTime: attr.ModTime.UTC().Format(time.RFC3339Nano),
		Link:    hex.EncodeToString([]byte(attr.LinkName)),
		Xattrs:  map[string]string{},
	}
	for key, value := range attr.Xattrs {
		n.Xattrs[hex.EncodeToString([]byte(key))] = hex.EncodeToString(value)
	}
	if attr.Mode.IsRegular() {
		sum, err := w.content(id, attr.Size)
		if err != nil {
			n.Error = err.Error()
		}
		n.Sha256 = sum
	}
	return n
}

// content reads like a container does, in pieces. A panic in there ends the daemon; here it belongs to the one file.
func (w *walker) content(id uint32, size int64) (sum string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	file, err := w.files.OpenFile(id)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	// An empty file is opened and read too: that is when the daemon compares its header.
	for offset := int64(0); offset == 0 || offset < size; {
		n, err := file.ReadAt(w.buf, offset)
		hash.Write(w.buf[:n])
		offset += int64(n)
		if err == io.EOF && offset >= size {
			break
		}
		if err != nil {
			return "", err
		}
		if n == 0 {
			return "", fmt.Errorf("no progress at offset %d", offset)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func typeName(mode os.FileMode) string {
	switch {
	case mode.IsRegular():
		return "reg"
	case mode.IsDir():
		return "dir"
	case mode&os.ModeSymlink != 0:
		return "symlink"
	case mode&os.ModeCharDevice != 0:
		return "char"
	case mode&os.ModeDevice != 0:
		return "block"
	case mode&os.ModeNamedPipe != 0:
		return "fifo"
	default:
		return strings.TrimSpace(mode.String())
	}
}

// extract reads one file with the zTOC library alone, without the daemon's checks.
func extract(layerPath, ztocPath, name string) (any, error) {
	raw, err := hex.DecodeString(name)
	if err != nil {
		return nil, err
	}
	layer, toc, err := openBoth(layerPath, ztocPath)
	if err != nil {
		return nil, err
	}
	defer layer.Close()
	stat, err := layer.Stat()
	if err != nil {
		return nil, err
	}
	data, err := toc.ExtractFile(io.NewSectionReader(layer, 0, stat.Size()), string(raw))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return map[string]any{"size": len(data), "sha256": hex.EncodeToString(sum[:])}, nil
}
