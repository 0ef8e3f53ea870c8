package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// request is one line of input. Each operation uses some of the fields.
type request struct {
	Op        string `json:"op"`
	Layer     string `json:"layer"`
	Ztoc      string `json:"ztoc"`
	Out       string `json:"out"`
	Span      int64  `json:"span"`
	Tool      string `json:"tool"`
	Algorithm string `json:"algorithm"`
	Path      string `json:"path"`
	Producer  string `json:"producer"`
	Level     int    `json:"level"`
	Flush     string `json:"flush"`
	Every     int    `json:"every"`
	Strategy  string `json:"strategy"`

	In           string   `json:"in"`
	MinLayerSize int64    `json:"min_layer_size"`
	Platforms    []string `json:"platforms"`
	V1           bool     `json:"v1"`
}

// answer is one line of output: a result or the text of an error.
type answer struct {
	Ok    any    `json:"ok,omitempty"`
	Error string `json:"error,omitempty"`
}

func serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	decoder := json.NewDecoder(lines)
	writer := bufio.NewWriter(out)
	encoder := json.NewEncoder(writer)
	for {
		var req request
		if err := decoder.Decode(&req); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var ans answer
		if result, err := handle(req); err != nil {
			ans.Error = err.Error()
		} else {
			ans.Ok = result
		}
		if err := encoder.Encode(ans); err != nil {
			return err
		}
		if err := writer.Flush(); err != nil {
			return err
		}
	}
}

// handle turns a panic of the reference into an error text: in the daemon it would end the process, here it is a finding.
func handle(req request) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	switch req.Op {
	case "build":
		return build(req.Layer, req.Out, req.Span, req.Tool, req.Algorithm)
	case "read":
		return readLayer(req.Layer, req.Ztoc)
	case "extract":
		return extract(req.Layer, req.Ztoc, req.Path)
	case "info":
		return info(req.Ztoc)
	case "convert":
		return convertApart(req)
	case "compress":
		return compress(req)
	default:
		return nil, fmt.Errorf("unknown operation %q", req.Op)
	}
}
