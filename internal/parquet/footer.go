package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// magic begins and ends a file.
const magic = "PAR1"

// maxFooter bounds the metadata of a file. Those of a file with a hundred columns and
// a thousand row groups have some MiB.
const maxFooter = 64 << 20

// A leaf is a column of the schema.
type leaf struct {
	name     string
	kind     int64
	optional bool
	// nested: the column lies in a group or is repeated, so that it has no value for
	// each row.
	nested bool
	// unit is the unit of a time, of which a second has that many; 0 if the column is none.
	unit int64
}

// A chunk is where the values of a column are in one row group.
type chunk struct {
	codec, values, size int64
	data, dictionary    int64 // offsets; dictionary is 0 without one
}

// A rowGroup is a part of the rows.
type rowGroup struct {
	rows   int64
	chunks []chunk // of each leaf
}

// readFooter reads the metadata at the end of a file.
func readFooter(r io.ReaderAt, size int64) (leaves []leaf, groups []rowGroup, err error) {
	var tail [8]byte
	if size < int64(len(tail)+len(magic)) {
		return nil, nil, fmt.Errorf("%w: it is too short", ErrDamaged)
	}
	if _, err := r.ReadAt(tail[:], size-int64(len(tail))); err != nil {
		return nil, nil, err
	}
	switch string(tail[4:]) {
	case magic:
	case "PARE":
		return nil, nil, fmt.Errorf("%w: it is encrypted", ErrUnsupported)
	default:
		return nil, nil, fmt.Errorf("%w: it does not end like a Parquet file", ErrDamaged)
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > maxFooter || n > size-int64(len(tail)+len(magic)) {
		return nil, nil, fmt.Errorf("%w: its metadata are longer than the file", ErrDamaged)
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, size-int64(len(tail))-n); err != nil {
		return nil, nil, err
	}
	return decodeFooter(b)
}

// decodeFooter decodes FileMetaData.
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
func decodeFooter(b []byte) (leaves []leaf, groups []rowGroup, err error) {
	t := thrift{b: b}
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 2 && typ == thriftList:
			leaves = t.schema()
		case id == 4 && typ == thriftList:
			_, n := t.list()
			for range n {
				groups = append(groups, t.rowGroup())
				if t.err != nil {
					break
				}
			}
		default:
			return false
		}
		return true
	})
	if t.err != nil {
		return nil, nil, t.err
	}
	for _, g := range groups {
		if len(g.chunks) != len(leaves) {
			return nil, nil, fmt.Errorf("%w: a row group has %d columns, and the schema %d", ErrDamaged, len(g.chunks), len(leaves))
		}
	}
	return leaves, groups, nil
}

// An element is a node of the schema, which is a tree in depth-first order.
type element struct {
	leaf

	children int64
	group    bool
	repeated bool
}

// schema decodes the columns.
func (t *thrift) schema() (leaves []leaf) {
	_, n := t.list()
	var open []int64 // children that are still to come, of each group that is open
	for i := range n {
		e := t.element()
		if t.err != nil {
			return nil
		}
		for len(open) > 0 && open[len(open)-1] == 0 {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			open[len(open)-1]--
		}
		if e.group {
			if i > 0 && len(open) > maxNesting {
				t.fail("the schema is nested too deep")
				return nil
			}
			open = append(open, e.children)
			continue
		}
		e.nested = e.repeated || len(open) != 1
		leaves = append(leaves, e.leaf)
	}
	return leaves
}

func (t *thrift) element() (e element) {
	e.group = true
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 1 && typ == thriftI32:
			e.kind, e.group = t.int(), false
		case id == 3 && typ == thriftI32:
			repetition := t.int()
			e.optional, e.repeated = repetition == 1, repetition == 2
		case id == 4 && typ == thriftBinary:
			e.name = string(t.bytes())
		case id == 5 && typ == thriftI32:
			e.children = max(t.int(), 0)
		case id == 6 && typ == thriftI32:
			switch t.int() {
			case 9: // TIMESTAMP_MILLIS
				e.unit = 1e3
			case 10: // TIMESTAMP_MICROS
				e.unit = 1e6
			}
		case id == 10 && typ == thriftStruct:
			if unit := t.timeUnit(); unit != 0 {
				e.unit = unit
			}
		default:
			return false
		}
		return true
	})
	return e
}

// timeUnit decodes the unit of a LogicalType; 0 if it is no time.
func (t *thrift) timeUnit() (unit int64) {
	units := []int64{0, 1e3, 1e6, 1e9}
	t.fields(func(id int16, typ byte) bool {
		if id != 8 || typ != thriftStruct {
			return false
		}
		t.fields(func(id int16, typ byte) bool {
			if id != 2 || typ != thriftStruct {
				return false
			}
			t.fields(func(id int16, _ byte) bool {
				if id > 0 && int(id) < len(units) {
					unit = units[id]
				}
				return false
			})
			return true
		})
		return true
	})
	return unit
}

func (t *thrift) rowGroup() (g rowGroup) {
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 1 && typ == thriftList:
			_, n := t.list()
			for range n {
				g.chunks = append(g.chunks, t.chunk())
				if t.err != nil {
					break
				}
			}
		case id == 3 && typ == thriftI64:
			g.rows = t.int()
		default:
			return false
		}
		return true
	})
	return g
}

func (t *thrift) chunk() (c chunk) {
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 1 && typ == thriftBinary && len(t.b) > 0:
			if len(t.bytes()) > 0 {
				t.fail("a column is in another file")
			}
		case id == 3 && typ == thriftStruct:
			t.fields(func(id int16, typ byte) bool {
				to := map[int16]*int64{4: &c.codec, 5: &c.values, 7: &c.size, 9: &c.data, 11: &c.dictionary}[id]
				if to == nil || !slices.Contains([]byte{thriftI32, thriftI64}, typ) {
					return false
				}
				*to = t.int()
				return true
			})
		default:
			return false
		}
		return true
	})
	return c
}
