package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"s3sync"
	"s3sync/internal/limits"
	"s3sync/internal/setting"
	"s3sync/storage"
	"s3sync/storage/bucket"
	"s3sync/storage/dir"
)

// Options say how a Config is examined.
type Options struct {
	// Probe writes below one new name in the target, and removes that again. It also copies
	// an object there if the sides are buckets of one server.
	Probe bool
	// HowToProbe says how the user lets the target be probed.
	HowToProbe string
	// Warn, if set, receives what the user should know before the first write.
	Warn func(setting.Text)
	// Report, if set, receives each check when it is done, in order.
	Report func(Check)
}

// Run examines what a valid Config needs, and returns all checks in the order in which
// they were made. A side that does not answer is one failure, and nothing more is asked of
// it. Each check ends after 5 seconds. If ctx is cancelled, no further check begins; what a
// probe wrote is removed nevertheless, within 3 seconds.
//
// The sides must be given by their URLs: a Store of the caller is an error.
func Run(ctx context.Context, cfg *s3sync.Config, o Options) ([]Check, error) {
	if cfg.Source.Store != nil || cfg.Target.Store != nil {
		return nil, errors.New("only sides that are given by URLs can be examined")
	}
	p, err := planOf(impatient(cfg))
	if err != nil {
		return nil, err
	}
	return examine(ctx, &doctor{plan: p, opts: o, limit: limit})
}

// examine makes all checks.
func examine(ctx context.Context, d *doctor) ([]Check, error) {
	source := d.open(ctx, Source, d.OpenSource)
	if source != nil {
		defer source.store.Close() //nolint:errcheck // nothing was written through it
		d.ask(ctx, source, d.source(source))
	}
	target := d.open(ctx, Target, d.OpenTarget)
	if target != nil {
		defer target.store.Close() //nolint:errcheck // each write was checked
		d.ask(ctx, target, d.target(target))
		if !target.lost {
			d.probe(ctx, source, target)
		}
	}
	d.look(ctx, &side{name: Machine}, question{"open files", d.openFiles})
	return d.checks, ctx.Err()
}

// impatient returns a Config whose requests fail soon, and otherwise are those of cfg.
func impatient(cfg *s3sync.Config) *s3sync.Config {
	c := *cfg
	c.Retry.MaxAttempts = min(c.Retry.MaxAttempts, 2)
	c.Logger, c.AWS.Trace = nil, false
	// A single object may go to a file, which is in the directory to look at.
	if fi, err := os.Stat(c.Target.URL); err == nil && fi.Mode().IsRegular() {
		c.Target.URL = filepath.Dir(c.Target.URL)
	}
	return &c
}

// A doctor examines one plan.
type doctor struct {
	plan

	opts   Options
	limit  time.Duration // of a check
	checks []Check
}

// A side is what is known of one of them.
type side struct {
	name  string
	store storage.Store
	needs needs
	lost  bool
	// ask is valid for a bucket, which a directory is not.
	ask    bucket.Examiner
	bucket bool
	folder *dir.Store

	answers []bucket.Answer
	objects []storage.Object // the first ones, under relative keys
	sample  *storage.Object  // the one that can be looked at
	kept    string           // the state of versioning
}

// A question is one check. It returns a zero finding if there is nothing to say.
type question struct {
	name string
	ask  func(context.Context, *side) finding
}

// open opens a side. It returns nil if that fails.
func (d *doctor) open(ctx context.Context, name string, open func(context.Context, func(storage.Notice)) (storage.Store, error)) *side {
	s := &side{name: name}
	d.look(ctx, s, question{"opening", func(ctx context.Context, s *side) finding {
		store, err := open(ctx, nil)
		if err != nil {
			f := found(Failure, "%v", reason(err))
			f.lost = true
			switch {
			case errors.Is(err, storage.ErrCredentials):
				f.Name = "credentials"
			case strings.Contains(err.Error(), "no region is known"):
				f = f.hint("set %s, or AWS_REGION", regionOf(name))
			}
			return f
		}
		s.store = store
		return finding{}
	}})
	if s.store == nil {
		return nil
	}
	if b, ok := storage.As[*bucket.Store](s.store); ok {
		s.bucket, s.ask = true, b.Examiner()
	}
	s.folder, _ = storage.As[*dir.Store](s.store)
	return s
}

// ask asks questions of a side until it is lost.
func (d *doctor) ask(ctx context.Context, s *side, questions []question) {
	for _, q := range questions {
		if s.lost {
			return
		}
		d.look(ctx, s, q)
	}
}

// look asks one question.
func (d *doctor) look(ctx context.Context, s *side, q question) {
	if ctx.Err() != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	f := q.ask(limited, s)
	if ctx.Err() != nil || f.Found.String() == "" {
		return // what failed because of a cancellation says nothing
	}
	if f.Side = s.name; f.Name == "" {
		f.Name = q.name
	}
	s.lost = s.lost || f.lost
	d.checks = append(d.checks, f.Check)
	if d.opts.Report != nil {
		d.opts.Report(f.Check)
	}
}

// source and target return the questions that change nothing.
func (d *doctor) source(s *side) []question {
	s.needs = d.ofSource()
	if s.bucket {
		return append(d.ofBucket(), d.ofObject()...)
	}
	return []question{{"directory", d.readable}}
}

func (d *doctor) target(s *side) []question {
	s.needs = d.ofTarget()
	if !s.bucket {
		return []question{{"directory", d.writable}, {"free space", d.space}, {"letter case", d.letterCase}}
	}
	return append(d.ofBucket(), question{"object lock", d.lock})
}

// openFiles compares how many files may be open with what the run would have open.
func (d *doctor) openFiles(context.Context, *side) finding {
	most, each := limits.OpenFiles(), limits.FilesEach
	workers := d.Transfer.Workers
	switch {
	case workers > 0 && int(workers)*each > most:
		return found(Failure, "%d may be open, and %d objects at once need about %d", most, workers, int(workers)*each).
			hint("raise it (ulimit -n), or lower %s", setting.Name("Transfer.Workers"))
	case workers <= 0 && most < limits.AutoMost*each:
		return found(Warning, "%d may be open: at most %d objects at once", most, workers.Most()).
			hint("raise it to %d (ulimit -n) where a run is slow", limits.AutoMost*each)
	}
	return found(OK, "%d objects at once fit", workers.Most())
}
