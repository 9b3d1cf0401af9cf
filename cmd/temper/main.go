// Command temper is the lean binary: the product's commands without the development stack.
package main

import (
	"os"

	"temper/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
