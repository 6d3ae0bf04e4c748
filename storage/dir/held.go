package dir

import (
	"math"
	"os"
)

// maxHeld is how many directories a tree holds open for the files that are written next.
// Those of files that are being written come on top.
const maxHeld = 64

// A held is a directory of a tree that stays open for the files that are written to it
// next. In it all names are exact: see caseMatters.
//
// Its path may lead to another directory by now, or through a link. So a file is created
// by its path, under a name that no other file has, and is renamed in the directory that
// is held. If the file is not in there, the directory is not the one of the path any more.
type held struct {
	dir *os.File
	// These are guarded by tree.mu.
	users   int
	dropped bool // it is closed when nobody uses it any more
	used    uint64
	again   bool // used since it is held
}

// hold returns the directory that is held for a path, or nil. The caller releases it.
func (t *tree) hold(path string) *held {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.held[path]
	if h != nil {
		t.uses++
		h.users++
		h.used, h.again = t.uses, true
	}
	return h
}

func (t *tree) release(h *held) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h.users--
	h.closeUnused()
}

// closeUnused closes a directory that is neither used nor held.
func (h *held) closeUnused() {
	if h.dropped && h.users == 0 {
		_ = h.dir.Close() // nothing was written through it
	}
}

// drop holds a directory no longer.
func (t *tree) drop(path string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropLocked(path)
}

func (t *tree) dropLocked(path string) {
	if h := t.held[path]; h != nil {
		delete(t.held, path)
		h.dropped = true
		h.closeUnused()
	}
}

// keep holds the directory of a file that was just created, if that may pay and names are
// exact in it.
func (t *tree) keep(f folder, file string) {
	if !t.mayKeep() || !caseMatters(f, file) {
		return
	}
	dir, err := f.Open(".")
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[f.path] != nil || t.root == nil {
		_ = dir.Close() // nothing was written through it
		return
	}
	t.makeRoom()
	if t.held == nil {
		t.held = map[string]*held{}
	}
	t.uses++
	t.held[f.path] = &held{dir: dir, used: t.uses}
}

func (t *tree) mayKeep() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.passed == 0 {
		return true
	}
	t.passed--
	return false
}

// makeRoom lets go the directory whose last use is the longest ago, if there are too many.
// If it was of no use, the files are written in an order that visits too many directories
// in turn: then others are not held for a while either.
func (t *tree) makeRoom() {
	if len(t.held) < maxHeld {
		return
	}
	oldest := t.leastUsed()
	useless := !t.held[oldest].again
	t.dropLocked(oldest)
	if !useless {
		return
	}
	for path, h := range t.held {
		if !h.again {
			t.dropLocked(path)
		}
	}
	t.passed = 8 * maxHeld
}

// leastUsed returns the path of the directory whose last use is the longest ago.
func (t *tree) leastUsed() (path string) {
	oldest := uint64(math.MaxUint64)
	for p, h := range t.held {
		if h.used < oldest {
			path, oldest = p, h.used
		}
	}
	return path
}
