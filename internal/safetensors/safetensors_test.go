package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

func file(header string, data int) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), make([]byte, data)...)
}

// TestBroken: each kind of broken file that the reference implementation refuses is refused here.
func TestBroken(t *testing.T) {
	one := `"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	tests := map[string][]byte{
		"header too small":       {1, 2, 3},
		"header too large":       append(binary.LittleEndian.AppendUint64(nil, maxHeader+1), make([]byte, 64)...),
		"header beyond the file": file("{"+one+"}", 4)[:20],
		"header not UTF-8":       file("{\"\xff\":1}", 0),
		"header not JSON":        file("{nope", 0),
		"header start":           file("[1]", 0),
		"leading whitespace":     file(" {"+one+"}", 4),
		"metadata not covered":   file("{"+one+"}", 8),
		"data cut off":           file("{"+one+"}", 3),
		"hole":                   file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8),
		"overlap":                file("{"+one+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
		"twice":                  file("{"+one+","+one+"}", 4),
		"overflow":               file(`{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}}`, 4),
		"negative":               file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4),
		"wrong size":             file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4),
		"unknown type":           file(`{"a":{"dtype":"X","shape":[1],"data_offsets":[0,4]}}`, 4),
		"two objects":            file("{"+one+"}{}", 4),
	}
	for name, b := range tests {
		if _, err := Parse(b); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{"good": file("{"+one+"}   ", 4), "empty": file("{}", 0), "zero size": file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0)} {
		if _, err := Parse(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRoundTrip: what is written reads back, and the same tensors give the same bytes.
func TestRoundTrip(t *testing.T) {
	in := []Tensor{{"b", "F32", []int{1, 2}, []byte("12345678")}, {"a", "BF16", []int{2}, []byte("abcd")}}
	var one, two bytes.Buffer
	for _, w := range []*bytes.Buffer{&one, &two} {
		if err := Write(w, map[string]string{"format": "pt", "z": "1"}, in); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("two writes differ")
	}
	f, err := Parse(one.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.Names(), " "); got != "a b" || f.Metadata["format"] != "pt" {
		t.Errorf("names %q, metadata %v", got, f.Metadata)
	}
	for _, want := range in {
		got, ok := f.Tensor(want.Name)
		if !ok || got.DType != want.DType || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%s: got %+v", want.Name, got)
		}
	}
	if q, err := f.tensors["b"].Quant(); err != nil || q.Rows != 1 || q.Cols != 2 {
		t.Errorf("Quant: %+v, %v", q, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))
	f.Add(file(`{"__metadata__":{"format":"pt"}}`, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := Parse(b)
		if err != nil {
			return
		}
		var tensors []Tensor
		for _, n := range g.Names() {
			tensors = append(tensors, g.tensors[n])
		}
		var w bytes.Buffer
		if err := Write(&w, g.Metadata, tensors); err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(w.Bytes()); err != nil {
			t.Fatalf("our own output does not read back: %v", err)
		}
	})
}
