package options

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/options/value"
)

// otherProgram is a program that has the options of a sync, but for two.
func otherProgram(args []string, environ ...string) (*Line, *string) {
	var job string
	l := New(Program{
		Args: args, Environ: environ, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Version: "other 1\n",
		Commands: []Command{
			{Usage: "do nothing", Options: []string{"version"}},
			{Name: "submit", Args: "SOURCE TARGET", Sides: true, Options: []string{"job"}, Usage: "submit a job"},
			{Name: "help", Args: "[TOPIC...]", Verbatim: true, Values: (*Line).Topics, Usage: "explain"},
		},
		Other: &Other{
			Name: "s3sync-other", About: "Does something else.",
			Rows: []*table.Option{{
				Name: "job", Group: table.OfCommands, Value: value.Text(&job), Env: table.EnvNone, Usage: "the `NAME` of the job",
			}},
			Refused:  map[string]string{"dry-run": "is for one machine", "html-report": "is written by report"},
			Variable: func(name string) bool { return strings.HasPrefix(name, "S3SYNC_OTHER_") },
		},
	})
	return l, &job
}

func TestOtherProgram(t *testing.T) {
	l, job := otherProgram([]string{"submit", "--job", "x", "--delete", "s3://a/", "s3://b/"}, "S3SYNC_OTHER_THING=1", "S3SYNC_MAX_DELETE=7", "DRY_RUN=true")
	k, _, _, err := l.Parse()
	if err == nil {
		err = l.Check()
	}
	if err != nil || k.Name != "submit" || *job != "x" || !l.Config.Delete.Enable || l.Config.Delete.Max != 7 || l.Config.DryRun {
		t.Errorf("command %v, job %q, %+v, error %v", k, *job, l.Config.Delete, err)
	}
	for _, note := range l.Notes {
		if strings.Contains(note, "S3SYNC_OTHER_THING") {
			t.Errorf("note %q", note)
		}
	}
}

func TestOtherProgramRefuses(t *testing.T) {
	for want, tt := range map[string]struct {
		args    []string
		environ string
	}{
		"COMMAND is missing; s3sync-other -h shows all of them":                           {},
		`"sub…" is not a command; did you mean s3sync-other submit?`:                      {args: []string{"submti"}},
		`"s3:…" is not a command; s3sync-other -h shows all of them`:                      {args: []string{"s3:/x"}},
		"--dry-run is for one machine":                                                    {args: []string{"submit", "--dry-run"}},
		"--html-report is written by report":                                              {args: []string{"submit", "--html-report=x"}},
		"--dry-run (set by S3SYNC_DRY_RUN) is for one machine":                            {args: []string{"submit", "s3://a/", "s3://b/"}, environ: "S3SYNC_DRY_RUN=1"},
		"--jobs is not an option of s3sync-other submit; did you mean --job?":             {args: []string{"submit", "--jobs"}},
		"--job is not an option; it belongs to s3sync-other submit":                       {args: []string{"--job", "x"}},
		`there is no help about "man"; s3sync-other help shows what there is`:             {args: []string{"help", "man"}},
		"S3SYNC_DRYRUN in the environment is not an option; did you mean S3SYNC_DRY_RUN?": {args: []string{"submit"}, environ: "S3SYNC_DRYRUN=1"},
	} {
		l, _ := otherProgram(tt.args, tt.environ)
		k, args, _, err := l.Parse()
		if err == nil && k.Name == "help" {
			_, err = l.Topic(args)
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", tt.args, err, want)
		}
	}
}

func TestOtherProgramHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}} {
		l, _ := otherProgram(args)
		_, _, text, err := l.Parse()
		for _, want := range []string{"Does something else.\n", "Usage: s3sync-other COMMAND [OPTIONS] [ARGUMENTS]\n", "  submit SOURCE TARGET  submit a job\n", "--version"} {
			if err != nil || !strings.Contains(text, want) {
				t.Errorf("error %v, without %q:\n%s", err, want, text)
			}
		}
		if strings.Contains(text, "--dry-run") {
			t.Errorf("options of a sync:\n%s", text)
		}
	}
	l, _ := otherProgram([]string{"submit", "-h"})
	_, _, text, err := l.Parse()
	for _, want := range []string{"Usage: s3sync-other submit [OPTIONS] SOURCE TARGET\n", "--job <NAME>", "see s3sync -h", "It refuses these, and says why: --dry-run, --html-report.\n"} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("error %v, without %q:\n%s", err, want, text)
		}
	}
	if slices.Contains(l.Topics(), "man") {
		t.Error("the manual page is that of s3sync")
	}
	for _, shell := range table.Shells() {
		script, err := l.Script(shell)
		if err != nil || !strings.Contains(script, "s3sync-other") && !strings.Contains(script, "s3sync_other") || strings.Contains(script, "__s3sync_init") {
			t.Errorf("%s: %v", shell, err)
		}
	}
}
