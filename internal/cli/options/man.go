package options

import (
	"fmt"
	"strings"

	"s3sync/internal/cli/options/table"
)

// manual is the topic whose text is the manual page.
const manual = "man"

// An example is a command line and what it does.
type example struct{ line, does string }

// examples are for the manual page.
func examples() []example {
	return []example{
		{"s3sync ./photos s3://my-bucket/photos/", "Upload what is new or newer in a directory."},
		{"s3sync s3://my-bucket/photos/ ./photos", "Download it."},
		{"s3sync --server-side-copy s3://my-bucket/photos/ s3://other-bucket/copy/", "Copy between two buckets of one server. The data do not pass through this machine."},
		{"s3sync --dry-run --delete ./photos s3://my-bucket/photos/", "Show what would make the target equal to the source. Without --dry-run it is done."},
		{"s3sync --check-etag ./photos s3://my-bucket/photos/", "Compare contents, not times."},
	}
}

// manual returns the manual page in the macros of man(7).
func (h help) manual() string {
	var b strings.Builder
	b.WriteString(".TH S3SYNC 1 \"\" s3sync \"User Commands\"\n.SH NAME\n" +
		"s3sync \\- sync a directory and an S3 bucket, or two buckets, and verify what arrived\n.SH SYNOPSIS\n")
	for i, k := range h.program.Commands {
		if i > 0 {
			b.WriteString(".br\n")
		}
		rest := strings.TrimPrefix(k.synopsis(), k.call())
		b.WriteString("\\fB" + roff(k.call()) + "\\fR" + roff(rest) + "\n")
	}
	b.WriteString(".SH DESCRIPTION\n" + roff(about) + "\n.SH COMMANDS\n")
	for _, k := range h.program.Commands {
		if k.Name != "" {
			b.WriteString(roffItem("\\fB"+roff(k.Name)+"\\fR "+roff(k.Args), sentence(k.Usage, k.More)))
		}
	}
	b.WriteString(".SH OPTIONS\n")
	h.groups(func(g table.Group, rows []helpRow) {
		fmt.Fprintf(&b, ".SS \"%s\"\n", roff(string(g)))
		for _, r := range rows {
			b.WriteString(roffItem(r.roffSynopsis(), append([]string{r.sentence()}, r.notes(true)...)...))
		}
	})
	b.WriteString(".SH ENVIRONMENT\n" + roff(environmentNote()) + "\n.SH EXIT STATUS\n")
	for _, row := range exitCodes() {
		b.WriteString(roffItem(fmt.Sprintf("\\fB%d\\fR", row.code), row.text))
	}
	b.WriteString(".SH EXAMPLES\n")
	for _, e := range examples() {
		b.WriteString(roffItem("\\fB"+roff(e.line)+"\\fR", e.does))
	}
	return b.String()
}

// roffItem returns a paragraph with a heading. Each of its lines begins a line.
func roffItem(heading string, lines ...string) string {
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = roff(line) + "\n"
	}
	return ".TP\n" + heading + "\n" + strings.Join(escaped, ".br\n")
}

// roffSynopsis returns the option in bold with the name of its value in italics.
func (r helpRow) roffSynopsis() string {
	if r.Positional() {
		return "\\fI" + roff(r.Name) + "\\fR"
	}
	names, value, _ := strings.Cut(strings.TrimSpace(r.synopsis()), " <")
	text := "\\fB" + strings.ReplaceAll(roff(names), ", ", "\\fR, \\fB") + "\\fR"
	if value != "" {
		text += " \\fI" + roff(strings.TrimSuffix(value, ">")) + "\\fR"
	}
	return text
}

// roff escapes one line of text, so that no character in it is a command and hyphens can
// be copied into a shell: groff_char(7).
func roff(line string) string {
	var b strings.Builder
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		b.WriteString("\\&")
	}
	for _, r := range line {
		switch {
		case r == '\\':
			b.WriteString("\\e")
		case r == '-':
			b.WriteString("\\-")
		case r == '~':
			b.WriteString("\\(ti")
		case r == '^':
			b.WriteString("\\(ha")
		case r == '\'':
			b.WriteString("\\(aq")
		case r > '~':
			fmt.Fprintf(&b, "\\[u%04X]", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
