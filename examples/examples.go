// Package examples holds the recipes that come with Temper.
package examples

import _ "embed"

// GoDocs is go-docs/recipe.yaml: what quickstart runs, and what users copy to start their own.
//
//go:embed go-docs/recipe.yaml
var GoDocs []byte
