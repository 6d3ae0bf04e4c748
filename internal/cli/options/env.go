package options

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"s3sync"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/options/value"
)

// An environment holds variables by name.
type environment map[string]string

func parseEnviron(environ []string) environment {
	env := environment{}
	for _, line := range environ {
		name, text, ok := strings.Cut(line, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name) // names are case-insensitive on Windows
		}
		if _, twice := env[name]; ok && !twice {
			env[name] = text
		}
	}
	return env
}

// applyEnvironment sets the options of a command that were not on the command line. A
// command without such options works whatever the environment says.
func (l *Line) applyEnvironment(k *Command) error {
	var own []*table.Option
	reads := false
	for _, o := range l.options {
		if k.has(o) {
			own = append(own, o)
			reads = reads || o.Env != table.EnvNone
		}
	}
	if !reads {
		return nil
	}
	if err := l.misspelt(); err != nil {
		return err
	}
	for _, o := range l.options {
		if name := table.EnvPrefix + o.Bare(); k.refusal(o) != "" && slices.Contains(o.Variables(), name) && l.env[name] != "" {
			return usagef("%s (set by %s) %s", o.Title(), name, k.refusal(o))
		}
	}
	for _, o := range own {
		if err := l.applyVariable(o); err != nil {
			return err
		}
		if text := l.env[o.Bare()]; o.Env == table.EnvIgnored && !o.Given && o.From == "" && !isOff(o, text) {
			l.Notes = append(l.Notes, l.ignored(o))
		}
	}
	l.set.Level = l.levelVariable()
	return nil
}

// applyVariable sets an option from the variable with the highest priority.
func (l *Line) applyVariable(o *table.Option) error {
	for _, name := range o.Variables() {
		text, ok := l.env[name]
		// The AWS programs treat an empty variable as not set.
		if !ok || o.Value.Taken || l.overruled(o) || (text == "" && strings.HasPrefix(name, "AWS_")) {
			continue
		}
		o.From = name
		if err := o.Value.TakeVariable(text); err != nil {
			return usagef("%s %v", o.Label(), err)
		}
		// A switch that is set to false counts as not given.
		o.Given = o.Value.TakesText() || o.Value.String() == "true"
		break
	}
	return nil
}

// overruled reports whether the command line replaces what the variable of an option would
// add: rules are one list, in which the order matters.
func (l *Line) overruled(o *table.Option) bool {
	return o.Sets == table.RulesPath && slices.ContainsFunc(l.options, func(other *table.Option) bool {
		return other.Sets == table.RulesPath && other.Value.Taken
	})
}

// isOff reports whether a variable without prefix would not have done anything.
func isOff(o *table.Option, text string) bool {
	on, err := strconv.ParseBool(text)
	return text == "" || o.Value.Kind == value.Toggle && err == nil && !on
}

// ignored returns why a variable without prefix does nothing.
func (*Line) ignored(o *table.Option) string {
	return o.Bare() + " in the environment is ignored, as other programs use that name; " + table.EnvPrefix + o.Bare() + " sets " + o.Title()
}

// noteBareNames adds a note about options from variables without prefix, which may be
// set for other programs.
func (l *Line) noteBareNames() {
	var names []string
	for _, o := range l.options {
		if o.Given && o.From != "" && !strings.HasPrefix(o.From, table.EnvPrefix) {
			names = append(names, o.Title()+" ("+o.From+")")
		}
	}
	if len(names) > 0 {
		l.Notes = append(l.Notes, "set by variables without "+table.EnvPrefix+" in front: "+strings.Join(names, ", "))
	}
}

// dropMisfits removes options of the environment that have no meaning in the direction
// of this run, so that one environment can serve runs in all directions. On the
// command line they are errors. It reports whether there were any.
func (l *Line) dropMisfits(err error) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return false
	}
	dropped := map[string][]string{} // options by the reason
	for _, err := range joined.Unwrap() {
		fault, ok := errors.AsType[*s3sync.ConfigError](err)
		if !ok || !fault.Misfit {
			continue
		}
		if o := l.bound(fault.Field); o != nil && o.From != "" && o.Given {
			dropped[fault.Reason] = append(dropped[fault.Reason], o.Label())
			o.Withdraw()
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(dropped)) {
		l.Notes = append(l.Notes, "options of the environment that "+reason+" are ignored: "+strings.Join(dropped[reason], ", "))
	}
	return len(dropped) > 0
}

// levelVariable returns the log level that S3SYNC_LOG or RUST_LOG sets, or nil. The
// program that s3sync replaces read RUST_LOG.
func (l *Line) levelVariable() *slog.Level {
	for _, name := range logVariables() {
		text := l.env[name]
		if text == "" {
			continue
		}
		if level, ok := levelNamed(text); ok {
			return &level
		}
		l.Notes = append(l.Notes, fmt.Sprintf("%s in the environment is ignored: it must be one of off, error, warn, info, debug, trace, not %q", name, text))
	}
	return nil
}

// logVariables returns the variables that set the level of the log, highest priority
// first.
func logVariables() []string { return []string{table.EnvPrefix + "LOG", "RUST_LOG"} }

// knows reports whether another program than s3sync reads a variable that is no option.
func (p *Program) knows(variable string) bool {
	return p.Other != nil && p.Other.Variable != nil && p.Other.Variable(variable)
}

// misspelt rejects a variable whose name is almost that of an option: with
// S3SYNC_DRYRUN set, nobody expects a run that writes. It also rejects the name of an
// option that no variable sets. Of other names with the prefix it only adds a note, because
// a cluster may make them: S3SYNC_SERVICE_HOST.
func (l *Line) misspelt() error {
	names := append(logVariables(), table.PasswordVariable)
	for _, o := range l.options {
		names = append(names, o.Variables()...)
	}
	for _, o := range l.options {
		name := table.EnvPrefix + o.Bare()
		if _, set := l.env[name]; set && o.Instead != "" {
			return usagef("%s is not read: %s", name, o.Instead)
		}
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		if !strings.HasPrefix(name, table.EnvPrefix) || slices.Contains(names, name) || l.program.knows(name) {
			continue
		}
		rest := strings.TrimPrefix(name, table.EnvPrefix)
		if near := nearest(rest, trimmed(names)); near != "" {
			return usagef("%s in the environment is not an option; did you mean %s%s?", name, table.EnvPrefix, near)
		}
		if ours := answer(optionWords(), "--"+strings.ToLower(strings.ReplaceAll(rest, "_", "-"))); ours != "" {
			name += " (" + ours + ")"
		} else if near := akin(rest, trimmed(names)); near != "" {
			name += " (did you mean " + table.EnvPrefix + near + "?)"
		}
		unknown = append(unknown, name)
	}
	if len(unknown) > 0 {
		l.Notes = append(l.Notes, "variables of the environment that are no options are ignored: "+strings.Join(unknown, ", "))
	}
	return nil
}

func trimmed(names []string) []string {
	var short []string
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, table.EnvPrefix); ok {
			short = append(short, rest)
		}
	}
	return short
}
