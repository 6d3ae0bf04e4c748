package options

import (
	"strings"
	"testing"
)

// A word of others that became one of ours has no place in the table any more.
func TestWordsAreNotOurs(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Words() {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
	sync := &Command{Sides: true}
	for _, o := range newLine().options {
		for _, name := range []string{"--" + o.Name, "--" + o.Alias, "-" + o.Short} {
			if seen[name] && sync.has(o) {
				t.Errorf("%s is an option: its row among the words of others is never read", name)
			}
		}
	}
}

func TestWrongWords(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, tt := range map[string]struct {
		args, env []string
		refused   string
	}{
		"an option":             {args: []string{"--size-only", "s3://a", "s3://b"}, refused: "--size-only is not an option; --check-size transfers what differs in size"},
		"with a value":          {args: []string{"--transfers=hunter2", "s3://a", "s3://b"}, refused: "--transfers is not an option; --worker-size compares and transfers that many objects at the same time; without it s3sync finds the number"},
		"a short one":           {args: []string{"-vP", "s3://a", "s3://b"}, refused: "-P is not an option; a terminal shows the progress by itself"},
		"ours, of a command":    {args: []string{"--json", "s3://a", "s3://b"}, refused: "--json is not an option; --json-tracing logs JSON"},
		"of a command of sides": {args: []string{"sides", "--dryrun", "s3://a", "s3://b"}, refused: "--dryrun is not an option of s3sync sides; --dry-run does that"},
		"of another command":    {args: []string{"none", "--dryrun"}, refused: "--dryrun is not an option of s3sync none"},
		"not known":             {args: []string{"--track-renames", "s3://a", "s3://b"}, refused: "--track-renames is not an option"},

		"a command":               {args: []string{"sync", "a", "b"}, refused: "sync is not a command; s3sync SOURCE TARGET syncs: leave out the word sync"},
		"and its options":         {args: []string{"--delete", "cp", "s3://a", "s3://b", "--dry-run"}, refused: "cp is not a command; s3sync SOURCE TARGET syncs: leave out the word cp"},
		"of two words":            {args: []string{"s3", "sync", "a", "b"}, refused: "s3 is not a command; s3sync SOURCE TARGET syncs: leave out the words before SOURCE"},
		"with one argument":       {args: []string{"ls", "s3://a"}, refused: "ls is not a command; s3sync lists only what it would do: --dry-run"},
		"alone":                   {args: []string{"check"}, refused: "check is not a command; --report-sync-status reports for each object whether TARGET has the same"},
		"with a target elsewhere": {args: []string{"rm"}, env: []string{"S3SYNC_TARGET=s3://b"}, refused: "rm is not a command; s3sync deletes only what SOURCE does not have: --delete"},
		"misspelt":                {args: []string{"sdies", "s3://a", "s3://b"}, refused: `"sdies" is neither a command nor a path; did you mean s3sync sides?`},
		"misspelt, alone":         {args: []string{"nonee"}, refused: `"nonee" is neither a command nor a path; did you mean s3sync none?`},
		"too many":                {args: []string{"x", "y", "z"}, refused: `SOURCE and TARGET are all arguments there are, but there is "z"`},
		"a source that is gone":   {args: []string{"wordz", "s3://b"}, refused: `SOURCE "wordz" does not exist`},
		"a path":                  {args: []string{"./sync", "s3://b"}, refused: `SOURCE "./sync" does not exist`},
		"a bucket":                {args: []string{"s3://sync", "s3://b"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &call{args: tt.args, env: tt.env}
			code := c.main(t)
			if want := "s3sync: " + tt.refused + "\n"; tt.refused != "" && (code != ExitUsage || c.stderr.String() != want || c.stdout.Len() > 0) {
				t.Errorf("exit code %d, got %q, want %q", code, c.stderr.String(), want)
			}
			if tt.refused == "" && code != ExitDone {
				t.Errorf("exit code %d: %s", code, c.stderr.String())
			}
		})
	}
}

// A directory of such a name is synced as any other.
func TestDirectoryWithAWordOfOthers(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	mkdir(t, "sync")
	c := &call{args: []string{"sync", "s3://b"}}
	if code := c.main(t); code != ExitDone || c.cfg.Source.URL != "sync" {
		t.Errorf("exit code %d: %s", code, c.stderr.String())
	}
	c = &call{args: []string{"sync", "sync", "s3://b"}}
	if code := c.main(t); code != ExitUsage || !strings.Contains(c.stderr.String(), "leave out the word sync") {
		t.Errorf("exit code %d: %s", code, c.stderr.String())
	}
}
