package command

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"go.temporal.io/sdk/client"

	"s3sync/cluster/internal/flow"
	"s3sync/cluster/internal/job"
	"s3sync/internal/cli/display"
	"s3sync/internal/cli/human"
	"s3sync/internal/cli/options"
	"s3sync/internal/visible"
)

const (
	refresh     = 2 * time.Second
	statusIn    = 15 * time.Second // for one answer
	plainWidth  = 100              // of what is no terminal
	mostWorkers = 15               // that are shown; --json has all of them
	// shownVerdict is how much of a digest names what is approved.
	shownVerdict = 12
)

// status shows how far a job is, on a terminal until it ends, or which jobs there are.
func (c *command) status(ctx context.Context, args []string) int {
	if len(args) == 0 {
		return c.jobs(ctx)
	}
	name := args[0]
	if err := checkJob("JOB", name); err != nil {
		return c.fail(err)
	}
	terminal := display.Terminal(c.p.Stdout)
	live := terminal != nil && !c.line.Own.JSON && !c.own.once && c.line.Variable("TERM") != "dumb"
	ctx, stop := c.interruptible(ctx)
	err := c.withEngine(ctx, func(ctx context.Context, engine client.Client) error {
		if live {
			screen := &display.Screen{}
			screen.Open(terminal, c.p.Stdout)
			return c.follow(ctx, engine, name, screen)
		}
		s, err := c.readStatus(ctx, engine, name)
		if err != nil {
			return err
		}
		if c.line.Own.JSON {
			c.printJSON(s)
			return nil
		}
		c.print(strings.Join(statusLines(&s, time.Now(), speed{}, plainWidth), "\n") + "\n")
		return nil
	})
	if sig := stop(); sig != nil {
		return options.ExitDone // the user has seen enough; the job goes on
	}
	if err != nil {
		return c.fail(err)
	}
	return options.ExitDone
}

func (c *command) readStatus(ctx context.Context, engine client.Client, name string) (flow.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusIn)
	defer cancel()
	s, err := flow.ReadStatus(ctx, engine, name)
	if s.Waiting != nil {
		for i, why := range s.Waiting.Reasons {
			s.Waiting.Reasons[i] = c.spelled(why)
		}
	}
	return s, err
}

// spelled returns a text of a worker with the options in place of the settings that it names.
// What is quoted is of the user.
func (c *command) spelled(text string) string {
	return regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b[A-Z]\w*(?:\.[A-Z]\w*)+`).ReplaceAllStringFunc(text, c.line.Spell)
}

// follow shows the status again and again. The last one stays.
func (c *command) follow(ctx context.Context, engine client.Client, name string, screen *display.Screen) error {
	ticker := time.NewTicker(refresh)
	defer ticker.Stop()
	var rate speed
	for {
		s, err := c.readStatus(ctx, engine, name)
		if err != nil {
			screen.Clear()
			return err
		}
		now := time.Now()
		rate.add(now, &s.Counters)
		width, _ := screen.Size()
		lines := statusLines(&s, now, rate, width)
		if ended(&s) {
			screen.Clear()
			_, err := io.WriteString(c.p.Stdout, strings.Join(lines, "\n")+"\n")
			return err
		}
		screen.Show(width, lines)
		select {
		case <-ctx.Done():
			screen.Clear()
			c.print(strings.Join(lines, "\n") + "\n")
			return nil
		case <-ticker.C:
		}
	}
}

// ended reports whether a job does nothing any more.
func ended(s *flow.Status) bool { return s.State != "" && s.State != "running" }

// A speed is that of the last minute, from statuses that follow one another.
type speed struct{ points []point }

type point struct {
	at          time.Time
	keys, bytes int64
}

func (v *speed) add(at time.Time, k *job.Counters) {
	v.points = append(v.points, point{at, k.Listed + k.Held, k.TransferredBytes})
	for len(v.points) > 2 && at.Sub(v.points[0].at) > time.Minute {
		v.points = v.points[1:]
	}
}

// perSecond returns keys and bytes per second, and whether they are known.
func (v *speed) perSecond() (keys, bytes int64, known bool) {
	if len(v.points) < 2 {
		return 0, 0, false
	}
	first, last := v.points[0], v.points[len(v.points)-1]
	took := last.at.Sub(first.at)
	return human.Average(max(last.keys-first.keys, 0), took), human.Average(max(last.bytes-first.bytes, 0), took), took > 0
}

// statusLines returns the screen of a job.
func statusLines(s *flow.Status, now time.Time, rate speed, width int) []string {
	k := &s.Counters
	lines := []string{fmt.Sprintf("job       %s: %s", s.Job, stateText(s))}
	elapsed := now.Sub(s.Started)
	if !s.Started.IsZero() && !ended(s) {
		lines[0] += fmt.Sprintf(", for %s", human.Short(elapsed))
	}
	if s.Epoch > 1 {
		lines[0] += fmt.Sprintf(", planned anew %d times", s.Epoch-1)
	}
	lines = append(lines, "progress  "+progressText(s, elapsed))
	keys, bytes, known := rate.perSecond()
	if !known && elapsed > 0 {
		keys, bytes = human.Average(k.Listed+k.Held, elapsed), human.Average(k.TransferredBytes, elapsed)
	}
	if !ended(s) {
		lines = append(lines, fmt.Sprintf("speed     %s keys/s listed, %s/s%s", humanize.Comma(keys), human.Size(bytes), map[bool]string{true: "", false: " since the beginning"}[known]))
	}
	lines = append(lines,
		fmt.Sprintf("listed    %s in the source, %s in the target", human.Objects(k.Listed), humanize.Comma(k.Held)),
		fmt.Sprintf("done      transferred %s, %s; verified %s; skipped %s; deleted %s", human.Objects(k.Transferred), human.Size(k.TransferredBytes),
			humanize.Comma(k.Verified), humanize.Comma(k.Skipped), humanize.Comma(k.Deleted)),
		fmt.Sprintf("problems  %s failed, %s %s%s", human.Objects(k.Failed), humanize.Comma(k.Warnings), human.Noun(k.Warnings, "warning"), extraneousText(k)),
		"limits    "+limitsText(s.Limits))
	lines = append(lines, workerLines(s)...)
	for _, why := range s.Work.Stopped {
		lines = append(lines, "stopped   "+visible.Line(why))
	}
	for i, line := range lines {
		lines[i] = human.Cut(line, max(width-1, 20))
	}
	return append(lines, waitingLines(s, max(width-1, 20))...)
}

func stateText(s *flow.Status) string {
	switch {
	case ended(s):
		return s.State
	case s.Waiting != nil:
		return "waits for a decision"
	case s.Paused:
		return string(s.Phase) + ", paused"
	case s.Phase == flow.PhaseSweep:
		return fmt.Sprintf("%s, round %d", s.Phase, s.Round)
	}
	return string(s.Phase)
}

func progressText(s *flow.Status, elapsed time.Duration) string {
	w := &s.Work
	if w.Ranges == 0 {
		return "no ranges yet"
	}
	text := fmt.Sprintf("%s of %s ranges done (%d %%), %d in flight of %d allowed now; %s leases", humanize.Comma(int64(w.Done)), humanize.Comma(int64(w.Ranges)),
		human.Percent(int64(w.Done), int64(w.Ranges)), w.InFlight, w.Window, humanize.Comma(w.Leases))
	// Ranges are not equally long, so an estimate needs some of them.
	if left, ok := remaining(w.Done, w.Ranges, elapsed); ok && s.Phase == flow.PhaseCopy && !ended(s) && !s.Paused && s.Waiting == nil {
		text += "; about " + human.Short(left) + " left"
	}
	return text
}

// remaining estimates how long the other ranges take, if at least a twentieth is done.
func remaining(done, all int, elapsed time.Duration) (time.Duration, bool) {
	if done == 0 || done >= all || done*20 < all || elapsed <= 0 {
		return 0, false
	}
	return time.Duration(float64(elapsed) * float64(all-done) / float64(done)), true
}

func extraneousText(k *job.Counters) string {
	text := ""
	if k.Extraneous > 0 {
		text = fmt.Sprintf("; %s only in the target", humanize.Comma(k.Extraneous))
	}
	if k.Incomplete > 0 {
		text += "; a part was not listed"
	}
	return text
}

func limitsText(l job.Limits) string {
	requests, bytes := "any number of objects", "any number of bytes"
	if l.Requests > 0 {
		requests = fmt.Sprintf("%s objects/s", humanize.Ftoa(l.Requests))
	}
	if l.Bytes > 0 {
		bytes = human.Size(l.Bytes) + "/s"
	}
	return fmt.Sprintf("%s, %s, %d ranges at once", requests, bytes, l.InFlight)
}

func workerLines(s *flow.Status) []string {
	if len(s.Workers) == 0 {
		if ended(s) {
			return nil
		}
		return []string{"workers   none has a range now"}
	}
	var lines []string
	for i, w := range s.Workers {
		head := "          "
		if i == 0 {
			head = "workers   "
		}
		if i == mostWorkers {
			lines = append(lines, fmt.Sprintf("%s%d more", head, len(s.Workers)-mostWorkers))
			break
		}
		text := fmt.Sprintf("%s%s: %d %s, %s keys/s", head, visible.Line(w.Name), w.Leases, human.Noun(int64(w.Leases), "range"), humanize.Comma(int64(w.KeysPerSecond)))
		if w.Throttled > 0 {
			text += fmt.Sprintf(", %.1f %% throttled", 100*w.Throttled)
		}
		if w.Retried > 0 {
			text += fmt.Sprintf(", %d tried again: %s", w.Retried, visible.Line(w.Failure))
		}
		lines = append(lines, text)
	}
	return lines
}

// waitingLines say why a job waits, and what to type. They are not cut: whoever decides must
// have read all of it, and copies a line.
func waitingLines(s *flow.Status, width int) []string {
	if s.Waiting == nil || ended(s) {
		return nil
	}
	var lines []string
	for _, why := range s.Waiting.Reasons {
		head := "waits     "
		for _, line := range human.Wrap(visible.Line(why), width-len(head)) {
			lines = append(lines, head+line)
			head = "          "
		}
	}
	for _, choice := range s.Waiting.Choices {
		line := fmt.Sprintf("  ->      %s %s %s", program, choice, s.Job)
		if choice == flow.Approve {
			line += " --verdict " + shortVerdict(s.Waiting.Verdict)
		}
		lines = append(lines, line)
	}
	return lines
}

func shortVerdict(digest string) string { return digest[:min(len(digest), shownVerdict)] }
