package parquet

import (
	"encoding/binary"
	"fmt"
)

// The headers of a Parquet file are structs in Thrift's compact protocol. Only fields
// that are needed are decoded, the others are skipped. Nothing is allocated for a number
// that a header names, so no header makes the reader use more memory than it has bytes.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

// Types of fields in the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
	thriftUUID   = 13
)

// maxNesting bounds how deep skipped structs are nested.
const maxNesting = 32

// A thrift decodes one value after another from b. After the first failure err is set,
// and everything that is decoded is zero.
type thrift struct {
	b   []byte
	err error
}

func (t *thrift) fail(what string) {
	if t.err == nil {
		t.err = fmt.Errorf("%w: %s", ErrDamaged, what)
	}
	t.b = nil
}

func (t *thrift) byte() byte {
	if len(t.b) == 0 {
		t.fail("a header ends too early")
		return 0
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c
}

func (t *thrift) uvarint() uint64 {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		t.fail("a number in a header is not one")
		return 0
	}
	t.b = t.b[n:]
	return v
}

// int decodes a zigzag number.
func (t *thrift) int() int64 {
	v, n := binary.Varint(t.b)
	if n <= 0 {
		t.fail("a number in a header is not one")
		return 0
	}
	t.b = t.b[n:]
	return v
}

func (t *thrift) bytes() []byte {
	n := t.uvarint()
	if n > uint64(len(t.b)) {
		t.fail("a text in a header is longer than the header")
		return nil
	}
	s := t.b[:n]
	t.b = t.b[n:]
	return s
}

// fields calls each for the fields of a struct. each decodes the value, or returns false
// to have it skipped.
func (t *thrift) fields(each func(id int16, typ byte) bool) {
	t.fieldsAt(0, each)
}

func (t *thrift) fieldsAt(depth int, each func(id int16, typ byte) bool) {
	var id int16
	for t.err == nil {
		head := t.byte()
		typ := head & 0x0f
		if typ == 0 {
			return
		}
		if delta := head >> 4; delta != 0 {
			id += int16(delta)
		} else {
			id = int16(t.int()) //nolint:gosec // a wrong id is one of a field that nobody knows
		}
		if t.err == nil && !each(id, typ) {
			t.skip(depth, typ)
		}
	}
}

// list returns the type and the number of the elements that follow.
func (t *thrift) list() (typ byte, n int) {
	head := t.byte()
	size := uint64(head >> 4)
	if size == 15 {
		size = t.uvarint()
	}
	if size > uint64(len(t.b)) { // an element has at least a byte
		t.fail("a list in a header is longer than the header")
		return 0, 0
	}
	return head & 0x0f, int(size)
}

func (t *thrift) skip(depth int, typ byte) {
	if depth > maxNesting {
		t.fail("a header is nested too deep")
		return
	}
	switch typ {
	case thriftTrue, thriftFalse: // the type is the value
	case thriftByte:
		t.byte()
	case thriftI16, thriftI32, thriftI64:
		t.int()
	case thriftDouble:
		t.drop(8)
	case thriftUUID:
		t.drop(16)
	case thriftBinary:
		t.bytes()
	case thriftList, thriftSet:
		of, n := t.list()
		for range n {
			t.skipElement(depth+1, of)
		}
	case thriftMap:
		t.skipMap(depth)
	case thriftStruct:
		t.fieldsAt(depth+1, func(int16, byte) bool { return false })
	default:
		t.fail("a header has a field of an unknown type")
	}
}

// skipElement skips an element of a list, where a truth value takes a byte.
func (t *thrift) skipElement(depth int, typ byte) {
	switch {
	case t.err != nil:
	case typ == thriftTrue || typ == thriftFalse:
		t.byte()
	default:
		t.skip(depth, typ)
	}
}

func (t *thrift) skipMap(depth int) {
	n := t.uvarint()
	if n == 0 {
		return
	}
	if n > uint64(len(t.b)) {
		t.fail("a map in a header is longer than the header")
		return
	}
	types := t.byte()
	for range n {
		t.skipElement(depth+1, types>>4)
		t.skipElement(depth+1, types&0x0f)
	}
}

func (t *thrift) drop(n int) {
	if n > len(t.b) {
		t.fail("a header ends too early")
		return
	}
	t.b = t.b[n:]
}
