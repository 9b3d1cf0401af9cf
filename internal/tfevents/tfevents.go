// Package tfevents writes and reads scalars as TensorBoard event files: records of an Event message, each framed by its length
// and masked CRC-32C sums. Formats: TensorFlow's core/lib/io/record_writer.h, core/util/event.proto and
// core/framework/summary.proto.
package tfevents

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"temper/dataset"
)

// ErrFormat means the bytes are no event file of scalars.
var ErrFormat = fmt.Errorf("not a valid event file: %w", dataset.ErrMalformed)

// A Scalar is one named value.
type Scalar struct {
	Tag   string
	Value float32
}

// An Event is the scalars of one step.
type Event struct {
	Time    float64 // seconds since 1970
	Step    int64
	Scalars []Scalar
}

// The fields' numbers.
const (
	eventTime, eventStep, eventVersion, eventSummary = 1, 2, 3, 5
	summaryValue                                     = 1
	valueTag, valueSimple                            = 1, 2
)

// version is what the first event of a file says.
const version = "brain.Event:2"

// Header is the first record of a file that begins at a time, in seconds since 1970.
func Header(time float64) []byte {
	var m []byte
	m = protowire.AppendTag(m, eventTime, protowire.Fixed64Type)
	m = protowire.AppendFixed64(m, math.Float64bits(time))
	m = protowire.AppendTag(m, eventVersion, protowire.BytesType)
	m = protowire.AppendString(m, version)
	return frame(m)
}

// Record is an event as the file holds it.
func Record(e Event) []byte {
	var summary []byte
	for _, s := range e.Scalars {
		var v []byte
		v = protowire.AppendTag(v, valueTag, protowire.BytesType)
		v = protowire.AppendString(v, s.Tag)
		v = protowire.AppendTag(v, valueSimple, protowire.Fixed32Type)
		v = protowire.AppendFixed32(v, math.Float32bits(s.Value))
		summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
		summary = protowire.AppendBytes(summary, v)
	}
	var m []byte
	m = protowire.AppendTag(m, eventTime, protowire.Fixed64Type)
	m = protowire.AppendFixed64(m, math.Float64bits(e.Time))
	m = protowire.AppendTag(m, eventStep, protowire.VarintType)
	m = protowire.AppendVarint(m, uint64(e.Step))
	m = protowire.AppendTag(m, eventSummary, protowire.BytesType)
	m = protowire.AppendBytes(m, summary)
	return frame(m)
}

// frame puts length and sums around a message.
func frame(m []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(m)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, m...)
	return binary.LittleEndian.AppendUint32(b, masked(m))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the sum as the format stores it: a sum over bytes that hold sums would be weak.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// maxRecord bounds one event.
const maxRecord = 1 << 20

// Parse reads the events of a file. A last record that was cut off, as a killed writer leaves it, is passed over; anything else
// that is wrong is ErrFormat with its offset. Fields that are no scalars are passed over.
func Parse(b []byte) ([]Event, error) {
	var events []Event
	for at := 0; len(b)-at >= 16; {
		n := binary.LittleEndian.Uint64(b[at:])
		if got, want := binary.LittleEndian.Uint32(b[at+8:]), masked(b[at:at+8]); got != want {
			return nil, fmt.Errorf("record at %d: sum of its length is %08x, not %08x: %w", at, got, want, ErrFormat)
		}
		if n > maxRecord {
			return nil, fmt.Errorf("record at %d: %d bytes; at most %d are read: %w", at, n, maxRecord, ErrFormat)
		}
		end := at + 12 + int(n)
		if len(b) < end+4 {
			break
		}
		m := b[at+12 : end]
		if got, want := binary.LittleEndian.Uint32(b[end:]), masked(m); got != want {
			return nil, fmt.Errorf("record at %d: sum is %08x, not %08x: %w", at, got, want, ErrFormat)
		}
		e, err := event(m)
		if err != nil {
			return nil, fmt.Errorf("record at %d: %w: %w", at, err, ErrFormat)
		}
		if len(e.Scalars) > 0 {
			events = append(events, e)
		}
		at = end + 4
	}
	return events, nil
}

func event(m []byte) (e Event, err error) {
	err = each(m, func(f protowire.Number, v uint64, b []byte) error {
		switch f {
		case eventTime:
			e.Time = math.Float64frombits(v)
		case eventStep:
			e.Step = int64(v)
		case eventSummary:
			return each(b, func(f protowire.Number, _ uint64, b []byte) error {
				if f != summaryValue {
					return nil
				}
				var s Scalar
				simple := false
				err := each(b, func(f protowire.Number, v uint64, b []byte) error {
					switch f {
					case valueTag:
						s.Tag = string(b)
					case valueSimple:
						s.Value, simple = math.Float32frombits(uint32(v)), true
					}
					return nil
				})
				if simple {
					e.Scalars = append(e.Scalars, s)
				}
				return err
			})
		}
		return nil
	})
	return e, err
}

// each calls f for every field of a message, with its number or its bytes.
func each(m []byte, f func(field protowire.Number, v uint64, b []byte) error) error {
	for len(m) > 0 {
		field, kind, n := protowire.ConsumeTag(m)
		if n < 0 {
			return protowire.ParseError(n)
		}
		m = m[n:]
		var v uint64
		var b []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(m)
		case protowire.Fixed64Type:
			v, n = protowire.ConsumeFixed64(m)
		case protowire.Fixed32Type:
			var u uint32
			u, n = protowire.ConsumeFixed32(m)
			v = uint64(u)
		case protowire.BytesType:
			b, n = protowire.ConsumeBytes(m)
		default:
			n = protowire.ConsumeFieldValue(field, kind, m)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		m = m[n:]
		if err := f(field, v, b); err != nil {
			return err
		}
	}
	return nil
}
