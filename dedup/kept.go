package dedup

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// A Kept is the records that earlier near-duplicate passes kept, as later ones compare with: an immutable file. Its records are
// numbered by age: of an earlier pass before those of a later one, of one pass in the order in which it preferred them.
//
// The file: a magic, the digest of the options, the number of records and of those that have bands, and the number of bands; for each
// band its hashes, 8 bytes each with 4 of the record's number, sorted by both, and their checksum; the records one after the other; and
// the offset of each. A record is its ID, the name of its cluster where that is another, its fingerprint, its shingles in order, and a
// checksum. Checksums are XXH3 of the bytes before, 8 bytes; numbers are little-endian.
type Kept struct {
	in      io.ReaderAt
	digest  uint64
	records uint64
	signed  uint64 // of them have bands
	bands   uint32
	bodies  int64 // where they begin
	table   int64 // where the offsets begin, and the records end
}

const (
	keptMagic  = "TMPKPT1\n"
	keptHead   = len(keptMagic) + 8 + 8 + 8 + 4
	entryBytes = 12
	sumBytes   = 8
	maxKept    = 1 << 31
	maxBody    = 1 << 30 // bytes of one record
)

// keptDigest names the options that a Kept depends on.
func (o Near) keptDigest() uint64 {
	o = o.WithDefaults()
	bands, rows := o.Layout()
	b, _ := json.Marshal([]any{keptMagic, o.Unit, o.Shingle, o.Seed, bands, rows, o.Method, o.Distance, *o.Verify})
	return xxh3.Hash(b)
}

// KeptKey names the options that records of earlier passes must have been kept with to be compared with: all but which is kept of a
// cluster. A similarity may differ where it asks for the same bands.
func (o Near) KeptKey() string { return fmt.Sprintf("%016x", o.keptDigest()) }

// OpenKept opens what [WriteKept] or [MergeKept] wrote. Anything else is dataset.ErrMalformed, now or when it is read.
func OpenKept(in io.ReaderAt, size int64) (*Kept, error) {
	wrong := func(what string) error { return fmt.Errorf("kept records: %s: %w", what, dataset.ErrMalformed) }
	b := make([]byte, keptHead)
	if n, err := in.ReadAt(b, 0); n < len(b) {
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("kept records: %w", err)
		}
		return nil, wrong("the file is too short")
	}
	if string(b[:len(keptMagic)]) != keptMagic {
		return nil, wrong("the file is none of them")
	}
	b = b[len(keptMagic):]
	k := &Kept{in: in, digest: binary.LittleEndian.Uint64(b), records: binary.LittleEndian.Uint64(b[8:]),
		signed: binary.LittleEndian.Uint64(b[16:]), bands: binary.LittleEndian.Uint32(b[24:])}
	if k.records > maxKept || k.signed > k.records || k.bands == 0 || k.bands > maxBands {
		return nil, wrong(fmt.Sprintf("%d records, %d with bands, %d bands", k.records, k.signed, k.bands))
	}
	k.bodies = int64(keptHead) + int64(k.bands)*k.bandBytes()
	k.table = size - 8*int64(k.records)
	if k.table < k.bodies {
		return nil, wrong(fmt.Sprintf("%d bytes are too few for %d records", size, k.records))
	}
	return k, nil
}

// Len is the number of records.
func (k *Kept) Len() int { return int(k.records) }

// fits says whether records of options o can be compared with k.
func (k *Kept) fits(o Near) error {
	if bands, _ := o.Layout(); k.digest != o.keptDigest() || int(k.bands) != bands {
		return fmt.Errorf("kept records were made with other options: %w", dataset.ErrMalformed)
	}
	return nil
}

// readBuffer is how many bytes of bands are read in one go: an object store takes milliseconds for any.
const readBuffer = 1 << 20

func (k *Kept) bandBytes() int64 { return int64(k.signed)*entryBytes + sumBytes }

// band yields the hashes of a band, sorted. A checksum that is wrong is an error at its end.
func (k *Kept) band(band int) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		size, sum := k.bandBytes(), xxh3.New()
		in := bufio.NewReaderSize(io.NewSectionReader(k.in, int64(keptHead)+int64(band)*size, size), int(min(size, readBuffer)))
		var b [entryBytes]byte
		var last entry
		for i := range k.signed {
			if _, err := io.ReadFull(in, b[:]); err != nil {
				yield(entry{}, fmt.Errorf("kept records, band %d: %w", band, err))
				return
			}
			sum.Write(b[:])
			e := entry{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint32(b[8:])}
			if uint64(e.number) >= k.records || i > 0 && (e.hash < last.hash || e.hash == last.hash && e.number <= last.number) {
				yield(entry{}, fmt.Errorf("kept records, band %d: hash %d is out of order: %w", band, i, dataset.ErrMalformed))
				return
			}
			if last = e; !yield(e, nil) {
				return
			}
		}
		if _, err := io.ReadFull(in, b[:sumBytes]); err != nil {
			yield(entry{}, fmt.Errorf("kept records, band %d: %w", band, err))
		} else if binary.LittleEndian.Uint64(b[:]) != sum.Sum64() {
			yield(entry{}, fmt.Errorf("kept records, band %d: its checksum is wrong: %w", band, dataset.ErrMalformed))
		}
	}
}

// A body is what is kept of one record.
type body struct {
	id      string
	cluster string // the name of its cluster
	print   uint64
	set     []uint64 // its shingles; none where candidates are not verified
}

// at returns where a record's body lies.
func (k *Kept) at(n uint32) (from, to int64, err error) {
	var b [16]byte
	ends := b[:min(16, 8*(int64(k.records)-int64(n)))]
	if _, err := k.in.ReadAt(ends, k.table+8*int64(n)); err != nil && err != io.EOF {
		return 0, 0, fmt.Errorf("kept record %d: %w", n, err)
	}
	from, to = int64(binary.LittleEndian.Uint64(b[:])), k.table
	if len(ends) == 16 {
		to = int64(binary.LittleEndian.Uint64(b[8:]))
	}
	if from < k.bodies || to < from || to > k.table || to-from > maxBody {
		return 0, 0, fmt.Errorf("kept record %d lies at %d to %d, outside of the file: %w", n, from, to, dataset.ErrMalformed)
	}
	return from, to, nil
}

// body reads a record.
func (k *Kept) body(n uint32) (body, error) {
	from, to, err := k.at(n)
	if err != nil {
		return body{}, err
	}
	b := make([]byte, to-from)
	if _, err := io.ReadFull(io.NewSectionReader(k.in, from, to-from), b); err != nil {
		return body{}, fmt.Errorf("kept record %d: %w", n, err)
	}
	v, ok := parseBody(b)
	if !ok {
		return body{}, fmt.Errorf("kept record %d is broken: %w", n, dataset.ErrMalformed)
	}
	return v, nil
}

// appendTo appends a record as a file has it. Its names must be short enough: see [keptWriter].
func (v body) appendTo(b []byte) []byte {
	from, cluster := len(b), v.cluster
	if cluster == v.id {
		cluster = ""
	}
	for _, s := range []string{v.id, cluster} {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	b = binary.LittleEndian.AppendUint64(b, v.print)
	for _, h := range v.set {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return binary.LittleEndian.AppendUint64(b, xxh3.Hash(b[from:]))
}

func parseBody(b []byte) (v body, ok bool) {
	if len(b) < sumBytes || binary.LittleEndian.Uint64(b[len(b)-sumBytes:]) != xxh3.Hash(b[:len(b)-sumBytes]) {
		return v, false
	}
	b = b[:len(b)-sumBytes]
	for _, s := range []*string{&v.id, &v.cluster} {
		if len(b) < 2 || len(b)-2 < int(binary.LittleEndian.Uint16(b)) {
			return v, false
		}
		n := 2 + int(binary.LittleEndian.Uint16(b))
		*s, b = string(b[2:n]), b[n:]
	}
	if v.cluster == "" {
		v.cluster = v.id
	}
	if len(b) < 8 || len(b)%8 != 0 {
		return v, false
	}
	v.print, b = binary.LittleEndian.Uint64(b), b[8:]
	v.set = make([]uint64, len(b)/8)
	for i := range v.set {
		v.set[i] = binary.LittleEndian.Uint64(b[8*i:])
		if i > 0 && v.set[i] <= v.set[i-1] {
			return v, false
		}
	}
	return v, true
}
