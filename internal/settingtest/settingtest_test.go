package settingtest

import (
	"errors"
	"fmt"
	"testing"

	"s3sync"
	"s3sync/internal/setting"
)

// A recorder is a test that notices that it fails.
type recorder struct {
	testing.TB

	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		fail bool
	}{
		{nil, false},
		{errors.New("something else"), false},
		{errors.New("see Check.ReadBoth"), true},
		{errors.New("see Check.Mode=etag"), true},
		{setting.Errorf("see %s", setting.Name("Check.ReadBoth")), false},
		{setting.Errorf("see %s or Delete.Max", setting.Name("Check.ReadBoth")), true},
		{fmt.Errorf("target: %w", setting.Errorf("see %s.", setting.Name("Check.Mode=etag"))), false},
		{&s3sync.ConfigError{Field: "Check.ReadBoth"}, false},
	} {
		r := &recorder{TB: t}
		if Error(r, tt.err); r.failed != tt.fail {
			t.Errorf("%v: fails %t, want %t", tt.err, r.failed, tt.fail)
		}
	}
}

func TestWatch(t *testing.T) {
	r, seen := &recorder{TB: t}, 0
	cfg := &s3sync.Config{OnEvent: func(s3sync.Event) { seen++ }}
	end := Watch(r, cfg)
	cfg.OnEvent(s3sync.Event{Note: "see Delete.Max", Settings: []string{"Delete.Max"}})
	if r.failed {
		t.Error("a setting that comes along fails the test")
	}
	cfg.OnEvent(s3sync.Event{Note: "see Delete.Max"})
	if !r.failed || seen != 2 {
		t.Errorf("a setting that does not come along fails the test: %t; %d events passed on", r.failed, seen)
	}
	r.failed = false
	end(&s3sync.Report{Failures: []s3sync.Failure{{Err: errors.New("see Delete.Max")}}}, nil)
	if cfg.OnEvent(s3sync.Event{Note: "see Delete.Max"}); !r.failed || seen != 3 {
		t.Error("failures of objects are not looked at")
	}
}
