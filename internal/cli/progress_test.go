package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"s3sync"
)

func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out}
	s.show("12345")
	s.show("123")
	s.put(&out, "message\n")
	s.show("")
	s.put(&out, "end\n")
	want := "\r12345" + "\r123  " + // the rest of the longer line is wiped
		"\r   \r" + "message\n" + "\r123" + "\r   \r" + "end\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestScreenWithoutLine(t *testing.T) {
	var out bytes.Buffer
	s := &screen{}
	s.show("12345")
	s.put(&out, "message\n")
	if got := out.String(); got != "message\n" {
		t.Errorf("got %q", got)
	}
}

// Rates are those of the last ten seconds.
func TestProgressRates(t *testing.T) {
	p := &progress{screen: &screen{}, samples: []sample{{}}}
	var st s3sync.Stats
	rates := func() string {
		fields := strings.SplitN(p.line(st), ",  ", 4)
		return fields[0] + ", " + fields[1]
	}
	tick := func(bytes, objects int64) string {
		st.Elapsed += time.Second
		st.TransferredBytes += bytes
		st.Transferred += objects
		return rates()
	}
	if got, want := tick(100, 10), "100 B | 100 B/sec, transferred  10 objects | 10 objects/sec"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for range 9 {
		tick(100, 10)
	}
	if got, want := tick(600, 60), "1.56 KiB | 150 B/sec, transferred 160 objects | 15 objects/sec"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for range 10 {
		tick(0, 0)
	}
	if got, want := rates(), "1.56 KiB | 0 B/sec, transferred 160 objects | 0 objects/sec"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(p.samples) > samples {
		t.Errorf("%d samples are kept", len(p.samples))
	}
}

func TestProgressDraws(t *testing.T) {
	var out bytes.Buffer
	p := &progress{screen: &screen{out: &out}, samples: []sample{{}}, dryRun: true, width: func() int { return 20 }}
	if p.callback() == nil {
		t.Fatal("nobody draws the line")
	}
	p.event(s3sync.Event{Type: s3sync.EventTransferred})
	if out.Len() != 0 {
		t.Errorf("drawn between seconds: %q", out.String())
	}
	p.event(s3sync.Event{Type: s3sync.EventProgress, Stats: &s3sync.Stats{TransferredBytes: 7, Elapsed: time.Second}})
	if got, want := out.String(), "\r7 B | 0 B/sec,  tra"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	out.Reset()
	p.end()
	if got, want := out.String(), "\r"+strings.Repeat(" ", 19)+"\r"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A line is drawn only on terminals: a buffer is none. The run without a line is not
// watched.
func TestProgressNeedsATerminal(t *testing.T) {
	c := between()
	if code := c.main(t); code != 0 || c.cfg.OnEvent != nil {
		t.Errorf("code %d, watched %v", code, c.cfg.OnEvent != nil)
	}
	cmd := newCommand(c.process())
	p := cmd.progress()
	p.end()
	if got := fmt.Sprint(c.stderr.Len(), cmd.screen.out); got != "0 <nil>" {
		t.Errorf("got %s", got)
	}
}
