package options

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A Command is something that s3sync does: a row of the table of commands.
type Command struct {
	// Name is the first word after s3sync. The command without a name is the sync itself.
	Name string
	// Args names the arguments as the help shows them: "SHELL" is required, "[TOPIC]" may
	// be left out, and "[WORD...]" may be repeated.
	Args string
	// Usage says in one line what the command does. More is for its own help.
	Usage, More string
	// Sides: the command takes SOURCE and TARGET and has all options of a sync. They are
	// checked before Run.
	Sides bool
	// Options are the names of further options that the command has.
	Options []string
	// Verbatim: the arguments are words for the command even if they look like options.
	Verbatim bool
	// Values, if set, returns what the shell completes the first argument to.
	Values func(*Line) []string
	// Run carries out the command and returns the exit code. Its args are what Args names;
	// those of a command with Sides are in the Config.
	Run func(ctx context.Context, args []string) int
}

// call returns the command as one types it.
func (k *Command) call() string { return strings.TrimSpace("s3sync " + k.Name) }

// synopsis returns the command with its arguments.
func (k *Command) synopsis() string {
	if k.Sides || len(k.Options) > 0 {
		return strings.TrimSpace(k.call() + " [OPTIONS] " + k.Args)
	}
	return strings.TrimSpace(k.call() + " " + k.Args)
}

// has reports whether an option belongs to the command.
func (k *Command) has(o *option) bool {
	return o.name == "help" || k.Sides && o.group != ofCommands && (k.Name == "" || !o.plain) || slices.Contains(k.Options, o.name)
}

// fault returns what is wrong with the number of arguments.
func (k *Command) fault(args []string) error {
	names := strings.Fields(k.Args)
	for i, name := range names {
		switch {
		case strings.HasSuffix(name, "...]"):
			return nil
		case i >= len(args) && !strings.HasPrefix(name, "["):
			return usagef("%s is missing; %s -h shows how it is called", name, k.call())
		}
	}
	switch {
	case len(args) <= len(names):
		return nil
	case len(names) == 0:
		return usagef("%s takes no arguments, but there is %q", k.call(), args[0])
	}
	return usagef("%s takes no further arguments, but there is %q", k.call(), args[len(names)])
}

// addCommand makes a command of cobra with a flag for each of its options.
func (l *Line) addCommand(k *Command) *cobra.Command {
	c := &cobra.Command{
		Use:                cmp.Or(k.Name, "s3sync"),
		Short:              k.Usage,
		Args:               func(*cobra.Command, []string) error { return nil },
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableFlagParsing: k.Verbatim,
		CompletionOptions:  cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(c *cobra.Command, args []string) error {
			l.dashes = c.ArgsLenAtDash() == 0
			return l.accept(k, args)
		},
	}
	c.SetHelpFunc(func(*cobra.Command, []string) {
		l.text = l.help.command(k, slices.Contains(l.program.Args, "--help"))
	})
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return l.flagError(k, err) })
	c.Flags().SortFlags = false
	for _, o := range l.options {
		if k.has(o) && !o.positional() {
			addFlag(c.Flags(), o)
		}
	}
	l.addCompletions(c, k)
	return c
}

func addFlag(flags *pflag.FlagSet, o *option) {
	flag := &pflag.Flag{
		Name:      o.name,
		Shorthand: o.short,
		Usage:     o.brief(),
		Value:     o.value,
	}
	if !o.value.takesText() {
		flag.NoOptDefVal = present
	}
	flags.AddFlag(flag)
	if o.alias != "" {
		also := *flag
		also.Name, also.Hidden = o.alias, true
		flags.AddFlag(&also)
	}
}

// commandNamed returns the command with a name, or nil.
func (l *Line) commandNamed(name string) *Command {
	for i := range l.program.Commands {
		if k := &l.program.Commands[i]; k.Name == name {
			return k
		}
	}
	return nil
}

// ambiguous refuses a command whose name is also a path here if the arguments could be
// those of a sync. So a script that syncs a directory does not begin to do something
// else when s3sync gets a command of that name.
func (l *Line) ambiguous(k *Command, args []string) error {
	if k.Name == "" || !exists(k.Name) {
		return nil
	}
	if k.Verbatim { // what is an option for the command would also be one of the sync
		args = slices.DeleteFunc(slices.Clone(args), func(word string) bool { return strings.HasPrefix(word, "-") })
	}
	target := l.env[envPrefix+"TARGET"]
	if len(args) == 1 {
		target = args[0]
	}
	if len(args) > 1 || !strings.HasPrefix(target, "s3://") {
		return nil
	}
	return usagef("%s is a command of s3sync and also a path here: write ./%s to sync the path", k.Name, k.Name)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
