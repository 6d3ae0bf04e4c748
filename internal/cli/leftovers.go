package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"s3sync/internal/cli/human"
	"s3sync/internal/cli/options"
	"s3sync/internal/leftovers"
	"s3sync/internal/visible"
)

// leftoversFault returns what is wrong with the options about unfinished uploads.
func (c *command) leftoversFault() error {
	own := &c.line.Own
	switch {
	case own.Leftovers == "" && own.Yes:
		return errors.New("--yes goes with --abort-older-than")
	case own.Leftovers == "" && own.AbortOlderThan > 0:
		return errors.New("--abort-older-than goes with --leftovers")
	case own.Leftovers == "":
		return nil
	case own.Policy || own.ProbeWrites:
		return errors.New("--leftovers goes neither with --policy nor with --probe-writes")
	case c.cfg().Target.URL != own.Leftovers || c.cfg().Source.URL != ".":
		return errors.New("--leftovers takes the place of SOURCE and TARGET")
	case !strings.HasPrefix(own.Leftovers, "s3://"):
		return fmt.Errorf("--leftovers must be s3://bucket[/prefix], not %q", own.Leftovers)
	}
	return nil
}

// asks reports whether somebody can be asked.
func (c *command) asks() bool {
	f, ok := c.p.Stdin.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// leftovers lists the unfinished uploads that no state of this machine knows, and aborts
// those that are old enough, if the user agrees.
func (c *command) leftovers(ctx context.Context) (code int, err error) {
	store, err := c.cfg().OpenTarget(ctx, c.notice)
	if err != nil {
		return options.ExitError, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	own := &c.line.Own
	p := &uploadPrinter{out: newBuffered(c.p.Stdout), json: own.JSON}
	found, err := leftovers.Find(ctx, store, leftovers.Options{
		StateDir: c.cfg().State.Dir, OlderThan: own.AbortOlderThan, All: own.JSON,
	}, p.row)
	if err == nil {
		defer func() { err = errors.Join(err, found.Close()) }()
		p.sum(found)
	}
	if err := p.out.flush(); err != nil && !readerGone(err) {
		return options.ExitError, fmt.Errorf("standard output: %w", err)
	}
	if err != nil {
		return options.ExitError, err
	}
	question := fmt.Sprintf("Abort %d %s, and lose their parts? [y/N] ", found.Old, human.Noun(found.Old, "upload"))
	abort := found.Old > 0 && (own.Yes || c.agrees(question))
	left, failed := found.Uploads, false
	err = found.End(ctx, abort, func(u *leftovers.Upload, aborted bool, err error) {
		switch {
		case aborted:
			left--
		case err != nil && ctx.Err() == nil:
			c.say(fmt.Sprintf("%q: %v", u.Key, err))
		}
		failed = failed || err != nil
		p.record(u, aborted)
	})
	p.end(found, abort, found.Uploads-left)
	if err := p.out.flush(); err != nil && !readerGone(err) {
		return options.ExitError, fmt.Errorf("standard output: %w", err)
	}
	switch {
	case err != nil || failed:
		return options.ExitError, err
	case left > 0:
		return options.ExitWarning, nil
	}
	return options.ExitDone, nil
}

// agrees asks on the terminal.
func (c *command) agrees(question string) bool {
	c.screen.Put(c.p.Stderr, question)
	answer, _ := bufio.NewReader(c.p.Stdin).ReadString('\n') // no answer is no
	return strings.EqualFold(strings.TrimSpace(answer), "y") || strings.EqualFold(strings.TrimSpace(answer), "yes")
}

// An uploadPrinter prints unfinished uploads, each when it is known.
type uploadPrinter struct {
	out   *buffered
	json  bool
	width int // of the ids
	some  bool
}

// row is for people.
func (p *uploadPrinter) row(u *leftovers.Upload) {
	if p.json {
		return
	}
	id := visible.Line(u.ID)
	if p.width == 0 { // the ids of a server are of one length
		const title = "UPLOAD"
		p.width = max(len(id), len(title))
		p.out.put(fmt.Sprintf("%-16s  %-*s  KEY\n", "BEGUN", p.width, title))
	}
	p.out.put(fmt.Sprintf("%s  %-*s  %s\n", u.Began.Local().Format("2006-01-02 15:04"), p.width, id, visible.Append(nil, u.Key)))
}

// sum ends the rows.
func (p *uploadPrinter) sum(found *leftovers.Found) {
	if p.json {
		return
	}
	p.out.put(fmt.Sprintf("%d unfinished %s that no state of this machine knows", found.Uploads, human.Noun(found.Uploads, "upload")))
	if found.Known > 0 {
		p.out.put(fmt.Sprintf("; %d that runs of this machine go on with", found.Known))
	}
	p.out.put("\n")
}

// record is for programs. All of them are one JSON object.
func (p *uploadPrinter) record(u *leftovers.Upload, aborted bool) {
	if !p.json {
		return
	}
	text, err := json.Marshal(struct {
		Key     string    `json:"key"` // in the bucket
		Upload  string    `json:"upload"`
		Began   time.Time `json:"began"`
		Aborted bool      `json:"aborted"`
	}{u.Key, u.ID, u.Began, aborted})
	if err != nil {
		p.out.err = errors.Join(p.out.err, err)
		return
	}
	before := ","
	if !p.some {
		p.some, before = true, `{"leftovers":[`
	}
	p.out.put(before + string(text))
}

// end says how many were aborted.
func (p *uploadPrinter) end(found *leftovers.Found, abort bool, aborted int64) {
	switch {
	case p.json && !p.some:
		p.out.put(fmt.Sprintf(`{"leftovers":[],"known":%d}`+"\n", found.Known))
	case p.json:
		p.out.put(fmt.Sprintf(`],"known":%d}`+"\n", found.Known))
	case abort:
		p.out.put(fmt.Sprintf("aborted %d %s\n", aborted, human.Noun(aborted, "upload")))
	}
}
