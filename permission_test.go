package s3sync_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// An object without permission is a warning if other objects are permitted, and a
// failure if the whole run lacks a permission.
func TestPermission(t *testing.T) {
	const n = 300
	row := func(from, to int) func(i int) bool { return func(i int) bool { return from <= i && i < to } }
	for name, tt := range map[string]struct {
		denied           func(i int) bool
		warnings, failed int64
	}{
		"one":               {row(7, 8), 1, 0},
		"all":               {row(0, n), 0, n},
		"100 in the middle": {row(50, 150), 100, 0},
		"101 at the end":    {row(n-101, n), 0, 101},
	} {
		t.Run(name, func(t *testing.T) {
			for side, when := range map[string]func(source, target *faulty, hook func(key string) error){
				"read":  func(source, _ *faulty, hook func(string) error) { source.open = hook },
				"write": func(_, target *faulty, hook func(string) error) { target.put = hook },
			} {
				source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
				objects := map[string]string{}
				for i := range n {
					objects[fmt.Sprintf("%04d", i)] = "x"
				}
				put(t, source, objects)
				when(source, target, func(key string) error {
					i, err := strconv.Atoi(key)
					if err != nil {
						return err
					}
					if tt.denied(i) {
						return &storage.Error{Op: "open", Key: key, Err: fs.ErrPermission}
					}
					return nil
				})
				cfg := config(source, target)
				cfg.Transfer.Workers = 1
				told := map[s3sync.EventType]int64{}
				cfg.OnEvent = func(ev s3sync.Event) { told[ev.Type]++ }
				report, err := try(t, cfg)
				if report.Warnings != tt.warnings || report.Failed != tt.failed || report.Transferred != n-tt.warnings-tt.failed {
					t.Errorf("%s: %+v", side, report.Stats)
				}
				if told[s3sync.EventWarning] != tt.warnings || told[s3sync.EventFailed] != tt.failed || int64(len(report.FailedKeys())) != tt.failed {
					t.Errorf("%s: told %v, failed keys %d", side, told, len(report.FailedKeys()))
				}
				if errors.Is(err, fs.ErrPermission) != (tt.failed > 0) {
					t.Errorf("%s: error %v", side, err)
				}
			}
		})
	}
}

// Objects that are up to date do not make the lack of a permission a warning.
func TestPermissionOfAllThatIsNew(t *testing.T) {
	source, target := mem.New(), &faulty{Store: mem.New()}
	put(t, source, map[string]string{"a": "1"})
	run(t, config(source, target))
	put(t, source, map[string]string{"b": "2", "c": "3"})
	target.put = func(key string) error { return &storage.Error{Op: "put", Key: key, Err: fs.ErrPermission} }
	cfg := config(source, target)
	cfg.Check.Mode = s3sync.CheckSize
	report, err := try(t, cfg)
	if !errors.Is(err, fs.ErrPermission) || report.Failed != 2 || report.Warnings != 0 || report.Skipped != 1 {
		t.Errorf("error %v, %+v", err, report.Stats)
	}
}

// A directory that may not be read is not an object: no transfer was refused.
func TestUnlistedIsNoDenial(t *testing.T) {
	source := &faulty{Store: mem.New(), problem: storage.Problem{Key: "locked", Err: fs.ErrPermission}}
	report, err := try(t, config(source, mem.New()))
	if err != nil || report.Warnings != 1 || report.Failed != 0 {
		t.Errorf("%v, %+v", err, report.Stats)
	}
}
