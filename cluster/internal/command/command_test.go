package command

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync/cluster/internal/flow"
	"s3sync/internal/cli/options"
	"s3sync/internal/doclines"
)

// Nothing is approved that was not looked at.
func TestAnswer(t *testing.T) {
	waits := &flow.Status{Phase: flow.PhaseDeciding, Waiting: &flow.Waiting{Choices: []flow.Choice{flow.Approve, flow.Abort}, Verdict: digest}}
	for name, tt := range map[string]struct {
		status  *flow.Status
		choice  flow.Choice
		verdict string
		want    string // the error
	}{
		"approved":        {waits, flow.Approve, digest[:shownVerdict], ""},
		"aborted":         {waits, flow.Abort, "", ""},
		"another verdict": {waits, flow.Approve, "aaaaaaaaaaaa", "waits for an approval of 3f9a2c1b77de, not of aaaaaaaaaaaa: look at its status again"},
		"not a choice":    {waits, flow.Retry, "", "cannot be answered with retry, but with approve or abort"},
		"does not wait":   {&flow.Status{Phase: flow.PhaseCopy}, flow.Abort, "", "waits for no decision: it is in the phase copy"},
	} {
		d, err := answer(tt.status, tt.choice, tt.verdict)
		switch {
		case tt.want != "" && (err == nil || err.Error() != tt.want):
			t.Errorf("%s: error %v, want %s", name, err, tt.want)
		case tt.want == "" && (err != nil || d != flow.Decision{Choice: tt.choice, Verdict: digest}):
			t.Errorf("%s: %+v, error %v", name, d, err)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		url, other string
		want       bool
	}{
		{"s3://b/state/", "s3://b", true},
		{"s3://b/state/", "s3://b/", true},
		{"s3://b/state/", "s3://b/st", true},
		{"s3://b/state/", "s3://bc/", false},
		{"s3://bc", "s3://b", false},
		{"s3://b", "s3://b/x", false},
		{"/data", "s3://b/", false},
	} {
		if got := within(tt.url, tt.other); got != tt.want {
			t.Errorf("%s within %s: %v", tt.url, tt.other, got)
		}
	}
}

func call(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Main(t.Context(), Process{Args: args, Stdout: &stdout, Stderr: &stderr, Exit: os.Exit})
	return code, stdout.String(), stderr.String()
}

// Every option of a sync is taken by submit or refused with a reason, so a new one is
// thought about. What is refused is an option.
func TestRefusedAreOptions(t *testing.T) {
	for name, why := range refused() {
		code, out, err := call(t, "submit", "--"+name, "x")
		if code != options.ExitUsage || out != "" || err != "s3sync-cluster: --"+name+" "+why+"\n" {
			t.Errorf("--%s: exit code %d, %s%s", name, code, out, err)
		}
	}
	_, out, _ := call(t, "help", "submit")
	out = strings.Join(strings.Fields(out), " ")
	for name := range refused() {
		if !strings.Contains(out, "--"+name) {
			t.Errorf("the help of submit does not say that --%s is refused", name)
		}
	}
}

// What a job holds has neither sides nor rates, which are elsewhere in it, and no secret.
func TestSpec(t *testing.T) {
	c := newCommand(Process{
		Args: []string{
			"submit", "s3://a/", "s3://b/", "--job", "x", "--state", "s3://s/", "--source-connection", "old", "--state-connection", "b2",
			"--delete", "--approve", "--rate-limit-objects", "3500", "--rate-limit-bandwidth", "1GiB", "--in-flight", "12", "--lost-after", "90s", "--worker-size", "7",
		},
		Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{},
	})
	if _, _, _, err := c.line.Parse(); err != nil {
		t.Fatal(err)
	}
	spec, err := c.spec()
	if err != nil {
		t.Fatal(err)
	}
	if spec.Source.URL != "s3://a/" || spec.Source.Connection != "old" || spec.Target.URL != "s3://b/" || spec.Target.Connection != "" || c.own.state.Connection != "b2" {
		t.Errorf("places %+v, %+v, %+v", spec.Source, spec.Target, c.own.state)
	}
	if l := spec.Limits; l.Requests != 3500 || l.Bytes != 1<<30 || l.InFlight != 12 || spec.Leases.Silence.String() != "1m30s" || !spec.Approve {
		t.Errorf("%+v, %+v", spec.Limits, spec.Leases)
	}
	set := spec.Settings
	if set.Source.URL+set.Target.URL != "" || set.Transfer.ObjectsPerSecond != 0 || set.Transfer.BytesPerSecond != 0 || set.State.Dir != "" || !set.Delete.Enable || set.Transfer.Workers.String() != "7" {
		t.Errorf("%+v", set)
	}
}

// Nobody copies a line from a page that the command refuses.
func TestDocLines(t *testing.T) {
	pages, err := filepath.Glob("../../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "../../../README.md", "../../../CONTRIBUTING.md")
	n := 0
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range doclines.Of(program, filepath.Base(page), strings.ReplaceAll(string(data), "\r\n", "\n")) {
			n++
			if err := accept(l.Args); err != nil {
				t.Errorf("%s: %v", l, err)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d lines found", n)
	}
}

// accept parses a line as the command does, and checks it, but runs nothing.
func accept(args []string) error {
	if i := slices.Index(args, "--splits"); i >= 0 { // names a file that is not here
		args = slices.Delete(slices.Clone(args), i, i+2)
	}
	if len(args) == 1 && !strings.HasPrefix(args[0], "-") {
		args = []string{"help", args[0]} // the name of a command, in a text
	}
	c := newCommand(Process{Args: args, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}})
	asked, rest, _, err := c.line.Parse()
	if err != nil || asked == nil {
		return err
	}
	switch {
	case asked.Sides:
		_, err = c.spec()
	case asked.Name == "help":
		_, err = c.line.Topic(rest)
	case asked.Args == "JOB":
		err = checkJob("JOB", rest[0])
	}
	return err
}
