// Package display shows a user how far a run is: in live lines at the bottom of a terminal,
// or in records of the log, and at the end in one line.
package display

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"
)

// A Screen keeps live lines below all other output on a terminal. Between two calls the
// cursor stands at their beginning. So nothing has to be known of how a terminal breaks
// the lines anew when its window gets another size: what is below the cursor is erased and
// drawn again. It may be used concurrently. The zero Screen has no live lines.
type Screen struct {
	mu sync.Mutex

	out   *os.File    // of the live lines, nil if there are none
	same  []io.Writer // those that write to the same terminal
	live  []string
	width int // of the terminal that the lines were made for
}

// erase is what erases the live lines, from the cursor to the end of the screen:
// https://ecma-international.org/publications-and-standards/standards/ecma-48 (ED).
const erase = "\r\x1b[J"

// Open makes f the terminal of the live lines. Others of the writers may be the same one.
func (s *Screen) Open(f *os.File, writers ...io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = f
	s.same = slices.DeleteFunc(writers, func(w io.Writer) bool { return !sameTerminal(f, w) })
}

// sameTerminal reports whether w writes to the terminal f.
func sameTerminal(f *os.File, w io.Writer) bool {
	other, ok := w.(*os.File)
	if !ok {
		return false
	}
	a, err := f.Stat()
	b, berr := other.Stat()
	return other == f || Terminal(other) != nil && err == nil && berr == nil && os.SameFile(a, b)
}

// Put writes text to w, above the live lines.
func (s *Screen) Put(w io.Writer, text string) {
	_, _ = s.Write(w, []byte(text)) // a message that cannot be shown is no reason to stop
}

// Write writes whole lines to w, above the live lines.
func (s *Screen) Write(w io.Writer, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) == 0 || !slices.Contains(s.same, w) {
		return w.Write(p)
	}
	// One write, or the lines would flicker. In a window that got narrower since, they would
	// be broken, so the next call of Show draws them.
	all := append([]byte(erase), p...)
	if width, _ := s.Size(); width < s.width {
		s.live = nil
	} else {
		all = append(all, s.drawing()...)
	}
	if _, err := w.Write(all); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Show replaces the live lines. None of them may be as wide as the terminal, which has so
// many columns.
func (s *Screen) Show(width int, lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return
	}
	s.width, s.live = width, lines
	_, _ = io.WriteString(s.out, s.drawing()) // as in Put
}

// Clear removes the live lines.
func (s *Screen) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) > 0 {
		s.live = nil
		_, _ = io.WriteString(s.out, erase) // as in Put
	}
}

// drawing returns what draws the live lines. It erases what stood there, line by line, so
// that nothing flickers.
func (s *Screen) drawing() string {
	var b strings.Builder
	for i, line := range s.live {
		if i > 0 {
			b.WriteString("\x1b[K\r\n")
		} else {
			b.WriteString("\r")
		}
		b.WriteString(line)
	}
	b.WriteString("\x1b[J\r")
	if n := len(s.live) - 1; n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", n)
	}
	return b.String()
}

// Size returns the columns and rows of the terminal.
func (s *Screen) Size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// Terminal returns w as a terminal, or nil.
func Terminal(w io.Writer) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
