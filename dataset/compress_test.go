package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func gzipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, s string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(s), nil)
}

// TestDecompressMore: bzip2 and xz are read as gzip and zstd are, a stream that breaks off is ErrMalformed, and so is an xz block that
// asks for a dictionary of gigabytes. The bytes are those of bzip2 1.0.8 and xz 5.4.1 for "hello\n".
func TestDecompressMore(t *testing.T) {
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	bz := decode("QlpoOTFBWSZTWcHAgOIAAAFBAAAQAkSgADDNAMNGKZcXckU4UJDBwIDi")
	x := decode("/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAFaGVsbG8KAAAApWCX8ZT2/eAAAR4GwS+kHR+2830BAAAAAARZWg==")
	huge := bytes.Clone(x)
	huge[16] = 40
	binary.LittleEndian.PutUint32(huge[20:], crc32.ChecksumIEEE(huge[12:20]))
	for _, tt := range []struct {
		name string
		in   []byte
		want string
		bad  bool
	}{
		{"a.bz2", bz, "hello\n", false}, {"a.xz", x, "hello\n", false}, {"a", x, "hello\n", false}, {"a.txt", []byte("BZh is text"), "BZh is text", false},
		{"a.bz2", bz[:len(bz)/2], "", true}, {"a.xz", x[:len(x)/2], "", true}, {"a.xz", huge, "", true}, {"a.xz", []byte("text"), "", true}, {"a.bz2", []byte("text"), "", true},
	} {
		r, err := Decompress(tt.name, bytes.NewReader(tt.in))
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if errors.Is(err, ErrMalformed) != tt.bad || !tt.bad && (err != nil || string(got) != tt.want) {
			t.Errorf("%s, %.8q: got %q, %v", tt.name, tt.in, got, err)
		}
	}
}
