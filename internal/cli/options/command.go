package options

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"s3sync"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/options/value"
	"s3sync/internal/fields"
	"s3sync/internal/planfile"
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
	// Applies: the command carries out a plan. It has those options of a sync that a plan
	// does not decide.
	Applies bool
	// Summary: the command prints a summary in place of what a dry run prints.
	Summary bool
	// Options are the names of further options that the command has.
	Options []string
	// Verbatim: the arguments are words for the command even if they look like options.
	Verbatim bool
	// Values, if set, returns what the shell completes the first argument to.
	Values func(*Line) []string
	// Run carries out the command and returns the exit code. Its args are what Args names;
	// those of a command with Sides are in the Config.
	Run func(ctx context.Context, args []string) int

	program *Program // that has the command
}

// call returns the command as one types it.
func (k *Command) call() string { return strings.TrimSpace(k.program.name() + " " + k.Name) }

// synopsis returns the command with its arguments.
func (k *Command) synopsis() string {
	if k.Sides || k.Applies || len(k.Options) > 0 {
		return strings.TrimSpace(k.call() + " [OPTIONS] " + k.Args)
	}
	return strings.TrimSpace(k.call() + " " + k.Args)
}

// has reports whether an option belongs to the command.
func (k *Command) has(o *table.Option) bool {
	switch {
	case o.Name == "help", slices.Contains(k.Options, o.Name):
		return true
	case o.Group == table.OfCommands, k.refusal(o) != "", k.Name != "" && o.Plain && !(k.Applies && o.Group == table.Reporting):
		return false
	}
	return k.Sides || k.Applies && free(o)
}

// refusal returns why a command does not have an option of a sync, or an empty string.
func (k *Command) refusal(o *table.Option) string {
	if k.program.Other == nil || !k.Sides {
		return ""
	}
	return k.program.Other.Refused[o.Name]
}

// free reports whether an option sets nothing that a plan decides.
func free(o *table.Option) bool {
	paths := o.Paths()
	if o.Both != "" {
		paths = []string{"Source." + o.Both}
	}
	return !o.Positional() && !slices.ContainsFunc(paths, func(path string) bool {
		return !planfile.Free(path) && !fields.At(new(s3sync.Config), path).Secret()
	})
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
		return usagef("%s takes no arguments, but there is %s", k.call(), surplus(args[0]))
	}
	return usagef("%s takes no further arguments, but there is %s", k.call(), surplus(args[len(names)]))
}

// surplus returns an argument that nobody asked for in a form that can be recognised. It
// may be a secret whose option was forgotten, so only a place is shown in full.
func surplus(arg string) string {
	const shown = 3
	if strings.Contains(arg, "://") || len(arg) <= shown || exists(arg) {
		return strconv.Quote(arg)
	}
	begin := []rune(arg)
	return strconv.Quote(string(begin[:min(shown, len(begin)-1)]) + "…")
}

// addCommand makes a command of cobra with a flag for each of its options.
func (l *Line) addCommand(k *Command) *cobra.Command {
	c := &cobra.Command{
		Use:                cmp.Or(k.Name, k.program.name()),
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
		if k.has(o) && !o.Positional() {
			addFlag(c.Flags(), o)
		}
	}
	l.addCompletions(c, k)
	return c
}

func addFlag(flags *pflag.FlagSet, o *table.Option) {
	flag := &pflag.Flag{
		Name:      o.Name,
		Shorthand: o.Short,
		Usage:     o.Brief(),
		Value:     o.Value,
	}
	if !o.Value.TakesText() {
		flag.NoOptDefVal = value.Present
	}
	flags.AddFlag(flag)
	if o.Alias != "" {
		also := *flag
		also.Name, also.Hidden = o.Alias, true
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
	if k.Name == "" || k.program.Other != nil || !exists(k.Name) {
		return nil
	}
	if k.Verbatim { // what is an option for the command would also be one of the sync
		args = slices.DeleteFunc(slices.Clone(args), func(word string) bool { return strings.HasPrefix(word, "-") })
	}
	target := l.env[table.EnvPrefix+"TARGET"]
	if len(args) == 1 {
		target = args[0]
	}
	if len(args) > 1 || !strings.HasPrefix(target, "s3://") {
		return nil
	}
	return usagef("%s is a command of s3sync and also a path here: write ./%s to sync the path", k.Name, k.Name)
}

// noCommand refuses a line of a program that does nothing without a command.
func (l *Line) noCommand(k *Command, args []string) error {
	if k.Name != "" || l.program.Other == nil || l.set.Shell != "" {
		return nil
	}
	if len(args) == 0 {
		return usagef("COMMAND is missing; %s -h shows all of them", k.call())
	}
	var names []string
	for _, other := range l.program.Commands {
		names = append(names, other.Name)
	}
	if near := nearest(args[0], names); near != "" {
		return usagef("%s is not a command; did you mean %s %s?", surplus(args[0]), k.call(), near)
	}
	return usagef("%s is not a command; %s -h shows all of them", surplus(args[0]), k.call())
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
