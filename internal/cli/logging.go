package cli

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"syscall"

	"s3sync"
)

// Levels of the log. slog has no names for the outer ones.
const (
	levelTrace = s3sync.LevelTrace
	levelDebug = slog.LevelDebug
	levelInfo  = slog.LevelInfo
	levelNote  = s3sync.LevelNote
	levelWarn  = slog.LevelWarn
	levelError = slog.LevelError
	levelOff   = slog.Level(math.MaxInt32)
)

// level is the lowest level that is logged.
func (c *command) level() slog.Level {
	level := levelNote
	switch {
	case c.set.quiet >= 2:
		level = levelOff
	case c.set.quiet == 1:
		level = levelError
	case c.set.verbose == 1:
		level = levelInfo
	case c.set.verbose == 2:
		level = levelDebug
	case c.set.verbose >= 3:
		level = levelTrace
	}
	if c.cfg.DryRun || c.cfg.Report.Status {
		// A dry run or a report that says nothing is of no use.
		level = min(level, levelInfo)
	}
	return level
}

// logger makes the log of a run.
func (c *command) logger() *slog.Logger {
	level := c.level()
	if level == levelOff {
		return slog.New(slog.DiscardHandler)
	}
	w := c.p.Stdout
	if c.set.logToStderr {
		w = c.p.Stderr
	}
	h := &handler{
		mu:    &sync.Mutex{},
		out:   &logStream{w: w, screen: c.screen},
		level: level,
		spans: c.set.spans,
	}
	switch {
	case c.set.jsonLog:
		h.format = appendJSON
	case c.colours(w):
		h.format = appendColoured
	default:
		h.format = appendText
	}
	return slog.New(h)
}

// colours reports whether w shows colours and nobody objects:
// https://no-color.org.
func (c *command) colours(w io.Writer) bool {
	if c.set.noColor || c.env["NO_COLOR"] != "" || c.env["TERM"] == "dumb" || terminal(w) == nil {
		return false
	}
	// The old console of Windows prints escape sequences as they stand.
	return runtime.GOOS != "windows" || c.env["WT_SESSION"] != "" || c.env["TERM"] != ""
}

// A logStream is where log lines go. When its reader goes away the rest of the
// log is dropped: the run has to go on.
type logStream struct {
	w      io.Writer
	screen *screen
	broken bool
}

// Write is called with the lock of the handler held.
func (s *logStream) Write(p []byte) (int, error) {
	if s.broken {
		return len(p), nil
	}
	n, err := s.screen.Write(s.w, p)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		s.broken = true
		return len(p), nil
	}
	return n, err
}
