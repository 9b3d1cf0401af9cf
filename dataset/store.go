package dataset

import (
	"context"
	"io"
	"iter"
)

// A Store keeps objects under slash-separated keys. It is safe for concurrent use. A key is never also the prefix
// (followed by a slash) of another: some servers refuse that. Errors wrap [io/fs.ErrNotExist], [ErrConflict] or [ErrFull]
// where those are the cause.
type Store interface {
	// Open returns the object's bytes for random access. The object it returns is a snapshot: an object replaced
	// after Open either still reads as before or fails with ErrConflict, it never mixes versions.
	Open(ctx context.Context, key string) (Object, error)
	// Put writes size bytes of body; the object appears whole or not at all, replacing an earlier one. It returns the ETag.
	Put(ctx context.Context, key string, body io.ReaderAt, size int64) (etag string, err error)
	// PutIf writes a small object (at most 16 MiB) if its current ETag is etag, or, for etag "", if it does not exist.
	// Otherwise it returns ErrConflict. Of any number of concurrent calls with one etag exactly one succeeds.
	PutIf(ctx context.Context, key string, body []byte, etag string) (newETag string, err error)
	// Stat describes an object without reading it.
	Stat(ctx context.Context, key string) (Info, error)
	// List yields the objects whose keys start with prefix, in key order.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, key string) error
	// String names the store for people: file:///path, s3://bucket/prefix, mem:.
	String() string
}

// An Object is an open object.
type Object interface {
	io.ReaderAt
	io.Closer
	Info() Info
}

// Info describes an object.
type Info struct {
	Key  string `json:"key"`
	Size int64  `json:"size"` // bytes
	ETag string `json:"etag"` // opaque; changes when the bytes do
}

// A Ref names immutable bytes by their SHA-256. They lie in the store under [Ref.Key].
type Ref struct {
	SHA256  string `json:"sha256"`  // hex
	Bytes   int64  `json:"bytes"`   //
	Records int64  `json:"records"` // rows in it
	Ext     string `json:"ext"`     // the format, as a file name extension: .parquet, .arrow, .jsonl, .json
}

// Key is where the bytes lie: blobs/ab/abcdef….ext.
func (r Ref) Key() string { return "blobs/" + r.SHA256[:2] + "/" + r.SHA256 + r.Ext }

// A Shard is one part of a dataset: records, and the notes of the passes that looked at them, in pass order.
type Shard struct {
	Records Ref   `json:"records"`
	Notes   []Ref `json:"notes,omitempty"`
}
