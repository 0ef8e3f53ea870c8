package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// convertApart answers a question about a conversion by running this program's own command. The library keeps one database
// per process, prints to standard output, and a panic in one of its goroutines ends the process: all three would break a
// conversation over pipes.
func convertApart(req request) (any, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{
		"convert", "-span", strconv.FormatInt(req.Span, 10), "-min-layer-size", strconv.FormatInt(req.MinLayerSize, 10), "-tool", req.Tool,
	}
	for _, platform := range req.Platforms {
		args = append(args, "-platform", platform)
	}
	if req.V1 {
		args = append(args, "-v1")
	}
	var words, noise bytes.Buffer
	child := exec.Command(self, append(args, req.In, req.Out)...)
	child.Stdout, child.Stderr = &words, &noise
	if err := child.Run(); err != nil {
		return nil, errors.New(lastWords(noise.String(), err))
	}
	return map[string]any{"digests": strings.Fields(words.String())}, nil
}

// lastWords finds what ended a child: its own error, or the head of a panic.
func lastWords(noise string, err error) string {
	for _, line := range strings.Split(noise, "\n") {
		if strings.HasPrefix(line, "panic: ") {
			return line
		}
		if _, words, found := strings.Cut(line, "oracle: "); found {
			return words
		}
	}
	return err.Error()
}
