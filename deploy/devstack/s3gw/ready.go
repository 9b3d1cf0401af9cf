package s3gw

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// waitListening returns when address accepts a connection, or with the error that ended the server first.
func waitListening(address string, done <-chan error) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		select {
		case err := <-done:
			return fmt.Errorf("serve on %s: %w", address, err)
		case <-deadline:
			return fmt.Errorf("nothing listens on %s after 20 s", address)
		case <-tick.C:
		}
	}
}

// tail keeps the last kilobyte written to it, for an error message.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - 1024; n > 0 {
		t.b = t.b[n:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
