package options

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync"
)

func newLine(args ...string) *Line {
	return (&call{args: args}).line()
}

// A call is a command that does nothing: what a user sees of a line and its
// environment.
type call struct {
	args, env      []string
	stdout, stderr bytes.Buffer
	// cfg is what would be run, nil if nothing would.
	cfg *s3sync.Config
}

// line has a home directory, if the environment has none.
func (c *call) line() *Line {
	home := os.TempDir()
	return New(Program{Args: c.args, Environ: append(slices.Clone(c.env), "HOME="+home, "LOCALAPPDATA="+home), Stdout: &c.stdout, Stderr: &c.stderr, Version: "s3sync 1.2.3\n", Commands: testCommands()})
}

// testCommands are the sync and three of other kinds.
func testCommands() []Command {
	return []Command{
		{Args: "[SOURCE] [TARGET]", Sides: true},
		{Name: "checks", Args: "SOURCE TARGET", Sides: true, Options: ofChecks, Usage: "look back"},
		{Name: "sides", Args: "SOURCE TARGET", Sides: true, Options: []string{"probe-writes", "policy", "json", "output", "prices", "leftovers", "abort-older-than", "yes", "list", "force", "all"}, Usage: "look at both sides"},
		{Name: "one", Args: "FILE", Options: []string{"json", "worker-size"}, Usage: "read a file", More: "It may be old."},
		{Name: "words", Args: "[WORD...]", Verbatim: true, Usage: "print the words", Values: (*Line).Shells},
		{Name: "none", Usage: "print nothing"},
		{Name: "applies", Args: "FILE [SOURCE] [TARGET]", Applies: true, Usage: "carry out a file"},
	}
}

// between is a call that would sync two buckets.
func between(args ...string) *call {
	return &call{args: append(args, "s3://a", "s3://b")}
}

func (c *call) main(t *testing.T) int {
	t.Helper()
	l := c.line()
	asked, args, text, err := l.Parse()
	if err == nil && asked != nil && asked.Sides {
		err = l.Check()
	}
	if err != nil {
		fmt.Fprintf(&c.stderr, "s3sync: %v\n", err)
		if _, ok := errors.AsType[UsageError](err); ok {
			return ExitUsage
		}
		return ExitError
	}
	c.stdout.WriteString(text)
	if asked == nil {
		return ExitDone
	}
	if asked.Name != "" {
		fmt.Fprintf(&c.stdout, "%s %q\n", asked.call(), args)
	}
	if !asked.Sides {
		return ExitDone
	}
	c.cfg = l.Config
	out := &c.stderr
	if l.Log.JSON {
		out = &c.stdout
	}
	for _, note := range l.Notes {
		if l.Level() <= s3sync.LevelNote {
			fmt.Fprintln(out, "NOTE", note)
		}
	}
	fmt.Fprintln(&c.stdout, l.Given())
	return ExitDone
}

// ofChecks are options that only one command has.
var ofChecks = []string{"against", "read", "public-key", "sha256sum", "key", "proof", "root"}

// A target without a slash at its end is told of where a folder is probably meant.
func TestNoteSlash(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.jpg")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ source, target, want string }{
		{dir, "s3://b/x/photos", `"s3://b/x/photos" ends without a slash, so a.jpg becomes "photosa.jpg"; for a folder write "s3://b/x/photos/"`},
		{"s3://a", "s3://b/photos", `"s3://b/photos" ends without a slash, so a.jpg becomes "photosa.jpg"; for a folder write "s3://b/photos/"`},
		{"s3://a/p/", "s3://b/photos", `"s3://b/photos" ends without a slash, so a.jpg becomes "photosa.jpg"; for a folder write "s3://b/photos/"`},
		{dir, "s3://b/photos/", ""},
		{dir, "s3://b", ""},
		{file, "s3://b/photos", ""},       // it gets that key
		{"s3://a/p", "s3://b/photos", ""}, // one object, or on purpose
		{"s3://a/p", filepath.Join(dir, "x"), ""},
	} {
		c := &call{args: []string{tt.source, tt.target}}
		l := c.line()
		if _, _, _, err := l.Parse(); err != nil {
			t.Fatal(err)
		}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(l.Notes, "\n"); got != tt.want {
			t.Errorf("%s to %s: got %s, want %s", tt.source, tt.target, got, tt.want)
		}
	}
}

// Two filters that exclude each other are told of: such a run does nothing, as one that has
// nothing to do.
func TestNoteNothingPasses(t *testing.T) {
	for args, want := range map[string]string{
		"--filter-mtime-after 7d --filter-mtime-before 8d":        "no object passes both --filter-mtime-after and --filter-mtime-before",
		"--filter-mtime-after 8d --filter-mtime-before 7d":        "",
		"--filter-mtime-after 2026-01-01":                         "",
		"--filter-larger-size 1MiB --filter-smaller-size 1048576": "no object passes both --filter-larger-size and --filter-smaller-size",
		"--filter-larger-size 1MiB --filter-smaller-size 1048577": "",
	} {
		l, err := parse(t, append(strings.Fields(args), "s3://a", "s3://b")...)
		if got := strings.Join(l.Notes, "\n"); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", args, got, err, want)
		}
	}
}

// Unfinished uploads are looked for below a prefix, which others may begin with.
func TestNoteSlashOfLeftovers(t *testing.T) {
	for url, want := range map[string]string{
		"s3://b/photos":  `"s3://b/photos" ends without a slash, so keys such as "photosa.jpg" are meant, too; for a folder write "s3://b/photos/"`,
		"s3://b/photos/": "",
		"s3://b":         "",
	} {
		c := &call{args: []string{".", url}}
		l := c.line()
		if _, _, _, err := l.Parse(); err != nil {
			t.Fatal(err)
		}
		l.Own.Leftovers = url
		if err := l.Check(); err != nil || strings.Join(l.Notes, "\n") != want {
			t.Errorf("%s: got %q, %v, want %s", url, l.Notes, err, want)
		}
	}
}
