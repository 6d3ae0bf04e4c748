package options

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"s3sync"
	"s3sync/internal/fields"
)

// A Program is the input of Parse, and what the help shows besides the options.
type Program struct {
	Args    []string // without the program's name
	Environ []string // NAME=value
	// Stdout and Stderr receive the output for a shell that completes a line.
	Stdout, Stderr io.Writer
	Version        string // what --version prints
	// Commands are all commands. One of them has no name: the sync itself.
	Commands []Command
}

// A Line is one command line, with its environment.
type Line struct {
	Config *s3sync.Config
	// Log says how the log is written.
	Log Log
	// Own are the options of commands that a sync does not have.
	Own Own
	// Records are what a run leaves besides its log.
	Records Records
	// Notes are facts about the settings that the user should know.
	Notes []string

	program Program
	env     environment
	set     *settings
	options []*option
	// spread are the fields of sides that options for both sides have set.
	spread map[string]*option
	help   help
	root   *cobra.Command
	// command is what the user asked for, with complete options; nil if the user asked for
	// the help of a command.
	command *Command
	args    []string // of command
	dashes  bool     // -- is before all of them
	text    string   // to print instead of a run
}

// Log is how the log is written.
type Log struct {
	JSON     bool
	Spans    bool // also log the beginning and the end of stages
	NoColor  bool
	ToStderr bool
	// NoProgress shows neither the progress nor the summary. Stats is the time between two
	// lines of progress where it is not drawn; 0 is none.
	NoProgress bool
	Stats      time.Duration
}

// Own are the options of commands that a sync does not have.
type Own struct {
	JSON        bool // print JSON
	ProbeWrites bool // write to the target, and remove it again
	Policy      bool // print a policy, and do nothing else
}

// Records are what a run leaves besides its log. What is empty is not wanted.
type Records struct {
	MetricsListen string // address
	// These are names of files.
	MetricsFile, FailedKeys, HTMLReport string
}

// Distinct fails if two records would be one file.
func (r *Records) Distinct() error {
	seen := make(map[string]string)
	for _, record := range []struct{ option, name string }{
		{"--html-report", r.HTMLReport}, {"--failed-keys", r.FailedKeys}, {"--metrics-file", r.MetricsFile},
	} {
		name := filepath.Clean(record.name)
		if other := seen[name]; other != "" && record.name != "" {
			return usagef("%s and %s name the same file", other, record.option)
		}
		seen[name] = record.option
	}
	return nil
}

// New returns the Line of a program before it is parsed.
func New(p Program) *Line {
	l := &Line{Config: s3sync.DefaultConfig(), program: p, env: parseEnviron(p.Environ), set: &settings{}}
	l.Log.Stats = time.Minute
	l.options = table(l.Config, l.set, &l.Log, &l.Own, &l.Records)
	// Help and docs show the defaults, which parsing overwrites.
	l.help = newHelp(l.options, p.Commands)
	l.root = l.addCommand(l.commandNamed(""))
	for i := range p.Commands {
		switch k := &p.Commands[i]; k.Name {
		case "":
		case "help":
			l.root.SetHelpCommand(l.addCommand(k)) // or cobra adds one of its own
		default:
			l.root.AddCommand(l.addCommand(k))
		}
	}
	l.root.SetArgs(p.Args)
	l.root.SetOut(p.Stdout)
	l.root.SetErr(p.Stderr)
	return l
}

// Parse reads the line and its environment. It returns the command that was asked for
// and its arguments. If it returns none, text, which may be empty, is to be printed.
func (l *Line) Parse() (k *Command, args []string, text string, err error) {
	if err := l.root.Execute(); err != nil {
		return nil, nil, "", err
	}
	switch {
	case l.command == nil:
		return nil, nil, l.text, nil
	case l.set.version:
		return nil, nil, l.program.Version, nil
	case l.set.shell != "":
		text, err := l.Script(l.set.shell)
		return nil, nil, text, err
	}
	return l.command, l.args, "", nil
}

// A UsageError is a mistake in the arguments or the environment. Nothing was done.
type UsageError struct{ text string }

func (e UsageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return UsageError{fmt.Sprintf(format, args...)}
}

// accept ends the parsing: it adds the positional arguments and the environment to
// what pflag has parsed.
func (l *Line) accept(k *Command, args []string) error {
	l.command = k
	if l.set.version {
		return nil
	}
	if err := l.ambiguous(k, args); err != nil {
		return err
	}
	if err := l.hyphenValue(k); err != nil {
		return err
	}
	for _, o := range l.options {
		o.given = o.value.set
	}
	if err := l.takeArguments(k, args); err != nil {
		return err
	}
	if l.set.verbose > 0 && l.set.quiet > 0 {
		return usagef("--verbose cannot be combined with --quiet")
	}
	if err := l.applyEnvironment(k); err != nil {
		return err
	}
	l.setBoth()
	if len(l.program.Args) == 0 && l.set.shell == "" && l.Config.Source.URL == "" && l.Config.Target.URL == "" {
		return usagef("SOURCE and TARGET are missing; s3sync -h shows how it is called")
	}
	return nil
}

// takeArguments keeps the positional arguments of a command. SOURCE and TARGET are
// options.
func (l *Line) takeArguments(k *Command, args []string) error {
	if !k.Sides {
		l.args = args
		return k.fault(args)
	}
	if k.Name == "" && !l.dashes {
		if err := l.wrongCommand(args); err != nil {
			return err
		}
	}
	if len(args) > 2 {
		return usagef("SOURCE and TARGET are all arguments there are, but there is %q", args[2])
	}
	for _, o := range l.options {
		if o.positional() && len(args) > 0 {
			if err := o.value.Set(args[0]); err != nil {
				return usagef("%s %v", o.label(), err)
			}
			o.given, args = true, args[1:]
		}
	}
	return nil
}

// hyphenValue rejects an option that took the next option as its value. Otherwise
// --dry-run could become the value of a header.
func (l *Line) hyphenValue(k *Command) error {
	args := l.program.Args
	if k.Verbatim {
		return nil
	}
	for i := 0; i < len(args) && args[i] != "--"; i++ {
		name, long := strings.CutPrefix(args[i], "--")
		o := l.named(name)
		if !long || o == nil || !o.value.takesText() {
			continue
		}
		i++
		if i < len(args) && strings.HasPrefix(args[i], "-") {
			return usagef("--%s needs a value; if it begins with a hyphen, write --%s=VALUE", name, name)
		}
	}
	return nil
}

// named returns the option with a long name.
func (l *Line) named(name string) *option {
	for _, o := range l.options {
		if !o.positional() && (o.name == name || o.alias == name) && name != "" {
			return o
		}
	}
	return nil
}

// bound returns the option of a setting: "path=value", or the path of a field. If
// several options set one field, it returns the one that was given.
func (l *Line) bound(setting string) *option {
	path, value, _ := strings.Cut(setting, "=")
	if o := l.spread[path]; o != nil {
		return o
	}
	var found *option
	for _, o := range l.options {
		switch {
		case value != "" && o.sets == setting:
			return o
		case slices.Contains(o.paths(), path) && (found == nil || o.given):
			found = o
		}
	}
	return found
}

// given reports whether an option set the field at a path. It is not enough that the
// option was given, because some options set one of two fields.
func (l *Line) given(path string) bool {
	if l.spread[path] != nil {
		return true
	}
	return slices.ContainsFunc(l.options, func(o *option) bool {
		return o.given && slices.ContainsFunc(o.settings(), func(setting string) bool {
			field, value, one := strings.Cut(setting, "=")
			if field != path {
				return false
			}
			return !one || fmt.Sprint(fields.At(l.Config, path).Value) == value
		})
	})
}

// setMode rejects two modes of comparison. It also interprets
// --remove-modified-filter, which together with a comparison only skips the listing of
// the target.
func (l *Line) setMode() error {
	var first *option
	for _, o := range l.options {
		if !o.given || !strings.HasPrefix(o.sets, "Check.Mode=") || o.value == nil || o.also == noListing {
			continue
		}
		if first != nil {
			return usagef("%s cannot be combined with %s", first.label(), o.label())
		}
		first = o
	}
	k := &l.Config.Check
	switch {
	case !l.set.overwrite:
	case first == nil && !k.HeadEachTarget:
		k.Mode = s3sync.CheckOverwrite
	default:
		k.NoTargetListing = true
	}
	return nil
}

// noListing is the second meaning of --remove-modified-filter.
const noListing = "Check.NoTargetListing=true"

// Check validates the settings with the library. It first drops settings of the
// environment that are for other runs.
func (l *Line) Check() error {
	if err := l.setMode(); err != nil {
		return err
	}
	if err := l.set.rules.fault(); err != nil {
		return err
	}
	err := l.Config.ValidateGiven(l.given)
	if l.dropMisfits(err) {
		err = l.Config.ValidateGiven(l.given)
	}
	if err != nil {
		return l.Refusal(err)
	}
	l.noteBareNames()
	if l.set.listingDepth != 0 {
		l.Notes = append(l.Notes, "--max-parallel-listing-max-depth has no effect: listings are divided wherever keys are")
	}
	return nil
}

// Refusal makes a UsageError of the first error in a Config, with options in place of
// fields.
func (l *Line) Refusal(err error) error {
	fault, ok := errors.AsType[*s3sync.ConfigError](err)
	if !ok {
		return err
	}
	o := l.bound(fault.Field)
	if o == nil {
		return UsageError{fault.Error()}
	}
	text := o.label() + " " + fault.Reason
	if o.env == envIgnored && !o.given && l.env[o.bare()] != "" {
		text += "; " + l.ignored(o)
	}
	if other := l.bound(fault.Other); fault.Other != "" && other != nil {
		text += " " + other.label()
	}
	return UsageError{text}
}

// A Given is an option that was given.
type Given struct {
	Option   string // as one types it
	Value    string // "(secret)" for what is secret
	Variable string // the variable that set it, if it was not on the command line
}

// Given returns the options that were given, in the order of the help.
func (l *Line) Given() []Given {
	var given []Given
	for _, o := range l.options {
		if !o.given {
			continue
		}
		shown := o.value.String()
		switch {
		case o.secret:
			shown = "(secret)"
		case o.value.kind == toggle:
			shown = "true"
		case shown == "":
			shown = o.value.text
		}
		given = append(given, Given{o.title(), shown, o.from})
	}
	return given
}

// Variable returns a variable of the environment.
func (l *Line) Variable(name string) string { return l.env[name] }
