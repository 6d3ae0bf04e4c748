package cli

import (
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"s3sync"
)

// A screen keeps the live line below all other output on the terminal. It removes the
// line before a write and draws it again afterwards. It may be used concurrently. The
// zero screen has no live line.
type screen struct {
	mu sync.Mutex

	out  io.Writer // of the live line, nil if there is none
	live string    // its text
}

// put writes text to w, above the live line.
func (s *screen) put(w io.Writer, text string) {
	_, _ = s.Write(w, []byte(text)) // a message that cannot be shown is no reason to stop
}

// Write writes p to w, above the live line.
func (s *screen) Write(w io.Writer, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.live
	s.replace("")
	n, err := w.Write(p)
	s.replace(line)
	return n, err
}

// show replaces the live line.
func (s *screen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(line)
}

// replace overwrites the live line, with blanks where the old one was longer, because
// not every terminal supports escape sequences.
func (s *screen) replace(line string) {
	if s.out == nil || (line == "" && s.live == "") {
		return
	}
	text := "\r" + line
	if n := len(s.live) - len(line); n > 0 {
		text += strings.Repeat(" ", n)
	}
	if line == "" {
		text += "\r"
	}
	_, _ = io.WriteString(s.out, text) // as in put
	s.live = line
}

// terminal returns w as a terminal, or nil.
func terminal(w io.Writer) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// samples is the number of intervals, of about a second each, over which rates are
// averaged.
const samples = 10

// A sample is what was transferred up to a moment of the run.
type sample struct {
	at             time.Duration
	bytes, objects int64
}

// A progress draws the live line. Its methods are called from one goroutine.
type progress struct {
	screen *screen
	dryRun bool
	// width returns the number of columns of the terminal.
	width   func() int
	samples []sample
}

// progress makes the display of a run. It has a live line only where it does not mix
// with a log: on a terminal, at the quieter levels.
func (c *command) progress() *progress {
	p := &progress{screen: c.screen, dryRun: c.cfg().DryRun, samples: []sample{{}}}
	if f := terminal(c.p.Stderr); f != nil && !c.line.Log.JSON && c.line.Level() >= levelNote {
		c.screen.out = f
		p.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80
			}
			return width
		}
	}
	return p
}

// callback returns the function that draws the line, or nil if there is none: a run
// that nobody watches costs less.
func (p *progress) callback() func(s3sync.Event) {
	if p.screen.out == nil {
		return nil
	}
	return p.event
}

func (p *progress) event(ev s3sync.Event) {
	if ev.Type != s3sync.EventProgress {
		return
	}
	p.screen.show(cut(p.line(*ev.Stats), p.width()-1))
}

// line returns the status with rates over the last samples.
func (p *progress) line(st s3sync.Stats) string {
	now := sample{st.Elapsed, st.TransferredBytes, st.Transferred}
	first := p.samples[0]
	p.samples = append(p.samples, now)
	p.samples = slices.Delete(p.samples, 0, max(0, len(p.samples)-samples))
	if p.dryRun {
		return statusLine(st, 0, 0)
	}
	elapsed := now.at - first.at
	return statusLine(st, average(now.bytes-first.bytes, elapsed), average(now.objects-first.objects, elapsed))
}

// end removes the live line.
func (p *progress) end() { p.screen.show("") }

// cut shortens a line of ASCII to a width, so that it stays one line.
func cut(line string, width int) string {
	return line[:min(len(line), max(0, width))]
}
