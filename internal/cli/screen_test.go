//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"s3sync"
)

// A tty is a terminal with a screen, on which a user would look at the command.
type tty struct {
	t              *testing.T
	master, device *os.File
	vt             vt10x.Terminal
	read           sync.WaitGroup
	changed        chan struct{} // something was drawn
}

func newTTY(t *testing.T, width, height int) *tty {
	t.Helper()
	master, device, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	s := &tty{t: t, master: master, device: device, vt: vt10x.New(vt10x.WithSize(width, height)), changed: make(chan struct{}, 1)}
	s.resize(width, height)
	s.read.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			_, _ = s.vt.Write(buf[:n])
			select {
			case s.changed <- struct{}{}:
			default:
			}
		}
	})
	t.Cleanup(s.close)
	return s
}

func (s *tty) close() {
	_ = s.device.Close()
	_ = s.master.Close()
	s.read.Wait()
}

func (s *tty) resize(width, height int) {
	s.t.Helper()
	if err := pty.Setsize(s.master, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)}); err != nil {
		s.t.Fatal(err)
	}
	s.vt.Resize(width, height)
}

// stamp is the time of a line of the log.
var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)

// expect waits until the screen shows lines. TIME stands for the time of a line of the log.
func (s *tty) expect(want string) {
	s.t.Helper()
	want = strings.TrimPrefix(want, "\n")
	late := time.After(10 * time.Second)
	for {
		var lines []string
		for line := range strings.SplitSeq(strings.TrimRight(s.vt.String(), " \n"), "\n") {
			lines = append(lines, strings.TrimRight(line, " "))
		}
		got := stamp.ReplaceAllString(strings.Join(lines, "\n"), "TIME")
		if got == want {
			return
		}
		select {
		case <-s.changed:
		case <-late:
			s.t.Errorf("the screen shows\n%s\nwant\n%s", got, want)
			return
		}
	}
}

// onTTY is a call whose output goes to a terminal.
func onTTY(s *tty, sync func(context.Context, *s3sync.Config) (*s3sync.Report, error), args ...string) (*call, Process) {
	c := between(args...)
	c.env = []string{"TERM=xterm", "LANG=C.UTF-8", "NO_COLOR=1"}
	c.sync = sync
	p := c.process(s.t)
	p.Stdout, p.Stderr = s.device, s.device
	return c, p
}

const (
	mib = 1 << 20
	gib = 1 << 30
)

// middleOfARun is a progress with something of everything.
func middleOfARun() *s3sync.Progress {
	return &s3sync.Progress{
		Stats: s3sync.Stats{
			Transferred: 1234, Verified: 1230, Skipped: 12345, Failed: 2, Warnings: 1, Retries: 3, Elapsed: 133 * time.Second,
		},
		Found: 5678, FoundBytes: 45*gib + 600*mib, Done: 1234, DoneBytes: 12*gib + 300*mib, Active: 3,
		InFlight: []s3sync.InFlight{
			{Key: "videos/2024/a holiday in the mountains, part one.mov", Bytes: 1200 * mib, Size: 2400 * mib, Elapsed: time.Minute},
			{Key: "写真/旅行/富士山の頂上からの眺め、とても長い名前のファイル.jpeg", Bytes: 1, Size: 30 * mib, Elapsed: time.Minute},
			{Key: "new\x1b[2J.txt", Size: 20 * mib, Elapsed: time.Second},
			{Key: "just begun", Size: 10 * mib, Elapsed: 999 * time.Millisecond},
		},
	}
}

// What a user sees from the beginning to the end of a run, while the window changes its
// size and lines of the log come.
func TestScreenOfARun(t *testing.T) {
	s := newTTY(t, 80, 12)
	p := middleOfARun()
	p.InFlight = p.InFlight[:1]
	c, process := onTTY(s, func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		cfg.OnProgress(*p)
		s.expect(`
12.3 GiB/45.6 GiB+  26%  ━━━━━━━━─────────────────────────  0 B/s  2m13s  ETA -
1,234/5,678+ objects · 1,230 verified · 12,345 skipped · 2 failed · 1 warning
  videos/2024/… mountains, part one.mov ━━━━━━━────────  50%  1.17 GiB/2.34 GiB`)

		cfg.Logger.Info("first")
		s.expect(`
TIME  INFO first
12.3 GiB/45.6 GiB+  26%  ━━━━━━━━─────────────────────────  0 B/s  2m13s  ETA -
1,234/5,678+ objects · 1,230 verified · 12,345 skipped · 2 failed · 1 warning
  videos/2024/… mountains, part one.mov ━━━━━━━────────  50%  1.17 GiB/2.34 GiB`)

		s.resize(40, 12)
		cfg.Logger.Error("second")
		s.expect(`
TIME  INFO first
TIME ERROR second`)
		p.Stats.Elapsed += 10 * time.Second
		p.DoneBytes += 1000 * mib
		cfg.OnProgress(*p)
		s.expect(`
TIME  INFO first
TIME ERROR second
13.3/45.6 GiB+  29%  ETA 5m31s+
1,234/5,678+ objects · 2 failed
  videos/202…ntains, part one.mov   50%`)

		s.resize(100, 8)
		p.InFlight = nil
		cfg.OnProgress(*p)
		s.expect(`
TIME  INFO first
TIME ERROR second
13.3 GiB/45.6 GiB+  29%  ━━━━━━━━━━━━────────────────────────────────  100 MiB/s  2m23s  ETA 5m31s+
1,234/5,678+ objects · 1,230 verified · 12,345 skipped · 2 failed · 1 warning · 3 retries`)
		p.Stats.Transferred, p.Stats.Verified = 1, 1
		p.DoneBytes = 10 * mib
		cfg.OnProgress(*p)
		return &s3sync.Report{Stats: s3sync.Stats{TransferredBytes: 10 * mib, Transferred: 1, Verified: 1, Elapsed: 10 * time.Second}}, nil
	}, "-v")
	if code := Main(t.Context(), process); code != 0 || c.cfg == nil {
		t.Errorf("code %d", code)
	}
	s.expect(`
TIME  INFO first
TIME ERROR second
Done in 10s: transferred 1 object, 10.0 MiB at 1.00 MiB/s, verified
10.00 MiB | 1.00 MiB/sec,  transferred   1 objects | 0 objects/sec,  etag verified 0 objects,  check
sum verified 0 objects,  unverified 0 objects,  deleted 0 objects,  skipped 0 objects,  error 0 obje
cts, warning 0 objects,  duration 10 seconds`)
}

// A run that leaves at once leaves no live lines behind.
func TestScreenIsLeftClean(t *testing.T) {
	s := newTTY(t, 80, 12)
	exited := make(chan int)
	var c *call
	c, process := onTTY(s, func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		cfg.OnProgress(*middleOfARun())
		c.signals <- os.Interrupt
		<-ctx.Done()
		c.signals <- os.Interrupt
		<-exited
		s.expect(`
s3sync: warning: interrupt: stopping and cleaning up; once more leaves at once`)
		return &s3sync.Report{}, context.Cause(ctx)
	})
	process.Exit = func(code int) { exited <- code }
	Main(t.Context(), process)
}

// A bug is not hidden by the live lines.
func TestScreenOfABug(t *testing.T) {
	s := newTTY(t, 80, 12)
	_, process := onTTY(s, func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		cfg.OnProgress(*middleOfARun())
		return &s3sync.Report{}, panicError{errors.New("out of range")}
	})
	Main(t.Context(), process)
	s.expect(`
0 B | 0 B/sec,  transferred   0 objects | 0 objects/sec,  etag verified 0 object
s,  checksum verified 0 objects,  unverified 0 objects,  deleted 0 objects,  ski
pped 0 objects,  error 0 objects, warning 0 objects,  duration 0 seconds
s3sync: internal error: out of range
goroutine 1 [running]:
This is a fault of s3sync. Please report it with the lines above and what led to
 it.`)
}

// Where nothing can be drawn, or nothing is wanted, nothing is: the terminal sees only the
// summary, or not even that.
func TestScreenWithoutLines(t *testing.T) {
	const summary = `
0 B | 0 B/sec,  transferred   0 objects | 0 objects/sec,  etag verified 0 objects,  checksum verifie
d 0 objects,  unverified 0 objects,  deleted 0 objects,  skipped 0 objects,  error 0 objects, warnin
g 0 objects,  duration 0 seconds`
	for name, tt := range map[string]struct {
		args, env []string
		want      string
	}{
		"dumb":        {env: []string{"TERM=dumb"}, want: summary},
		"no progress": {args: []string{"--show-no-progress"}},
		"JSON":        {args: []string{"--json-tracing"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTTY(t, 100, 12)
			c := between(tt.args...)
			c.env = tt.env
			c.sync = func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
				if cfg.OnProgress != nil {
					cfg.OnProgress(s3sync.Progress{})
				}
				return &s3sync.Report{}, nil
			}
			p := c.process(t)
			p.Stdout, p.Stderr = s.device, s.device
			if code := Main(t.Context(), p); code != 0 {
				t.Errorf("code %d", code)
			}
			s.expect(tt.want)
		})
	}
}

// Standard output that goes elsewhere gets the summary alone. The terminal gets the rest.
func TestScreenWithOutputElsewhere(t *testing.T) {
	s := newTTY(t, 80, 12)
	c, process := onTTY(s, func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		cfg.OnProgress(*middleOfARun())
		cfg.Logger.Info("in the file")
		cfg.Logger.Warn("on the terminal")
		return &s3sync.Report{}, nil
	}, "-v")
	process.Stdout = &c.stdout
	Main(t.Context(), process)
	s.expect(`
TIME  WARN on the terminal
Done in 0s: transferred nothing`)
	if got := stamp.ReplaceAllString(c.stdout.String(), "TIME"); !strings.HasPrefix(got, "TIME  INFO in the file\n0 B | ") || strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
}
