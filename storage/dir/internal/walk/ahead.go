package walk

import "time"

// Where calls wait for the network or a disk, a listing looks at several entries at once,
// and reads directories before it is their turn. It yields and tells the same, in the same
// order. What changes meanwhile may be seen as it was a little earlier.

const (
	// timedFile: the time of each call would cost more than it tells.
	timedFile = 16
	// maxFilesAhead and maxDirsAhead bound what is looked at before it is its turn. A
	// directory with more entries than maxEntriesAhead is read when it is its turn.
	maxFilesAhead, maxDirsAhead, maxEntriesAhead = 256, 64, 1024
	// maxLooksAhead is how many files one goroutine looks at after it read their directory.
	maxLooksAhead = 64
)

// lookOnce looks at one file, and notes now and then how long that takes.
func (w *walker) lookOnce(key, prefix string, c *Contents, e *entry) {
	w.files++
	if w.files%timedFile != 0 {
		w.look(key, prefix, c, e)
		return
	}
	start := time.Now()
	w.look(key, prefix, c, e)
	w.pace.add(timedFile, timedFile*time.Since(start))
}

// lookAhead looks at the entries from one on, if that pays, and returns where it ended.
func (w *walker) lookAhead(prefix string, c *Contents, from int) int {
	if !w.pace.slow() {
		return from + timedFile // and then asks again
	}
	var files, dirs []*entry
	end := from
	for end < len(c.entries) && len(files) < maxFilesAhead && w.ahead+len(dirs) < maxDirsAhead {
		e := &c.entries[end]
		key := prefix + e.name
		if w.opts.To != "" && key >= w.opts.To {
			break
		}
		switch {
		case e.typ.IsDir() && w.opts.Reaches(key) && !w.skips(key, e):
			dirs = append(dirs, e)
		case e.typ == 0 && !e.known && key >= w.opts.From:
			files = append(files, e)
		}
		end++
	}
	_, _ = w.pace.eachAtOnce(0, len(dirs)+len(files), func(i int) (int, error) { // never fails
		if i < len(dirs) {
			return w.readAhead(prefix+dirs[i].name, dirs[i]), nil
		}
		e := files[i-len(dirs)]
		w.look(prefix+e.name, prefix, c, e)
		return 1, nil
	})
	for _, e := range dirs {
		if e.more.ahead != nil {
			w.ahead++
		}
	}
	return max(end, from+1)
}

// readAhead reads the directory of an entry, and looks at its first files. It returns about
// how many calls to the file system that took.
func (w *walker) readAhead(prefix string, e *entry) (calls int) {
	calls = 5 // open, fstat, getdents twice, close
	c := w.read(prefix, e, maxEntriesAhead, nil)
	if c == nil {
		return calls
	}
	e.more.ahead = c
	looks := 0
	for i := range c.entries {
		file := &c.entries[i]
		key := prefix + file.name
		switch {
		case file.known: // read has looked at it
		case file.typ == 0 && looks < maxLooksAhead && w.opts.Contains(key):
			w.look(key, prefix, c, file)
			looks++
		default:
			continue
		}
		calls++
	}
	return calls
}
