// Command temper is the full binary: the product's commands, the development stack (temper dev, temper quickstart), and the S3
// gateway it runs as a child of itself.
package main

import (
	"fmt"
	"os"

	"temper/cli"
	"temper/deploy/devstack/s3gw"
	"temper/finetune"
)

// servers is what the servers in this binary take of memory where none of them runs: tables made at the start, and their code, of which
// more or less is resident. It was 65 to 105 MiB.
const servers = 96 << 20

func main() {
	if len(os.Args) > 1 && os.Args[1] == s3gw.Command {
		if err := s3gw.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "temper: s3 gateway:", err)
			os.Exit(1)
		}
		return
	}
	finetune.Holds(servers)
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr,
		cli.Extra{Name: "quickstart", Help: "The whole way once, on Go's own documentation, with every server started here.", Command: &quickstart{}},
		cli.Extra{Name: "dev", Help: "Temporal server, its UI, S3 gateway, worker and page in one process tree.", Command: &dev{}},
	))
}
