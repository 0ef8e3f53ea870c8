// Command lister runs inside a container and tells what a process there sees: every node below some folders, with its attributes and
// the SHA-256 of what reading it gives.
//
//	lister FOLDER...    everything below each folder, one JSON array of nodes per folder
//	lister -file PATH   one node
//
// Names are no text, so they are printed in hexadecimal. A node that cannot be read carries the error instead of a digest: what
// is wrong with it is for the caller to say. Mount points below a folder are left out; they are the container's own.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Node is one name in the tree.
type Node struct {
	Path    string            `json:"path"` // below the folder, hexadecimal
	Kind    string            `json:"kind"`
	Mode    uint32            `json:"mode"` // permissions and the three bits above them
	UID     uint32            `json:"uid"`
	GID     uint32            `json:"gid"`
	Size    int64             `json:"size"`
	Seconds int64             `json:"mtime_seconds"`
	Nanos   int64             `json:"mtime_nanos"`
	Major   uint64            `json:"major"`
	Minor   uint64            `json:"minor"`
	Link    string            `json:"link,omitempty"`   // target, hexadecimal
	Xattrs  map[string]string `json:"xattrs,omitempty"` // values in hexadecimal
	SHA256  string            `json:"sha256,omitempty"`
	Error   string            `json:"error,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "lister: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	out := json.NewEncoder(os.Stdout)
	if len(args) == 2 && args[0] == "-file" {
		return out.Encode(look(filepath.Dir(args[1]), args[1]))
	}
	own, err := mountPoints()
	if err != nil {
		return err
	}
	for _, folder := range args {
		nodes, err := list(folder, own)
		if err != nil {
			return err
		}
		if err := out.Encode(nodes); err != nil {
			return err
		}
	}
	return nil
}

// list goes through everything below a folder, the folder itself left out: the container's mount points change it.
func list(folder string, own map[string]bool) ([]Node, error) {
	nodes := []Node{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if path == folder {
			return err
		}
		if own[path] {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if err != nil {
			// A folder that cannot be listed comes a second time, with the error.
			nodes = append(nodes, Node{Path: below(folder, path), Error: err.Error()})
			return nil
		}
		nodes = append(nodes, look(folder, path))
		return nil
	})
	return nodes, err
}

func below(folder, path string) string {
	return hex.EncodeToString([]byte(strings.TrimPrefix(strings.TrimPrefix(path, folder), "/")))
}

func look(folder, path string) Node {
	node := Node{Path: below(folder, path)}
	var stat syscall.Stat_t
	if err := syscall.Lstat(path, &stat); err != nil {
		node.Error = err.Error()
		return node
	}
	node.Mode, node.UID, node.GID, node.Size = stat.Mode&0o7777, stat.Uid, stat.Gid, stat.Size
	node.Seconds, node.Nanos = int64(stat.Mtim.Sec), int64(stat.Mtim.Nsec)
	var err error
	switch stat.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		node.Kind = "file"
		node.SHA256, err = digest(path)
	case syscall.S_IFDIR:
		node.Kind = "dir"
	case syscall.S_IFLNK:
		node.Kind = "symlink"
		var target string
		target, err = os.Readlink(path)
		node.Link = hex.EncodeToString([]byte(target))
	case syscall.S_IFCHR:
		node.Kind = "char"
		node.Major, node.Minor = device(stat.Rdev)
	case syscall.S_IFBLK:
		node.Kind = "block"
		node.Major, node.Minor = device(stat.Rdev)
	case syscall.S_IFIFO:
		node.Kind = "fifo"
	default:
		node.Kind = fmt.Sprintf("mode %o", stat.Mode)
	}
	if node.Kind == "file" || node.Kind == "dir" {
		node.Xattrs = xattrs(path)
	}
	if err != nil {
		node.SHA256, node.Error = "", err.Error()
	}
	return node
}

// device takes a number apart as Linux puts it together.
func device(number uint64) (major, minor uint64) {
	return number>>8&0xfff | number>>32&^0xfff, number&0xff | number>>12&^0xff
}

// digest reads the whole file. Its length must be what stat says: the kernel cuts at that length, so that a reader behind it could
// hide what is too much but not what is missing.
func digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	read, err := io.Copy(hash, file)
	if err != nil {
		return "", err
	}
	if read != info.Size() {
		return "", fmt.Errorf("%d bytes are read where the size is %d", read, info.Size())
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// xattrs are a node's extended attributes, without those that the overlay answers itself. In place of a value that cannot be read
// stands why: the kernel refuses values of its own attributes that make no sense.
func xattrs(path string) map[string]string {
	found := map[string]string{}
	names := make([]byte, 1<<16)
	read, err := syscall.Listxattr(path, names)
	if err != nil && err != syscall.ENOTSUP {
		found[""] = err.Error()
	}
	for _, name := range strings.Split(string(names[:max(read, 0)]), "\x00") {
		if name == "" || strings.HasPrefix(name, "trusted.overlay.") {
			continue
		}
		value := make([]byte, 1<<16)
		read, err := syscall.Getxattr(path, name, value)
		if err != nil {
			found[name] = err.Error()
			continue
		}
		found[name] = hex.EncodeToString(value[:read])
	}
	return found
}

// mountPoints are all of this container. They have no odd letters: the specification of the container names them.
func mountPoints() (map[string]bool, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 4 {
			found[fields[4]] = true
		}
	}
	return found, nil
}
