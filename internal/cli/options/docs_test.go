package options

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/cli/options/table"
	"s3sync/storage"
)

var update = flag.Bool("update", false, "rewrite docs/options.md")

func TestDocsUpToDate(t *testing.T) {
	name := filepath.Join("..", "..", "..", "docs", "options.md")
	want := markdown(t)
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(got), "\r\n", "\n"), want); diff != "" {
		t.Errorf("docs/options.md is stale; run `go generate ./...`:\n%s", diff)
	}
}

// markdown is docs/options.md.
func markdown(t *testing.T) string {
	t.Helper()
	help := newHelp(newLine().options, &Program{})
	ties := tiesOnce()
	var b strings.Builder
	b.WriteString("<!-- Written by `go generate ./...` from the option table in internal/cli/options; do not edit. -->\n\n# Options\n\n")
	b.WriteString("`s3sync [OPTIONS] [SOURCE] [TARGET]`\n\nOther [commands](commands.md) than a sync have their own page.\n\n" + environmentNote() + "\n")
	help.groups(func(g table.Group, rows []helpRow) {
		if g == table.OfCommands {
			return // docs/commands.md has them
		}
		fmt.Fprintf(&b, "\n## %s\n", g)
		for _, r := range rows {
			fmt.Fprintf(&b, "\n### `%s`\n\n%s\n", strings.TrimSpace(r.synopsis()), strings.ReplaceAll(r.sentence(), "*", `\*`))
			for i, fact := range append(facts(r), ties[r.Option.Title()]...) {
				if i == 0 {
					b.WriteString("\n")
				}
				b.WriteString("- " + fact + "\n")
			}
		}
	})
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, row := range exitCodes() {
		fmt.Fprintf(&b, "| %d | %s |\n", row.code, row.text)
	}
	return b.String()
}

func facts(r helpRow) []string {
	var facts []string
	add := func(name, text string) {
		if text != "" {
			facts = append(facts, name+text)
		}
	}
	add("default: ", r.def)
	add("choices: ", quoted(r.Choices...))
	add("environment: ", quoted(r.Variables()...))
	if r.Secret {
		add("secret: ", "appears in no output")
	}
	return facts
}

func quoted(texts ...string) string {
	var all []string
	for _, text := range texts {
		all = append(all, "`"+text+"`")
	}
	return strings.Join(all, ", ")
}

// tiesOnce asks the library once, as it takes seconds and several tests use the result.
// Their keys are the titles of the options.
var tiesOnce = sync.OnceValue(func() map[string][]string {
	ties := make(map[string][]string)
	for o, texts := range findTies(newLine()) {
		ties[o.Title()] = texts
	}
	return ties
})

// findTies asks the library in which directions options work, and which exclude or
// require each other: it tries each alone and each pair.
func findTies(c *Line) map[*table.Option][]string {
	const modes = "Check.Mode="
	ties, excludes := map[*table.Option][]string{}, map[*table.Option][]string{}
	for _, o := range c.options {
		if direction := directionOf(c, o); direction != "" {
			ties[o] = append(ties[o], direction)
		}
	}
	c.Config.Source, c.Config.Target = s3sync.Endpoint{Store: noStore{}}, s3sync.Endpoint{Store: noStore{}}
	for i, a := range c.options {
		if a.Positional() {
			continue
		}
		for _, fault := range faultsOf(c, a) {
			if other := c.bound(fault.Other); other != nil && strings.HasPrefix(fault.Reason, "requires") {
				ties[a] = append(ties[a], fault.Reason+" "+quoted(other.Title()))
			}
		}
		for _, name := range a.Not {
			other := c.named(name)
			excludes[a] = append(excludes[a], other.Title())
			excludes[other] = append(excludes[other], a.Title())
		}
		for _, b := range c.options[i+1:] {
			if strings.HasPrefix(a.Sets, modes) && strings.HasPrefix(b.Sets, modes) && a.Also != table.NoListing {
				excludes[a] = append(excludes[a], b.Title())
				excludes[b] = append(excludes[b], a.Title())
				continue
			}
			for _, fault := range faultsOf(c, a, b) {
				if first, other := c.bound(fault.Field), c.bound(fault.Other); fault.Reason == "cannot be combined with" && first != nil && other != nil {
					excludes[a] = append(excludes[a], b.Title())
					excludes[b] = append(excludes[b], a.Title())
				}
			}
		}
	}
	for _, o := range c.options {
		if names := excludes[o]; names != nil {
			ties[o] = append(ties[o], "not with "+quoted(names...))
		}
	}
	return ties
}

// directionOf returns in which direction an option works, or nothing if it works in all
// of them. The library says it of a directory and a bucket on either side.
func directionOf(c *Line, o *table.Option) string {
	if o.Positional() {
		return ""
	}
	refused := map[string]bool{}
	for source, target := range map[string]string{".": "s3://b", "s3://a": "."} {
		c.Config.Source, c.Config.Target = s3sync.Endpoint{URL: source}, s3sync.Endpoint{URL: target}
		for _, fault := range faultsOf(c, o) {
			refused[strings.TrimPrefix(fault.Reason, "cannot be used with ")] = true
		}
	}
	switch {
	case refused["a local source"] && refused["a local target"]:
		return "only between buckets"
	case refused["a local source"]:
		return "only from a bucket"
	case refused["a local target"]:
		return "only to a bucket"
	case refused["an S3 source"]:
		return "only from a directory"
	case refused["an S3 target"]:
		return "only to a directory"
	}
	return ""
}

func TestTies(t *testing.T) {
	ties := tiesOnce()
	for name, want := range map[string]string{
		"worker-size":                "",
		"no-guess-mime-type":         "only from a directory",
		"fsync":                      "only to a directory",
		"filter-include-tag-regex":   "only from a bucket",
		"storage-class":              "only to a bucket",
		"report-tagging-sync-status": "only between buckets; requires `--report-sync-status`",
		"read-both":                  "", // a report is enough
		"path-style":                 "not with `--source-accelerate`, `--target-accelerate`",
		"sse-kms-key-id":             "only to a bucket; requires aws:kms or aws:kms:dsse as `--sse`; not with `--target-sse-c`",
		"max-delete":                 "requires `--delete`",
		"if-none-match":              "only to a bucket; not with `--enable-versioning`, `--point-in-time`, `--if-match`",
	} {
		if got := strings.Join(ties["--"+name], "; "); got != want {
			t.Errorf("--%s: got %s, want %s", name, got, want)
		}
	}
}

// faultsOf is what the library says if just these options are given.
func faultsOf(c *Line, given ...*table.Option) []*s3sync.ConfigError {
	c.Config.Check = s3sync.DefaultConfig().Check
	c.set.Overwrite = false
	for _, o := range c.options {
		if o.Given = slices.Contains(given, o); o.Given && strings.HasPrefix(o.Sets, "Check.") {
			sample := "true"
			if len(o.Choices) > 0 {
				sample = o.Choices[0]
			}
			if err := o.Value.Parse(sample); err != nil {
				panic(err)
			}
		}
	}
	c.setBoth()
	if err := c.setMode(); err != nil {
		panic(err)
	}
	err := c.Config.ValidateGiven(c.given)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var faults []*s3sync.ConfigError
	for _, err := range joined.Unwrap() {
		if fault, ok := errors.AsType[*s3sync.ConfigError](err); ok {
			faults = append(faults, fault)
		}
	}
	return faults
}

type noStore struct{ storage.Store }
