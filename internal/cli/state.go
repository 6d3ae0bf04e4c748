package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"s3sync/internal/cli/human"
	"s3sync/internal/cli/options"
	"s3sync/internal/resume"
	"s3sync/internal/state"
	"s3sync/internal/visible"
)

// A stateRecord is in JSON what is kept of a pair of sides.
type stateRecord struct {
	Source     string            `json:"source"`
	Target     string            `json:"target"`
	File       string            `json:"file"` // without its extension
	Bytes      int64             `json:"bytes"`
	Used       time.Time         `json:"used"`
	InUse      bool              `json:"in_use"`
	Damage     string            `json:"damage,omitempty"`
	Digests    int               `json:"digests"`
	Copies     int               `json:"copies"`
	Unfinished []unfinishedEntry `json:"unfinished"`
}

// An unfinishedEntry is an object in parts that can be continued.
type unfinishedEntry struct {
	Key   string    `json:"key"`
	Begun time.Time `json:"begun"`
}

// upload reports whether what is unfinished is in a bucket, where it stays until somebody
// aborts it.
func (r *stateRecord) upload() bool { return strings.HasPrefix(r.Target, "s3://") }

// counts returns how many uploads and downloads are unfinished.
func (r *stateRecord) counts() (uploads, downloads int) {
	if r.upload() {
		return len(r.Unfinished), 0
	}
	return 0, len(r.Unfinished)
}

// state shows or clears what runs remember.
func (c *command) state(_ context.Context, args []string) int {
	own := &c.line.Own
	action, sides := args[0], args[1:]
	switch {
	case action != "show" && action != "clear":
		return c.refuse(fmt.Errorf("%q is neither show nor clear", action))
	case len(sides) == 1:
		return c.refuse(errors.New("TARGET is missing: the state is that of SOURCE and TARGET"))
	case action == "show" && (own.All || own.Force):
		return c.refuse(errors.New("--all and --force go with s3sync state clear"))
	case action == "clear" && own.JSON:
		return c.refuse(errors.New("--json goes with s3sync state show"))
	case action == "clear" && own.All == (len(sides) > 0):
		return c.refuse(errors.New("clear needs SOURCE and TARGET, or --all"))
	}
	for _, text := range c.line.Notes {
		c.say("note: " + text)
	}
	records, err := c.states(sides)
	if err == nil && action == "show" {
		return c.showStates(records)
	}
	if err == nil && len(records) == 0 && !own.All {
		err = fmt.Errorf("there is no state of %s and %s; s3sync state show has all", sides[0], sides[1])
	}
	if err != nil {
		return c.fail(err)
	}
	return c.clearStates(records)
}

// states returns what is kept of all pairs, or of the sides that are given.
func (c *command) states(sides []string) ([]stateRecord, error) {
	dir := c.cfg().State.Dir
	if dir == "" {
		return nil, nil
	}
	unfinished := map[string][]unfinishedEntry{}
	surveys, err := state.Surveys(dir, func(s *state.Survey, key string, record []byte) {
		if o, _, ok := resume.ObjectOf(key, record); ok {
			unfinished[s.Name] = append(unfinished[s.Name], unfinishedEntry{o.Key, o.Begun})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("--state-dir: %w", err)
	}
	records := make([]stateRecord, 0, len(surveys))
	for _, s := range surveys {
		if len(sides) == 2 && !(isSide(s.Pair.Source, sides[0]) && isSide(s.Pair.Target, sides[1])) {
			continue
		}
		left := unfinished[s.Name]
		if left == nil {
			left = []unfinishedEntry{}
		}
		slices.SortFunc(left, func(a, b unfinishedEntry) int { return strings.Compare(a.Key, b.Key) })
		records = append(records, stateRecord{
			s.Pair.Source, s.Pair.Target, filepath.Join(dir, s.Name), s.Size, s.Used.UTC(), s.InUse, s.Damage, s.Digests, s.Copies, left,
		})
	}
	return records, nil
}

// isSide reports whether what the user names is the side of a pair: as the state names it,
// or as a run does. A bucket of that name may be on several servers.
func isSide(side, named string) bool {
	if side == named {
		return true
	}
	if !strings.HasPrefix(named, "s3://") {
		path, err := filepath.Abs(named)
		return err == nil && side == path
	}
	if !strings.Contains(strings.TrimPrefix(named, "s3://"), "/") {
		named += "/" // the whole bucket
	}
	at := strings.LastIndex(side, " at ")
	return at > 0 && side[:at] == named
}

// showStates prints what is kept.
func (c *command) showStates(records []stateRecord) int {
	if c.line.Own.JSON {
		text, err := json.Marshal(struct {
			Directory string        `json:"directory"`
			States    []stateRecord `json:"states"`
		}{c.cfg().State.Dir, records})
		if err != nil {
			return c.fail(err)
		}
		return c.print(string(text) + "\n")
	}
	dir := string(visible.Append(nil, c.cfg().State.Dir))
	if len(records) == 0 {
		return c.print(strings.TrimSpace("nothing is kept in "+dir) + "\n")
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	total := int64(0)
	rows := []string{"LAST USE\tSIZE\tDIGESTS\tCOPIES\tUPLOADS\tDOWNLOADS\tSOURCE → TARGET"}
	for i := range records {
		r := &records[i]
		total += r.Bytes
		uploads, downloads := r.counts()
		counts := fmt.Sprintf("%d\t%d\t%d\t%d", r.Digests, r.Copies, uploads, downloads)
		switch {
		case r.InUse:
			counts = "in use\t\t\t"
		case r.Damage != "":
			counts = "damaged\t\t\t"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", r.Used.Local().Format("2006-01-02 15:04"), human.Size(r.Bytes), counts, r.pair()))
	}
	_, _ = fmt.Fprintln(w, strings.Join(rows, "\n")) // a Builder never fails
	_ = w.Flush()
	return c.print(b.String() + fmt.Sprintf("%s in %s\n", human.Size(total), dir))
}

// pair returns both sides in one line.
func (r *stateRecord) pair() string {
	if r.Source == "" {
		return "(not known)"
	}
	return visible.Line(r.Source) + " → " + visible.Line(r.Target)
}

// clearStates removes what is kept. Unfinished uploads would stay on their server, invisible
// and perhaps paid for, so they are forgotten only with --force.
func (c *command) clearStates(records []stateRecord) int {
	code := options.ExitDone
	for i := range records {
		r := &records[i]
		uploads, downloads := r.counts()
		if uploads > 0 && !c.line.Own.Force {
			c.say(fmt.Sprintf("%s: %d unfinished %s would stay on the server, such as that of %q. A run of these sides with --no-resume removes them; --force forgets them, "+
				"and s3sync doctor --leftovers finds them again", r.pair(), uploads, human.Noun(int64(uploads), "upload"), r.Unfinished[0].Key))
			code = options.ExitError
			continue
		}
		err := state.Remove(c.cfg().State.Dir, filepath.Base(r.File))
		switch {
		case errors.Is(err, state.ErrInUse):
			c.say(r.pair() + ": a run uses it now")
			code = options.ExitError
			continue
		case err != nil:
			c.say(r.pair() + ": " + err.Error())
			code = options.ExitError
			continue
		}
		text := fmt.Sprintf("cleared %s: %s, %d %s", r.pair(), human.Size(r.Bytes), r.Digests, human.Noun(int64(r.Digests), "digest"))
		if r.Copies > 0 {
			text += fmt.Sprintf(", %d %s", r.Copies, map[bool]string{true: "copy", false: "copies"}[r.Copies == 1])
		}
		switch {
		case uploads > 0:
			text += fmt.Sprintf("; %d unfinished %s left on the server", uploads, human.Noun(int64(uploads), "upload"))
		case downloads > 0:
			text += fmt.Sprintf("; %d unfinished %s, whose temporary files a later run removes", downloads, human.Noun(int64(downloads), "download"))
		}
		if printed := c.print(text + "\n"); printed != options.ExitDone {
			return printed
		}
	}
	if len(records) == 0 {
		return c.print("nothing is kept\n")
	}
	return code
}
