package options

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"s3sync/internal/cli/human"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/options/value"
)

// about is what the sync does, for the help and the manual page.
const about = "Syncs a directory and an S3 bucket, or two buckets. Objects that are new or newer in the source " +
	"are transferred, and what arrived is compared with what was sent."

// A help writes help and docs from the tables of options and commands. It holds the
// defaults, copied before any option was read.
type help struct {
	rows    []helpRow
	program *Program
}

// A helpRow is the help for one option.
type helpRow struct {
	*table.Option

	def string
}

func newHelp(options []*table.Option, program *Program) help {
	h := help{program: program}
	for _, o := range options {
		h.rows = append(h.rows, helpRow{o, o.DefaultText()})
	}
	return h
}

// usage returns how s3sync is called: the sync, then the commands.
func (h help) usage() string {
	var b strings.Builder
	if h.program.Other == nil {
		b.WriteString("Usage: s3sync [OPTIONS] [SOURCE] [TARGET]\n       s3sync COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n")
	} else {
		b.WriteString("Usage: " + h.program.name() + " COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n")
	}
	const width = 20
	for _, k := range h.program.Commands {
		args := k.Args
		if len(k.Name+" "+args) > width {
			args, _, _ = strings.Cut(args, " ")
		}
		if k.Name != "" {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, strings.TrimSpace(k.Name+" "+args), k.Usage)
		}
	}
	return b.String()
}

// command returns the help of one command.
func (h help) command(k *Command, all bool) string {
	switch {
	case k.Name == "" && h.program.Other != nil:
		return h.other(k)
	case k.Name == "" && all:
		return h.long()
	case k.Name == "":
		return h.short()
	}
	var b strings.Builder
	b.WriteString(wrap(sentence(k.Usage, k.More), "") + "\nUsage: " + k.synopsis() + "\n")
	var others []string
	for _, r := range h.rows {
		switch {
		case !slices.Contains(k.Options, r.Name):
		case r.Group == table.OfCommands || r.Name == "manifest":
			b.WriteString("\n" + r.paragraph())
		default:
			others = append(others, "--"+r.Name)
		}
	}
	if len(others) > 0 {
		b.WriteString("\n" + wrap("These mean what they mean for a sync: "+strings.Join(others, ", ")+".", ""))
	}
	if k.Sides {
		b.WriteString("\nIt also has the options of a sync: see s3sync -h.\n")
	}
	if names := h.refused(k); len(names) > 0 {
		b.WriteString(wrap("It refuses these, and says why: "+strings.Join(names, ", ")+".", ""))
	}
	if k.Applies {
		var names []string
		for _, r := range h.rows {
			if r.Name != "help" && k.has(r.Option) {
				names = append(names, "--"+r.Name)
			}
		}
		b.WriteString("\n" + wrap("Of the options of a sync it has: "+strings.Join(names, ", ")+".", ""))
	}
	return b.String()
}

// refused returns the options of a sync that a command does not have.
func (h help) refused(k *Command) (names []string) {
	for _, r := range h.rows {
		if k.refusal(r.Option) != "" {
			names = append(names, "--"+r.Name)
		}
	}
	return names
}

// other returns the help of a program that is not s3sync.
func (h help) other(k *Command) string {
	var b strings.Builder
	b.WriteString(wrap(h.program.Other.About, "") + "\n" + h.usage() + "\nOptions:\n")
	for _, r := range h.rows {
		if k.has(r.Option) {
			b.WriteString(r.paragraph())
		}
	}
	b.WriteString("\n" + k.call() + " COMMAND -h shows the arguments and options of a command.\n")
	return b.String()
}

// groups calls f for each heading with its options.
func (h help) groups(f func(g table.Group, rows []helpRow)) {
	for rest := h.rows; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Group == rest[0].Group {
			n++
		}
		f(rest[0].Group, rest[:n])
		rest = rest[n:]
	}
}

// short returns the help of -h: a line for each option.
func (h help) short() string {
	var b strings.Builder
	b.WriteString("Syncs a directory and an S3 bucket, or two buckets, and verifies what arrived.\n\n" + h.usage())
	h.groups(func(g table.Group, rows []helpRow) {
		if g == table.OfCommands {
			return
		}
		fmt.Fprintf(&b, "\n%s:\n", g)
		width := 0
		for _, r := range rows {
			width = max(width, utf8.RuneCountInString(r.synopsis()))
		}
		for _, r := range rows {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, r.synopsis(), strings.Join(append([]string{r.Brief()}, r.notes(false)...), " "))
		}
	})
	b.WriteString("\nSee --help for variables, choices and exit codes, and s3sync help TOPIC for one of them.\n")
	return b.String()
}

// long returns the help of --help.
func (h help) long() string {
	var b strings.Builder
	b.WriteString(wrap(about, ""))
	b.WriteString("\n" + h.usage())
	h.groups(func(g table.Group, rows []helpRow) {
		if g == table.OfCommands {
			return
		}
		fmt.Fprintf(&b, "\n%s:\n", g)
		for i, r := range rows {
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString(r.paragraph())
		}
	})
	b.WriteString("\nEnvironment:\n")
	b.WriteString(wrap(environmentNote(), "  "))
	b.WriteString("\nExit codes:\n")
	for _, row := range exitCodes() {
		fmt.Fprintf(&b, "  %3d  %s\n", row.code, row.text)
	}
	return b.String()
}

func environmentNote() string {
	return "Every option but -v, -q, -h and -V can be set by a variable: " + table.EnvPrefix + "WORKER_SIZE=32 is --worker-size 32, " + table.EnvPrefix +
		"DELETE=true is --delete. The names without " + table.EnvPrefix + " also work, unless an option says otherwise; a note names the options that " +
		"came from such names. SOURCE, TARGET and DELETE need " + table.EnvPrefix + ", because other programs use these names. The command line overrides " +
		"variables, and a variable with " + table.EnvPrefix + " overrides one without. A variable with " + table.EnvPrefix + " that is almost the name of an option is refused, and a note names others that are no options. " +
		"Variables that cannot be used in the direction of a run are ignored with a note, unless more would be written without them. " +
		"S3SYNC_LOG, or else RUST_LOG, sets the level of the log if no flag does: off, error, warn, info, debug or trace. " +
		"Credentials, regions and profiles of AWS are found as in other AWS programs."
}

// synopsis returns the option with its dashes and the name of its value.
func (r helpRow) synopsis() string {
	if r.Positional() {
		return "[" + r.Name + "]"
	}
	text := "    --" + r.Name
	if r.Short != "" {
		text = "-" + r.Short + ", --" + r.Name
	}
	if r.Value.Kind == value.Count {
		text += "..."
	}
	if name := r.ValueName(); name != "" {
		text += " <" + name + ">"
	}
	return text
}

// paragraph returns everything about the option, as --help shows it.
func (r helpRow) paragraph() string {
	var b strings.Builder
	b.WriteString("  " + r.synopsis() + "\n")
	for _, text := range append([]string{r.sentence()}, r.notes(true)...) {
		b.WriteString(wrap(text, "          "))
	}
	return b.String()
}

// sentence returns what the option does, as one or more sentences.
func (r helpRow) sentence() string { return sentence(r.Brief(), r.More) }

// sentence makes sentences of a line of the help, and adds more.
func sentence(line, more string) string {
	first, n := utf8.DecodeRuneInString(line)
	text := strings.ToUpper(string(first)) + line[n:] + "."
	if more != "" {
		text += " " + more
	}
	return text
}

// notes returns facts about the option in brackets.
func (r helpRow) notes(all bool) []string {
	var notes []string
	note := func(name, text string) {
		if text != "" {
			notes = append(notes, "["+name+text+"]")
		}
	}
	if all {
		note("choices: ", strings.Join(r.Choices, ", "))
		note("env: ", strings.Join(r.Variables(), ", "))
	}
	note("default: ", r.def)
	return notes
}

// wrap breaks text into lines of at most 80 columns.
func wrap(text, indent string) string {
	return indent + strings.Join(human.Wrap(text, human.Columns-len(indent)), "\n"+indent) + "\n"
}
