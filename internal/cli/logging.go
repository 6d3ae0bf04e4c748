package cli

import (
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"

	"s3sync"
	"s3sync/internal/cli/display"
	"s3sync/internal/cli/logformat"
	"s3sync/internal/cli/options"
)

// Levels of the log that slog has no names for.
const (
	levelTrace = s3sync.LevelTrace
	levelNote  = s3sync.LevelNote
)

// logger makes the log of a run. Warnings and errors go to standard error, so that the
// user sees them when the rest goes to another program or into a file. With
// --json-tracing all records go to one stream, because programs read only one.
func (c *console) logger() *slog.Logger {
	c.stdout = &logStream{w: c.p.Stdout, screen: c.screen, failed: c.logFailed}
	c.stderr = &logStream{w: c.p.Stderr, screen: c.screen, failed: c.logFailed}
	if c.line.Log.ToStderr {
		c.stdout = c.stderr
	}
	level := c.line.Level()
	switch {
	case level == options.LevelOff:
		return slog.New(slog.DiscardHandler)
	case c.line.Log.JSON, c.stdout == c.stderr:
		return slog.New(c.handler(c.stdout, level))
	}
	return slog.New(logformat.Fork(c.handler(c.stdout, level), c.handler(c.stderr, level), levelNote))
}

// handler writes records of a level and above to a stream.
func (c *console) handler(out *logStream, level slog.Level) slog.Handler {
	return logformat.New(logformat.Options{
		Out: out, Level: level, Spans: c.line.Log.Spans, Skips: c.line.Skips(), JSON: c.line.Log.JSON, Colours: c.colours(out.w),
		DryRun: c.line.Config.DryRun, Spell: c.line.Spell,
	})
}

// logFailed reports that lines of the log are missing.
func (c *console) logFailed(err error) {
	c.say("the log cannot be written: " + err.Error() + "; the run goes on, and ends with exit code 1 at best")
}

// colours reports whether w shows colours and no variable forbids them:
// https://no-color.org.
func (c *console) colours(w io.Writer) bool {
	return !c.line.Log.NoColor && c.line.Variable("NO_COLOR") == "" && c.draws(w)
}

// draws reports whether w is a terminal that understands escape sequences.
func (c *console) draws(w io.Writer) bool {
	if c.line.Variable("TERM") == "dumb" || display.Terminal(w) == nil {
		return false
	}
	// The old console of Windows prints escape sequences as text.
	return runtime.GOOS != "windows" || c.line.Variable("WT_SESSION") != "" || c.line.Variable("TERM") != ""
}

// utf8 reports whether the terminal shows more than ASCII, as the locale says:
// https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html.
func (c *console) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := c.line.Variable(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return c.line.Variable("WT_SESSION") != ""
}

// A logStream receives the log lines. When its reader goes away, the rest of the log
// is dropped, because the run has to go on. The run also goes on when the log cannot
// be written for another reason, but that is a failure.
type logStream struct {
	w      io.Writer
	screen *display.Screen
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
	case readerGone(err):
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
