// Command temper is the full binary: the product's commands, and the S3 gateway it runs as a child of itself.
package main

import (
	"fmt"
	"os"

	"temper/cli"
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
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
