package options

import (
	"fmt"
	"slices"
	"strings"

	"s3sync/internal/cli/options/table"
)

// A topic is something that `s3sync help TOPIC` explains besides options and commands.
type topic struct {
	name, usage string
	text        func() string
	groups      []table.Group // whose options follow the text
}

func topics() []topic {
	return []topic{
		{name: "filters", usage: "which objects are compared and transferred", text: filtersText, groups: []table.Group{table.Filtering}},
		{name: "verification", usage: "how it is made sure that what arrived is what was sent", text: verificationText, groups: []table.Group{table.Verification}},
		{name: "deletion", usage: "what --delete deletes, and when it refuses to", text: deletionText, groups: []table.Group{table.Dangerous}},
		{name: "exit-codes", usage: "what the exit code says", text: exitCodesText},
		{name: "environment", usage: "variables instead of options", text: environmentText},
		{name: manual, usage: "everything as a manual page: s3sync help man | man -l -"},
	}
}

func filtersText() string {
	return paragraphs(
		"An object of the source is transferred only if all filters let it pass and the comparison finds it new or different. "+
			"Filters look at the key below the prefix, without the prefix itself.",
		"What a filter leaves out in the source is left alone in the target, too: --delete does not delete it there.",
		table.PatternNote(),
		"Filters by key, time and size cost nothing. Filters by content type, metadata and tags cost a request for each object that is to be transferred.",
	)
}

func verificationText() string {
	return paragraphs(
		"Every byte is read once. Its digests are compared with what the source and the target report, whatever part sizes an object was uploaded with. "+
			"A server refuses an upload whose bytes were damaged on the way. A downloaded file gets its name only after its bytes were verified.",
		"A failed comparison is retried. If it fails again, the object is an error (exit code 1), and nothing is deleted in this run.",
		"An object whose digests cannot be compared, for example because KMS encrypts it, is counted as unverified. "+
			"An additional checksum verifies such objects: see --additional-checksum-algorithm and --enable-additional-checksum.",
		"To verify what was transferred earlier, use --report-sync-status. It transfers nothing.",
	)
}

func deletionText() string {
	return paragraphs(
		"--delete deletes objects that only the target has. It begins when all transfers are done. It deletes nothing if one of them failed or a listing was not complete. "+
			"--dry-run shows what it would delete.",
		"It keeps the counterparts of what a filter leaves out in the source, what --filter-exclude-regex matches (unless --delete-excluded is given), "+
			"folder markers, the object whose key is the prefix of the target, and directories.",
		"It refuses what is probably a mistake, with exit code 1: a source without any object, the deletion of most of the target, "+
			"and a prefix of the target that ends in the middle of a name. An option below permits each of these.",
	)
}

func environmentText() string { return paragraphs(environmentNote()) }

func exitCodesText() string {
	var b strings.Builder
	for _, row := range exitCodes() {
		fmt.Fprintf(&b, "  %3d  %s\n", row.code, row.text)
	}
	return b.String()
}

func paragraphs(texts ...string) string {
	var wrapped []string
	for _, text := range texts {
		wrapped = append(wrapped, wrap(text, ""))
	}
	return strings.Join(wrapped, "\n")
}

// topics returns those of the program: the manual page is that of s3sync.
func (l *Line) topics() []topic {
	return slices.DeleteFunc(topics(), func(t topic) bool { return l.program.Other != nil && t.name == manual })
}

// Topics returns everything that Topic explains: topics, commands and options.
func (l *Line) Topics() []string {
	var names []string
	for _, t := range l.topics() {
		names = append(names, t.name)
	}
	for _, k := range l.program.Commands {
		names = append(names, k.Name)
	}
	for _, o := range l.options {
		names = append(names, o.Name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// Topic explains a topic, a command or an option, which may be written with its dashes.
// Without words it returns an overview.
func (l *Line) Topic(words []string) (string, error) {
	if len(words) == 0 || len(words) == 1 && (words[0] == "-h" || words[0] == "--help") {
		if l.program.Other != nil {
			return l.help.other(l.commandNamed("")), nil
		}
		return l.help.overview(), nil
	}
	written := strings.Join(words, "-")
	name := strings.TrimLeft(written, "-")
	all := l.topics()
	if i := slices.IndexFunc(all, func(t topic) bool { return t.name == name }); i >= 0 {
		return l.help.topic(all[i]), nil
	}
	if k := l.commandNamed(written); k != nil && written != "" {
		return l.help.command(k, true), nil
	}
	for _, r := range l.help.rows {
		if name != "" && (r.Name == name || r.Alias == name || r.Short == name) {
			return r.paragraph(), nil
		}
	}
	return "", usagef("there is no help about %q%s", l.shown(words), l.instead(written, name))
}

// shown returns words without the value of an option, which may be a secret.
func (l *Line) shown(words []string) string {
	for i, word := range words {
		name, _, _ := strings.Cut(word, "=")
		if strings.HasPrefix(word, "-") || l.named(name) != nil {
			return strings.Join(append(slices.Clone(words[:i]), name), " ")
		}
	}
	return strings.Join(words, " ")
}

// instead returns what may be meant by a name that has no help, as the continuation of a
// sentence.
func (l *Line) instead(written, name string) string {
	if ours := answer(append(optionWords(), commandWords()...), written); ours != "" {
		return ": " + ours
	}
	if ours := answer(optionWords(), "--"+name); ours != "" {
		return ": " + ours
	}
	if near := nearest(name, l.Topics()); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; " + l.program.name() + " help shows what there is"
}

// overview is what a newcomer sees first.
func (h help) overview() string {
	var b strings.Builder
	b.WriteString("s3sync makes TARGET hold what SOURCE holds, and verifies what arrived.\n\n" + h.usage() + "\nTopics:\n")
	for _, t := range topics() {
		fmt.Fprintf(&b, "  %-20s  %s\n", t.name, t.usage)
	}
	b.WriteString(`
Examples:
  s3sync ./photos s3://bucket/photos/                     upload
  s3sync s3://bucket/photos/ ./photos                     download
  s3sync --dry-run --delete ./photos s3://bucket/photos/  what would be done?

s3sync help TOPIC explains a topic, a command or an option (s3sync help delete).
s3sync -h lists all options.
`)
	return b.String()
}

func (h help) topic(t topic) string {
	if t.name == manual {
		return h.manual()
	}
	var b strings.Builder
	b.WriteString(t.text())
	for _, r := range h.rows {
		if slices.Contains(t.groups, r.Group) {
			b.WriteString("\n" + r.paragraph())
		}
	}
	return b.String()
}
