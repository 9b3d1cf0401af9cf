package tiny

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestDigest: the pinned digest is the file's, and the file stays small enough to embed.
func TestDigest(t *testing.T) {
	sum := sha256.Sum256(GGUF)
	if got := hex.EncodeToString(sum[:]); got != SHA256 {
		t.Errorf("tiny.gguf has digest %s, SHA256 says %s", got, SHA256)
	}
	if len(GGUF) > 2<<20 {
		t.Errorf("tiny.gguf has %d bytes, more than 2 MiB", len(GGUF))
	}
}
