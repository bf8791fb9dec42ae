// SPDX-License-Identifier: BSL-1.0
// Go renameio as its users call it: renameio_peer COUNT
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
)

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(os.Getenv("CRASHLAB_MOUNT"), "file")
	for version := 1; version <= count; version++ {
		text, err := exec.Command(os.Getenv("PEER_CONTENT"), "content", strconv.Itoa(version)).Output()
		if err != nil {
			log.Fatal(err)
		}
		if err := renameio.WriteFile(path, text, 0o644); err != nil {
			if os.Getenv("PEER_GOES_ON") == "" {
				log.Fatal(err)
			}
			fmt.Printf("version %d: %v\n", version, err)
			continue
		}
		if err := exec.Command(os.Getenv("PEER_CRASHLAB"), "ack", strconv.Itoa(version)).Run(); err != nil {
			log.Fatal(err)
		}
	}
}
