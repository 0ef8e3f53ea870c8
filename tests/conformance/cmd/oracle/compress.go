package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
)

// compress turns a file into a gzip file with one of the compressors that come with this program. Flushing every so many bytes
// makes block boundaries where a registry client or a parallel compressor would make them.
func compress(req request) (any, error) {
	in, err := os.Open(req.Layer)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := os.Create(req.Out)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	buffered := bufio.NewWriterSize(out, 1<<20)
	switch req.Producer {
	case "go":
		err = compressGo(in, buffered, req)
	case "zlib":
		err = compressZlib(in, buffered, req)
	default:
		err = fmt.Errorf("unknown producer %q", req.Producer)
	}
	if err != nil {
		return nil, err
	}
	if err := buffered.Flush(); err != nil {
		return nil, err
	}
	stat, err := out.Stat()
	if err != nil {
		return nil, err
	}
	return map[string]any{"size": stat.Size()}, nil
}

func compressGo(in io.Reader, out io.Writer, req request) error {
	writer, err := gzip.NewWriterLevel(out, req.Level)
	if err != nil {
		return err
	}
	every := int64(req.Every)
	if every == 0 {
		if _, err := io.Copy(writer, in); err != nil {
			return err
		}
		return writer.Close()
	}
	for {
		n, err := io.CopyN(writer, in, every)
		if err == io.EOF && n == 0 {
			return writer.Close()
		}
		if err != nil && err != io.EOF {
			return err
		}
		if err := writer.Flush(); err != nil {
			return err
		}
	}
}
