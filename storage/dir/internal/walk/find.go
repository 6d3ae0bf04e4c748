package walk

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// The errors for Problem, besides those of the file system.
var (
	errLoop     = errors.New("the symbolic link leads to a directory above it")
	errDangling = errors.New("the symbolic link leads to nothing")
	errNotUTF8  = errors.New("the name is not valid UTF-8: it cannot be a key")
	errLost     = errors.New("the directory is gone, or was replaced by another one, while the source was listed")
	errNoFile   = errors.New("it was a file when its directory was read, and is none any more")
)

// errTooMany: a directory has more entries than were asked for.
var errTooMany = errors.New("too many entries")

// A finder finds out what a listing is to yield, and tells nobody. It may be used
// concurrently.
type finder struct {
	view   View
	source bool // there are problems to tell of
	opts   storage.ListOptions
}

// read reads the directory of an entry; prefix is its path with a slash at the end. It
// returns nil if most is positive and there are more entries.
func (f *finder) read(prefix string, e *entry, most int, p *Pace) *Contents {
	c, err := f.view.ReadDir(strings.TrimSuffix(prefix, "/"), most, p)
	var dir system.Identity
	if e.more != nil {
		dir = e.more.dir
	}
	switch {
	case errors.Is(err, errTooMany):
		return nil
	case failure.IsGone(err):
		c.problems = f.lost(prefix)
	case err != nil:
		c.problems = incomplete(prefix, failure.Read(err))
	case dir.Elsewhere(c.self), len(c.entries) == 0 && dir.Known() && !dir.Is(c.self):
		// It was unmounted or mounted, or replaced by an empty directory. Another
		// directory with entries is read as it is now, because some file systems
		// renumber directories that were not used for a while.
		c.problems = f.lost(prefix)
	}
	f.prepare(prefix, c, p)
	return c
}

// prepare leaves only the entries that may be part of the listing, and sorts them.
func (f *finder) prepare(prefix string, c *Contents, p *Pace) {
	c.entries = slices.DeleteFunc(c.entries, func(e entry) bool { return !f.wanted(prefix, c, &e) })
	var special []*entry
	for i := range c.entries {
		if c.entries[i].typ != 0 {
			special = append(special, &c.entries[i])
		}
	}
	problems := make([][]problem, len(special))
	_, _ = p.each(len(special), func(i int) error { // never fails
		problems[i] = f.resolve(prefix, c, special[i])
		return nil
	})
	c.problems = append(c.problems, slices.Concat(problems...)...)
	slices.SortFunc(c.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
}

// wanted reports whether an entry may be part of the listing, by its name alone. Entries
// outside of the range are not looked up.
func (f *finder) wanted(prefix string, c *Contents, e *entry) bool {
	if system.IsTemp(e.name) || f.opts.Range != (storage.Range{}) && !f.mayReach(prefix+e.name, e.typ) {
		return false
	}
	if !utf8.ValidString(e.name) {
		c.problems = append(c.problems, incomplete(prefix+e.name, errNotUTF8)...)
		return false
	}
	return true
}

// mayReach reports whether the range may hold an entry of that type under key, or keys
// below it.
func (f *finder) mayReach(key string, typ fs.FileMode) bool {
	return !typ.IsDir() && f.opts.Contains(key) || typ != 0 && f.opts.Reaches(key+"/")
}

// resolve finds out what a link leads to. It adds a slash to the name of a directory, so
// that the name sorts like the keys below it.
func (f *finder) resolve(prefix string, c *Contents, e *entry) (problems []problem) {
	link := e.typ == fs.ModeSymlink
	if link {
		problems = f.follow(prefix, c, e)
	}
	switch e.typ {
	case 0, fs.ModeSymlink:
	case fs.ModeDir:
		e.name += "/"
		e.more = &more{}
		if f.source {
			// The dot makes an automounter mount the directory.
			if st, err := f.view.Stat(prefix + e.name + "."); err == nil {
				e.more.dir = st.ID
			}
		}
	default:
		err := fmt.Errorf("it is %s", system.Kind(e.typ))
		if link {
			err = fmt.Errorf("the symbolic link leads to %s", system.Kind(e.typ))
		}
		return f.unreadable(prefix+e.name, err)
	}
	return problems
}

// follow replaces the entry of a link by what the link leads to. If that cannot be listed,
// the entry stays a link.
func (f *finder) follow(prefix string, c *Contents, e *entry) []problem {
	path := prefix + e.name
	st, err := f.view.Stat(path)
	switch {
	case err != nil:
		return f.noStat(path, prefix, c, err)
	case st.IsDir() && f.isAbove(prefix, st.ID):
		return f.unreadable(path, errLoop)
	}
	e.set(st)
	return nil
}

// isAbove reports whether a directory is one of those that lead to prefix.
func (f *finder) isAbove(prefix string, dir system.Identity) bool {
	for {
		above, err := f.view.Stat(strings.TrimSuffix(prefix, "/"))
		if err == nil && above.ID.Is(dir) {
			return true
		}
		if prefix == "" {
			return false
		}
		prefix = prefix[:strings.LastIndexByte(prefix[:len(prefix)-1], '/')+1]
	}
}

// look finds size and time of a file, or why it is not listed.
func (f *finder) look(key, prefix string, c *Contents, e *entry) {
	if e.known || e.more != nil {
		return
	}
	st, err := f.view.Stat(key)
	switch {
	case err != nil:
		e.more = &more{problems: f.noStat(key, prefix, c, err)}
	case !st.IsRegular():
		e.more = &more{problems: f.unreadable(key, errNoFile)}
	default:
		e.set(st)
	}
}

// noStat handles an entry of a directory whose stat failed with err.
func (f *finder) noStat(path, prefix string, c *Contents, err error) []problem {
	switch {
	case f.source && !failure.IsGone(err) && namedOnly(err):
		return f.unreadable(path, failure.Read(err))
	case !failure.IsGone(err):
		return incomplete(path, failure.Read(err))
	case f.isLink(path):
		return f.unreadable(path, errDangling)
	case !f.isSame(prefix, c):
		return f.lost(prefix)
	}
	return nil
}

// namedOnly reports whether an error of stat concerns only that entry. Other errors may
// come from a failing file system.
func namedOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENAMETOOLONG)
}

func (f *finder) isLink(path string) bool {
	st, err := f.view.Lstat(path)
	return err == nil && st.IsLink()
}

// isSame looks a directory up again and reports whether it is the one that was read.
func (f *finder) isSame(prefix string, c *Contents) bool {
	st, err := f.view.Stat(strings.TrimSuffix(prefix, "/"))
	return err == nil && st.ID.Is(c.self)
}

// lost is the problem with a directory of a source that is not the one that was read.
func (f *finder) lost(prefix string) []problem {
	if !f.source {
		return nil
	}
	return []problem{{key: prefix, Problem: storage.Problem{Err: errLost}, lost: true}}
}

// unreadable is the problem with an entry of a source that cannot be listed.
func (f *finder) unreadable(key string, err error) []problem {
	if !f.source {
		return nil
	}
	return []problem{{key: key, Problem: storage.Problem{Key: key, Err: err}}}
}

// incomplete is the problem with something that may hide any number of keys.
func incomplete(key string, err error) []problem {
	return []problem{{key: key, Problem: storage.Problem{Err: err}}}
}
