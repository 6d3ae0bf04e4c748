package dir

import (
	"bytes"
	"encoding/binary"
	"io/fs"

	"golang.org/x/sys/unix"
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
// leaves links out.
func (c *contents) read(d *descriptor, lstat bool) error {
	st, err := d.stat()
	if err != nil {
		return err
	}
	c.self = st.id
	err = c.readNames(d)
	kept := c.entries[:0]
	for _, e := range c.entries {
		if lstat || e.typ == unknownType {
			st, err := d.lstat(e.name)
			switch {
			case isGone(err):
				continue
			case err != nil: // it comes before an error of readNames
				c.entries = kept
				return err
			}
			e.set(st)
		}
		if !lstat || e.typ != fs.ModeSymlink {
			kept = append(kept, e)
		}
	}
	c.entries = kept
	return err
}

// readNames adds the entries with their names and types.
func (c *contents) readNames(d *descriptor) error {
	var buf [16 << 10]byte
	for {
		n := 0
		err := d.use(func(fd int) (err error) {
			n, err = unix.Getdents(fd, buf[:])
			return err
		})
		if err != nil || n <= 0 {
			return err
		}
		c.addNames(buf[:n])
	}
}

// addNames adds the entries in the records of getdents64(2), which it overwrites. The
// names share one string.
func (c *contents) addNames(records []byte) {
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
