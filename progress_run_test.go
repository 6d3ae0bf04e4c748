package s3sync_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// At its end a run has found just what arrived, and all of its bytes, whatever failed, was
// skipped or had to be moved again.
func TestProgressAtTheEnd(t *testing.T) {
	objects := map[string]string{"large": strings.Repeat("x", 20<<10), "same": "same", "empty": ""}
	for i := range 100 {
		objects[fmt.Sprintf("small/%d", i)] = strings.Repeat("y", i)
	}
	total := int64(0)
	for key, data := range objects {
		if key != "same" && key != "small/7" {
			total += int64(len(data))
		}
	}
	for name, tt := range map[string]struct {
		change  func(*s3sync.Config)
		failing error
		failed  int64
	}{
		"plain":            {},
		"dry run":          {change: func(c *s3sync.Config) { c.DryRun = true }},
		"objects fail":     {failing: errInjected, failed: 1},
		"attempts fail":    {failing: storage.ErrTransient, failed: 0},
		"checked by ETags": {change: func(c *s3sync.Config) { c.Check.Mode = s3sync.CheckETag }},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := mem.New(), mem.New()
			put(t, from, objects)
			put(t, to, map[string]string{"same": "same"})
			fails := 2
			target := &faulty{Store: to, put: func(key string) error {
				if key != "small/7" || tt.failing == nil || !errors.Is(tt.failing, errInjected) && fails == 0 {
					return nil
				}
				fails--
				return tt.failing
			}}
			cfg := config(from, target)
			if tt.change != nil {
				tt.change(cfg)
			}
			var last s3sync.Progress
			cfg.OnProgress = func(p s3sync.Progress) {
				if last = p; p.DoneBytes > p.FoundBytes || p.Done > p.Found {
					t.Errorf("more is done than there is: %+v", p)
				}
			}
			report, _ := syncSmall(t, cfg)
			bytes := total
			if tt.failed == 0 {
				bytes += 7
			}
			if n := int64(len(objects)) - 1 - tt.failed; last.Done != n || last.Found != n || report.Transferred != n {
				t.Errorf("%d of %d objects, %d transferred, want %d", last.Done, last.Found, report.Transferred, n)
			}
			if last.DoneBytes != bytes || last.FoundBytes != bytes {
				t.Errorf("%d of %d bytes, want %d", last.DoneBytes, last.FoundBytes, bytes)
			}
			if !last.Listed || last.Active != 0 || len(last.InFlight) != 0 || last.Stats.Failed != tt.failed || last.Stats.Skipped != 1 {
				t.Errorf("%+v", last)
			}
			if tt.failing != nil && tt.failed == 0 && last.Stats.Retries != 2 {
				t.Errorf("%d retries", last.Stats.Retries)
			}
		})
	}
}

// The listings run ahead of the workers: what is found is known while the first objects are
// still on their way.
func TestProgressLooksAhead(t *testing.T) {
	objects := map[string]string{}
	for i := range 200 {
		objects[fmt.Sprint(i)] = "0123456789"
	}
	from, to := mem.New(), mem.New()
	put(t, from, objects)
	known := make(chan struct{})
	cfg := config(from, &faulty{Store: to, put: func(string) error { <-known; return nil }})
	cfg.Transfer.Workers = 2
	told := false
	cfg.OnProgress = func(p s3sync.Progress) {
		if p.Listed && !told {
			told = true
			if p.Found != 200 || p.FoundBytes != 2000 || p.Done != 0 || p.Active > 2 {
				t.Errorf("%+v", p)
			}
			close(known)
		}
	}
	if report := run(t, cfg); report.Transferred != 200 || !told {
		t.Errorf("%d transferred", report.Transferred)
	}
}
