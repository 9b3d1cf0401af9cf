package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// A parquetFile is an open file, with the error of its source, if there was one.
type parquetFile struct {
	*parquet.File
	from *sourceAt
}

// openParquet opens a file for scanning; page index and bloom filters are left alone.
func openParquet(r io.ReaderAt, size int64) (parquetFile, error) { return openFile(r, size, false) }

// openFile opens a file, with its page index and bloom filters or without.
func openFile(r io.ReaderAt, size int64, indexed bool) (f parquetFile, err error) {
	f.from = &sourceAt{r: r, size: size}
	buffer := 256 << 10
	if indexed {
		buffer = 32 << 10 // a lookup reads a few pages
	}
	err = f.from.guard(func() (err error) {
		if err := checkFooter(f.from, size); err != nil {
			return err
		}
		f.File, err = parquet.OpenFile(f.from, size, parquet.SkipPageIndex(!indexed), parquet.SkipBloomFilters(!indexed),
			parquet.OptimisticRead(true), parquet.ReadBufferSize(buffer))
		if err != nil {
			return err
		}
		return checkChunks(f.Metadata(), size)
	})
	if err != nil {
		return f, err
	}
	if v, ok := f.Lookup("schema_version"); ok {
		if n, err := strconv.Atoi(v); err != nil || n > SchemaVersion {
			return f, fmt.Errorf("schema version %q, this program reads up to %d: use a newer one: %w", v, SchemaVersion, ErrMalformed)
		}
	}
	return f, nil
}

// maxFooter bounds the bytes of a file's footer, which is read whole.
const maxFooter = 256 << 20

// checkFooter refuses a footer longer than its file before the library makes room for it.
func checkFooter(r io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < int64(len(tail))+4 {
		return fmt.Errorf("a file of %d bytes is no parquet file", size)
	}
	if n, err := r.ReadAt(tail[:], size-int64(len(tail))); n < len(tail) {
		return err
	}
	if n := int64(binary.LittleEndian.Uint32(tail[:])); string(tail[4:]) != "PAR1" || n > size-12 || n > maxFooter {
		return fmt.Errorf("no parquet footer: the last bytes are %q of %d", tail, size)
	}
	return nil
}

// checkChunks refuses column chunks larger than their file, and LZ4, which the library decodes with ever larger buffers where
// the data is broken.
func checkChunks(m *format.FileMetaData, size int64) error {
	for g, group := range m.RowGroups {
		for _, c := range group.Columns {
			switch meta := c.MetaData; {
			case meta.Codec == format.Lz4 || meta.Codec == format.Lz4Raw:
				return fmt.Errorf("column %s is compressed with %s: write the file with zstd or snappy", strings.Join(meta.PathInSchema, "."), meta.Codec)
			case meta.TotalCompressedSize < 0 || meta.TotalCompressedSize > size || meta.NumValues < 0:
				return fmt.Errorf("row group %d, column %s: %d bytes in a file of %d", g, strings.Join(meta.PathInSchema, "."), meta.TotalCompressedSize, size)
			}
		}
	}
	return nil
}

// scan yields the rows of a file from row from on, each valid until the next.
func scan[C any](f parquetFile, from int64) iter.Seq2[*C, error] {
	return func(yield func(*C, error) bool) {
		if from < 0 || from > 0 && from >= f.NumRows() {
			return
		}
		var absent []int
		err := f.from.guard(func() (err error) {
			absent, err = absentFields[C](f.Schema())
			return err
		})
		if err != nil {
			yield(nil, err)
			return
		}
		var rd *parquet.GenericReader[C]
		err = f.from.guard(func() error {
			rd = parquet.NewGenericReader[C](f)
			if from == 0 {
				return nil
			}
			return rd.SeekToRow(from)
		})
		if err != nil {
			yield(nil, err)
			return
		}
		defer rd.Close()
		buf := make([]C, 64)
		for done := from; done < f.NumRows(); {
			clear(buf) // what a row does not set must not be what was there before
			n := 0
			err := f.from.guard(func() (err error) {
				n, err = rd.Read(buf)
				return err
			})
			for i := range buf[:n] {
				v := reflect.ValueOf(&buf[i]).Elem()
				for _, k := range absent {
					v.Field(k).SetZero()
				}
				if !yield(&buf[i], nil) {
					return
				}
			}
			done += int64(n)
			if err == nil && n == 0 || errors.Is(err, io.EOF) && done < f.NumRows() {
				err = fmt.Errorf("ends after row %d of %d: %w", done, f.NumRows(), ErrMalformed)
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(nil, err)
				return
			}
		}
	}
}

// sourceAt remembers whether reading failed, so that a lost connection is not taken for bad data.
type sourceAt struct {
	r    io.ReaderAt
	size int64
	err  error
}

func (s *sourceAt) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off > s.size {
		return 0, fmt.Errorf("offset %d is outside of a file of %d bytes", off, s.size)
	}
	n, err := s.r.ReadAt(b, off)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// guard makes what the library says of the bytes ErrMalformed, its panics too. io.EOF passes.
func (s *sourceAt) guard(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrMalformed, p)
		}
		if s.err != nil {
			err = s.err
		}
	}()
	if err = read(); err == nil || err == io.EOF || errors.Is(err, ErrMalformed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// absentFields returns the indexes of the fields of C whose columns the file lacks: the library makes up values for some that
// stand beside optional ones, and they must be zero. A column that is there in another shape, or in part, is ErrMalformed.
func absentFields[C any](have *parquet.Schema) ([]int, error) {
	there := map[string]bool{}
	for _, f := range have.Fields() {
		there[f.Name()] = true
	}
	want := parquet.SchemaOf(new(C))
	for _, path := range want.Columns() {
		if !there[path[0]] {
			continue
		}
		name := strings.Join(path, ".")
		wanted, _ := want.Lookup(path...)
		found, ok := have.Lookup(path...)
		if !ok || !found.Node.Leaf() {
			return nil, fmt.Errorf("column %s is there, but not as %s: %w", path[0], name, ErrMalformed)
		}
		if w, h := wanted.Node.Type().Kind(), found.Node.Type().Kind(); w != h {
			return nil, fmt.Errorf("column %s is of type %s, not %s: %w", name, h, w, ErrMalformed)
		}
	}
	var absent []int
	t := reflect.TypeFor[C]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("parquet"), ",")
		if !there[name] {
			absent = append(absent, i)
		}
	}
	if len(absent) == t.NumField() {
		names := make([]string, 0, len(there))
		for name := range there {
			names = append(names, name)
		}
		slices.Sort(names)
		return nil, fmt.Errorf("no column of ours, only %s: %w", strings.Join(names, ", "), ErrMalformed)
	}
	return absent, nil
}
