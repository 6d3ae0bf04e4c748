// Package htmlreport writes what became of a run as one page for people. The page needs
// neither a network nor scripts, follows the light or dark colours of its reader, and takes
// bounded memory however many objects a run has.
package htmlreport

import (
	"strings"
	"sync"
	"time"

	"s3sync/internal/report"
	"s3sync/internal/visible"
	"s3sync/storage"
)

// Bounds of what a page remembers and shows.
const (
	mostSlowest  = 15
	mostFailed   = 50
	mostWarnings = 20
	// mostDirectories are remembered, and the most important shownDirectories are shown.
	mostDirectories  = 1000
	shownDirectories = 20
	mostText         = 600 // bytes of an error or key
)

// A Setting is an option that was given. Secrets are already hidden.
type Setting struct {
	Name, Value string
	// From is the variable that set the option; empty for the command line.
	From string
}

// Options are what is known before the run.
type Options struct {
	Source, Target string
	Version        string
	Start          time.Time
	DryRun         bool
	// Status: the run is a report of differences.
	Status   bool
	Delete   bool // deletion was asked for
	Settings []Setting
}

// A Moment is how far the run is at some time.
type Moment struct {
	Elapsed time.Duration
	// Bytes arrived or are on their way, and Objects were transferred, deleted or compared
	// for a report. Those that are skipped come in bursts that would hide the others.
	Bytes, Objects int64
	// InFlight are objects that are worked on, and Limit is how many may be. Parts and
	// PartLimit are the same for parts of objects.
	InFlight, Limit, Parts, PartLimit int
}

// A Page collects what the page shows. Its methods may be called concurrently.
type Page struct {
	opts Options

	mu          sync.Mutex
	series      series
	sizes       sizes
	directories map[string]*directory
	others      directory // all that did not fit into directories
	requests    map[requestKind]*requests
	slowest     []object // the fastest of them first
	failed      []object
	warnings    []object
	unverified  unverified
}

// An object is a line of a table.
type object struct {
	key  string
	size int64
	took time.Duration
	why  string
}

// unverified are counts of transferred objects, by the reason.
type unverified struct{ off, unknownParts, other int64 }

// New returns an empty page.
func New(opts Options) *Page {
	return &Page{
		opts: opts, directories: make(map[string]*directory), requests: make(map[requestKind]*requests),
	}
}

// Moment adds a point of the charts. Moments come in the order of their time.
func (p *Page) Moment(m Moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.series.add(m)
}

// Request adds a request to a server.
func (p *Page) Request(side string, r storage.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := requestKind{side, r.Operation}
	all := p.requests[kind]
	if all == nil {
		all = new(requests)
		p.requests[kind] = all
	}
	all.add(r)
}

// Event adds what happened to an object.
func (p *Page) Event(ev *report.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev.Type {
	case report.EventUnverified:
		p.addUnverified(ev.Cause)
	case report.EventTransferred:
		p.transferred(ev)
	case report.EventTagged:
		p.in(ev.Key).tagged++
	case report.EventSkipped, report.EventCancelled:
		p.in(ev.Key).skipped++
	case report.EventDeleted:
		p.in(ev.Key).deleted++
	case report.EventWarning:
		p.warnings = remember(p.warnings, mostWarnings, ev)
		if ev.Key != "" {
			p.in(ev.Key).warnings++
		}
	case report.EventFailed:
		p.failed = remember(p.failed, mostFailed, ev)
		if ev.Key != "" {
			p.in(ev.Key).failed++
		}
	default: // tells nothing of the outcome of an object
	}
}

func (p *Page) transferred(ev *report.Event) {
	size := ev.Source.Size
	d := p.in(ev.Key)
	d.transferred++
	d.bytes += size
	p.sizes.add(size)
	if ev.Took > 0 {
		p.slow(object{key: ev.Key, size: size, took: ev.Took})
	}
}

func (p *Page) addUnverified(cause report.Cause) {
	switch cause {
	case report.CauseVerificationOff:
		p.unverified.off++
	case report.CauseUnknownParts:
		p.unverified.unknownParts++
	default:
		p.unverified.other++
	}
}

// remember appends the object of an event, if there are fewer than most.
func remember(list []object, most int, ev *report.Event) []object {
	if len(list) >= most {
		return list
	}
	why := "unknown"
	if ev.Err != nil {
		why = ev.Err.Error()
	}
	return append(list, object{key: strings.Clone(ev.Key), size: ev.Source.Size, why: cut(why)})
}

// cut bounds a text.
func cut(text string) string {
	if len(text) <= mostText {
		return strings.Clone(text)
	}
	return strings.ToValidUTF8(text[:mostText], "") + "…"
}

// shown returns text from outside as the page shows it.
func shown(text string) string { return visible.Text(cut(text)) }
