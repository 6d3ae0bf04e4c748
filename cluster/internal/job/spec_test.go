package job

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/storage"
)

func valid() *Spec {
	s := &Spec{Job: "j", Source: Place{URL: "s3://a/"}, Target: Place{URL: "s3://b/p/"}, Settings: s3sync.DefaultConfig()}
	s.Fill()
	return s
}

func TestSpec(t *testing.T) {
	if err := valid().Check(); err != nil {
		t.Fatal(err)
	}
	const canary = "canary-5bd1"
	for want, change := range map[string]func(*Spec){
		"no name of a job":                  func(s *Spec) { s.Job = "../x" },
		"the source of a job must be a bu":  func(s *Spec) { s.Source.URL = "/tmp" },
		"the target of a job must be a bu":  func(s *Spec) { s.Target.URL = "dir" },
		"this program knows":                func(s *Spec) { s.Version = 9 },
		"1 to 1000 ranges":                  func(s *Spec) { s.Ranges = 2000 },
		"the size of a big object is neg":   func(s *Spec) { s.BigObject = -1 },
		"a checkpoint is due before":        func(s *Spec) { s.Leases.CheckpointTime = time.Hour },
		"is not above the one before":       func(s *Spec) { s.Splits = []Key{"b", "a"} },
		"is not text that a listing":        func(s *Spec) { s.Splits = []Key{"a\xff"} },
		"no settings":                       func(s *Spec) { s.Settings = nil },
		"Source.SecretKey is a secret":      func(s *Spec) { s.Settings.Source.SecretKey = canary },
		"Target.SessionToken is a secret":   func(s *Spec) { s.Settings.Target.SessionToken = canary },
		"AWS.HTTPSProxy is a secret":        func(s *Spec) { s.Settings.AWS.HTTPSProxy = canary },
		"Encryption.KMSKeyID is a secret":   func(s *Spec) { s.Settings.Encryption.KMSKeyID = canary },
		"Encryption.SourceCustomer.Key is":  func(s *Spec) { s.Settings.Encryption.SourceCustomer.Key = canary },
		"Source.AccessKey is not set in a":  func(s *Spec) { s.Settings.Source.AccessKey = canary },
		"Target.URL is not set in a job":    func(s *Spec) { s.Settings.Target.URL = canary },
		"Filter.IgnoreFile needs":           func(s *Spec) { s.Settings.Filter.IgnoreFile = ".x" },
		"Filter.FilesFrom names":            func(s *Spec) { s.Settings.Filter.FilesFrom = "l" },
		"Resume.AbortOnInterrupt is not":    func(s *Spec) { s.Settings.Resume.AbortOnInterrupt = true },
		"Resume.Records is of this process": func(s *Spec) { s.Settings.Resume.Records = struct{ s3sync.UnfinishedRecords }{} },
		"State.Dir names":                   func(s *Spec) { s.Settings.State.Dir = "d" },
		"Trash.URL is not possible":         func(s *Spec) { s.Settings.Trash.URL = "s3://b/.trash/" },
		"Versioning.Enable is not possible": func(s *Spec) { s.Settings.Versioning.Enable = true },
		"Report.Status is not possible":     func(s *Spec) { s.Settings.Report.Status = true },
		"FailFast is not possible":          func(s *Spec) { s.Settings.FailFast = true },
		"OnEvent is of this process":        func(s *Spec) { s.Settings.OnEvent = func(s3sync.Event) {} },
		"Logger is of this process":         func(s *Spec) { s.Settings.Logger = slog.Default() },
		"Stdin is of this process":          func(s *Spec) { s.Settings.Stdin = strings.NewReader("") },
		"Filter.Func is of this process": func(s *Spec) {
			s.Settings.Filter.Func = func(storage.Object) (bool, error) { return true, nil }
		},
		"Preprocess is of this process": func(s *Spec) {
			s.Settings.Preprocess = func(context.Context, *storage.Info, *s3sync.Upload) error { return nil }
		},
		"Transfer.Threshold": func(s *Spec) { s.Settings.Transfer.Threshold = 1 }, // what a sync refuses
	} {
		s := valid()
		change(s)
		err := s.Check()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	s := valid()
	s.Settings.Source.SecretKey = canary
	if e, ok := errors.AsType[*SettingError](s.Check()); !ok || e.Field != "Source.SecretKey" {
		t.Error("the setting cannot be found out")
	}
}

// Every secret of a Config is refused, also those of later versions.
func TestEverySecretIsRefused(t *testing.T) {
	s := valid()
	all := func() string { return s.Check().Error() }
	s.Settings.Source.SecretKey, s.Settings.Source.SessionToken = "x", "x"
	s.Settings.Target.SecretKey, s.Settings.Target.SessionToken = "x", "x"
	s.Settings.AWS.HTTPSProxy, s.Settings.Encryption.KMSKeyID = "x", "x"
	s.Settings.Encryption.SourceCustomer.Key, s.Settings.Encryption.TargetCustomer.Key = "x", "x"
	if n := strings.Count(all(), "is a secret"); n != 8 {
		t.Errorf("%d secrets are refused:\n%s", n, all())
	}
}

func TestRatesBecomeLimits(t *testing.T) {
	s := valid()
	s.Settings.Transfer.ObjectsPerSecond, s.Settings.Transfer.BytesPerSecond = 7, 1<<20
	s.Fill()
	if s.Limits.Requests != 7 || s.Limits.Bytes != 1<<20 || s.Settings.Transfer.ObjectsPerSecond != 0 || s.Settings.Transfer.BytesPerSecond != 0 {
		t.Errorf("%+v", s.Limits)
	}
}

func TestKeysAsJSON(t *testing.T) {
	for _, key := range []Key{"", "a", "ä/\u2028<&>", "\xff\x00", "a\xc3", "\ufffd", `{"bytes":""}`} {
		data, err := json.Marshal(Keys{From: key, To: key})
		if err != nil {
			t.Fatal(err)
		}
		var got Keys
		if err := json.Unmarshal(data, &got); err != nil || got.From != key || got.To != key {
			t.Errorf("%q became %q: %v", key, got, err)
		}
	}
	for _, bad := range []string{`5`, `{"bytes":5}`, `[]`, `{"bytes":"%"}`} {
		var k Key
		if err := json.Unmarshal([]byte(bad), &k); err == nil {
			t.Errorf("%s is read as %q", bad, k)
		}
	}
}

func TestSplit(t *testing.T) {
	ranges, err := Split(Keys{"b", "x"}, []Key{"c", "d/"})
	if err != nil || len(ranges) != 3 || ranges[0] != (Keys{"b", "c"}) || ranges[2] != (Keys{"d/", "x"}) {
		t.Errorf("%v, %v", ranges, err)
	}
	for _, at := range [][]Key{{"b"}, {"a"}, {"x"}, {"c", "c"}, {"c\x00"}} {
		if _, err := Split(Keys{"b", "x"}, at); err == nil {
			t.Errorf("%q splits", at)
		}
	}
}
