package main

import (
	"fmt"
	"time"

	"s3sync/internal/bench/internal/madeup"
	"s3sync/internal/bench/internal/server"
)

// A work is what a tool does in a scenario.
type work int

const (
	up     work = iota // a directory to an empty bucket
	down               // a bucket to an empty directory
	same               // a directory to a bucket that is equal
	pairs              // a bucket to one that is equal
	mirror             // the same, with deletion
	prune              // a directory to a bucket that may have more, with deletion
)

// deletes reports whether what only the target has is deleted.
func (w work) deletes() bool { return w == mirror || w == prune }

// twoBuckets reports whether the source is a bucket, too, which equals the target.
func (w work) twoBuckets() bool { return w == pairs || w == mirror }

// A scenario is something to measure.
type scenario struct {
	name, title string
	work        work
	layout      madeup.Layout
	every       int // the source has every so manieth object of the layout, but for down; 0 and 1 are all
	traffic     server.Traffic
	tls         bool
	keep        bool // the server keeps what is written, so that all bytes are compared
	workers     int  // 0: each tool's default
	rounds      int
	usual       bool   // measured unless other scenarios are asked for
	unverified  bool   // s3sync also without verification
	slow        bool   // all tools also where some reads are slow
	unit        string // "GiB" or "object"
}

// units is what CPU time is divided by.
func (s scenario) units() float64 {
	if s.unit == "GiB" {
		return float64(s.layout.Size) * float64(s.layout.Objects) / (1 << 30)
	}
	return float64(s.layout.Objects)
}

// sizes are the sizes of scenarios that flags can change.
type sizes struct {
	files, pairs int
	small, large int64
	long         time.Duration // of work
}

// millis is a delay as it stands in names.
func millis(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

// delays are the times before each answer.
func delays() []time.Duration {
	return []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond}
}

// scenarios returns all scenarios. Those with the same files follow each other.
func scenarios(z sizes) []scenario {
	small := madeup.Layout{Objects: z.files, Folder: 100, Size: z.small}
	large := madeup.Layout{Objects: 1, Size: z.large}
	files := fmt.Sprintf("%s files of %s", thousands(int64(z.files)), bytesText(z.small))
	gib := bytesText(z.large)
	all := []scenario{
		{name: "small-up", title: files + " up", layout: small, workers: 16, rounds: 3, usual: true},
		{name: "small-up-tls", title: files + " up, TLS", layout: small, workers: 16, tls: true, rounds: 3, usual: true},
		{name: "same-local", title: files + ", nothing changed", work: same, layout: small, workers: 16, rounds: 3, usual: true},
		{name: "small-down", title: files + " down", work: down, layout: small, workers: 16, rounds: 3, usual: true},
		{name: "small-down-tls", title: files + " down, TLS", work: down, layout: small, workers: 16, tls: true, rounds: 3, usual: true},
	}
	for _, d := range delays() {
		at, after := "@"+millis(d), ", "+millis(d)+" per request, defaults"
		all = append(all, scenario{name: "delay-up" + at, title: files + " up" + after, layout: small, traffic: server.Traffic{Delay: d}, rounds: 1, usual: d == 20*time.Millisecond},
			scenario{name: "delay-down" + at, title: files + " down" + after, work: down, layout: small, traffic: server.Traffic{Delay: d}, rounds: 1, usual: d == 20*time.Millisecond})
	}
	few := small
	few.Objects = max(1, small.Objects/4)
	fewer := fmt.Sprintf("%s files of %s", thousands(int64(few.Objects)), bytesText(z.small))
	calm := server.Traffic{Delay: 20 * time.Millisecond}
	half := small
	half.Objects = max(1, small.Objects/2)
	all = append(all,
		scenario{
			name: "reads-slow", title: fewer + " down, 20ms per request, defaults; slow reads: 1 % take 10 s",
			work: down, layout: few, traffic: calm, slow: true, rounds: 1, usual: true,
		},
		scenario{
			name: "throttle-up", title: fmt.Sprintf("%s files of %s up, SlowDown above 500 requests/s, defaults", thousands(int64(half.Objects)), bytesText(z.small)),
			layout: half, traffic: server.Traffic{Throttle: 500}, rounds: 1, usual: true,
		},
		scenario{name: "large-up", title: gib + " up", layout: large, rounds: 3, unit: "GiB", unverified: true, usual: true},
		scenario{name: "large-down", title: gib + " down", work: down, layout: large, rounds: 3, unit: "GiB", unverified: true, usual: true},
	)
	all = append(all, long(z)...)
	all = append(all, listings(z)...)
	all = append(all, deletions(z)...)
	return append(append(all, copies()...), prunes()...)
}

// long are transfers of small files whose number follows from the rate that s3sync shall
// have, so that its start makes little difference.
func long(z sizes) (all []scenario) {
	for _, d := range delays() {
		rate := 6000
		if d >= 100*time.Millisecond {
			rate = 4500
		}
		l := madeup.Layout{Objects: max(1, int(float64(rate)*z.long.Seconds())), Folder: 100, Size: z.small}
		for w, name := range []string{"up", "down"} {
			all = append(all, scenario{
				name:  "long-" + name + "@" + millis(d),
				title: fmt.Sprintf("%s files of %s %s, %s per request, defaults: %v at %s/s", thousands(int64(l.Objects)), bytesText(l.Size), name, millis(d), z.long, thousands(int64(rate))),
				work:  []work{up, down}[w], layout: l, traffic: server.Traffic{Delay: d}, rounds: 1,
			})
		}
	}
	return all
}

// listings compare two buckets.
func listings(z sizes) []scenario {
	deep := madeup.Layout{Objects: z.pairs, Folder: max(1, z.pairs/100), Size: 100}
	flat := madeup.Layout{Objects: 5 * z.pairs, Size: 100}
	slow := server.Traffic{PageDelay: 50 * time.Millisecond}
	in := func(l madeup.Layout) string {
		return thousands(int64(l.Objects)) + " objects in two buckets, nothing changed"
	}
	return []scenario{
		{name: "pairs", title: in(deep) + ", 100 prefixes", work: pairs, layout: deep, rounds: 3, usual: true},
		{name: "pairs-50ms", title: in(deep) + ", 100 prefixes, 50ms a page", work: pairs, layout: deep, traffic: slow, rounds: 1, usual: true},
		{name: "flat", title: in(flat) + ", no prefixes", work: pairs, layout: flat, rounds: 1},
		{name: "flat-50ms", title: in(flat) + ", no prefixes, 50ms a page", work: pairs, layout: flat, traffic: slow, rounds: 1, usual: true},
	}
}

// copies are the transfers of syq's S3 benchmark, https://github.com/greaber/syq. All
// bytes are compared afterwards.
func copies() (all []scenario) {
	for _, l := range []madeup.Layout{{Objects: 1, Size: 512 << 20}, {Objects: 64, Size: 8 << 20}, {Objects: 1024, Folder: 100, Size: 64 << 10}} {
		title := fmt.Sprintf("%s × %s", thousands(int64(l.Objects)), bytesText(l.Size))
		for _, d := range delays() {
			for w, name := range []string{"up", "down"} {
				all = append(all, scenario{
					name:  fmt.Sprintf("syq-%dx%s-%s@%s", l.Objects, compact(l.Size), name, millis(d)),
					title: title + " " + name + ", " + millis(d) + " per request, defaults",
					work:  []work{up, down}[w], layout: l, keep: true, unit: "GiB", traffic: server.Traffic{Delay: d}, rounds: 1, usual: d == 20*time.Millisecond,
				})
			}
		}
	}
	return all
}
