package options

import (
	"fmt"
	"slices"
	"strings"
)

// A topic is something that `s3sync help TOPIC` explains besides options and commands.
type topic struct {
	name, usage string
	text        func() string
	groups      []group // whose options follow the text
}

func topics() []topic {
	return []topic{
		{name: "exit-codes", usage: "what the exit code says", text: exitCodesText},
		{name: "environment", usage: "variables instead of options", text: func() string { return wrap(environmentNote(), "") }},
		{name: manual, usage: "everything as a manual page: s3sync help man | man -l -"},
	}
}

func exitCodesText() string {
	var b strings.Builder
	for _, row := range exitCodes() {
		fmt.Fprintf(&b, "  %3d  %s\n", row.code, row.text)
	}
	return b.String()
}

// Topics returns everything that Topic explains: topics, commands and options.
func (l *Line) Topics() []string {
	var names []string
	for _, t := range topics() {
		names = append(names, t.name)
	}
	for _, k := range l.program.Commands {
		names = append(names, k.Name)
	}
	for _, o := range l.options {
		names = append(names, o.name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// Topic explains a topic, a command or an option. Without one it tells what there is.
func (l *Line) Topic(words []string) (string, error) {
	name := strings.TrimLeft(strings.Join(words, "-"), "-")
	if name == "" || name == "h" || len(words) == 1 && words[0] == "--help" {
		return l.help.overview(), nil
	}
	if k := l.commandNamed(name); k != nil {
		return l.help.command(k, true), nil
	}
	for _, t := range topics() {
		if t.name == name {
			return l.help.topic(t), nil
		}
	}
	for _, r := range l.help.rows {
		if r.name == name || r.alias == name {
			return r.paragraph(), nil
		}
	}
	return "", usagef("there is no help about %q", name)
}

func (h help) overview() string {
	var b strings.Builder
	b.WriteString(h.usage())
	b.WriteString("\nTopics of s3sync help TOPIC, besides the commands and the names of options:\n")
	for _, t := range topics() {
		fmt.Fprintf(&b, "  %-20s  %s\n", t.name, t.usage)
	}
	return b.String()
}

func (h help) topic(t topic) string {
	if t.name == manual {
		return h.manual()
	}
	var b strings.Builder
	b.WriteString(t.text())
	for _, r := range h.rows {
		if slices.Contains(t.groups, r.group) {
			b.WriteString("\n" + r.paragraph())
		}
	}
	return b.String()
}
