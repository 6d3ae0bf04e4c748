package s3sync_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"s3sync"
	"s3sync/internal/plan"
	"s3sync/internal/planfile"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// forged returns a valid plan between the sides of cfg with other actions.
func forged(t *testing.T, cfg *s3sync.Config, actions ...plan.Action) *bytes.Reader {
	t.Helper()
	var honest, b bytes.Buffer
	if _, err := s3sync.Plan(t.Context(), cfg, &honest); err != nil {
		t.Fatal(err)
	}
	p, err := planfile.Read(bytes.NewReader(honest.Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := planfile.NewWriter(&b, p.Header, plan.ChangeDownload)
	for i := range actions {
		err = errors.Join(err, w.Action(&actions[i]))
	}
	if err = errors.Join(err, w.End(planfile.Found{Source: 1000, Target: 1000})); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func deletionOf(o storage.Object) plan.Action {
	return plan.Action{Kind: plan.Delete, Reason: plan.ReasonExtraneous, Pair: plan.Pair{
		Source: storage.Object{Key: o.Key}, Target: o, Exists: true, TargetKey: o.Key,
	}}
}

// hostileKeys are keys that a plan can name and no listing of a directory shows.
func hostileKeys() []string {
	return []string{
		"../outside", "a/../../outside", "/a/b", "a//b", "./a/b", "a/./b", "a/b/.", "//a//b", "a/b\x00", "\x00", "..", "/", ".", "a/b/", "a", "a/",
		"a/../a/b", "link/outside",
	}
}

// sidesOf returns a bucket and a directory that both have the object a/b, and the file beside
// the directory.
func sidesOf(t *testing.T) (source *mem.Store, target *dir.Store, held storage.Object, outside string) {
	t.Helper()
	root := t.TempDir()
	inside := filepath.Join(root, "in")
	outside = filepath.Join(root, "outside")
	if err := errors.Join(os.Mkdir(inside, 0o755), os.WriteFile(outside, []byte("a/b"), 0o600), os.Symlink(root, filepath.Join(inside, "link"))); err != nil {
		t.Skip(err)
	}
	target, err := dir.Open(inside, dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	source = old()
	put(t, source, map[string]string{"a/b": "a/b"})
	put(t, target, map[string]string{"a/b": "a/b"})
	for o, err := range target.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Key == "a/b" {
			held = o
		}
	}
	if st, err := os.Stat(filepath.Join(inside, "a", "b")); err == nil {
		_ = os.Chtimes(outside, st.ModTime(), st.ModTime())
	}
	return source, target, held, outside
}

func applied(ctx context.Context, cfg *s3sync.Config, file *bytes.Reader) (*s3sync.Report, error) {
	own := s3sync.DefaultConfig()
	own.Source.Store, own.Target.Store, own.Retry = cfg.Source.Store, cfg.Target.Store, cfg.Retry
	own.OnEvent = cfg.OnEvent
	return s3sync.Apply(ctx, own, file)
}

// A deletion whose key is not the one that a directory lists deletes nothing, whatever the
// directory finds under it.
func TestApplyDeletesOnlyListedKeys(t *testing.T) {
	for _, key := range hostileKeys() {
		source, target, held, outside := sidesOf(t)
		cfg := config(source, target)
		cfg.Delete.Enable = true
		o := held
		o.Key = key
		report, err := applied(t.Context(), cfg, forged(t, cfg, deletionOf(o)))
		if got := contents(t, target)["a/b"]; got != "a/b" || report.Deleted > 0 {
			t.Errorf("%q: the directory lost the object, which the source has: %+v, %v", key, report.Stats, err)
		}
		if data, rerr := os.ReadFile(outside); rerr != nil || string(data) != "a/b" {
			t.Errorf("%q: the file outside: %q, %v", key, data, rerr)
		}
	}
}

// A transfer writes only below the directory, and under the key that it maps to.
func TestApplyWritesOnlyBelowTheTarget(t *testing.T) {
	for _, key := range hostileKeys() {
		for _, same := range []bool{true, false} {
			source, target, _, outside := sidesOf(t)
			put(t, source, map[string]string{key: "evil"})
			info, err := source.Stat(t.Context(), key, storage.StatOptions{})
			if err != nil {
				t.Fatal(err)
			}
			info.Key = key
			a := plan.Action{Kind: plan.Transfer, Reason: plan.ReasonNew, Pair: plan.Pair{Source: info.Object, TargetKey: key}}
			if !same {
				a.Source.Key, a.TargetKey = "a/b", key
				info, _ = source.Stat(t.Context(), "a/b", storage.StatOptions{})
				a.Source = info.Object
				a.Source.Key = "a/b"
			}
			cfg := config(source, target)
			report, err := applied(t.Context(), cfg, forged(t, cfg, a))
			if got := contents(t, target)["a/b"]; got != "a/b" {
				t.Errorf("%q: a/b is %q: %+v, %v", key, got, report.Stats, err)
			}
			if data, rerr := os.ReadFile(outside); rerr != nil || string(data) != "a/b" {
				t.Errorf("%q: the file outside: %q, %v", key, data, rerr)
			}
		}
	}
}

// Lines that come twice, or in any order, do each action once.
func TestApplyDoubledLines(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"z": "z", "a": "a"})
	put(t, target, map[string]string{"gone": "x", "also": "y"})
	at := func(s storage.Store, key string) storage.Object {
		info, err := s.Stat(t.Context(), key, storage.StatOptions{})
		if err != nil {
			t.Fatal(err)
		}
		info.Key = key
		return info.Object
	}
	transfer := func(key string) plan.Action {
		return plan.Action{Kind: plan.Transfer, Reason: plan.ReasonNew, Pair: plan.Pair{Source: at(source, key), TargetKey: key}}
	}
	cfg := config(source, target)
	cfg.Delete.Enable = true
	gone, also := deletionOf(at(target, "gone")), deletionOf(at(target, "also"))
	stale := deletionOf(at(source, "a")) // the source has it
	report, err := applied(t.Context(), cfg, forged(t, cfg, transfer("z"), transfer("a"), transfer("z"), transfer("z"), gone, also, gone, stale))
	t.Logf("%+v %v", report.Stats, err)
	equal(t, contents(t, target), map[string]string{"z": "z", "a": "a"})
}

// What became a link to nothing, or lies behind one now, is not deleted.
func TestApplyDeletesNothingBehindALink(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := dir.Open(path, dir.Options{Source: true})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target := mem.New()
	put(t, target, map[string]string{"a": "a", "link": "1", "below/it": "2", "gone": "3"})
	cfg := config(source, target)
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	var b bytes.Buffer
	if _, err := s3sync.Plan(t.Context(), cfg, &b); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "below"} {
		if err := os.Symlink(filepath.Join(path, "away"), filepath.Join(path, name)); err != nil {
			t.Skip(err)
		}
	}
	report, err := applied(t.Context(), cfg, bytes.NewReader(b.Bytes()))
	if report.Deleted != 1 || report.Warnings != 2 || err != nil {
		t.Errorf("%+v, %v", report.Stats, err)
	}
	equal(t, contents(t, target), map[string]string{"a": "a", "link": "1", "below/it": "2"})
}

// A plan whose header asks for what cannot be planned is refused before anything is done.
func TestApplyOfWhatCannotBePlanned(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"a": "a"})
	for field, change := range map[string]func(*s3sync.Config){
		"Versioning.Enable": func(c *s3sync.Config) { c.Versioning.Enable = true },
		"Report.Status":     func(c *s3sync.Config) { c.Report.Status, c.Check.Mode = true, s3sync.CheckETag },
	} {
		cfg := config(source, target)
		var honest, b bytes.Buffer
		if _, err := s3sync.Plan(t.Context(), cfg, &honest); err != nil {
			t.Fatal(err)
		}
		p, err := planfile.Read(bytes.NewReader(honest.Bytes()), nil)
		if err != nil {
			t.Fatal(err)
		}
		changed := *cfg
		change(&changed)
		planfile.Decided(&changed)
		if p.Header.Config, err = json.Marshal(changed); err != nil {
			t.Fatal(err)
		}
		w, err := planfile.NewWriter(&b, p.Header, plan.ChangeCopy)
		if err = errors.Join(err, w.End(planfile.Found{})); err != nil {
			t.Fatal(err)
		}
		_, err = applied(t.Context(), cfg, bytes.NewReader(b.Bytes()))
		if fault, ok := errors.AsType[*s3sync.ConfigError](err); !ok || fault.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
