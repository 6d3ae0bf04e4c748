// Package parquet reads some columns of a Parquet file, row by row, with memory for one
// page of each column. It reads what writers of tables without nested columns write: no
// lists, no maps, no encryption.
//
// The library for Parquet in Go would add 5 MiB to the command. It is used in the tests,
// where it writes the files.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrDamaged is in the errors about a file that is not what it should be.
var ErrDamaged = errors.New("the Parquet file is damaged")

// ErrUnsupported is in the errors about a file that this package does not read.
var ErrUnsupported = errors.New("the Parquet file is of a kind that is not supported")

// Physical types of columns.
const (
	kindBoolean   = 0
	kindInt32     = 1
	kindInt64     = 2
	kindByteArray = 6
)

// A Value is one value of a column.
type Value struct {
	// Null: there is none.
	Null bool
	// Int is a number, a time in the unit of its column, or 1 for true.
	Int int64
	// Text is the value of a column of texts. It is valid until the next row.
	Text []byte

	unit int64
}

// Time returns the value of a column of times.
func (v Value) Time() time.Time {
	if v.unit == 0 {
		return time.Unix(v.Int, 0).UTC()
	}
	seconds, rest := v.Int/v.unit, v.Int%v.unit
	return time.Unix(seconds, rest*(1e9/v.unit)).UTC()
}

// A File is a file that was opened. It is not safe for concurrent use.
type File struct {
	r      io.ReaderAt
	leaves []leaf
	groups []rowGroup
}

// Open reads the metadata of a file.
func Open(r io.ReaderAt, size int64) (*File, error) {
	leaves, groups, err := readFooter(r, size)
	if err != nil {
		return nil, err
	}
	return &File{r, leaves, groups}, nil
}

// Has reports whether there is a column of a name.
func (f *File) Has(name string) bool { return f.find(name) >= 0 }

func (f *File) find(name string) int {
	for i, l := range f.leaves {
		if l.name == name && !l.nested {
			return i
		}
	}
	return -1
}

// Rows calls each with the values of some columns for every row. A column that the file
// does not have is an error. The slice is used again. An error of each ends Rows.
func (f *File) Rows(columns []string, each func([]Value) error) error {
	indexes := make([]int, len(columns))
	for i, name := range columns {
		if indexes[i] = f.find(name); indexes[i] < 0 {
			return fmt.Errorf("%w: it has no column %q", ErrUnsupported, name)
		}
	}
	row := make([]Value, len(columns))
	for _, g := range f.groups {
		readers := make([]*column, len(columns))
		for i, index := range indexes {
			c, err := newColumn(f.r, f.leaves[index], g.chunks[index])
			if err != nil {
				return err
			}
			readers[i] = c
		}
		for range g.rows {
			for i, c := range readers {
				v, err := c.next()
				if err != nil {
					return fmt.Errorf("column %q: %w", c.name, err)
				}
				row[i] = v
			}
			if err := each(row); err != nil {
				return err
			}
		}
	}
	return nil
}
