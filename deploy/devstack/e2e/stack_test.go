package e2e

import (
	"strings"
	"testing"

	"temper/deploy/devstack/stack"
)

// TestNothingIsLeft: after Ctrl-C and after kill -9 no process of a stack is left: the folder, which the gateway holds too, is free
// again at once, and the next stack is at the same addresses.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	servers, before := stackAt(t, dir)
	for _, end := range []func(*process){(*process).interrupt, (*process).kill} {
		if _, err := stack.Start(t.Context(), stack.Options{Dir: dir, NoUI: true}); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("a second stack on the folder: %v", err)
		}
		end(servers)
		var now stack.Info
		servers, now = stackAt(t, dir)
		if now.Temporal != before.Temporal || now.S3 != before.S3 || now.AccessKey != before.AccessKey {
			t.Errorf("was %+v, is %+v", before, now)
		}
	}
}
