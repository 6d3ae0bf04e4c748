package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"s3sync/internal/cli/display"
	"s3sync/internal/cli/human"
	"s3sync/internal/doctor"
	"s3sync/internal/setting"
	"s3sync/internal/visible"
)

const (
	mostWidth = 100 // longer lines are hard to read
	// nameWidth is that of the column of names; below leastWidth what was found is on a line
	// of its own.
	nameWidth  = 20
	leastWidth = 60
)

// A checkTable prints checks, each when it is done.
type checkTable struct {
	out     io.Writer
	width   int
	colours bool
	spelled func(setting.Text) string
	places  map[string]string // by side
	side    string            // of the row before
	err     error             // the first failure to write
}

func (c *command) newTable() *checkTable {
	t := &checkTable{
		out: c.p.Stdout, width: human.Columns, colours: c.colours(c.p.Stdout), spelled: c.spelled,
		places: map[string]string{doctor.Source: c.cfg().Source.URL, doctor.Target: c.cfg().Target.URL},
	}
	if f := display.Terminal(c.p.Stdout); f != nil {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			t.width = min(width, mostWidth)
		}
	}
	return t
}

// row prints a check, below the side that it is about.
func (t *checkTable) row(k doctor.Check) {
	if k.Side != t.side {
		if t.side != "" {
			t.put("\n")
		}
		t.side = k.Side
		t.put(strings.Join(human.Wrap(strings.TrimSuffix(k.Side+": "+visible.Line(t.places[k.Side]), ": "), t.width), "\n  ") + "\n")
	}
	name := fmt.Sprintf("  %s %s", t.mark(k.Verdict), k.Name)
	indent := strings.Repeat(" ", 4+nameWidth)
	if t.width < leastWidth {
		indent = "    "
		name += "\n" + indent
	} else {
		name += strings.Repeat(" ", max(nameWidth-utf8.RuneCountInString(k.Name), 1))
	}
	width := t.width - len(indent)
	t.put(name + strings.Join(human.Wrap(t.spelled(k.Found), width), "\n"+indent) + "\n")
	if hint := t.spelled(k.Hint); hint != "" {
		t.put(indent + "→ " + strings.Join(human.Wrap(hint, width-2), "\n"+indent+"  ") + "\n")
	}
}

// mark returns the sign of a verdict.
func (t *checkTable) mark(v doctor.Verdict) string {
	sign, colour := "–", "2"
	switch v {
	case doctor.OK:
		sign, colour = "✓", "32"
	case doctor.Warning:
		sign, colour = "!", "33"
	case doctor.Failure:
		sign, colour = "✗", "31"
	case doctor.NotChecked:
	}
	if !t.colours {
		return sign
	}
	return "\x1b[" + colour + "m" + sign + "\x1b[0m"
}

// end prints the sum of all checks.
func (t *checkTable) end(checks []doctor.Check) {
	var failures, warnings, denied int
	for _, k := range checks {
		switch k.Verdict {
		case doctor.Failure:
			failures++
			if k.Permission != "" {
				denied++
			}
		case doctor.Warning:
			warnings++
		case doctor.OK, doctor.NotChecked:
		}
	}
	var text string
	switch {
	case failures > 0:
		text = fmt.Sprintf("%s, %s. A sync with these options would fail or do harm.",
			count(failures, "failure", "failures"), count(warnings, "warning", "warnings"))
	case warnings > 0:
		text = fmt.Sprintf("Nothing is missing; %s.", count(warnings, "warning", "warnings"))
	default:
		text = "Nothing is missing."
	}
	if denied > 0 {
		text += " s3sync doctor --policy prints the policy that this command line needs."
	}
	t.put("\n" + strings.Join(human.Wrap(text, t.width), "\n") + "\n")
}

// count returns a number with what is counted.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (t *checkTable) put(text string) {
	if _, err := io.WriteString(t.out, text); err != nil && t.err == nil {
		t.err = err
	}
}
