package options

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// about is what the sync does, for the help and the manual page.
const about = "Syncs a directory and an S3 bucket, or two buckets. Objects that are new or newer in the source " +
	"are transferred, and what arrived is compared with what was sent."

// A help writes help and docs from the tables of options and commands. It holds the
// defaults, copied before any option was read.
type help struct {
	rows     []helpRow
	commands []Command
}

// A helpRow is the help for one option.
type helpRow struct {
	*option

	def string
}

func newHelp(options []*option, commands []Command) help {
	h := help{commands: commands}
	for _, o := range options {
		h.rows = append(h.rows, helpRow{o, o.defaultText()})
	}
	return h
}

// usage returns how s3sync is called: the sync, then the commands.
func (h help) usage() string {
	var b strings.Builder
	b.WriteString("Usage: s3sync [OPTIONS] [SOURCE] [TARGET]\n       s3sync COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n")
	for _, k := range h.commands {
		if k.Name != "" {
			fmt.Fprintf(&b, "  %-20s  %s\n", strings.TrimSpace(k.Name+" "+k.Args), k.Usage)
		}
	}
	return b.String()
}

// command returns the help of one command.
func (h help) command(k *Command, all bool) string {
	switch {
	case k.Name == "" && all:
		return h.long()
	case k.Name == "":
		return h.short()
	}
	var b strings.Builder
	b.WriteString(wrap(sentence(k.Usage, k.More), "") + "\nUsage: " + k.synopsis() + "\n")
	for _, r := range h.rows {
		if r.group == ofCommands && k.has(r.option) {
			b.WriteString("\n" + r.paragraph())
		}
	}
	if k.Sides {
		b.WriteString("\nIt also has the options of a sync: see s3sync -h.\n")
	}
	return b.String()
}

// groups calls f for each heading with its options.
func (h help) groups(f func(g group, rows []helpRow)) {
	for rest := h.rows; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].group == rest[0].group {
			n++
		}
		f(rest[0].group, rest[:n])
		rest = rest[n:]
	}
}

// short returns the help of -h: a line for each option.
func (h help) short() string {
	var b strings.Builder
	b.WriteString("Syncs a directory and an S3 bucket, or two buckets, and verifies what arrived.\n\n" + h.usage())
	h.groups(func(g group, rows []helpRow) {
		if g == ofCommands {
			return
		}
		fmt.Fprintf(&b, "\n%s:\n", g)
		width := 0
		for _, r := range rows {
			width = max(width, utf8.RuneCountInString(r.synopsis()))
		}
		for _, r := range rows {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, r.synopsis(), strings.Join(append([]string{r.brief()}, r.notes(false)...), " "))
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
	h.groups(func(g group, rows []helpRow) {
		if g == ofCommands {
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
	return "Every option but -v, -q, -h and -V can be set by a variable: " + envPrefix + "WORKER_SIZE=32 is --worker-size 32, " + envPrefix +
		"DELETE=true is --delete. The names without " + envPrefix + " also work, unless an option says otherwise; a note names the options that " +
		"came from such names. SOURCE, TARGET and DELETE need " + envPrefix + ", because other programs use these names. The command line overrides " +
		"variables, and a variable with " + envPrefix + " overrides one without. A variable with " + envPrefix + " that is almost the name of an option is refused. " +
		"Variables that cannot be used in the direction of a run are ignored with a note, unless more would be written without them. " +
		"S3SYNC_LOG, or else RUST_LOG, sets the level of the log if no flag does: off, error, warn, info, debug or trace. " +
		"Credentials, regions and profiles of AWS are found as in other AWS programs."
}

// synopsis returns the option with its dashes and the name of its value.
func (r helpRow) synopsis() string {
	if r.positional() {
		return "[" + r.name + "]"
	}
	text := "    --" + r.name
	if r.short != "" {
		text = "-" + r.short + ", --" + r.name
	}
	if r.value.kind == count {
		text += "..."
	}
	if name := r.valueName(); name != "" {
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
func (r helpRow) sentence() string { return sentence(r.brief(), r.more) }

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
		note("choices: ", strings.Join(r.choices, ", "))
		note("env: ", strings.Join(r.variables(), ", "))
	}
	note("default: ", r.def)
	return notes
}

// wrap breaks text into lines of at most 80 columns.
func wrap(text, indent string) string {
	var b strings.Builder
	width := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
			b.WriteString(indent)
			width = len(indent)
		case width+1+n > 80:
			b.WriteString("\n" + indent)
			width = len(indent)
		default:
			b.WriteString(" ")
			width++
		}
		b.WriteString(word)
		width += n
	}
	return b.String() + "\n"
}
