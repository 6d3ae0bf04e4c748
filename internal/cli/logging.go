package cli

import (
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"syscall"

	"s3sync"
	"s3sync/internal/cli/options"
)

// Levels of the log. slog has no names for the outer ones.
const (
	levelTrace = s3sync.LevelTrace
	levelDebug = slog.LevelDebug
	levelInfo  = slog.LevelInfo
	levelNote  = s3sync.LevelNote
	levelWarn  = slog.LevelWarn
	levelError = slog.LevelError
	levelOff   = options.LevelOff
)

// logger makes the log of a run. Warnings and errors go to standard error, so that the
// user sees them when the rest goes to another program or into a file. With
// --json-tracing all records go to one stream, because programs read only one.
func (c *command) logger() *slog.Logger {
	c.stdout = &logStream{w: c.p.Stdout, screen: c.screen, failed: c.logFailed}
	c.stderr = &logStream{w: c.p.Stderr, screen: c.screen, failed: c.logFailed}
	if c.line.Log.ToStderr {
		c.stdout = c.stderr
	}
	level := c.line.Level()
	switch {
	case level == levelOff:
		return slog.New(slog.DiscardHandler)
	case c.line.Log.JSON, c.stdout == c.stderr:
		return slog.New(c.handler(c.stdout, level))
	}
	return slog.New(&fork{
		below: c.handler(c.stdout, level),
		from:  c.handler(c.stderr, level),
		at:    levelNote,
	})
}

// handler writes records of a level and above to a stream.
func (c *command) handler(out *logStream, level slog.Level) *handler {
	h := &handler{mu: &sync.Mutex{}, out: out, level: level, spans: c.line.Log.Spans, skips: c.line.Skips(), spell: c.line.Spell}
	colours := c.colours(out.w)
	switch {
	case c.line.Log.JSON:
		h.format = appendJSON
		return h
	case colours:
		h.format = appendColoured
	default:
		h.format = appendText
	}
	h.format = pinned(h.format)
	if c.cfg().DryRun {
		h.format = (&preview{records: h.format, details: level <= levelDebug, colours: colours}).append
	}
	return h
}

// logFailed reports that lines of the log are missing.
func (c *command) logFailed(err error) {
	c.say("the log cannot be written: " + err.Error() + "; the run goes on, and ends with exit code 1 at best")
}

// colours reports whether w shows colours and no variable forbids them:
// https://no-color.org.
func (c *command) colours(w io.Writer) bool {
	return !c.line.Log.NoColor && c.line.Variable("NO_COLOR") == "" && c.draws(w)
}

// draws reports whether w is a terminal that understands escape sequences.
func (c *command) draws(w io.Writer) bool {
	if c.line.Variable("TERM") == "dumb" || terminal(w) == nil {
		return false
	}
	// The old console of Windows prints escape sequences as text.
	return runtime.GOOS != "windows" || c.line.Variable("WT_SESSION") != "" || c.line.Variable("TERM") != ""
}

// A logStream receives the log lines. When its reader goes away, the rest of the log
// is dropped, because the run has to go on. The run also goes on when the log cannot
// be written for another reason, but that is a failure.
type logStream struct {
	w      io.Writer
	screen *screen
	// failed is called with the first failure.
	failed func(error)

	mu     sync.Mutex
	broken bool  // the reader is gone
	err    error // the first failure
}

// Write writes one line, or drops it. It returns no error, because nobody would check
// it for each line; see err.
func (s *logStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return len(p), nil
	}
	_, err := s.screen.Write(s.w, p)
	switch {
	case err == nil:
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		s.broken = true
	case s.err == nil:
		s.err = err
		s.failed(err)
	}
	return len(p), nil
}

// failure returns why lines are missing, or nil.
func (s *logStream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
