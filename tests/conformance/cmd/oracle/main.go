// Command oracle is soci-snapshotter v0.15.0 behind a small door.
//
// Our builder is right when the rest of the world reads what it writes, so the conformance tests ask the real thing: this
// program builds zTOCs and converts images with the reference library, reads layers through zTOCs on the same code path as the
// reference daemon, and makes gzip streams with Go's and C zlib's compressors. It is a test tool and no part of the product.
//
//	oracle build -span N -tool ID [-algorithm gzip|uncompressed] LAYER OUT
//	oracle convert -span N -min-layer-size N -tool ID [-platform P …] [-v1] LAYOUT_IN[:TAG] LAYOUT_OUT[:TAG]
//	oracle serve                       one JSON request per line on stdin, one JSON answer per line on stdout
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/awslabs/soci-snapshotter/ztoc"
	"github.com/awslabs/soci-snapshotter/ztoc/compression"
)

func main() {
	// The reference writes modification times in the process's zone; only UTC is reproducible.
	time.Local = time.UTC
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: oracle build|convert|serve")
	}
	switch args[0] {
	case "build":
		return buildCommand(args[1:])
	case "convert":
		// The library tells of its progress on standard output; ours is for the answer.
		out := os.Stdout
		os.Stdout = os.Stderr
		return convertCommand(args[1:], out)
	case "serve":
		return serve(os.Stdin, os.Stdout)
	default:
		return fmt.Errorf("unknown command %q", args[0])
	}
}

// buildCommand is what a benchmark times as "the reference builder": nothing happens here beside the library's work.
func buildCommand(args []string) error {
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	span := flags.Int64("span", 4<<20, "uncompressed bytes between checkpoints")
	tool := flags.String("tool", "", "build tool identifier")
	algorithm := flags.String("algorithm", compression.Gzip, "gzip or uncompressed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errors.New("build wants LAYER and OUT")
	}
	_, err := build(flags.Arg(0), flags.Arg(1), *span, *tool, *algorithm)
	return err
}

// built names a zTOC by digest and size.
type built struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

func build(layer, out string, span int64, tool, algorithm string) (built, error) {
	made, err := ztoc.NewBuilder(tool).BuildZtoc(layer, span, ztoc.WithCompression(algorithm))
	if err != nil {
		return built{}, err
	}
	blob, desc, err := ztoc.Marshal(made)
	if err != nil {
		return built{}, err
	}
	file, err := os.Create(out)
	if err != nil {
		return built{}, err
	}
	if _, err := io.Copy(file, blob); err != nil {
		file.Close()
		return built{}, err
	}
	return built{Digest: desc.Digest.String(), Size: desc.Size}, file.Close()
}
