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
)

const envPrefix = "S3SYNC_"

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
	var own []*option
	reads := false
	for _, o := range l.options {
		if k.has(o) {
			own = append(own, o)
			reads = reads || o.env != envNone
		}
	}
	if !reads {
		return nil
	}
	if err := l.misspelt(); err != nil {
		return err
	}
	for _, o := range own {
		if err := l.applyVariable(o); err != nil {
			return err
		}
		if text := l.env[o.bare()]; o.env == envIgnored && !o.given && o.from == "" && !isOff(o, text) {
			l.Notes = append(l.Notes, l.ignored(o))
		}
	}
	l.set.level = l.levelVariable()
	return nil
}

// applyVariable sets an option from the variable with the highest priority.
func (l *Line) applyVariable(o *option) error {
	for _, name := range o.variables() {
		text, ok := l.env[name]
		// The AWS programs treat an empty variable as not set.
		if !ok || o.value.set || l.overruled(o) || (text == "" && strings.HasPrefix(name, "AWS_")) {
			continue
		}
		o.from = name
		if err := o.value.takeVariable(text); err != nil {
			return usagef("%s %v", o.label(), err)
		}
		// A switch that is set to false counts as not given.
		o.given = o.value.takesText() || o.value.String() == "true"
		break
	}
	return nil
}

// overruled reports whether the command line replaces what the variable of an option would
// add: rules are one list, in which the order matters.
func (l *Line) overruled(o *option) bool {
	return o.sets == rulesPath && slices.ContainsFunc(l.options, func(other *option) bool {
		return other.sets == rulesPath && other.value.set
	})
}

// isOff reports whether a variable without prefix would not have done anything.
func isOff(o *option, text string) bool {
	on, err := strconv.ParseBool(text)
	return text == "" || o.value.kind == toggle && err == nil && !on
}

// ignored returns why a variable without prefix does nothing.
func (*Line) ignored(o *option) string {
	return o.bare() + " in the environment is ignored, as other programs use that name; " + envPrefix + o.bare() + " sets " + o.title()
}

// noteBareNames adds a note about options from variables without prefix, which may be
// set for other programs.
func (l *Line) noteBareNames() {
	var names []string
	for _, o := range l.options {
		if o.given && o.from != "" && !strings.HasPrefix(o.from, envPrefix) {
			names = append(names, o.title()+" ("+o.from+")")
		}
	}
	if len(names) > 0 {
		l.Notes = append(l.Notes, "set by variables without "+envPrefix+" in front: "+strings.Join(names, ", "))
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
		if o := l.bound(fault.Field); o != nil && o.from != "" && o.given {
			dropped[fault.Reason] = append(dropped[fault.Reason], o.label())
			o.value.reset()
			o.given, o.from = false, ""
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
func logVariables() []string { return []string{envPrefix + "LOG", "RUST_LOG"} }

// misspelt rejects a variable whose name is almost that of an option: with
// S3SYNC_DRYRUN set, nobody expects a run that writes. It also rejects the name of an
// option that no variable sets.
func (l *Line) misspelt() error {
	names := logVariables()
	for _, o := range l.options {
		names = append(names, o.variables()...)
	}
	for _, o := range l.options {
		name := envPrefix + o.bare()
		if _, set := l.env[name]; set && o.instead != "" {
			return usagef("%s is not read: %s", name, o.instead)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(names, name) {
			continue
		}
		if near := nearest(strings.TrimPrefix(name, envPrefix), trimmed(names)); near != "" {
			return usagef("%s in the environment is not an option; did you mean %s%s?", name, envPrefix, near)
		}
	}
	return nil
}

func trimmed(names []string) []string {
	var short []string
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, envPrefix); ok {
			short = append(short, rest)
		}
	}
	return short
}
