package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"s3sync"
)

// A command is one call of s3sync.
type command struct {
	p       Process
	env     environment
	cfg     *s3sync.Config
	set     *settings
	options []*option
	root    *cobra.Command
	screen  *screen
	// stdout and stderr are where the log and the summary go; they may be one.
	stdout, stderr *logStream
	// accepted: the options are complete and not only help was asked for.
	accepted bool
	// notes are told when the run begins.
	notes []string
	code  int
}

func newCommand(p Process) *command {
	c := &command{
		p:      p,
		env:    parseEnviron(p.Environ),
		cfg:    s3sync.DefaultConfig(),
		set:    &settings{},
		screen: &screen{},
	}
	c.options = table(c.cfg, c.set)
	// Help and docs show the defaults, which parsing overwrites.
	help := newHelp(c.options)
	c.root = &cobra.Command{
		Use:               "s3sync",
		Args:              func(*cobra.Command, []string) error { return nil },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE:              func(_ *cobra.Command, args []string) error { return c.accept(args) },
	}
	c.root.SetArgs(p.Args)
	c.root.SetOut(p.Stdout)
	c.root.SetErr(p.Stderr)
	c.root.SetHelpFunc(func(*cobra.Command, []string) {
		text := help.short()
		if slices.Contains(p.Args, "--help") {
			text = help.long()
		}
		c.code = c.print(text)
	})
	c.root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return c.flagError(err) })
	c.addFlags()
	return c
}

// addFlags makes a flag of every option.
func (c *command) addFlags() {
	flags := c.root.Flags()
	flags.SortFlags = false
	for _, o := range c.options {
		if o.positional() {
			continue
		}
		flag := &pflag.Flag{
			Name:      o.name,
			Shorthand: o.short,
			Usage:     o.brief(),
			Value:     o.value,
		}
		if o.value.kind != single {
			flag.NoOptDefVal = present
		}
		flags.AddFlag(flag)
		if o.alias != "" {
			also := *flag
			also.Name, also.Hidden = o.alias, true
			flags.AddFlag(&also)
		}
	}
	c.addCompletions()
}

// print writes what was asked for to standard output.
func (c *command) print(text string) int {
	if _, err := io.WriteString(c.p.Stdout, text); err != nil {
		return c.fail(fmt.Errorf("standard output: %w", err))
	}
	return exitDone
}

// accept ends the parsing: it completes what pflag has parsed with the positional arguments and the
// environment.
func (c *command) accept(args []string) error {
	c.accepted = true
	if c.set.version {
		return nil
	}
	if err := c.hyphenValue(); err != nil {
		return err
	}
	if len(args) > 2 {
		return usagef("SOURCE and TARGET are all arguments there are, but there is %q", args[2])
	}
	for _, o := range c.options {
		o.given = o.value.set
		if o.positional() && len(args) > 0 {
			if err := o.value.Set(args[0]); err != nil {
				return usagef("%s %v", o.label(), err)
			}
			o.given, args = true, args[1:]
		}
	}
	if c.set.verbose > 0 && c.set.quiet > 0 {
		return usagef("--verbose cannot be combined with --quiet")
	}
	if err := c.applyEnvironment(); err != nil {
		return err
	}
	if len(c.p.Args) == 0 && c.set.shell == "" && c.cfg.Source.URL == "" && c.cfg.Target.URL == "" {
		return usagef("SOURCE and TARGET are missing; s3sync -h shows how it is called")
	}
	return nil
}

// hyphenValue refuses an option that took the next option for its value: what
// was --dry-run would be a header.
func (c *command) hyphenValue() error {
	args := c.p.Args
	for i := 0; i < len(args) && args[i] != "--"; i++ {
		name, long := strings.CutPrefix(args[i], "--")
		o := c.named(name)
		if !long || o == nil || o.value.kind != single {
			continue
		}
		i++
		if i < len(args) && strings.HasPrefix(args[i], "-") {
			return usagef("--%s needs a value; if it begins with a hyphen, write --%s=VALUE", name, name)
		}
	}
	return nil
}

// named finds the option of a long name.
func (c *command) named(name string) *option {
	for _, o := range c.options {
		if !o.positional() && (o.name == name || o.alias == name) && name != "" {
			return o
		}
	}
	return nil
}

// bound finds the option of a setting: "path=value", or the path of a field. Where
// several options set one field it is the one that was given.
func (c *command) bound(setting string) *option {
	path, value, _ := strings.Cut(setting, "=")
	var found *option
	for _, o := range c.options {
		switch {
		case value != "" && o.sets == setting:
			return o
		case slices.Contains(o.paths(), path) && (found == nil || o.given):
			found = o
		}
	}
	return found
}

// given reports whether the field at a path was set by an option: that it was
// given is not enough where an option sets one field or another.
func (c *command) given(path string) bool {
	return slices.ContainsFunc(c.options, func(o *option) bool {
		return o.given && slices.ContainsFunc(o.settings(), func(setting string) bool {
			field, value, one := strings.Cut(setting, "=")
			if field != path {
				return false
			}
			now, _ := fieldAt(c.cfg, path)
			return !one || fmt.Sprint(now) == value
		})
	})
}

// setMode refuses two modes of comparison, and gives --remove-modified-filter its
// meaning: together with a comparison it only leaves out the listing of the target.
func (c *command) setMode() error {
	var first *option
	for _, o := range c.options {
		if !o.given || !strings.HasPrefix(o.sets, "Check.Mode=") || o.value == nil || o.also == noListing {
			continue
		}
		if first != nil {
			return usagef("%s cannot be combined with %s", first.label(), o.label())
		}
		first = o
	}
	k := &c.cfg.Check
	switch {
	case !c.set.overwrite:
	case first == nil && !k.HeadEachTarget:
		k.Mode = s3sync.CheckOverwrite
	default:
		k.NoTargetListing = true
	}
	return nil
}

// noListing is the second meaning of --remove-modified-filter.
const noListing = "Check.NoTargetListing=true"

// flagError makes a refusal of an error of pflag. The texts of pflag quote the
// value, which may be a secret.
func (c *command) flagError(err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return c.unknown(e)
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

func (c *command) unknown(e *pflag.NotExistError) error {
	if e.GetSpecifiedShortnames() != "" {
		return usagef("-%s is not an option", e.GetSpecifiedName())
	}
	var names []string
	for _, o := range c.options {
		if !o.positional() {
			names = append(names, o.name)
		}
	}
	if near := nearest(e.GetSpecifiedName(), names); near != "" {
		return usagef("--%s is not an option; did you mean --%s?", e.GetSpecifiedName(), near)
	}
	return usagef("--%s is not an option", e.GetSpecifiedName())
}

// check lets the library judge the settings, without those of the environment
// that are for other runs.
func (c *command) check() error {
	if err := c.setMode(); err != nil {
		return err
	}
	err := c.cfg.ValidateGiven(c.given)
	if c.dropMisfits(err) {
		err = c.cfg.ValidateGiven(c.given)
	}
	if err != nil {
		return c.refusal(err)
	}
	c.noteBareNames()
	return nil
}

// refusal makes a usageError of the first fault of a Config, with options in
// place of fields.
func (c *command) refusal(err error) error {
	fault, ok := errors.AsType[*s3sync.ConfigError](err)
	if !ok {
		return err
	}
	o := c.bound(fault.Field)
	if o == nil {
		return usageError{fault.Error()}
	}
	text := o.label() + " " + fault.Reason
	if o.env == envIgnored && !o.given && c.env[o.bare()] != "" {
		text += "; " + c.ignored(o)
	}
	if other := c.bound(fault.Other); fault.Other != "" && other != nil {
		text += " " + other.label()
	}
	return usageError{text}
}

// run does what was asked for.
func (c *command) run(ctx context.Context) error {
	switch {
	case c.set.version:
		c.code = c.print(versionLine())
		return nil
	case c.set.shell != "":
		text, err := c.script()
		if err == nil {
			c.code = c.print(text)
		}
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	c.sync(ctx)
	return nil
}
