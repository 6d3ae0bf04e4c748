package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"
)

// A screen keeps live lines below all other output on a terminal. Between two calls the
// cursor stands at their beginning. So nothing has to be known of how a terminal breaks
// the lines anew when its window gets another size: what is below the cursor is erased and
// drawn again. It may be used concurrently. The zero screen has no live lines.
type screen struct {
	mu sync.Mutex

	out   *os.File    // of the live lines, nil if there are none
	same  []io.Writer // those that write to the same terminal
	live  []string
	width int // of the terminal that the lines were made for
}

// erase is what erases the live lines, from the cursor to the end of the screen:
// https://ecma-international.org/publications-and-standards/standards/ecma-48 (ED).
const erase = "\r\x1b[J"

// open makes f the terminal of the live lines. Others of the writers may be the same one.
func (s *screen) open(f *os.File, writers ...io.Writer) {
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
	return other == f || terminal(other) != nil && err == nil && berr == nil && os.SameFile(a, b)
}

// put writes text to w, above the live lines.
func (s *screen) put(w io.Writer, text string) {
	_, _ = s.Write(w, []byte(text)) // a message that cannot be shown is no reason to stop
}

// Write writes whole lines to w, above the live lines.
func (s *screen) Write(w io.Writer, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) == 0 || !slices.Contains(s.same, w) {
		return w.Write(p)
	}
	// One write, or the lines would flicker. In a window that got narrower since, they would
	// be broken, so the next call of show draws them.
	all := append([]byte(erase), p...)
	if width, _ := s.size(); width < s.width {
		s.live = nil
	} else {
		all = append(all, s.drawing()...)
	}
	if _, err := w.Write(all); err != nil {
		return 0, err
	}
	return len(p), nil
}

// show replaces the live lines. None of them may be as wide as the terminal, which has so
// many columns.
func (s *screen) show(width int, lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return
	}
	s.width, s.live = width, lines
	_, _ = io.WriteString(s.out, s.drawing()) // as in put
}

// clear removes the live lines.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) > 0 {
		s.live = nil
		_, _ = io.WriteString(s.out, erase) // as in put
	}
}

// drawing returns what draws the live lines. It erases what stood there, line by line, so
// that nothing flickers.
func (s *screen) drawing() string {
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

// size returns the columns and rows of the terminal.
func (s *screen) size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// terminal returns w as a terminal, or nil.
func terminal(w io.Writer) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
