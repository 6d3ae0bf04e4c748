package tree

import (
	"math"
	"os"
	"sync"
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
	// These are guarded by pool.mu.
	users   int
	dropped bool // it is closed when nobody uses it any more
	used    uint64
	again   bool // used since it is held
}

// A pool are the directories that a tree holds open.
type pool struct {
	mu   sync.Mutex
	dirs map[string]*held // by path
	uses uint64
	// passed is how many more directories are passed over that might be held.
	passed int
}

// hold returns the directory that is held for a path, or nil. The caller releases it.
func (p *pool) hold(path string) *held {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.dirs[path]
	if h != nil {
		p.uses++
		h.users++
		h.used, h.again = p.uses, true
	}
	return h
}

func (p *pool) release(h *held) {
	p.mu.Lock()
	defer p.mu.Unlock()
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
func (p *pool) drop(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLocked(path)
}

func (p *pool) dropAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for path := range p.dirs {
		p.dropLocked(path)
	}
}

func (p *pool) dropLocked(path string) {
	if h := p.dirs[path]; h != nil {
		delete(p.dirs, path)
		h.dropped = true
		h.closeUnused()
	}
}

// keep holds the directory of a file that was just created, if that may pay and names are
// exact in it.
func (p *pool) keep(f folder, file string) {
	if !p.mayKeep() || !caseMatters(f, file) {
		return
	}
	dir, err := f.Open(".")
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirs[f.path] != nil {
		_ = dir.Close() // nothing was written through it
		return
	}
	p.makeRoom()
	if p.dirs == nil {
		p.dirs = map[string]*held{}
	}
	p.uses++
	p.dirs[f.path] = &held{dir: dir, used: p.uses}
}

func (p *pool) mayKeep() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.passed == 0 {
		return true
	}
	p.passed--
	return false
}

// makeRoom lets go the directory whose last use is the longest ago, if there are too many.
// If it was of no use, the files are written in an order that visits too many directories
// in turn: then others are not held for a while either.
func (p *pool) makeRoom() {
	if len(p.dirs) < maxHeld {
		return
	}
	oldest := p.leastUsed()
	useless := !p.dirs[oldest].again
	p.dropLocked(oldest)
	if !useless {
		return
	}
	for path, h := range p.dirs {
		if !h.again {
			p.dropLocked(path)
		}
	}
	p.passed = 8 * maxHeld
}

// leastUsed returns the path of the directory whose last use is the longest ago.
func (p *pool) leastUsed() (path string) {
	oldest := uint64(math.MaxUint64)
	for at, h := range p.dirs {
		if h.used < oldest {
			path, oldest = at, h.used
		}
	}
	return path
}
