package options

import (
	"log/slog"
	"math"
	"strings"

	"s3sync"
)

// LevelOff is above every other level.
const LevelOff = slog.Level(math.MaxInt32)

// levelNamed returns the level of a name. The name is case-insensitive.
func levelNamed(name string) (slog.Level, bool) {
	level, ok := map[string]slog.Level{
		"off": LevelOff, "error": slog.LevelError, "warn": slog.LevelWarn, "info": slog.LevelInfo, "debug": slog.LevelDebug, "trace": s3sync.LevelTrace,
	}[strings.ToLower(name)]
	return level, ok
}

// Level returns the lowest level that is logged.
func (l *Line) Level() slog.Level {
	level := s3sync.LevelNote
	if l.set.Level != nil {
		level = *l.set.Level
	}
	switch {
	case l.set.Quiet >= 2:
		level = LevelOff
	case l.set.Quiet == 1:
		level = slog.LevelError
	case l.set.Verbose == 1:
		level = slog.LevelInfo
	case l.set.Verbose == 2:
		level = slog.LevelDebug
	case l.set.Verbose >= 3:
		level = s3sync.LevelTrace
	}
	if l.Config.DryRun && !l.summary() || l.Config.Report.Status {
		// A dry run or a report without output is of no use.
		level = min(level, slog.LevelInfo)
	}
	return level
}

// Skips reports whether the log also has the objects that a dry run leaves as they are,
// although their records are below its level.
func (l *Line) Skips() bool { return l.Config.DryRun && !l.summary() && l.set.Verbose == 1 }

// summary reports whether a summary is printed in place of what a dry run prints.
func (l *Line) summary() bool { return l.command != nil && l.command.Summary }
