package walk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// Where the fields of a linux_dirent64 are; see getdents64(2). It is the same on every
// processor.
const (
	direntLength = 16
	direntType   = 18
	direntName   = 19
)

// unknownType is the type of an entry that the file system did not tell.
const unknownType = ^fs.FileMode(0)

// read adds the entries of an open directory. With lstat it looks at each of them, and
// leaves links out. If most is positive and there are more, it fails with errTooMany.
func (c *Contents) read(d *system.Descriptor, lstat bool, most int, p *Pace) error {
	st, err := d.Stat()
	if err != nil {
		return err
	}
	c.self = st.ID
	err = c.readNames(d, most)
	if errors.Is(err, errTooMany) {
		return err
	}
	if lstat || slices.ContainsFunc(c.entries, func(e entry) bool { return e.typ == unknownType }) {
		looked, failed := p.each(len(c.entries), func(i int) error { return c.entries[i].lstatIn(d, lstat) })
		if failed != nil { // it comes before an error of readNames
			c.entries, err = c.entries[:looked], failed
		}
	}
	c.entries = slices.DeleteFunc(c.entries, func(e entry) bool {
		return e.typ == unknownType || lstat && e.typ == fs.ModeSymlink
	})
	return err
}

// lstatIn looks at an entry of d, or only at its type if that is not known. If it is gone,
// its type stays unknown.
func (e *entry) lstatIn(d *system.Descriptor, all bool) error {
	if !all && e.typ != unknownType {
		return nil
	}
	e.typ = unknownType
	st, err := d.Lstat(e.name)
	switch {
	case failure.IsGone(err):
		return nil
	case err != nil:
		return err
	case all:
		e.set(st)
	}
	e.typ = st.Mode.Type()
	return nil
}

// readNames adds the entries with their names and types.
func (c *Contents) readNames(d *system.Descriptor, most int) error {
	var buf [16 << 10]byte
	for {
		n, err := d.Getdents(buf[:])
		if err != nil || n <= 0 {
			return err
		}
		c.addNames(buf[:n])
		if most > 0 && len(c.entries) > most {
			return errTooMany
		}
	}
}

// addNames adds the entries in the records of getdents64(2), which it overwrites. The
// names share one string.
func (c *Contents) addNames(records []byte) {
	first, text := len(c.entries), records[:0]
	for len(records) > direntName {
		length := int(binary.NativeEndian.Uint16(records[direntLength:]))
		record := records[:min(max(length, direntName), len(records))]
		records = records[len(record):]
		name, _, _ := bytes.Cut(record[direntName:], []byte{0})
		if string(name) == "." || string(name) == ".." {
			continue
		}
		c.entries = append(c.entries, entry{typ: typeOf(record[direntType]), size: int64(len(name))})
		text = append(text, name...)
	}
	names := string(text)
	for i := first; i < len(c.entries); i++ {
		e := &c.entries[i]
		e.name, names = names[:e.size], names[e.size:]
		e.size = 0
	}
}

// typeOf returns the type of an entry in a record.
func typeOf(bits byte) fs.FileMode {
	switch bits {
	case unix.DT_REG:
		return 0
	case unix.DT_DIR:
		return fs.ModeDir
	case unix.DT_LNK:
		return fs.ModeSymlink
	case unix.DT_FIFO:
		return fs.ModeNamedPipe
	case unix.DT_SOCK:
		return fs.ModeSocket
	case unix.DT_BLK:
		return fs.ModeDevice
	case unix.DT_CHR:
		return fs.ModeDevice | fs.ModeCharDevice
	}
	return unknownType
}
