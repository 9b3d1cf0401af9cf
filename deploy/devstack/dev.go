package main

import (
	"fmt"

	"temper/cli"
	"temper/deploy/devstack/stack"
)

// stackFlags say where the development stack lives.
type stackFlags struct {
	Dir          string `env:"TEMPER_DIR" default:"temper-data" help:"Folder that keeps everything; it is made if it is not there."`
	TemporalPort int    `help:"Port of the Temporal server. Default: the one used before, or a free one."`
	UIPort       int    `name:"ui-port" help:"Port of Temporal's UI."`
	S3Port       int    `name:"s3-port" help:"Port of the S3 gateway."`
	PagePort     int    `help:"Port of Temper's page."`
}

// A devHouse is the stack with a worker and the page.
type devHouse struct {
	*cli.House
	stack *stack.Stack
}

// open starts everything, on loopback.
func (f stackFlags) open(sh *cli.Shell) (*devHouse, error) {
	s, err := stack.Start(sh.Context(), stack.Options{Dir: f.Dir, TemporalPort: f.TemporalPort, UIPort: f.UIPort, S3Port: f.S3Port, PagePort: f.PagePort})
	if err != nil {
		return nil, err
	}
	h, err := cli.OpenHouse(sh, cli.Connection(s.Info), cli.HouseOptions{Page: s.PageAddress})
	if err != nil {
		s.Stop() //nolint:errcheck // the first error tells more
		return nil, err
	}
	s.Web = h.Web
	if err := s.Describe(); err != nil {
		h.Close()
		s.Stop() //nolint:errcheck // the first error tells more
		return nil, err
	}
	return &devHouse{h, s}, nil
}

// close drains the worker, then ends the servers.
func (h *devHouse) close() error {
	h.House.Close()
	return h.stack.Stop()
}

type dev struct{ stackFlags }

// Help is shown below the flags.
func (d *dev) Help() string {
	return `Other commands find the stack by --dir (TEMPER_DIR). Everything listens on loopback. State survives a restart.

Examples:
  temper dev
  temper dev --dir /srv/temper --page-port 7080`
}

// Run runs the stack until it is told to stop.
func (d *dev) Run(sh *cli.Shell) error {
	h, err := d.open(sh)
	if err != nil {
		return err
	}
	out := sh.Stdout()
	fmt.Fprintf(out, "page      %s\ntemporal  %s (namespace %s)\n", h.Web, h.stack.Temporal, h.stack.Namespace)
	fmt.Fprintf(out, "ui        %s\ns3        %s, bucket %s (keys in %s/dev.json)\n", h.stack.TemporalUI, h.stack.S3, stack.Bucket, d.Dir)
	fmt.Fprintf(out, "ready; Ctrl-C ends it\n")
	<-sh.Context().Done()
	fmt.Fprintln(sh.Stderr(), "draining")
	return h.close()
}
