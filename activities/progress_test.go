package activities

import (
	"context"
	"errors"
	"io"
	"iter"
	"reflect"
	"strings"
	"testing"
	"time"

	"temper/internal/store"
)

// TestTransfersBeat: bytes that move through the store beat with the last progress, and cannot be moved on once the work has ended.
func TestTransfersBeat(t *testing.T) {
	ended := errors.New("ended")
	s := alive{store.NewMem()}
	ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), pulseKey{}, &pulse{sent: time.Now().Add(time.Hour)}))
	say(ctx, Progress{Stage: "score", Done: 3})
	if _, err := s.Put(ctx, "k", strings.NewReader("bytes"), 5); err != nil {
		t.Fatal(err)
	}
	obj, err := s.Open(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(io.NewSectionReader(obj, 0, 5)); err != nil || string(b) != "bytes" {
		t.Errorf("read %q, %v", b, err)
	}
	if got := pulseOf(ctx).last; !reflect.DeepEqual(got, Progress{Stage: "score", Done: 3}) {
		t.Errorf("the transfer says %+v", got)
	}
	cancel(ended)
	if _, err := obj.ReadAt(make([]byte, 1), 0); !errors.Is(err, ended) {
		t.Errorf("read on: %v", err)
	}
	if _, err := s.Put(ctx, "l", strings.NewReader("bytes"), 5); !errors.Is(err, ended) {
		t.Errorf("put on: %v", err)
	}
}

// TestBeat: a stream passes as it is with its errors, its progress is counted, and it ends with the reason when its context does.
func TestBeat(t *testing.T) {
	broken, ended := errors.New("broken"), errors.New("ended")
	ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), pulseKey{}, &pulse{sent: time.Now().Add(time.Hour)}))
	numbers := func(n int, last error) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i+1, nil) {
					return
				}
			}
			if last != nil {
				yield(0, last)
			}
		}
	}
	read := func(in iter.Seq2[int, error]) (sum int, err error) {
		for v, e := range in {
			sum, err = sum+v, e
		}
		return sum, err
	}
	if sum, err := read(beat(ctx, Progress{}, numbers(10, nil))); sum != 55 || err != nil || pulseOf(ctx).last.Done != 10 {
		t.Errorf("sum %d, %v, %+v", sum, err, pulseOf(ctx).last)
	}
	if sum, err := read(beat(ctx, Progress{}, numbers(3, broken))); sum != 6 || err != broken {
		t.Errorf("sum %d, %v", sum, err)
	}
	cancel(ended)
	if sum, err := read(beat(ctx, Progress{}, numbers(3, nil))); sum != 0 || err != ended {
		t.Errorf("after the end: sum %d, %v", sum, err)
	}
}
