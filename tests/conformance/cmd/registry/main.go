// Command registry is go-containerregistry's registry in memory: a second opinion beside Debian's docker-registry, written by
// other people, with the referrers API that the other does not have.
//
// It says where it listens in one line, "listening 127.0.0.1:PORT", and ends with its standard input, so that none is left behind
// by a test that was killed.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatalf("registry: %v", err)
	}
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	go func() {
		log.Fatal(http.Serve(listener, registry.New(registry.WithReferrersSupport(true), quiet)))
	}()
	fmt.Printf("listening %s\n", listener.Addr())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		log.Fatalf("registry: %v", err)
	}
}
