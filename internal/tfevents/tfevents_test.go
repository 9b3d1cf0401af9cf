package tfevents

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
)

var events = []Event{
	{Time: 1.5e9, Step: 1, Scalars: []Scalar{{"loss", 2.5}, {"lr", 1e-4}}},
	{Time: 1.5e9 + 1, Step: 300, Scalars: []Scalar{{"loss", -0.5}}},
}

func file() []byte {
	b := Header(1.5e9)
	for _, e := range events {
		b = append(b, Record(e)...)
	}
	return b
}

// TestMasked holds the sum to the vector of RFC 3720, B.4 (32 bytes of zeros: 8a9136aa), masked as the format says.
func TestMasked(t *testing.T) {
	sum := uint32(0x8a9136aa)
	if want := (sum>>15 | sum<<17) + 0xa282ead8; masked(make([]byte, 32)) != want {
		t.Errorf("sum of 32 zeros is %08x, want %08x", masked(make([]byte, 32)), want)
	}
}

// TestRecord holds the bytes of the header, which every reader checks first.
func TestRecord(t *testing.T) {
	want := "1800000000000000"
	if got := hex.EncodeToString(Header(1.5e9)); got[:16] != want || !bytes.Contains(Header(1.5e9), []byte("\x1a\x0dbrain.Event:2")) {
		t.Errorf("header is %s", got)
	}
}

// TestReadBack holds that what was written reads back, that a cut end is passed over, and that every changed byte is found.
func TestReadBack(t *testing.T) {
	b := file()
	got, err := Parse(b)
	if err != nil || !reflect.DeepEqual(got, events) {
		t.Fatalf("read %+v, %v; wrote %+v", got, err, events)
	}
	last := len(b) - len(Record(events[1]))
	for cut := last; cut < len(b); cut++ {
		if got, err := Parse(b[:cut]); err != nil || !reflect.DeepEqual(got, events[:1]) {
			t.Errorf("cut after %d of %d bytes: %+v, %v", cut, len(b), got, err)
		}
	}
	for i := range b {
		broken := bytes.Clone(b)
		broken[i] ^= 0x10
		if _, err := Parse(broken); !errors.Is(err, ErrFormat) {
			t.Errorf("byte %d changed: error is %v", i, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file())
	f.Add(file()[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Parse(b)
		if err != nil {
			return
		}
		var again []byte
		for _, e := range got {
			again = append(again, Record(e)...)
		}
		if back, err := Parse(again); err != nil || len(back) != len(got) {
			t.Errorf("%d events read; %d written and read back, %v", len(got), len(back), err)
		}
	})
}
