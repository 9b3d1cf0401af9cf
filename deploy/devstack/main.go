// Command temper is the full binary: the product's commands, and the development stack (Temporal, its UI, an S3 gateway).
package main

import (
	"fmt"
	"os"

	"temper/deploy/devstack/s3gw"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == s3gw.Command {
		if err := s3gw.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "temper: s3 gateway:", err)
			os.Exit(1)
		}
		return
	}
}
