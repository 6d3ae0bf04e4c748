package options

import (
	"os"
	"strings"
	"testing"
)

// What a command gets of its line.
func TestCommandLines(t *testing.T) {
	for name, tt := range map[string]struct {
		args, env []string
		want      string // a part of what is printed
		refused   string
	}{
		"arguments":           {args: []string{"one", "f"}, want: `s3sync one ["f"]`},
		"options first":       {args: []string{"--worker-size", "3", "one", "f"}, want: `s3sync one ["f"]`},
		"options last":        {args: []string{"one", "f", "--json"}, want: `s3sync one ["f"]`},
		"as many as wanted":   {args: []string{"words", "a", "--b", "-c"}, want: `s3sync words ["a" "--b" "-c"]`},
		"none of them":        {args: []string{"words"}, want: `s3sync words []`},
		"sides":               {args: []string{"sides", "s3://a", "s3://b", "--delete"}, want: `s3sync sides []`},
		"not a command":       {args: []string{"--", "one", "s3://b"}, refused: `SOURCE "one" does not exist`},
		"a name as a value":   {args: []string{"--source-region", "one", "s3://a", "s3://b"}, want: "{--source-region one }"},
		"a name as TARGET":    {args: []string{"s3://a", "one"}, want: "{TARGET one }"},
		"too few":             {args: []string{"one"}, refused: "FILE is missing; s3sync one -h shows how it is called"},
		"too many":            {args: []string{"one", "f", "g"}, refused: `s3sync one takes no further arguments, but there is "g"`},
		"any is too many":     {args: []string{"none", "f"}, refused: `s3sync none takes no arguments, but there is "f"`},
		"perhaps a secret":    {args: []string{"one", "f", "wJalrXUtn"}, refused: `s3sync one takes no further arguments, but there is "wJa…"`},
		"a secret of three":   {args: []string{"sides", "a", "b", "é🔑ü!"}, refused: `SOURCE and TARGET are all arguments there are, but there is "é🔑ü…"`},
		"a path of three":     {args: []string{"sides", "a", "b", "command_test.go"}, refused: `SOURCE and TARGET are all arguments there are, but there is "command_test.go"`},
		"three sides":         {args: []string{"sides", "a", "b", "c"}, refused: `SOURCE and TARGET are all arguments there are, but there is "c"`},
		"a missing side":      {args: []string{"sides", "s3://a"}, refused: "TARGET is missing"},
		"a rule of the sides": {args: []string{"sides", "s3://a", "s3://b", "--max-delete=3"}, refused: "--max-delete requires --delete"},

		"an option of others":      {args: []string{"one", "f", "--delete"}, refused: "--delete is not an option of s3sync one; it belongs to s3sync, s3sync checks, s3sync sides"},
		"an option of commands":    {args: []string{"--json", "s3://a", "s3://b"}, refused: "--json is not an option; --json-tracing logs JSON"},
		"an option of the sync":    {args: []string{"sides", "--auto-complete-shell=bash"}, refused: "--auto-complete-shell is not an option of s3sync sides; it belongs to s3sync"},
		"an unknown option":        {args: []string{"none", "--frobnicate"}, refused: "--frobnicate is not an option of s3sync none"},
		"a misspelt option":        {args: []string{"one", "f", "--jsom"}, refused: "--jsom is not an option of s3sync one; did you mean --json?"},
		"an unknown short one":     {args: []string{"one", "f", "-v"}, refused: "-v is not an option of s3sync one"},
		"a value that is missing":  {args: []string{"one", "--worker-size"}, refused: "--worker-size needs a value"},
		"a value that is another":  {args: []string{"sides", "--source-region", "--json"}, refused: "--source-region needs a value; if it begins with a hyphen, write --source-region=VALUE"},
		"variables of its options": {args: []string{"one", "f"}, env: []string{"S3SYNC_WORKER_SIZE=x"}, refused: `--worker-size (set by S3SYNC_WORKER_SIZE) must be a whole number, auto or auto:N, not "x"`},
		"variables of others":      {args: []string{"one", "f"}, env: []string{"S3SYNC_MAX_KEYS=x"}, want: `s3sync one ["f"]`},
		"misspelt variables":       {args: []string{"one", "f"}, env: []string{"S3SYNC_DRYRUN=1"}, refused: "S3SYNC_DRYRUN in the environment is not an option; did you mean S3SYNC_DRY_RUN?"},
		"no option, no variable":   {args: []string{"none"}, env: []string{"S3SYNC_DRYRUN=1", "S3SYNC_WORKER_SIZE=x", "S3SYNC_TARGET=s3://b"}, want: "s3sync none []"},
		"sides of the environment": {args: []string{"sides"}, env: []string{"S3SYNC_SOURCE=s3://a", "S3SYNC_TARGET=s3://b"}, want: "{SOURCE s3://a S3SYNC_SOURCE}"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &call{args: tt.args, env: tt.env}
			code := c.main(t)
			if tt.refused != "" {
				if want := "s3sync: " + tt.refused + "\n"; code != ExitUsage || c.stderr.String() != want || c.stdout.Len() > 0 {
					t.Errorf("exit code %d, got %q, want %q", code, c.stderr.String(), want)
				}
				return
			}
			if code != ExitDone || c.stderr.Len() > 0 || !strings.Contains(c.stdout.String(), tt.want) {
				t.Errorf("exit code %d, got %q, %s", code, c.stdout.String(), c.stderr.String())
			}
		})
	}
}

func TestCommandHelp(t *testing.T) {
	for command, want := range map[string]string{
		"one": `Read a file. It may be old.

Usage: s3sync one [OPTIONS] FILE

      --json
          Print JSON.

These mean what they mean for a sync: --worker-size.
`,
		"none": "Print nothing.\n\nUsage: s3sync none\n",
		"sides": `Look at both sides.

Usage: s3sync sides [OPTIONS] SOURCE TARGET

      --probe-writes
          Also write below one new name in the target, and remove that again.
          The name begins with .s3sync-doctor-. It is removed also after a
          failure or Ctrl-C. If the target keeps versions, those of the probe
          stay behind delete markers; a warning says so first.

      --policy
          Only print the least IAM policy for these options. Nothing is asked.
          If both sides are buckets with different credentials, there is one
          policy for each of them.

      --leftovers <URL>
          Only list unfinished uploads below URL, s3://bucket[/prefix], that no
          state of this machine knows. It takes the place of SOURCE and TARGET,
          and is reached by the options of the target. Other machines, other
          users of this one, and runs with another --state-dir may be writing
          them now.

      --abort-older-than <TIME>
          Abort those that began longer than TIME ago, such as 7d. It asks
          first. What a state of this machine knows is never aborted: the next
          run of its sides goes on with it.

      --yes
          Abort without asking.

      --list
          Show the runs in the trash. Each has its id, how it ended, how many
          objects it created, overwrote, deleted and tagged, and the bytes that
          are kept.

      --force
          Also undo what was changed since the run, or forget unfinished
          uploads. Of undo: the changes since are lost. Without it such objects
          stay as they are, with a warning. Of state clear: unfinished uploads
          stay on the server. Without it what knows of them is not cleared.

      --all
          Clear what is kept of all pairs of sides.

      --json
          Print JSON.

  -o, --output <FILE>
          Write the plan to FILE, which it replaces when it is complete. It is
          JSON lines, compressed with zstd: zstdcat FILE shows it. It has the
          names of all objects that change, but no secrets.

      --prices <FILE>
          Take the prices of requests and bytes from the JSON FILE. Without it
          they are list prices of AWS. docs/plan.md has the names of the fields.

It also has the options of a sync: see s3sync -h.
`,
	} {
		for _, args := range [][]string{{command, "-h"}, {command, "--help"}, {"--help", command}} {
			c := &call{args: args}
			if code := c.main(t); code != ExitDone || c.stdout.String() != want {
				t.Errorf("%q: exit code %d, got\n%s%s", args, code, c.stdout.String(), c.stderr.String())
			}
		}
	}
}

// A command that applies a plan has no option for what the plan decides.
func TestOptionsBesideAPlan(t *testing.T) {
	for line, want := range map[string]string{
		"--delete":         "s3sync: --delete is not an option of s3sync applies; the plan decides that, and a new plan could decide otherwise\n",
		"--exclude=x":      "s3sync: --exclude is not an option of s3sync applies; the plan decides that, and a new plan could decide otherwise\n",
		"--check-size":     "s3sync: --check-size is not an option of s3sync applies; the plan decides that, and a new plan could decide otherwise\n",
		"--worker-size=3":  "",
		"--profile=a":      "",
		"--source-region=": "s3sync: --source-region must not be empty\n",
		"--dry-run":        "",
		"-vv":              "",
		"--failed-keys=a":  "",
	} {
		c := &call{args: []string{"applies", line, "file"}}
		if c.main(t); c.stderr.String() != want {
			t.Errorf("%s: got %q, want %q", line, c.stderr.String(), want)
		}
	}
}

func mkdir(t *testing.T, name string) {
	t.Helper()
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
}

// A script that syncs a directory keeps its meaning, or fails: a command whose name is
// also a path is not run if its arguments could be those of a sync.
func TestCommandOrDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"one", "none", "sides", "words"} {
		mkdir(t, name)
	}
	const says = " is a command of s3sync and also a path here: write ./"
	for name, tt := range map[string]struct {
		args, env []string
		refused   string
	}{
		"a sync":                {args: []string{"one", "s3://b/"}, refused: "one" + says + "one to sync the path"},
		"of no arguments":       {args: []string{"none", "s3://b"}, refused: "none" + says + "none to sync the path"},
		"of both sides":         {args: []string{"sides", "s3://b/p"}, refused: "sides" + says + "sides to sync the path"},
		"of any words":          {args: []string{"words", "s3://b/p"}, refused: "words" + says + "words to sync the path"},
		"words after options":   {args: []string{"--delete", "words"}, env: []string{"S3SYNC_TARGET=s3://b"}, refused: "words" + says + "words to sync the path"},
		"words and options":     {args: []string{"words", "s3://b", "--delete"}, refused: "words" + says + "words to sync the path"},
		"options first":         {args: []string{"--worker-size", "3", "one", "s3://b/"}, refused: "one" + says + "one to sync the path"},
		"other options":         {args: []string{"one", "s3://b/", "--delete"}, refused: "--delete is not an option of s3sync one; it belongs to s3sync, s3sync checks, s3sync sides; to sync the path one write ./one"},
		"target of environment": {args: []string{"none"}, env: []string{"S3SYNC_TARGET=s3://b"}, refused: "none" + says + "none to sync the path"},
		"a local argument":      {args: []string{"one", "f"}},
		"two sides":             {args: []string{"sides", "s3://a", "s3://b"}},
		"alone":                 {args: []string{"none"}},
		"a sync, with a dot":    {args: []string{"./one", "s3://b"}},
		"a sync, after dashes":  {args: []string{"--", "one", "s3://b"}},
		"a sync to it":          {args: []string{"s3://b", "one"}},
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
