package options

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"s3sync/internal/cli/options/table"
)

// flagError makes a UsageError of an error of pflag. The texts of pflag quote the
// value, which may be a secret.
func (l *Line) flagError(k *Command, err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return l.unknown(k, e)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usagef("--%s needs a value", e.GetFlag().Name)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usagef("--%s %v", e.GetFlag().Name, e.Unwrap())
	}
	if _, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return usagef("an argument begins like an option but has no name; a path that begins with a hyphen goes after --")
	}
	return usagef("the arguments cannot be read")
}

// unknown says that a command does not have an option, and what the user may mean.
func (l *Line) unknown(k *Command, e *pflag.NotExistError) error {
	name := "--" + e.GetSpecifiedName()
	if e.GetSpecifiedShortnames() != "" {
		name = "-" + e.GetSpecifiedName()
	}
	if o := l.named(e.GetSpecifiedName()); o != nil && e.GetSpecifiedShortnames() == "" && k.refusal(o) != "" {
		return UsageError{o.Title() + " " + k.refusal(o)}
	}
	text := name + " is not an option"
	if k.Name != "" {
		text += " of " + k.call()
	}
	if hint := l.hint(k, name); hint != "" {
		text += "; " + hint
	}
	if k.Name != "" && l.program.Other == nil && exists(k.Name) {
		text += "; to sync the path " + k.Name + " write ./" + k.Name
	}
	return UsageError{text}
}

// hint returns what somebody who writes an unknown option, with its dashes, may mean.
func (l *Line) hint(k *Command, name string) string {
	if ours := answer(optionWords(), name); ours != "" && k.Sides {
		return ours
	}
	long, ok := strings.CutPrefix(name, "--")
	if !ok {
		return ""
	}
	if o := l.named(long); o != nil && k.Applies && o.Group != table.OfCommands {
		return "the plan decides that, and a new plan could decide otherwise"
	} else if o != nil {
		return "it belongs to " + strings.Join(l.owners(o), ", ")
	}
	var names []string
	for _, o := range l.options {
		if !o.Positional() && k.has(o) {
			names = append(names, o.Name)
		}
	}
	if near := nearest(long, names); near != "" {
		return "did you mean --" + near + "?"
	}
	return ""
}

// owners returns the commands that have an option, as one types them.
func (l *Line) owners(o *table.Option) []string {
	var owners []string
	for i := range l.program.Commands {
		if k := &l.program.Commands[i]; k.has(o) {
			owners = append(owners, k.call())
		}
	}
	return owners
}
