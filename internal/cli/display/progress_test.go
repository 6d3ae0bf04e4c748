package display

import (
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"s3sync"
)

// Rates are those of the last ten seconds, and the time that is left follows from them.
func TestSpeed(t *testing.T) {
	var s speed
	at, bytes := time.Duration(0), int64(0)
	tick := func(n int64) int64 {
		at += 250 * time.Millisecond
		bytes += n
		return s.add(at, bytes)
	}
	s.add(0, 0)
	if got := tick(1000); got != 1000 {
		t.Errorf("%d in the first quarter of a second, which counts as a whole one", got)
	}
	for range 39 {
		tick(1000)
	}
	if got := tick(1000); got != 4000 {
		t.Errorf("%d, want 4000", got)
	}
	for range 39 {
		tick(5000)
	}
	if got := tick(5000); got != 20_000 {
		t.Errorf("%d after ten faster seconds, want 20000", got)
	}
	if got := tick(-500_000); got != 0 {
		t.Errorf("%d, although bytes were taken back", got)
	}
	for range 50 {
		tick(0)
	}
	if got := tick(0); got != 0 {
		t.Errorf("%d in a standstill", got)
	}
	if len(s.samples) > 42 {
		t.Errorf("%d samples are kept", len(s.samples))
	}
}

func TestRemaining(t *testing.T) {
	for name, tt := range map[string]struct {
		done, found, speed int64
		want               time.Duration
		known              bool
	}{
		"some":          {100, 700, 100, 6 * time.Second, true},
		"less than 1 s": {100, 150, 100, 500 * time.Millisecond, true},
		"all":           {700, 700, 100, 0, false},
		"nothing":       {0, 0, 0, 0, false},
		"standstill":    {100, 700, 0, 0, false},
		"for ever":      {0, 1 << 62, 1, 0, false},
	} {
		got, known := remaining(&s3sync.Progress{DoneBytes: tt.done, FoundBytes: tt.found}, tt.speed)
		if got != tt.want || known != tt.known {
			t.Errorf("%s: %v %v", name, got, known)
		}
	}
}

const (
	mib = 1 << 20
	gib = 1 << 30
)

// middleOfARun is a progress with something of everything.
func middleOfARun() *s3sync.Progress {
	return &s3sync.Progress{
		Stats: s3sync.Stats{
			Transferred: 1234, Verified: 1230, Skipped: 12345, Failed: 2, Warnings: 1, Retries: 3, Elapsed: 133 * time.Second,
		},
		Found: 5678, FoundBytes: 45*gib + 600*mib, Done: 1234, DoneBytes: 12*gib + 300*mib, Active: 3,
		InFlight: []s3sync.InFlight{
			{Key: "videos/2024/a holiday in the mountains, part one.mov", Bytes: 1200 * mib, Size: 2400 * mib, Elapsed: time.Minute},
			{Key: "写真/旅行/富士山の頂上からの眺め、とても長い名前のファイル.jpeg", Bytes: 1, Size: 30 * mib, Elapsed: time.Minute},
			{Key: "new\x1b[2J.txt", Size: 20 * mib, Elapsed: time.Second},
			{Key: "just begun", Size: 10 * mib, Elapsed: 999 * time.Millisecond},
		},
	}
}

func TestView(t *testing.T) {
	for name, tt := range map[string]struct {
		view   view
		change func(*s3sync.Progress)
		want   string
	}{
		"80 columns": {view: view{width: 80, height: 24}, want: `
12.3 GiB/45.6 GiB+  26%  ━━━━━━──────────────────  118 MiB/s  2m13s  ETA 4m49s+
1,234/5,678+ objects · 1,230 verified · 12,345 skipped · 2 failed · 1 warning
  videos/2024/… mountains, part one.mov ━━━━━━━────────  50%  1.17 GiB/2.34 GiB
  写真/旅行/富…長い名前のファイル.jpeg  ───────────────   0%       1 B/30.0 MiB
  new\x1b[2J.txt                        ───────────────   0%       0 B/20.0 MiB`},
		"40 columns": {view: view{width: 40, height: 24}, want: `
12.3/45.6 GiB+  26%  ETA 4m49s+
1,234/5,678+ objects · 2 failed
  videos/202…ntains, part one.mov   50%
  写真/旅行/…名前のファイル.jpeg     0%
  new\x1b[2J.txt                     0%`},
		"all is listed": {
			view: view{width: 80, height: 24}, change: func(p *s3sync.Progress) { p.Listed, p.InFlight, p.Stats.Failed = true, nil, 0 }, want: `
12.3 GiB/45.6 GiB  26%  ━━━━━━━───────────────────  118 MiB/s  2m13s  ETA 4m49s
1,234/5,678 objects · 1,230 verified · 12,345 skipped · 0 failed · 1 warning`,
		},
		"one object": {
			view: view{width: 80, height: 24}, change: func(p *s3sync.Progress) {
				*p = s3sync.Progress{Found: 1, FoundBytes: 10, Listed: true, Stats: s3sync.Stats{Retries: 1}}
			}, want: `
0 B/10 B  0%  ──────────────────────────────────────────  118 MiB/s  0s  ETA 0s
0/1 object · 0 verified · 0 skipped · 0 failed · 1 retry`,
		},
		"ASCII": {view: view{width: 80, height: 4, ascii: true}, want: `
12.3 GiB/45.6 GiB+  26%  ######------------------  118 MiB/s  2m13s  ETA 4m49s+
1,234/5,678+ objects, 1,230 verified, 12,345 skipped, 2 failed, 1 warning
  videos/2024.. mountains, part one.mov #######--------  50%  1.17 GiB/2.34 GiB`},
		"large numbers, 40 columns": {
			view: view{width: 40, height: 24}, change: func(p *s3sync.Progress) {
				p.Done, p.Found, p.Stats.Failed, p.InFlight = 1_234_567, 5_678_901_234, 54_321, nil
			}, want: `
12.3/45.6 GiB+  26%  ETA 4m49s+
1.2M/5.7G+ objects · 54,321 failed`,
		},
		"dry run": {view: view{width: 80, height: 24, dryRun: true}, change: func(p *s3sync.Progress) { p.InFlight, p.Stats.Deleted = nil, 7 }, want: `
Dry run: 12.3 GiB would be transferred
5,678+ objects · 12,345 skipped · 7 to delete · 2 failed · 1 warning`},
		"report": {
			view: view{width: 80, height: 24, report: true}, change: func(p *s3sync.Progress) {
				p.Status = s3sync.StatusCounts{Objects: 1, NotFound: 1, ETag: s3sync.AspectCounts{Mismatch: 2, Unknown: 4}}
			}, want: `
1 object compared · 3 missing or different · 4 unknown · 2 failed`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := middleOfARun()
			if tt.change != nil {
				tt.change(p)
			}
			lines := tt.view.lines(p, 118*mib)
			if got := "\n" + strings.Join(lines, "\n"); got != tt.want {
				t.Errorf("got%s\nwant%s", got, tt.want)
			}
			for _, line := range lines {
				if n := runewidth.StringWidth(line); n >= tt.view.width {
					t.Errorf("%d columns of %d: %s", n, tt.view.width, line)
				}
			}
		})
	}
}

// Failures are seen at any width, and no line is too wide.
func TestViewAtAnyWidth(t *testing.T) {
	for width := range 200 {
		for _, v := range []view{{width: width, height: 24}, {width: width, height: 24, ascii: true}, {width: width, height: 2, report: true}, {width: width, height: 2}, {width: width, height: 1}} {
			lines := v.lines(middleOfARun(), 118*mib)
			for _, line := range lines {
				if n := runewidth.StringWidth(line); n >= max(width, 2) {
					t.Errorf("%d columns of %d: %s", n, width, line)
				}
			}
			if all := strings.Join(lines, "\n"); width >= 33 && v.height > 1 && !strings.Contains(all, "2 failed") {
				t.Errorf("%d columns show no failure:\n%s", width, all)
			}
			if len(lines) > 6 || len(lines) > v.height {
				t.Errorf("%d lines", len(lines))
			}
		}
	}
}

// Colours take no room.
func TestViewColours(t *testing.T) {
	with, without := view{width: 80, height: 24, colour: true}, view{width: 80, height: 24}
	p := middleOfARun()
	got := strings.Join(with.lines(p, 118*mib), "\n")
	if !strings.Contains(got, red+"2 failed"+plain) || !strings.Contains(got, yellow+"1 warning"+plain) || !strings.Contains(got, green+"━") {
		t.Errorf("%q", got)
	}
	for _, colour := range []string{red, yellow, green, plain} {
		got = strings.ReplaceAll(got, colour, "")
	}
	if want := strings.Join(without.lines(p, 118*mib), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSentence(t *testing.T) {
	for want, tt := range map[string]struct {
		view   view
		change func(*s3sync.Progress)
	}{
		"12.3 GiB of 45.6 GiB+ (26%), 118 MiB/s, 1,234 of 5,678+ objects, 1,230 verified, 12,345 skipped, 2 failed, 1 warning, 3 retries, ETA 4m49s+": {},
		"0 B of 0 B (0%), 118 MiB/s, 0 of 0 objects, 0 verified, 0 skipped, 0 failed":                                                                 {change: func(p *s3sync.Progress) { *p = s3sync.Progress{Listed: true} }},
		"Dry run: 12.3 GiB would be transferred, 5,678+ objects, 12,345 skipped, 2 failed, 1 warning, 3 retries":                                      {view: view{dryRun: true}},
		"0 objects compared, 2 failed, 12,345 skipped, 2m13s":                                                                                         {view: view{report: true}},
	} {
		p := middleOfARun()
		if tt.change != nil {
			tt.change(p)
		}
		if got := tt.view.sentence(p, 118*mib); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
