package dedup

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// WriteKept writes what a pass kept, for later passes to compare with, and returns the number of records. clusters are what
// [NearClusters] found among the records of in, with signatures sigs; both are read again. The same records give the same bytes in
// any order, unless it is the first that is kept. Memory and scratch are those of NearClusters, but that the shingles of all records
// that are kept go to scratch.
func WriteKept(w io.Writer, in dataset.Records, sigs iter.Seq2[Signature, error], clusters []Cluster, o Near, scratch Scratch) (int64, error) {
	o = o.WithDefaults()
	r, err := readRecords(sigs, o)
	if err != nil {
		return 0, err
	}
	k := &keeping{r: r, cluster: map[string]string{}}
	wanted := k.choose(clusters)
	signed, err := k.signed(sigs)
	if err != nil {
		return 0, err
	}
	out := newKeptWriter(w)
	bands, _ := o.Layout()
	out.head(o.keptDigest(), uint64(k.n), signed, uint32(bands))
	err = banded(sigs, k.at, o, int(o.Memory), func(_ int, entries []entry) error {
		for _, e := range entries {
			out.entry(e)
		}
		out.endBand()
		return nil
	})
	if err != nil {
		return 0, err
	}
	if !*o.Verify { // no shingle is asked for
		clear(wanted)
	}
	sets, err := spill(in, r, wanted, o, scratch)
	if err != nil {
		return 0, err
	}
	for n, id := range r.ids {
		if k.numbers[n] == nobody {
			continue
		}
		v := body{id: id, cluster: k.cluster[id]}
		if r.prints != nil {
			v.print = r.prints[n]
		}
		if v.cluster == "" {
			v.cluster = id
		}
		if v.set, err = sets.read(uint32(n)); err != nil {
			return 0, err
		}
		if err := out.body(v); err != nil {
			return 0, err
		}
	}
	return int64(k.n), out.finish()
}

// keeping is which records are kept.
type keeping struct {
	r       *records
	n       uint32            // how many
	numbers []uint32          // by number in the pass: the number among those that are kept, or nobody
	at      []uint32          // the same by place in the stream
	cluster map[string]string // of those that are kept and are in one
}

// choose numbers the records that are kept and returns which they are.
func (k *keeping) choose(clusters []Cluster) (kept []bool) {
	gone := map[string]struct{}{}
	for _, c := range clusters {
		if c.dropped() {
			gone[c.ID] = struct{}{}
		} else {
			k.cluster[c.ID] = c.Cluster
		}
	}
	kept = make([]bool, len(k.r.ids))
	k.numbers, k.at = make([]uint32, len(k.r.ids)), make([]uint32, len(k.r.ids))
	for n, id := range k.r.ids {
		if _, dropped := gone[id]; dropped {
			k.numbers[n] = nobody
			continue
		}
		k.numbers[n], kept[n] = k.n, true
		k.n++
	}
	for place, n := range k.r.number {
		k.at[place] = k.numbers[n]
	}
	return kept
}

// signed counts the records that are kept and have bands.
func (k *keeping) signed(sigs iter.Seq2[Signature, error]) (n uint64, err error) {
	place := 0
	for s, err := range sigs {
		if err != nil {
			return 0, err
		}
		if place < len(k.at) && k.at[place] != nobody && len(s.Bands) > 0 {
			n++
		}
		place++
	}
	return n, nil
}

// A keptWriter writes the parts of a file of kept records in their order.
type keptWriter struct {
	w       *bufio.Writer
	at      int64
	offsets []uint64
	sum     *xxh3.Hasher // of the band that is being written
	b       []byte       // a record
}

func newKeptWriter(w io.Writer) *keptWriter {
	return &keptWriter{w: bufio.NewWriterSize(w, 1<<16), sum: xxh3.New()}
}

func (k *keptWriter) write(b []byte) {
	k.w.Write(b) // finish tells
	k.at += int64(len(b))
}

func (k *keptWriter) head(digest, records, signed uint64, bands uint32) {
	b := append([]byte(nil), keptMagic...)
	for _, v := range []uint64{digest, records, signed} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	k.write(binary.LittleEndian.AppendUint32(b, bands))
}

func (k *keptWriter) entry(e entry) {
	var b [entryBytes]byte
	binary.LittleEndian.PutUint64(b[:], e.hash)
	binary.LittleEndian.PutUint32(b[8:], e.number)
	k.sum.Write(b[:])
	k.write(b[:])
}

func (k *keptWriter) endBand() {
	var b [sumBytes]byte
	binary.LittleEndian.PutUint64(b[:], k.sum.Sum64())
	k.sum.Reset()
	k.write(b[:])
}

func (k *keptWriter) body(v body) error {
	if len(v.id) > math.MaxUint16 || len(v.cluster) > math.MaxUint16 {
		return fmt.Errorf("record %.80s…: its ID has %d bytes; of one that is remembered it may have %d: %w", v.id, max(len(v.id), len(v.cluster)), math.MaxUint16, dataset.ErrMalformed)
	}
	k.b = v.appendTo(k.b[:0])
	if len(k.b) > maxBody {
		return fmt.Errorf("record %.80s has %d shingles; one that is remembered may have %d: %w", v.id, len(v.set), maxBody/8, dataset.ErrMalformed)
	}
	k.offsets = append(k.offsets, uint64(k.at))
	k.write(k.b)
	return nil
}

func (k *keptWriter) finish() error {
	var b [8]byte
	for _, at := range k.offsets {
		binary.LittleEndian.PutUint64(b[:], at)
		k.write(b[:])
	}
	if err := k.w.Flush(); err != nil {
		return fmt.Errorf("kept records: %w", err)
	}
	return nil
}
