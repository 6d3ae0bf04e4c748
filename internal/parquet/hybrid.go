package parquet

import (
	"encoding/binary"
	"fmt"
)

// A hybrid decodes numbers of a number of bits: runs of equal ones, and groups of eight
// that are packed.
// https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
type hybrid struct {
	b     []byte
	width int // bits, at most 32

	repeat uint64 // how often value is still to be returned
	value  uint32
	packed uint64 // how many packed numbers are left
	bits   uint64 // of packed numbers, the next ones lowest
	have   int    // how many of them there are
}

var errRun = fmt.Errorf("%w: a run of values is not one", ErrDamaged)

// next returns the next number.
func (h *hybrid) next() (uint32, error) {
	for h.repeat == 0 && h.packed == 0 {
		if err := h.run(); err != nil {
			return 0, err
		}
	}
	if h.repeat > 0 {
		h.repeat--
		return h.value, nil
	}
	h.packed--
	for h.have < h.width {
		if len(h.b) == 0 {
			return 0, errRun
		}
		h.bits |= uint64(h.b[0]) << h.have
		h.have += 8
		h.b = h.b[1:]
	}
	v := uint32(h.bits & (1<<h.width - 1)) //nolint:gosec // at most 32 bits
	h.bits >>= h.width
	h.have -= h.width
	return v, nil
}

// run begins the next run.
func (h *hybrid) run() error {
	head, n := binary.Uvarint(h.b)
	if n <= 0 || h.width > 32 {
		return errRun
	}
	h.b = h.b[n:]
	if head&1 == 1 {
		h.packed, h.bits, h.have = head>>1*8, 0, 0
		return nil
	}
	size := (h.width + 7) / 8
	if len(h.b) < size {
		return errRun
	}
	h.value, h.repeat = 0, head>>1
	for i := range size {
		h.value |= uint32(h.b[i]) << (8 * i)
	}
	h.b = h.b[size:]
	return nil
}
