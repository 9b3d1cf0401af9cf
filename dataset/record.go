package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"strconv"
)

// A Record is one document or one training example. Passes never change a record in place.
type Record struct {
	ID       string    `json:"id"`                 // unique in the dataset, stable across passes; see [RecordID]
	Text     string    `json:"text,omitempty"`     // UTF-8; empty where Messages hold the content
	Messages []Message `json:"messages,omitempty"` // a conversation, in order; empty for plain text
	Meta     Meta      `json:"meta,omitempty"`     // what the collector knows: package, symbol, kind, title, ...
	Source   Source    `json:"source"`             // the bytes it came from
	Parents  []string  `json:"parents,omitempty"`  // IDs of the records a synthesized one was made from
	Cluster  string    `json:"cluster,omitempty"`  // near-duplicate cluster or origin group; records of one cluster never straddle a split
}

// A Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // system, user, assistant
	Content string `json:"content"`
}

// Meta holds the free string fields of a record. Encoders write its keys sorted.
type Meta map[string]string

// A Source names the bytes a record was read from.
type Source struct {
	URI     string `json:"uri"`               // file path below the collected root (with slashes), or s3:// address
	Offset  int64  `json:"offset"`            // of the first byte, in the decompressed source
	Length  int64  `json:"length"`            // bytes
	Row     int64  `json:"row,omitempty"`     // 1-based line or row, where the format has them
	SHA256  string `json:"sha256,omitempty"`  // hex digest of the whole source file
	License string `json:"license,omitempty"` // SPDX identifier, if known
}

// Records is a stream of records. It ends at the first error, which comes with a zero Record.
type Records = iter.Seq2[Record, error]

// RecordID returns the stable ID of the record at offset of the source uri: 16 bytes of SHA-256, in hex.
// The text takes part, so that a changed file gives new records and an unchanged one the same.
func RecordID(uri string, offset int64, text string) string {
	h := sha256.New()
	h.Write([]byte(uri))
	h.Write([]byte{0})
	h.Write(strconv.AppendInt(nil, offset, 10))
	h.Write([]byte{0})
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// A Bad row could not be read as a record. It goes to quarantine and is counted; it never stops a run by itself.
type Bad struct {
	Source Source `json:"source"` // Offset and Row of the row
	Reason string `json:"reason"` // what is wrong with it
	Raw    string `json:"raw"`    // at most the first 512 bytes of the row, as valid UTF-8
}

// Quarantine takes the rows a reader could not read. An error it returns ends the reading: too much is bad.
type Quarantine func(Bad) error
