package recipe

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goroot is the root of the Go installation on this machine.
func goroot() (string, error) {
	if root := os.Getenv("GOROOT"); root != "" {
		return root, nil
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	root := strings.TrimSpace(string(out))
	if err == nil && root == "" {
		err = errors.New("go env GOROOT says nothing")
	}
	if err != nil {
		return "", fmt.Errorf("$GOROOT: no Go installation found: set GOROOT, or put go on the PATH: %w", err)
	}
	return root, nil
}

// absolute makes a relative path begin at dir, and puts Go's root for $GOROOT; addresses stay as they are.
func absolute(path, dir string) (string, error) {
	if path == "" || strings.Contains(path, "://") || filepath.IsAbs(path) {
		return path, nil
	}
	if rest, ok := strings.CutPrefix(path, "$GOROOT"); ok {
		root, err := goroot()
		return filepath.Join(root, rest), err
	}
	return filepath.Join(dir, path), nil
}
