package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"s3sync/internal/listserver"
)

// A spoken is a command whose output is the same wherever it goes.
type spoken struct {
	args []string
	code int
	// human is what a terminal shows besides, of the line for people.
	human string
}

// spokenIn returns commands of every sort, for a server with the bucket "old" and a
// directory with a file.
func spokenIn(dir string) map[string]spoken {
	return map[string]spoken{
		"help":             {args: []string{"--help"}},
		"completion":       {args: []string{"completion", "bash"}},
		"refused":          {args: []string{"--size-only", dir, "s3://old"}, code: 2},
		"dry run":          {args: []string{"--dry-run", "--delete", "--max-delete-percent", "100", dir, "s3://old"}},
		"warning":          {args: []string{"--dry-run", "--delete", "--max-delete", "1", dir, "s3://old"}, code: 3},
		"run that fails":   {args: []string{"--force-retry-count", "0", dir, "s3://old"}, code: 1, human: "Failed after 0s: transferred nothing; 1 object failed"},
		"bucket of nobody": {args: []string{dir, "s3://nobody"}, code: 1},
		"report":           {args: []string{"--report-sync-status", "s3://old", dir}, code: 3, human: "Done in 0s: 3 objects compared, 3 missing or different"},
		"doctor":           {args: []string{"doctor", dir, "s3://nobody"}, code: 1},
	}
}

// A way is where the output of a command goes, and what its environment says of that.
type way struct {
	environ []string
	// open returns the two streams, and a function that returns what was written. It is
	// called when the command has ended, and both streams are closed here.
	open func(t *testing.T) (stdout, stderr *os.File, written func() string)
	// terminal: a line for people comes before the summary.
	terminal bool
	// lost: nobody reads standard output, and perhaps standard error.
	lost bool
}

// file is standard output and standard error in one file, as of a nightly job.
func file(t *testing.T) (stdout, stderr *os.File, written func() string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	return f, f, func() string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
}

// closed is a pipe whose reader went away before the first line.
func closed(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

func ways() map[string]way {
	all := map[string]way{
		"a file, dumb and narrow": {environ: []string{"NO_COLOR=1", "TERM=dumb", "COLUMNS=40"}, open: file},
		"a file, with colours":    {environ: []string{"TERM=xterm-256color", "COLORTERM=truecolor", "COLUMNS=200"}, open: file},
		"a pipe": {open: func(t *testing.T) (stdout, stderr *os.File, written func() string) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			text := make(chan string, 1)
			go func() {
				b, _ := io.ReadAll(r)
				text <- string(b)
			}()
			return w, w, func() string { defer r.Close(); return <-text }
		}},
		"a pipe that is closed early": {lost: true, open: func(t *testing.T) (stdout, stderr *os.File, written func() string) {
			_, f, written := file(t)
			return closed(t), f, written
		}},
		"two pipes that are closed early": {lost: true, open: func(t *testing.T) (stdout, stderr *os.File, written func() string) {
			return closed(t), closed(t), func() string { return "" }
		}},
	}
	terminals(all)
	return all
}

// varying is what differs from run to run.
var varying = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|duration\d+seconds?(?:s3sync|$)|\d+(\.\d+)?(µs|ms|s)\(median|(?:in|after)\d+s:`)

// words returns a text without blanks and line breaks, for they depend on the width.
func words(text string) string {
	return varying.ReplaceAllString(strings.Join(strings.Fields(text), ""), "~")
}

// A command says the same, and ends with the same code, wherever its output goes: in a file,
// in a pipe, in one that somebody closes, and on terminals of any width with and without
// colours.
func TestOutputGoesAnywhere(t *testing.T) {
	server := listserver.New(t, map[string]listserver.Bucket{"old": {Objects: 3}})
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	self := commandFile(t)
	run := func(t *testing.T, s spoken, w way) (text string, code int) {
		t.Helper()
		stdout, stderr, written := w.open(t)
		home := t.TempDir() // two runs cannot use one state at once
		cmd := exec.CommandContext(t.Context(), self, s.args...)
		cmd.Stdout, cmd.Stderr = stdout, stderr
		cmd.Env = append([]string{
			"HOME=" + home, "LOCALAPPDATA=" + home, "PATH=" + os.Getenv("PATH"), "SYSTEMROOT=" + os.Getenv("SYSTEMROOT"), "LANG=C.UTF-8", "GORACE=atexit_sleep_ms=0",
			"AWS_ENDPOINT_URL=" + server.URL, "AWS_ACCESS_KEY_ID=AKIAEXAMPLE123456", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION=us-east-1",
		}, w.environ...)
		err := cmd.Start()
		for _, f := range []*os.File{stdout, stderr} {
			_ = f.Close() // the command has it; perhaps both are the same
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the code tells
		return written(), cmd.ProcessState.ExitCode()
	}
	for name, s := range spokenIn(dir) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, code := run(t, s, way{open: file})
			if code != s.code || plain == "" || strings.Contains(plain, "\x1b") || strings.Contains(plain, "\r") {
				t.Fatalf("exit code %d, want %d:\n%s", code, s.code, plain)
			}
			for name, w := range ways() {
				got, code := run(t, s, w)
				if code != s.code {
					t.Errorf("%s: exit code %d, want %d:\n%s", name, code, s.code, got)
				}
				want := words(plain)
				if human := words(s.human); w.terminal && human != "" {
					before, after, _ := strings.Cut(words(got), human)
					got = before + after
				}
				if got = words(got); !w.lost && got != want {
					t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
				}
				if w.lost && strings.Contains(got, "pipe") {
					t.Errorf("%s: %s", name, got)
				}
			}
		})
	}
}

// commandFile returns the name of this test binary as the command: see TestMain.
func commandFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "s3sync")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Symlink(self, name) == nil {
		return name
	}
	from, err := os.Open(self) // Windows lets few users make links
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}
