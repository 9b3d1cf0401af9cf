package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// Shell is what a command reaches the world through.
type Shell = app

// Context ends with the command: on an interrupt, or SIGTERM.
func (a *app) Context() context.Context { return a.ctx }

// Stdout takes a command's results.
func (a *app) Stdout() io.Writer { return a.out }

// Stderr takes its progress.
func (a *app) Stderr() io.Writer { return a.err }

// An Extra is a command that another program adds to these: the full binary's dev and quickstart. Its value is a pointer to a
// struct as kong takes it, with a method Run(*Shell) error.
type Extra struct {
	Name, Help string
	Command    any
}

func (e Extra) option() kong.Option { return kong.DynamicCommand(e.Name, e.Help, "start", e.Command) }

// printJSON writes one value as a line.
func (a *app) printJSON(v any) error { return json.NewEncoder(a.out).Encode(v) }

// terminal reports whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
