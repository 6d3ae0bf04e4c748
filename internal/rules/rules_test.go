package rules_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"s3sync"
	"s3sync/internal/fields"
	"s3sync/internal/rules"
	"s3sync/storage/mem"
)

// buckets returns a Config between two buckets, for which nothing is looked up.
func buckets() *s3sync.Config {
	cfg := s3sync.DefaultConfig()
	cfg.Source.URL, cfg.Target.URL = "s3://source/", "s3://target/"
	return cfg
}

func givenAre(paths ...string) func(string) bool {
	return func(path string) bool { return slices.Contains(paths, path) }
}

// texts returns faults as texts.
func texts(faults []rules.Fault) (all []string) {
	for _, f := range faults {
		all = append(all, strings.TrimSpace(f.Field+" "+f.Reason+" "+f.Other))
	}
	return all
}

// A field that is misspelt in a rule would switch the rule off. fields.At panics then.
func TestRulesNameFields(t *testing.T) {
	cfg := buckets()
	exists := func(setting string) {
		path, _, _ := strings.Cut(setting, "=")
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("%q: %v", setting, r)
			}
		}()
		fields.At(cfg, path)
	}
	for _, r := range rules.AllRules() {
		exists(r.Setting)
	}
	for _, b := range rules.AllBounds() {
		exists(b.Field)
	}
	for _, list := range rules.AllLists() {
		for _, setting := range list {
			exists(setting)
		}
	}
}

func TestNothingIsWrong(t *testing.T) {
	for name, change := range map[string]func(c *s3sync.Config){
		"buckets": func(*s3sync.Config) {},
		"up":      func(c *s3sync.Config) { c.Source.URL = t.TempDir() },
		"down":    func(c *s3sync.Config) { c.Target.URL = t.TempDir() },
		"stores": func(c *s3sync.Config) {
			c.Source, c.Target = s3sync.Endpoint{Store: mem.New()}, s3sync.Endpoint{Store: mem.New()}
		},
		"to a new name":     func(c *s3sync.Config) { c.Target.URL = t.TempDir() + "/new" },
		"a file of its own": func(c *s3sync.Config) { c.Source.URL, c.Target.URL = "s3://source/a", t.TempDir()+"/a" },
	} {
		cfg := buckets()
		change(cfg)
		if faults := rules.Check(cfg, givenAre()); len(faults) > 0 {
			t.Errorf("%s: %v", name, texts(faults))
		}
	}
}

// Each number is refused right outside of its range, and taken at its ends.
func TestBounds(t *testing.T) {
	set := func(cfg *s3sync.Config, path string, n int64) {
		v := fields.At(cfg, path).Value
		if v.Kind() == reflect.Pointer {
			v.Set(reflect.New(v.Type().Elem()))
			v = v.Elem()
		}
		v.SetInt(n)
	}
	for _, b := range rules.AllBounds() {
		wrong := func(n int64) bool {
			cfg := buckets()
			set(cfg, b.Field, n)
			return slices.ContainsFunc(rules.Check(cfg, givenAre(b.Field)), func(f rules.Fault) bool {
				return f.Field == b.Field && strings.HasPrefix(f.Reason, "must be ")
			})
		}
		if wrong(b.Min) || !wrong(b.Min-1) {
			t.Errorf("%s: %d is wrong: %v, %d is wrong: %v", b.Field, b.Min, wrong(b.Min), b.Min-1, wrong(b.Min-1))
		}
		if b.Max != 0 && (wrong(b.Max) || !wrong(b.Max+1)) {
			t.Errorf("%s: %d is wrong: %v, %d is wrong: %v", b.Field, b.Max, wrong(b.Max), b.Max+1, wrong(b.Max+1))
		}
	}
}

// Choices takes what it lists, and the fault names what was meant.
func TestChoices(t *testing.T) {
	fieldsWithChoices := 0
	for f := range fields.Of(buckets()) {
		for _, choice := range rules.Choices(f.Path) {
			fieldsWithChoices++
			for text, wrong := range map[string]bool{choice: false, choice + "x": true} {
				cfg := buckets()
				fields.At(cfg, f.Path).Value.SetString(text)
				found := slices.ContainsFunc(rules.Check(cfg, givenAre(f.Path)), func(fault rules.Fault) bool {
					return fault.Field == f.Path && strings.HasPrefix(fault.Reason, "must be one of ")
				})
				if found != wrong {
					t.Errorf("%s=%s is wrong: %v", f.Path, text, found)
				}
			}
		}
	}
	if fieldsWithChoices < 20 {
		t.Errorf("only %d choices", fieldsWithChoices)
	}
	cfg := buckets()
	cfg.Metadata.StorageClass = "standard"
	if got := texts(rules.Check(cfg, givenAre("Metadata.StorageClass"))); len(got) != 1 || !strings.HasSuffix(got[0], "did you mean STANDARD?") {
		t.Errorf("got %q", got)
	}
}

// Misfits may be dropped from an environment that serves several directions. What keeps a
// run from writing or deleting more must never be among them.
func TestMisfits(t *testing.T) {
	dir := t.TempDir()
	all := func(string) bool { return true }
	for direction, sides := range map[string][2]string{"up": {dir, "s3://target/"}, "down": {"s3://source/", dir}, "buckets": {"s3://source/", "s3://target/"}} {
		cfg := buckets()
		cfg.Source.URL, cfg.Target.URL = sides[0], sides[1]
		misfits := map[string]bool{}
		for _, f := range rules.Check(cfg, all) {
			misfits[f.Field] = misfits[f.Field] || f.Misfit
		}
		for _, path := range rules.AllLists()["bound"] {
			if misfits[path] {
				t.Errorf("%s: %s is dropped silently", direction, path)
			}
		}
		for path, want := range map[string]bool{
			"Local.Fsync": direction != "down", "Local.IgnoreSymlinks": direction != "up", "Metadata.StorageClass": direction == "down",
			"Source.Profile": direction == "up", "Target.Profile": direction == "down", "ServerSideCopy": direction != "buckets",
		} {
			if misfits[path] != want {
				t.Errorf("%s: %s is a misfit: %v", direction, path, misfits[path])
			}
		}
	}
}

func TestSides(t *testing.T) {
	for want, tt := range map[string]struct {
		source, target string
		given          []string
		change         func(c *s3sync.Config)
	}{
		"Source.URL is not s3://bucket[/prefix], and neither is Target.URL":   {source: "a", target: "b"},
		"Target.URL lies inside Source.URL":                                   {source: "s3://b/", target: "s3://b/x/"},
		"Delete.Enable would delete the source, which lies inside Target.URL": {source: "s3://b/x/", target: "s3://b/", change: func(c *s3sync.Config) { c.Delete.Enable = true }},
		"Source.URL does not exist":                                           {source: "no such directory", target: "s3://b/"},
		"Source.EndpointURL cannot be used with the ARN of an access point, which has a host name of its own": {
			source: "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/ap/", target: "s3://b/", given: []string{"Source.EndpointURL"},
		},
		"Tagging.Set cannot be used with a directory bucket, which does not have that": {source: "s3://a/", target: "s3://b--usw2-az1--x-s3/", given: []string{"Tagging.Set"}},
		"Check.Mode=etag cannot be used if KMS encrypts the target, because its ETags are not digests: see Encryption.SSE": {
			source: "s3://a/", target: "s3://b/", given: []string{"Encryption.SSE"},
			change: func(c *s3sync.Config) { c.Check.Mode, c.Encryption.SSE = s3sync.CheckETag, "aws:kms" },
		},
	} {
		cfg := buckets()
		cfg.Source.URL, cfg.Target.URL = tt.source, tt.target
		if tt.change != nil {
			tt.change(cfg)
		}
		got := texts(rules.Check(cfg, givenAre(tt.given...)))
		if !slices.ContainsFunc(got, func(text string) bool {
			return strings.HasPrefix(text, want) || strings.Contains(text, strings.TrimPrefix(want, "Source.URL "))
		}) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

// Whatever is given together, the faults name fields that exist, each fault once, and an
// exclusion does not depend on which of the two is looked at first.
func TestAnyCombination(t *testing.T) {
	var paths []string
	for f := range fields.Of(buckets()) {
		paths = append(paths, f.Path)
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SliceOfNDistinct(rapid.SampledFrom(paths), 0, 8, rapid.ID).Draw(t, "given")
		cfg := buckets()
		if rapid.Bool().Draw(t, "up") {
			cfg.Source.URL = dir
		}
		faults := rules.Check(cfg, givenAre(given...))
		seen := map[string]bool{}
		for _, f := range faults {
			for _, setting := range []string{f.Field, f.Other} {
				if path, _, _ := strings.Cut(setting, "="); path != "" {
					fields.At(cfg, path)
				}
			}
			if text := fmt.Sprint(f); seen[text] {
				t.Errorf("%v: twice", f)
			} else {
				seen[text] = true
			}
			if f.Reason == "" {
				t.Errorf("%v has no reason", f)
			}
		}
	})
}
