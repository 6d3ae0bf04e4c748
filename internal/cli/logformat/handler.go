// Package logformat is the log as the command writes it: as text, in colours, as JSON, and
// as the lines of a dry run.
package logformat

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"

	"s3sync/internal/report"
)

// Options say which records a handler writes, and how.
type Options struct {
	Out   io.Writer
	Level slog.Level // the lowest one
	// Spans also takes the records that mark the beginning or the end of a stage.
	Spans bool
	// Skips also takes records of objects that are skipped or kept, which are below
	// Level.
	Skips bool

	JSON, Colours bool
	// DryRun shows what would be done in lines for people, unless JSON is set.
	DryRun bool
	// Spell replaces the name of a setting by its option. It may be nil.
	Spell func(setting string) string
}

// New returns a handler that writes each record with one call of Write.
func New(o Options) slog.Handler {
	h := &handler{out: o.Out, level: o.Level, spans: o.Spans, skips: o.Skips, spell: o.Spell, mu: &sync.Mutex{}}
	switch {
	case o.JSON:
		h.format = appendJSON
		return h
	case o.Colours:
		h.format = pinned(appendColoured)
	default:
		h.format = pinned(appendText)
	}
	if o.DryRun {
		h.format = (&preview{records: h.format, details: o.Level <= levelDebug, colours: o.Colours}).append
	}
	return h
}

// A handler is an slog.Handler. Groups become prefixes of names: an attribute b in a
// group a is a.b. A record with an attribute named [spanEvent] is left out unless spans
// is set.
type handler struct {
	out          io.Writer
	level        slog.Level
	spans, skips bool
	format       func(buf []byte, r slog.Record, fields []slog.Attr) []byte
	spell        func(setting string) string

	// fields and prefix come from WithAttrs and WithGroup: flat attributes, and the
	// prefix of later ones.
	fields []slog.Attr
	prefix string

	mu *sync.Mutex
}

// spanEvent names the attribute of records about stages of the work.
const spanEvent = "span_event"

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level || h.skips && level == levelDebug
}

// Handle writes one record with one call of Write.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	fields := slices.Clip(h.fields)
	span, known := false, r.Level >= h.level
	r.Attrs(func(a slog.Attr) bool {
		span, known = span || a.Key == spanEvent, known || a.Key == report.ChangeAttr
		fields = flatten(fields, h.prefix, a)
		return true
	})
	if span && !h.spans || !known {
		return nil
	}
	fields = spellRecord(&r, fields, h.spell)
	line := h.format(make([]byte, 0, 256), r, fields)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.out.Write(append(line, '\n'))
	return err
}

// WithAttrs returns a handler whose records all have attrs.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.fields = slices.Clip(h.fields)
	for _, a := range attrs {
		next.fields = flatten(next.fields, h.prefix, a)
	}
	return &next
}

// WithGroup returns a handler whose further attributes are in a group.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.prefix += name + "."
	return &next
}

// flatten appends an attribute with its final name and value, or the members of
// a group.
func flatten(fields []slog.Attr, prefix string, a slog.Attr) []slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		if a.Equal(slog.Attr{}) {
			return fields
		}
		return append(fields, slog.Attr{Key: prefix + a.Key, Value: v})
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, member := range v.Group() {
		fields = flatten(fields, prefix, member)
	}
	return fields
}

// Fork returns a handler that gives records of a level and above to one handler, and all
// others to another one.
func Fork(below, from slog.Handler, at slog.Level) slog.Handler {
	return &fork{below: below, from: from, at: at}
}

type fork struct {
	below, from slog.Handler
	at          slog.Level
}

func (f *fork) branch(level slog.Level) slog.Handler {
	if level >= f.at {
		return f.from
	}
	return f.below
}

// Enabled asks the handler that would get the record.
func (f *fork) Enabled(ctx context.Context, level slog.Level) bool {
	return f.branch(level).Enabled(ctx, level)
}

// Handle passes the record to its handler.
func (f *fork) Handle(ctx context.Context, r slog.Record) error {
	return f.branch(r.Level).Handle(ctx, r)
}

// WithAttrs returns a fork of which both handlers have attrs.
func (f *fork) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &fork{below: f.below.WithAttrs(attrs), from: f.from.WithAttrs(attrs), at: f.at}
}

// WithGroup returns a fork of which both handlers are in a group.
func (f *fork) WithGroup(name string) slog.Handler {
	return &fork{below: f.below.WithGroup(name), from: f.from.WithGroup(name), at: f.at}
}
