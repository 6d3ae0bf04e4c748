// Package record writes descriptions of objects to temporary files and reads them back.
// The format is compact but cheap to write: a key shares its prefix with the previous
// key.
//
// A file is a row of blocks. A block is a header of 12 bytes, namely the length
// of its payload, the number of records in it and the CRC-32C of the payload
// (each uint32, big-endian), and the payload. The key of a block's first record
// is written in full. The format is private to one run of the program.
//
// Damage is detected: the reader knows the number of records, so a file that ends
// early is an error, as are changed bytes.
package record

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"s3sync/storage"
)

const (
	headerSize = 12
	// blockSize is the payload size at which a block is written.
	blockSize = 32 << 10
	// maxRecord bounds the strings of one record. A key in S3 has at most 1,024
	// bytes and a path about 4,096; ETags and version ids are shorter.
	maxRecord = 1 << 20
	// maxPayload is larger than any payload of the writer. It keeps a reader from
	// allocating a damaged length.
	maxPayload = blockSize + maxRecord + 64
)

// ErrDamaged is in the error of a reader if the bytes are not those that were written.
var ErrDamaged = errors.New("temporary file is damaged")

// crcTable is CRC-32C, which processors compute.
//
//nolint:gochecknoglobals // a constant table
var crcTable = crc32.MakeTable(crc32.Castagnoli)

// A Writer encodes objects onto w, which is written to in whole blocks.
type Writer struct {
	w       io.Writer
	block   []byte // header and payload
	records uint32 // in block
	last    string // key of the last record in block
	count   int64
	size    int64
}

// NewWriter returns a Writer that has written nothing.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Append adds an object. It keeps only the instant of its time of modification.
func (w *Writer) Append(o storage.Object) error {
	if len(o.Key)+len(o.ETag)+len(o.VersionID) > maxRecord {
		return &storage.Error{Op: "record", Key: o.Key[:min(len(o.Key), 1024)], Err: errors.New("too long")}
	}
	if w.records == 0 {
		w.block = append(w.block[:0], make([]byte, headerSize)...)
		w.last = ""
	}
	w.block = appendRecord(w.block, w.last, o)
	w.last = o.Key
	w.records++
	w.count++
	if len(w.block) >= headerSize+blockSize {
		return w.Flush()
	}
	return nil
}

// Flush writes the current block. After an error the file is unusable.
func (w *Writer) Flush() error {
	if w.records == 0 {
		return nil
	}
	payload := w.block[headerSize:]
	binary.BigEndian.PutUint32(w.block[0:], uint32(len(payload))) //nolint:gosec // at most maxPayload
	binary.BigEndian.PutUint32(w.block[4:], w.records)
	binary.BigEndian.PutUint32(w.block[8:], crc32.Checksum(payload, crcTable))
	w.records = 0
	n, err := w.w.Write(w.block)
	w.size += int64(n)
	return err
}

// Count returns how many objects were appended.
func (w *Writer) Count() int64 { return w.count }

// Size returns the number of written bytes, without the current block.
func (w *Writer) Size() int64 { return w.size }

func appendRecord(b []byte, last string, o storage.Object) []byte {
	shared := 0
	for shared < min(len(last), len(o.Key)) && last[shared] == o.Key[shared] {
		shared++
	}
	b = binary.AppendUvarint(b, uint64(shared))
	b = appendString(b, o.Key[shared:])
	b = binary.AppendVarint(b, o.Size)
	b = binary.AppendVarint(b, o.ModTime.Unix())
	b = binary.AppendUvarint(b, uint64(o.ModTime.Nanosecond())) //nolint:gosec // below 1e9
	b = appendString(b, o.ETag)
	b = appendString(b, o.VersionID)
	return append(b, flags(o))
}

// Flags of a record.
const (
	latest byte = 1 << iota
	deleteMarker
	archived
	maybeArchived
)

func flags(o storage.Object) byte {
	var f byte
	if o.Latest {
		f |= latest
	}
	if o.DeleteMarker {
		f |= deleteMarker
	}
	if o.Archived {
		f |= archived
	}
	if o.MaybeArchived {
		f |= maybeArchived
	}
	return f
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
