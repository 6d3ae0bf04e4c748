//go:build !linux

package walk

import (
	"errors"
	"io"
	"io/fs"

	"s3sync/storage/dir/internal/system"
)

// read adds the entries of an open directory. With lstat it looks at each of them, and
// leaves links out. If most is positive and there are more, it fails with errTooMany.
func (c *Contents) read(d *system.Descriptor, lstat bool, most int, _ *Pace) error {
	st, err := d.Stat()
	if err != nil {
		return err
	}
	c.self = st.ID
	for {
		batch, err := d.ReadDir(512)
		for _, found := range batch {
			e := entry{name: found.Name(), typ: found.Type()}
			if lstat {
				// Costs nothing: os.Root has looked it up to tell the type.
				if fi, err := found.Info(); err == nil {
					e.set(system.StatusOf(fi))
				}
			}
			if !lstat || e.typ != fs.ModeSymlink {
				c.entries = append(c.entries, e)
			}
		}
		if most > 0 && len(c.entries) > most {
			return errTooMany
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
