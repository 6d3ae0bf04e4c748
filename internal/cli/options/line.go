package options

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"s3sync"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/options/value"
	"s3sync/internal/fields"
	"s3sync/internal/location"
)

// A Program is the input of Parse, and what the help shows besides the options.
type Program struct {
	Args    []string // without the program's name
	Environ []string // NAME=value
	// Stdout and Stderr receive the output for a shell that completes a line.
	Stdout, Stderr io.Writer
	Version        string // what --version prints
	// Commands are all commands. One of them has no name: the sync itself, or what another
	// program does with its own options alone.
	Commands []Command
	// Other makes it another program than s3sync.
	Other *Other
}

// An Other is a program besides s3sync that has its table of options. Each of its commands
// has a name.
type Other struct {
	Name  string // as one types it
	About string // sentences that say what the program does
	// Rows are options that the table does not have. Their group is table.OfCommands.
	Rows []*table.Option
	// Refused are the options of a sync that its commands do not have, with the reason. It
	// completes the sentence "--option …".
	Refused map[string]string
	// Variable, if set, reports whether the program knows a variable that is no option.
	Variable func(name string) bool
}

// name returns what the user types.
func (p *Program) name() string {
	if p.Other == nil {
		return "s3sync"
	}
	return p.Other.Name
}

// A Line is one command line, with its environment.
type Line struct {
	Config *s3sync.Config
	// Log says how the log is written.
	Log table.Log
	// Own are the options of commands that a sync does not have.
	Own table.Own
	// Records are what a run leaves besides its log.
	Records table.Records
	// Notes are facts about the settings that the user should know.
	Notes []string

	program Program
	env     environment
	set     *table.Settings
	options []*table.Option
	// spread are the fields of sides that options for both sides have set.
	spread map[string]*table.Option
	help   help
	root   *cobra.Command
	// command is what the user asked for, with complete options; nil if the user asked for
	// the help of a command.
	command *Command
	args    []string // of command
	dashes  bool     // -- is before all of them
	text    string   // to print instead of a run
}

// New returns the Line of a program before it is parsed.
func New(p Program) *Line {
	l := &Line{Config: s3sync.DefaultConfig(), program: p, env: parseEnviron(p.Environ), set: &table.Settings{}}
	l.Log.Stats = time.Minute
	l.options = table.Rows(l.Config, l.set, &l.Log, &l.Own, &l.Records)
	if p.Other != nil {
		l.options = append(l.options, p.Other.Rows...)
	}
	for i := range p.Commands {
		p.Commands[i].program = &l.program
	}
	// Help and docs show the defaults, which parsing overwrites.
	l.help = newHelp(l.options, &l.program)
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
	case l.set.Version:
		return nil, nil, l.program.Version, nil
	case l.set.Shell != "":
		text, err := l.Script(l.set.Shell)
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
	if l.set.Version {
		return nil
	}
	if err := l.noCommand(k, args); err != nil {
		return err
	}
	if err := l.ambiguous(k, args); err != nil {
		return err
	}
	if err := l.hyphenValue(k); err != nil {
		return err
	}
	for _, o := range l.options {
		o.Given = o.Value.Taken
	}
	if err := l.takeArguments(k, args); err != nil {
		return err
	}
	if l.set.Verbose > 0 && l.set.Quiet > 0 {
		return usagef("--verbose cannot be combined with --quiet")
	}
	if err := l.applyEnvironment(k); err != nil {
		return err
	}
	if url := l.Own.Leftovers; url != "" && l.Config.Source.URL+l.Config.Target.URL == "" {
		l.Config.Source.URL, l.Config.Target.URL = ".", url // it is reached and checked like the target of an upload
	}
	l.setBoth()
	if err := l.exclude(); err != nil {
		return err
	}
	if k.Sides && len(l.program.Args) == 0 && l.set.Shell == "" && l.Config.Source.URL == "" && l.Config.Target.URL == "" {
		return usagef("SOURCE and TARGET are missing; s3sync -h shows how it is called")
	}
	l.setState(k)
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
		return usagef("SOURCE and TARGET are all arguments there are, but there is %s", surplus(args[2]))
	}
	for _, o := range l.options {
		if o.Positional() && len(args) > 0 {
			if err := o.Value.Set(args[0]); err != nil {
				return usagef("%s %v", o.Label(), err)
			}
			o.Given, args = true, args[1:]
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
		if !long || o == nil || !o.Value.TakesText() {
			continue
		}
		i++
		if i < len(args) && strings.HasPrefix(args[i], "-") && args[i] != "-" {
			return usagef("--%s needs a value; if it begins with a hyphen, write --%s=VALUE", name, name)
		}
	}
	return nil
}

// named returns the option with a long name.
func (l *Line) named(name string) *table.Option {
	for _, o := range l.options {
		if !o.Positional() && (o.Name == name || o.Alias == name) && name != "" {
			return o
		}
	}
	return nil
}

// bound returns the option of a setting: "path=value", or the path of a field. If
// several options set one field, it returns the one that was given.
func (l *Line) bound(setting string) *table.Option {
	path, value, _ := strings.Cut(setting, "=")
	if o := l.spread[path]; o != nil {
		return o
	}
	var found *table.Option
	for _, o := range l.options {
		switch {
		case value != "" && o.Sets == setting:
			return o
		case slices.Contains(o.Paths(), path) && (found == nil || o.Given):
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
	return slices.ContainsFunc(l.options, func(o *table.Option) bool {
		return o.Given && slices.ContainsFunc(o.Settings(), func(setting string) bool {
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
	var first *table.Option
	for _, o := range l.options {
		if !o.Given || !strings.HasPrefix(o.Sets, "Check.Mode=") || o.Value == nil || o.Also == table.NoListing {
			continue
		}
		if first != nil {
			return usagef("%s cannot be combined with %s", first.Label(), o.Label())
		}
		first = o
	}
	k := &l.Config.Check
	switch {
	case !l.set.Overwrite:
	case first == nil && !k.HeadEachTarget:
		k.Mode = s3sync.CheckOverwrite
	default:
		k.NoTargetListing = true
	}
	return nil
}

// Check validates the settings with the library. It first drops settings of the
// environment that are for other runs.
func (l *Line) Check() error {
	if err := l.setMode(); err != nil {
		return err
	}
	if fault := l.set.Rules.Fault(); fault != "" {
		return UsageError{fault}
	}
	if err := l.overwrites(); err != nil {
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
	l.noteSlash()
	l.noteNothingPasses()
	if l.set.ListingDepth != 0 {
		l.Notes = append(l.Notes, "--max-parallel-listing-max-depth has no effect: listings are divided wherever keys are")
	}
	return nil
}

// noteSlash adds a note if whole names follow on a target without a slash at its end: other
// programs would add one. Nobody means photosa.jpg by s3://b/photos.
func (l *Line) noteSlash() {
	source, err := location.Parse(l.Config.Source.URL)
	target, err2 := location.Parse(l.Config.Target.URL)
	if err != nil || err2 != nil || !target.MayBeObject() || source.MayBeObject() {
		return
	}
	if fi, err := os.Stat(source.Path); source.Local() && (err != nil || !fi.IsDir()) {
		return
	}
	name := path.Base(target.Prefix)
	if l.Own.Leftovers != "" {
		l.Notes = append(l.Notes, fmt.Sprintf("%q ends without a slash, so keys such as %q are meant, too; for a folder write %q",
			l.Config.Target.URL, name+"a.jpg", l.Config.Target.URL+"/"))
		return
	}
	l.Notes = append(l.Notes, fmt.Sprintf("%q ends without a slash, so a.jpg becomes %q; for a folder write %q",
		l.Config.Target.URL, name+"a.jpg", l.Config.Target.URL+"/"))
}

// noteNothingPasses adds a note if two filters let no object pass together. A run that does
// nothing looks like one that has nothing to do.
func (l *Line) noteNothingPasses() {
	f := &l.Config.Filter
	const text = "no object passes both %s and %s"
	if !f.ModifiedAfter.IsZero() && !f.ModifiedBefore.IsZero() && !f.ModifiedAfter.Before(f.ModifiedBefore) {
		l.Notes = append(l.Notes, fmt.Sprintf(text, l.bound("Filter.ModifiedAfter").Label(), l.bound("Filter.ModifiedBefore").Label()))
	}
	if f.LargerThan != nil && f.SmallerThan != nil && *f.LargerThan >= *f.SmallerThan {
		l.Notes = append(l.Notes, fmt.Sprintf(text, l.bound("Filter.LargerThan").Label(), l.bound("Filter.SmallerThan").Label()))
	}
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
	text := o.Label() + " " + fault.Reason
	if o.Env == table.EnvIgnored && !o.Given && l.env[o.Bare()] != "" {
		text += "; " + l.ignored(o)
	}
	if other := l.bound(fault.Other); fault.Other != "" && other != nil {
		text += " " + other.Label()
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
		if !o.Given {
			continue
		}
		shown := o.Value.String()
		switch {
		case o.Secret:
			shown = "(secret)"
		case o.Value.Kind == value.Toggle:
			shown = "true"
		case shown == "":
			shown = o.Value.Text
		}
		given = append(given, Given{o.Title(), shown, o.From})
	}
	return given
}

// Variable returns a variable of the environment.
func (l *Line) Variable(name string) string { return l.env[name] }
