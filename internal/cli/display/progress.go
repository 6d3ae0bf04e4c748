package display

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/mattn/go-runewidth"

	"s3sync"
	"s3sync/internal/cli/human"
	"s3sync/internal/cli/options"
)

// window is the time over which rates are averaged.
const window = 10 * time.Second

// A sample is how many bytes were transferred up to a moment of the run.
type sample struct {
	at    time.Duration
	bytes int64
}

// A speed is how fast a run goes, by its last samples.
type speed struct{ samples []sample }

// add adds the bytes of a moment, and returns the human.Average over the window.
func (s *speed) add(at time.Duration, bytes int64) (perSecond int64) {
	s.samples = append(s.samples, sample{at, bytes})
	old := 0
	for old < len(s.samples)-2 && s.samples[old+1].at <= at-window {
		old++
	}
	s.samples = slices.Delete(s.samples, 0, old)
	first := s.samples[0]
	return max(0, human.Average(bytes-first.bytes, at-first.at))
}

// remaining returns how long a run will go on at a speed. It is false if nobody can tell.
func remaining(p *s3sync.Progress, perSecond int64) (time.Duration, bool) {
	left := p.FoundBytes - p.DoneBytes
	if left <= 0 || perSecond <= 0 {
		return 0, false
	}
	seconds := float64(left) / float64(perSecond)
	if seconds > math.MaxInt64/1e9 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// A Progress tells how far a run is: in live lines on a terminal, otherwise in records of
// the log. Its methods are called from one goroutine.
type Progress struct {
	screen *Screen
	live   bool
	view   view
	speed  speed
	// stats is the time between two records, and next that of the run at which one is due.
	stats, next time.Duration
	log         *slog.Logger
	json        bool
	last        s3sync.Progress
}

// Options say what is shown of a run, and how.
type Options struct {
	// Live draws live lines on a terminal. Otherwise Log receives a record every Stats,
	// for programs with JSON. If Stats is 0, it receives none.
	Live  bool
	Log   *slog.Logger
	Stats time.Duration
	JSON  bool

	DryRun, Report bool
	Colours, ASCII bool
}

// New makes the display of a run. If it is Live, the screen is open.
func New(screen *Screen, o Options) *Progress {
	return &Progress{
		screen: screen, live: o.Live, stats: o.Stats, next: o.Stats, log: o.Log, json: o.JSON,
		view: view{dryRun: o.DryRun, report: o.Report, colour: o.Colours, ascii: o.ASCII || runewidth.EastAsianWidth},
	}
}

// Callback returns what the run calls, or nil: a run that nobody watches costs less.
func (p *Progress) Callback() func(s3sync.Progress) {
	if !p.live && p.stats <= 0 {
		return nil
	}
	return p.tell
}

func (p *Progress) tell(now s3sync.Progress) {
	p.last = now
	perSecond := p.speed.add(now.Stats.Elapsed, now.DoneBytes)
	if p.live {
		p.view.width, p.view.height = p.screen.Size()
		p.screen.Show(p.view.width, p.view.lines(&now, perSecond))
		return
	}
	if now.Stats.Elapsed < p.next {
		return
	}
	p.next = now.Stats.Elapsed.Truncate(p.stats) + p.stats
	if p.json {
		p.record("progress", progressFields(&now, perSecond)...)
		return
	}
	p.record(p.view.sentence(&now, perSecond))
}

// record logs that the run goes on.
func (p *Progress) record(message string, fields ...slog.Attr) {
	p.log.LogAttrs(context.Background(), s3sync.LevelNote, message, fields...) //nolint:forbidigo // slog wants one
}

// End removes the live lines. On a terminal it says in words what became of the run.
func (p *Progress) End(o Outcome) {
	if !p.live {
		return
	}
	p.screen.Clear()
	if o.Report != nil && o.Code != options.ExitBug && (p.view.report || !p.view.dryRun) { // a dry run has its own line
		p.screen.Put(p.screen.out, p.view.result(&p.last, o)+"\n")
	}
}

// progressFields are the fields of a record for programs.
func progressFields(p *s3sync.Progress, perSecond int64) []slog.Attr {
	st := &p.Stats
	fields := []slog.Attr{
		slog.String("name", "PROGRESS"),
		slog.Int64("done_byte", p.DoneBytes), slog.Int64("found_byte", p.FoundBytes), slog.Int64("byte_per_sec", perSecond),
		slog.Int64("done_object", p.Done), slog.Int64("found_object", p.Found), slog.Bool("listed", p.Listed), slog.Int("in_flight", p.Active),
		slog.Int64("verified", st.Verified), slog.Int64("skipped", st.Skipped), slog.Int64("deleted", st.Deleted),
		slog.Int64("error", st.Failed), slog.Int64("warning", st.Warnings), slog.Int64("retry", st.Retries),
		slog.Float64("duration_sec", math.Round(st.Elapsed.Seconds()*1000)/1000),
	}
	if eta, ok := remaining(p, perSecond); ok {
		fields = append(fields, slog.Int64("eta_sec", int64(eta.Seconds())))
	}
	return fields
}
