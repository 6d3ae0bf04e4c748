package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/storage"
)

// A call is a command with its surroundings replaced.
type call struct {
	args, env      []string
	stdout, stderr bytes.Buffer
	signals        chan os.Signal
	exits          []int
	// cfg is what the library was called with, nil if it was not.
	cfg *s3sync.Config
	// sync takes the place of the library.
	sync func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error)
}

// process has a home directory of its own, if the environment has none.
func (c *call) process(t *testing.T) Process {
	t.Helper()
	home := t.TempDir()
	return Process{
		Args: c.args, Environ: append(slices.Clone(c.env), "HOME="+home, "LOCALAPPDATA="+home), Stdout: &c.stdout, Stderr: &c.stderr, Signals: c.signals,
		Exit: func(code int) { c.exits = append(c.exits, code) },
		Sync: func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
			c.cfg = cfg
			if c.sync == nil {
				return &s3sync.Report{}, nil
			}
			return c.sync(ctx, cfg)
		},
	}
}

func (c *call) main(t *testing.T) int {
	t.Helper()
	return Main(t.Context(), c.process(t))
}

// between is a call that syncs two buckets.
func between(args ...string) *call {
	return &call{args: append(args, "s3://a", "s3://b"), signals: make(chan os.Signal, 2)}
}

func TestRunOutcomes(t *testing.T) {
	const summary = "1.00 KiB | 1.00 KiB/sec,  transferred   2 objects | 2 objects/sec,  etag verified 0 objects,  " +
		"checksum verified 0 objects,  unverified 0 objects,  deleted 0 objects,  skipped 0 objects,  " +
		"error 0 objects, warning 0 objects,  duration 1 second\n"
	stats := s3sync.Stats{TransferredBytes: 1024, Transferred: 2, Elapsed: time.Second}
	failed := stats
	failed.Failed = 2
	one := stats
	one.Failed = 1
	denied := fmt.Errorf("%w: %w", storage.ErrUnusable, errors.New("permission denied"))
	for name, tt := range map[string]struct {
		args   []string
		report s3sync.Report
		err    error
		code   int
		stderr string
		stdout string // a part of the last line; empty wants nothing at all
	}{
		"done":         {report: s3sync.Report{Stats: stats}, stdout: summary},
		"quiet":        {args: []string{"-qq"}, report: s3sync.Report{Stats: stats}, stdout: summary},
		"stderr":       {args: []string{"--tracing-stderr"}, report: s3sync.Report{Stats: stats}, stderr: summary},
		"JSON":         {args: []string{"--json-tracing"}, report: s3sync.Report{Stats: stats}},
		"some failed":  {report: s3sync.Report{Stats: failed, Failures: []s3sync.Failure{{Key: "k\x1b[1m"}}}, code: 1, stdout: strings.Replace(summary, "error 0", "error 2", 1), stderr: `s3sync: sync failed: 2 objects failed, the first of them "k\x1b[1m"` + "\n"},
		"one failed":   {report: s3sync.Report{Stats: one}, code: 1, stdout: strings.Replace(summary, "error 0", "error 1", 1), stderr: "s3sync: sync failed: 1 object failed\n"},
		"error":        {report: s3sync.Report{Stats: stats}, err: errors.New("no such bucket"), code: 1, stdout: summary, stderr: "s3sync: sync failed: no such bucket\n"},
		"unusable":     {report: s3sync.Report{Stats: s3sync.Stats{TransferredBytes: 7, Failed: 1}, Failures: []s3sync.Failure{{Key: "k", Err: denied}}}, err: denied, code: 1, stderr: "s3sync: sync failed: store unusable: permission denied\n"},
		"not listed":   {report: s3sync.Report{Stats: s3sync.Stats{Failed: 1}, Incomplete: true}, err: fs.ErrPermission, code: 1, stderr: "s3sync: sync failed: permission denied\n"},
		"not reached":  {report: s3sync.Report{Stats: s3sync.Stats{Failed: 1}, Incomplete: true}, err: storage.ErrTransient, code: 1, stderr: "s3sync: sync failed: temporary failure\n"},
		"unusable now": {report: s3sync.Report{Stats: failed, Failures: []s3sync.Failure{{Key: "k", Err: denied}}}, err: denied, code: 1, stdout: strings.Replace(summary, "error 0", "error 2", 1), stderr: "s3sync: sync failed: store unusable: permission denied\n"},
		"full":         {report: s3sync.Report{Stats: s3sync.Stats{Failed: 1}, Failures: []s3sync.Failure{{Key: "k", Err: storage.ErrFull}}}, err: storage.ErrFull, code: 1, stdout: "error 1", stderr: "s3sync: sync failed: store unusable: full\n"},
		"joined error": {report: s3sync.Report{Stats: stats}, err: errors.Join(errors.New("first"), errors.New("second")), code: 1, stdout: summary, stderr: "s3sync: sync failed: first\n"},
		"odd error":    {report: s3sync.Report{Stats: stats}, err: errors.New("no\x1b[1m\rbucket"), code: 1, stdout: summary, stderr: `s3sync: sync failed: no\x1b[1m\rbucket` + "\n"},
		"odd text":     {report: s3sync.Report{Stats: stats}, err: errors.New("a\u202egpj.exe\u0085\u2066\ufeff\u061c\u200f\u2028\xff é\tb"), code: 1, stdout: summary, stderr: `s3sync: sync failed: a\u202egpj.exe\u0085\u2066\ufeff\u061c\u200f\u2028\xff é b` + "\n"},
		"incomplete":   {report: s3sync.Report{Stats: stats, Incomplete: true}, code: 3, stdout: summary},
		"JSON, error":  {args: []string{"--json-tracing"}, err: errors.New("no such bucket"), code: 1, stderr: "s3sync: sync failed: no such bucket\n", stdout: `"message":"sync failed.","error":"no such bucket"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(tt.args...)
			c.sync = func(context.Context, *s3sync.Config) (*s3sync.Report, error) { return &tt.report, tt.err }
			if code := c.main(t); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if got := c.stderr.String(); got != tt.stderr {
				t.Errorf("stderr\n%s\nwant\n%s", got, tt.stderr)
			}
			if got := c.stdout.String(); (got == "") != (tt.stdout == "") || !strings.Contains(got, tt.stdout) {
				t.Errorf("stdout %q, want %q in it", got, tt.stdout)
			}
		})
	}
}

// A refusal is one line, and nothing is done.
func TestRefusal(t *testing.T) {
	for want, c := range map[string]*call{
		"--delete-excluded requires --delete": between("--delete-excluded"),
		"--nonsense is not an option":         between("--nonsense=hunter2"),
		`--worker-size (set by WORKER_SIZE) must be a whole number, auto or auto:N, not "\u202e"`: {args: []string{"s3://a", "s3://b"}, env: []string{"WORKER_SIZE=\u202e"}},
	} {
		if code := c.main(t); code != options.ExitUsage || c.stderr.String() != "s3sync: "+want+"\n" {
			t.Errorf("exit code %d, got %q, want %q", code, c.stderr.String(), want)
		}
		if c.stdout.Len() > 0 || c.cfg != nil {
			t.Error("something was done")
		}
	}
}

// What is asked for instead of a run is printed alone.
func TestPrintedInsteadOfARun(t *testing.T) {
	for arg, want := range map[string]string{
		"-h": "Usage: s3sync", "--help": "130  stopped by SIGINT", "--version": "s3sync ", "--auto-complete-shell=bash": "__start_s3sync",
	} {
		c := &call{args: []string{arg}}
		if code := c.main(t); code != options.ExitDone || c.stderr.Len() > 0 || c.cfg != nil {
			t.Errorf("%s: exit code %d, %q", arg, code, c.stderr.String())
		}
		if !strings.Contains(c.stdout.String(), want) {
			t.Errorf("%s: %s", arg, c.stdout.String())
		}
	}
}

// What a newcomer sees first fits on a terminal.
func TestOverviewIsNarrow(t *testing.T) {
	c := &call{args: []string{"help"}}
	if code := c.main(t); code != options.ExitDone {
		t.Fatal(c.stderr.String())
	}
	for line := range strings.Lines(c.stdout.String()) {
		if n := len(line) - 1; n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// Notes about the settings are part of the log.
func TestNotesAreLogged(t *testing.T) {
	const note = "DELETE in the environment is ignored"
	for arg, want := range map[string][2]bool{"-v": {false, true}, "-q": {false, false}, "--json-tracing": {true, false}} {
		c := between(arg)
		c.env = []string{"DELETE=1"}
		c.main(t)
		if got := [2]bool{strings.Contains(c.stdout.String(), note), strings.Contains(c.stderr.String(), note)}; got != want {
			t.Errorf("%s: on standard output and error %v, want %v", arg, got, want)
		}
	}
}

// The library may find a fault of the settings that the command did not.
func TestRunLateRefusal(t *testing.T) {
	c := between()
	c.sync = func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		return &s3sync.Report{}, &s3sync.ConfigError{Field: "Target.URL", Reason: "is of the wrong kind"}
	}
	if code := c.main(t); code != options.ExitUsage {
		t.Errorf("exit code %d", code)
	}
	if got, want := c.stderr.String(), "s3sync: TARGET is of the wrong kind\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

type panicError struct{ error }

func (panicError) Stack() []byte { return []byte("goroutine 1 [running]:\n") }

func TestRunBug(t *testing.T) {
	for name, sync := range map[string]func(context.Context, *s3sync.Config) (*s3sync.Report, error){
		"in a worker": func(context.Context, *s3sync.Config) (*s3sync.Report, error) {
			return &s3sync.Report{}, errors.Join(errors.New("other"), panicError{errors.New("out of range")})
		},
		"here": func(context.Context, *s3sync.Config) (*s3sync.Report, error) { panic("out of range") },
	} {
		t.Run(name, func(t *testing.T) {
			c := between()
			c.sync = sync
			if code := c.main(t); code != options.ExitBug {
				t.Errorf("exit code %d", code)
			}
			for _, want := range []string{"s3sync: internal error: out of range\n", "goroutine ", "Please report it"} {
				if !strings.Contains(c.stderr.String(), want) {
					t.Errorf("stderr lacks %q:\n%s", want, c.stderr.String())
				}
			}
		})
	}
}

func TestFirstSignalCancels(t *testing.T) {
	for sig, want := range map[os.Signal]int{os.Interrupt: options.ExitInterrupt, syscall.SIGTERM: options.ExitTerminated, syscall.SIGHUP: options.ExitHangup} {
		t.Run(sig.String(), func(t *testing.T) {
			c := between()
			c.sync = func(ctx context.Context, _ *s3sync.Config) (*s3sync.Report, error) {
				c.signals <- sig
				<-ctx.Done()
				return &s3sync.Report{}, context.Cause(ctx)
			}
			if code := c.main(t); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			if got, want := c.stderr.String(), "s3sync: warning: "+sig.String()+": stopping and cleaning up; once more leaves at once\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := c.stdout.String(); !strings.HasPrefix(got, "0 B | ") || strings.Count(got, "\n") != 1 {
				t.Errorf("the summary is missing: %q", got)
			}
			if len(c.exits) != 0 {
				t.Error("left at once")
			}
		})
	}
}

func TestSecondSignalExits(t *testing.T) {
	c := between()
	exited := make(chan int)
	c.sync = func(ctx context.Context, _ *s3sync.Config) (*s3sync.Report, error) {
		c.signals <- os.Interrupt
		<-ctx.Done()
		c.signals <- syscall.SIGTERM
		if code := <-exited; code != options.ExitTerminated {
			t.Errorf("exit code %d", code)
		}
		return &s3sync.Report{}, context.Cause(ctx)
	}
	p := c.process(t)
	p.Exit = func(code int) { exited <- code }
	Main(t.Context(), p)
}

// The reader of the log may go away; the run goes on.
func TestBrokenLog(t *testing.T) {
	c := between("-v")
	c.sync = func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		for range 3 {
			cfg.Logger.Info("hello")
		}
		return &s3sync.Report{}, nil
	}
	p := c.process(t)
	r, w := io.Pipe()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	writes := 0
	p.Stdout = writerFunc(func(b []byte) (int, error) { writes++; return w.Write(b) })
	if code := Main(t.Context(), p); code != options.ExitDone {
		t.Errorf("exit code %d", code)
	}
	if writes != 1 {
		t.Errorf("%d writes to the broken pipe", writes)
	}
}

// A log that cannot be written any more is a failure, which is said once; the run
// goes on. What failed otherwise keeps its exit code.
func TestLogFails(t *testing.T) {
	const said = "s3sync: the log cannot be written: no space left on device; the run goes on, and ends with exit code 1 at best\n"
	for name, tt := range map[string]struct {
		args   []string
		report s3sync.Report
		err    error
		writes int // to standard output
		code   int
		stderr string
	}{
		"a log":         {[]string{"-v"}, s3sync.Report{}, nil, 4, options.ExitError, said},
		"a summary":     {nil, s3sync.Report{}, nil, 1, options.ExitError, said},
		"JSON":          {[]string{"--json-tracing", "-v"}, s3sync.Report{}, nil, 3, options.ExitError, said},
		"warnings":      {nil, s3sync.Report{Stats: s3sync.Stats{Warnings: 1}}, nil, 1, options.ExitError, said},
		"an error":      {nil, s3sync.Report{}, errors.New("no bucket"), 1, options.ExitError, said + "s3sync: sync failed: no bucket\n"},
		"a crash":       {nil, s3sync.Report{}, panicError{errors.New("out of range")}, 1, options.ExitBug, ""},
		"nothing there": {[]string{"-qq", "--json-tracing"}, s3sync.Report{}, nil, 0, options.ExitDone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(tt.args...)
			c.sync = func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
				for range 3 {
					cfg.Logger.Info("hello")
				}
				return &tt.report, tt.err
			}
			p := c.process(t)
			writes := 0
			p.Stdout = writerFunc(func([]byte) (int, error) { writes++; return 0, syscall.ENOSPC })
			if code := Main(t.Context(), p); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if got := c.stderr.String(); got != tt.stderr && tt.stderr != "" || strings.Count(got, said) > 1 {
				t.Errorf("stderr %q, want %q", got, tt.stderr)
			}
			if writes != tt.writes {
				t.Errorf("%d writes, want %d", writes, tt.writes)
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestOutputFails(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		code   int
		stderr string
	}{
		"full":   {syscall.ENOSPC, options.ExitError, "s3sync: standard output: no space left on device\n"},
		"closed": {syscall.EPIPE, options.ExitDone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := &call{args: []string{"--help"}}
			p := c.process(t)
			p.Stdout = writerFunc(func([]byte) (int, error) { return 0, tt.err })
			if code := Main(t.Context(), p); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if c.stderr.String() != tt.stderr {
				t.Errorf("stderr %q", c.stderr.String())
			}
		})
	}
}

// What calls for attention is on standard error, the rest on standard output.
func TestLogLevels(t *testing.T) {
	for name, tt := range map[string]struct {
		args           []string
		stdout, stderr string
	}{
		"none":                {nil, "", "NWE"},
		"-v":                  {[]string{"-v"}, "I", "NWE"},
		"-vv":                 {[]string{"-vv"}, "DI", "NWE"},
		"-v -v -v":            {[]string{"-v", "-v", "-v"}, "TDI", "NWE"},
		"-vvvv":               {[]string{"-vvvv"}, "TDI", "NWE"},
		"--verbose":           {[]string{"--verbose"}, "I", "NWE"},
		"-q":                  {[]string{"-q"}, "", "E"},
		"-qq":                 {[]string{"-qq"}, "", ""},
		"-qqq":                {[]string{"-qqq"}, "", ""},
		"dry run":             {[]string{"--dry-run"}, "I", "NWE"},
		"quiet dry run":       {[]string{"--dry-run", "-qq"}, "I", "NWE"},
		"verbose dry run":     {[]string{"--dry-run", "-vv"}, "DI", "NWE"},
		"on standard error":   {[]string{"--tracing-stderr", "-v"}, "", "INWE"},
		"errors on it":        {[]string{"--tracing-stderr", "-q"}, "", "E"},
		"JSON":                {[]string{"--json-tracing", "-v"}, "INWE", ""},
		"JSON, no detail":     {[]string{"--json-tracing"}, "NWE", ""},
		"JSON on stderr":      {[]string{"--json-tracing", "--tracing-stderr"}, "", "NWE"},
		"JSON, quiet dry run": {[]string{"--json-tracing", "-q", "--dry-run"}, "INWE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(tt.args...)
			c.sync = func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
				log := cfg.Logger.With("a", 1).WithGroup("g")
				log.Log(ctx, levelTrace, "message T")
				log.Debug("message D")
				log.Info("message I")
				log.Log(ctx, levelNote, "message N")
				log.Warn("message W")
				log.Error("message E")
				return nil, nil
			}
			c.main(t)
			for stream, want := range map[*bytes.Buffer]string{&c.stdout: tt.stdout, &c.stderr: tt.stderr} {
				got := ""
				for line := range strings.Lines(stream.String()) {
					if _, message, ok := strings.Cut(line, "message "); ok {
						got += message[:1]
					}
				}
				if got != want {
					t.Errorf("got %q, want %q in\n%s", got, want, stream)
				}
			}
		})
	}
}

// At trace level the log begins with the options in force, without secrets.
func TestSettingsAreLogged(t *testing.T) {
	c := between("-vvv", "--source-access-key=visible", "--source-secret-access-key=hunter2", "--worker-size", "7", "--delete")
	c.env = []string{"S3SYNC_SOURCE_SESSION_TOKEN=hunter2"}
	if code := c.main(t); code != 0 {
		t.Fatalf("exit code %d: %s", code, c.stderr.String())
	}
	out := c.stdout.String()
	for _, want := range []string{
		`setting option="--worker-size" value="7"`,
		`setting option="--delete" value="true"`,
		`setting option="--source-access-key" value="visible"`,
		`setting option="--source-secret-access-key" value="(secret)"`,
		`setting option="--source-session-token" value="(secret)" variable="S3SYNC_SOURCE_SESSION_TOKEN"`,
		`setting option="TARGET" value="s3://b"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Errorf("a secret is in\n%s", out)
	}
}
