package s3sync

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/fields"
)

// filled returns a Config in which every written field has a unique value.
func filled(t *testing.T) *Config {
	t.Helper()
	c := &Config{}
	n := int64(0)
	for f := range fields.Of(c) {
		n++
		switch v := f.Value.Addr().Interface().(type) {
		case *string:
			*v = fmt.Sprintf("text <%d>", n)
		case *bool:
			*v = true
		case *int:
			*v = int(n)
		case *int64:
			*v = n<<20 + 1
		case **int64:
			*v = new(int64)
			**v = n << 10
		case *time.Duration:
			*v = time.Duration(n) * time.Millisecond
		case *time.Time:
			*v = time.Date(2026, 1, 31, 12, 0, int(n), 5, time.UTC)
		case *Matcher:
			*v = mustCompile(t, fmt.Sprintf(`^(?<!x)%d\d`, n))
		case *[]GlobRule:
			*v = []GlobRule{{Pattern: fmt.Sprint("*.", n)}, {Pattern: "a b", Include: true}}
		case *map[string]string:
			*v = map[string]string{"name": fmt.Sprint("value ", n)}
		case *Concurrency:
			*v = AutoUpTo(int(n))
		case *CheckMode:
			*v = CheckMtimeAndChecksum
		default:
			if f.Written() {
				t.Errorf("%s is of a type that is not tested: %T", f.Path, v)
			}
		}
	}
	return c
}

// text returns the value of a field as text, following pointers.
func text(value reflect.Value) string {
	if re, ok := reflect.TypeAssert[Matcher](value); ok {
		return re.String()
	}
	return fmt.Sprint(reflect.Indirect(value))
}

func TestConfigRoundTrip(t *testing.T) {
	c := filled(t)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	read := &Config{}
	if err := json.Unmarshal(data, read); err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for f := range fields.Of(c) {
		got := fields.At(read, f.Path).Value
		if !f.Written() {
			if !got.IsZero() {
				t.Errorf("%s was written", f.Path)
			}
			continue
		}
		written[f.Path] = true
		if got.IsZero() || text(got) != text(f.Value) {
			t.Errorf("%s became %v, was %v", f.Path, got, f.Value)
		}
	}
	if len(written) < 90 {
		t.Errorf("only %d fields are written", len(written))
	}
	for f := range fields.Of(c) {
		if f.Secret() && strings.Contains(string(data), f.Value.String()) {
			t.Errorf("%s is in the form", f.Path)
		}
	}
	again, err := json.Marshal(read)
	if err != nil || string(again) != string(data) {
		t.Errorf("%v: written again as %s, was %s", err, again, data)
	}
}

// Secret fields have the tag, and no field whose name sounds secret lacks it.
func TestSecretFields(t *testing.T) {
	var secrets []string
	for f := range fields.Of(new(Config)) {
		if f.Secret() {
			secrets = append(secrets, f.Path)
		}
	}
	want := []string{
		"Source.SecretKey", "Source.SessionToken", "Target.SecretKey", "Target.SessionToken", "AWS.HTTPSProxy",
		"Encryption.KMSKeyID", "Encryption.SourceCustomer.Key", "Encryption.TargetCustomer.Key",
	}
	if diff := cmp.Diff(want, secrets); diff != "" {
		t.Error(diff)
	}
}

// The form is readable for people and does not depend on the defaults.
func TestConfigForm(t *testing.T) {
	c := DefaultConfig()
	c.Source.URL, c.Source.SecretKey = "s3://b/p", "hidden"
	c.Check = Check{Mode: CheckChecksum, Algorithm: "SHA256"}
	c.Filter.SmallerThan = new(int64)
	c.Metadata.User = map[string]string{"team": "a"}
	c.Range.From = "m"
	c.Transfer.Workers, c.Transfer.ParallelParts = AutoUpTo(64), 4
	data, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "version": 1,
 "fields": {
  "AWS.MaxKeys": 1000,
  "AWS.ParallelListings": 32,
  "Check.Algorithm": "SHA256",
  "Check.Mode": "checksum",
  "Delete.MaxPercent": 80,
  "Filter.SmallerThan": "0B",
  "Metadata.User": {
   "team": "a"
  },
  "Range.From": "m",
  "Resume.MaxAge": "168h0m0s",
  "Retry.ForceCount": 5,
  "Retry.ForceInterval": "1s",
  "Retry.InitialBackoff": "100ms",
  "Retry.MaxAttempts": 10,
  "Source.URL": "s3://b/p",
  "Timeout.Read": "1m0s",
  "Transfer.ChunkSize": "8MiB",
  "Transfer.ParallelParts": 4,
  "Transfer.Threshold": "8MiB",
  "Transfer.Workers": "auto:64",
  "Verify.Checksum": true,
  "Verify.ETag": true,
  "Verify.Multipart": true
 }
}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
}

// An expression of the standard library keeps its type, because its syntax differs.
func TestWrittenExpressions(t *testing.T) {
	c := DefaultConfig()
	c.Filter.Include, c.Filter.Exclude = regexp.MustCompile(`^\pL[[:digit:]]`), mustCompile(t, `\d(?=x)`)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Filter.Include":{"go":"^\\pL[[:digit:]]"}`, `"Filter.Exclude":"\\d(?=x)"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
	read := &Config{}
	if err := json.Unmarshal(data, read); err != nil {
		t.Fatal(err)
	}
	if _, ok := read.Filter.Include.(*regexp.Regexp); !ok || read.Filter.Include.String() != c.Filter.Include.String() {
		t.Errorf("read as %T %v", read.Filter.Include, read.Filter.Include)
	}
	if _, ok := read.Filter.Exclude.(*Regexp); !ok {
		t.Errorf("read as %T", read.Filter.Exclude)
	}
}

// Several expressions are a list, and rules are texts.
func TestWrittenFilters(t *testing.T) {
	c := DefaultConfig()
	c.Filter.Include = AnyOf(mustCompile(t, "^a"), nil, AnyOf(regexp.MustCompile("b$"), mustCompile(t, "c")))
	c.Filter.Globs = []GlobRule{{Pattern: "*"}, {Pattern: "a b/", Include: true}}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Filter.Include":["^a",{"go":"b$"},"c"]`, `"Filter.Globs":["- *","+ a b/"]`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
	read := &Config{}
	if err := json.Unmarshal(data, read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Filter.Globs, read.Filter.Globs); diff != "" || read.Filter.Include.String() != "^a, b$, c" {
		t.Errorf("%s, %v", diff, read.Filter.Include)
	}
	for text, want := range map[string]bool{"ab": true, "bb": true, "xcx": true, "ba": false} {
		if got := read.Filter.Include.MatchString(text); got != want {
			t.Errorf("%q matches: %v", text, got)
		}
	}
	if err := json.Unmarshal([]byte(`{"version":1,"fields":{"Filter.Globs":["*"]}}`), read); err == nil ||
		err.Error() != `Filter.Globs cannot be read: a rule is "+ PATTERN" or "- PATTERN", not "*"` {
		t.Error(err)
	}
}

func mustCompile(t *testing.T, text string) *Regexp {
	t.Helper()
	re, err := CompileRegexp(text)
	if err != nil {
		t.Fatal(err)
	}
	return re
}

type oddMatcher struct{ Matcher }

// A reader may set secrets and functions before or after reading.
func TestReadConfigKeepsTheRest(t *testing.T) {
	c := &Config{FailFast: true, Source: Endpoint{SecretKey: "s", Store: someStore{}, Profile: "p"}, OnEvent: func(Event) {}}
	if err := json.Unmarshal([]byte(`{"version":1,"fields":{"Target.URL":"x"}}`), c); err != nil {
		t.Fatal(err)
	}
	if c.Target.URL != "x" || c.Source.SecretKey != "s" || c.Source.Store == nil || c.OnEvent == nil {
		t.Errorf("got %+v", c)
	}
	if c.FailFast || c.Source.Profile != "" {
		t.Error("a field that is not written was kept")
	}
}

func TestReadConfigRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":2,"fields":{}}`:                                     "a Config of version 2 cannot be read, only version 1",
		`{"fields":{}}`:                                                 "a Config of version 0 cannot be read, only version 1",
		`{"version":1,"fields":{"Check.No":true}}`:                      `a Config has no field "Check.No", or none that is written`,
		`{"version":1,"fields":{"Source.SecretKey":"x"}}`:               `a Config has no field "Source.SecretKey", or none that is written`,
		`{"version":1,"fields":{"check.mode":"size"}}`:                  `a Config has no field "check.mode", or none that is written`,
		`{"version":1,"fields":{},"more":1}`:                            `a Config cannot be read: json: unknown field "more"`,
		`{"version":1,"fields":{"Check.Mode":"fastest"}}`:               `Check.Mode cannot be read: "fastest" is no mode of comparison`,
		`{"version":1,"fields":{"Transfer.ChunkSize":"8 Mix"}}`:         `Transfer.ChunkSize cannot be read: must be a size such as 8MiB, not "8 Mix"`,
		`{"version":1,"fields":{"Transfer.ChunkSize":"9223372036GiB"}}`: `Transfer.ChunkSize cannot be read: must be less than 8EiB, not "9223372036GiB"`,
		`{"version":1,"fields":{"Timeout.Read":"1"}}`:                   `Timeout.Read cannot be read: time: missing unit in duration "1"`,
		`{"version":1,"fields":{"Filter.Include":"["}}`:                 `Filter.Include cannot be read: there is no ] for this [, at character 1`,
		`{"version":1,"fields":{"Filter.Include":{"go":"["}}}`:          "Filter.Include cannot be read: error parsing regexp: missing closing ]: `[`",
		`{"version":1,"fields":{"Filter.Include":7}}`:                   "Filter.Include cannot be read: json: cannot unmarshal number into Go value of type fields.goRegexp",
		`{"version":1,"fields":{"Transfer.Workers":"16"}}`:              `Transfer.Workers cannot be read: must be a number, "auto" or "auto:N", not "16"`,
		`{"version":1,"fields":{"Filter.ModifiedAfter":"2026-01-31"}}`:  `Filter.ModifiedAfter cannot be read: parsing time "2026-01-31" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"`,
	} {
		t.Run(text, func(t *testing.T) {
			c := &Config{FailFast: true}
			if err := json.Unmarshal([]byte(text), c); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
			if !c.FailFast {
				t.Error("the Config was changed")
			}
		})
	}
}

func TestWriteConfigRefuses(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"Source.URL cannot be written: it is not valid UTF-8":         func(c *Config) { c.Source.URL = "\xff" },
		"Range.To cannot be written: it is not valid UTF-8":           func(c *Config) { c.Range.To = "\xff" },
		"Metadata.User cannot be written: it is not valid UTF-8":      func(c *Config) { c.Metadata.User = map[string]string{"a": "\xff"} },
		"Filter.Exclude cannot be written: it is a s3sync.oddMatcher": func(c *Config) { c.Filter.Exclude = oddMatcher{} },
		"Mode(9) is no mode of comparison":                            func(c *Config) { c.Check.Mode = 9 },
	} {
		c := DefaultConfig()
		change(c)
		if data, err := json.Marshal(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v and %s, want %s", err, data, want)
		}
	}
}
