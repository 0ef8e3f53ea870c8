package main

// #cgo LDFLAGS: -l:libz.a
// #include <stdlib.h>
// #include <string.h>
// #include <zlib.h>
//
// static int start(z_stream *s, int level, int strategy) {
//     memset(s, 0, sizeof(*s));
//     return deflateInit2(s, level, Z_DEFLATED, 15 + 16, 8, strategy);
// }
//
// // One step: all of `in` with `flush`, as much output as fits. Returns the bytes written, or a negative zlib code.
// static long step(z_stream *s, void *in, unsigned in_len, unsigned *used, void *out, unsigned out_len, int flush) {
//     s->next_in = in; s->avail_in = in_len;
//     s->next_out = out; s->avail_out = out_len;
//     int code = deflate(s, flush);
//     if (code < 0 && code != Z_BUF_ERROR) return code;
//     *used = in_len - s->avail_in;
//     return (long)(out_len - s->avail_out);
// }
import "C"

import (
	"fmt"
	"io"
	"unsafe"
)

// compressZlib drives C zlib, which the Go library cannot imitate: levels, strategies and flush kinds decide about block kinds.
func compressZlib(in io.Reader, out io.Writer, req request) error {
	strategy, flush := C.int(C.Z_DEFAULT_STRATEGY), C.int(C.Z_NO_FLUSH)
	switch req.Strategy {
	case "", "default":
	case "fixed":
		strategy = C.Z_FIXED
	case "huffman":
		strategy = C.Z_HUFFMAN_ONLY
	case "rle":
		strategy = C.Z_RLE
	default:
		return fmt.Errorf("unknown strategy %q", req.Strategy)
	}
	switch req.Flush {
	case "":
	case "sync":
		flush = C.Z_SYNC_FLUSH
	case "full":
		flush = C.Z_FULL_FLUSH
	default:
		return fmt.Errorf("unknown flush %q", req.Flush)
	}
	every := req.Every
	if every == 0 {
		every, flush = 1<<20, C.Z_NO_FLUSH
	}

	stream := (*C.z_stream)(C.malloc(C.size_t(unsafe.Sizeof(C.z_stream{}))))
	defer C.free(unsafe.Pointer(stream))
	if code := C.start(stream, C.int(req.Level), strategy); code != C.Z_OK {
		return fmt.Errorf("deflateInit2: %d", code)
	}
	defer C.deflateEnd(stream)

	inBuf, outBuf := C.malloc(C.size_t(every)), C.malloc(1<<16)
	defer C.free(inBuf)
	defer C.free(outBuf)
	for {
		n, err := io.ReadFull(in, unsafe.Slice((*byte)(inBuf), every))
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		mode := flush
		if last {
			mode = C.Z_FINISH
		}
		if err := drain(stream, inBuf, n, outBuf, mode, out); err != nil || last {
			return err
		}
	}
}

func drain(stream *C.z_stream, in unsafe.Pointer, n int, outBuf unsafe.Pointer, mode C.int, out io.Writer) error {
	offset := 0
	for {
		var used C.uint
		made := C.step(stream, unsafe.Add(in, offset), C.uint(n-offset), &used, outBuf, 1<<16, mode)
		if made < 0 {
			return fmt.Errorf("deflate: %d", made)
		}
		offset += int(used)
		if _, err := out.Write(unsafe.Slice((*byte)(outBuf), int(made))); err != nil {
			return err
		}
		// Room left over says that zlib has nothing more to give for this input.
		if made < 1<<16 {
			return nil
		}
	}
}
