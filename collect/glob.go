package collect

import (
	"fmt"
	"path"
	"strings"
)

// checkGlobs refuses patterns that can match nothing by mistake.
func checkGlobs(globs []string) error {
	for _, g := range globs {
		if _, err := path.Match(strings.ReplaceAll(g, "**", "*"), ""); err != nil {
			return fmt.Errorf("pattern %q: %w", g, err)
		}
	}
	return nil
}

func matchAny(globs []string, name string) bool {
	for _, g := range globs {
		if match(strings.Split(g, "/"), strings.Split(name, "/")) {
			return true
		}
	}
	return false
}

// match matches a path by parts; ** stands for any number of them, none included.
func match(globs, parts []string) bool {
	for len(globs) > 0 {
		if globs[0] == "**" {
			for i := 0; i <= len(parts); i++ {
				if match(globs[1:], parts[i:]) {
					return true
				}
			}
			return false
		}
		if len(parts) == 0 {
			return false
		}
		if ok, err := path.Match(globs[0], parts[0]); err != nil || !ok {
			return false
		}
		globs, parts = globs[1:], parts[1:]
	}
	return len(parts) == 0
}
