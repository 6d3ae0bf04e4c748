// Package table is the table of options: a row for each, with the field of the Config that
// it sets.
package table

import (
	"log/slog"
	"slices"
	"strings"

	"s3sync"
	"s3sync/internal/cli/options/value"
	"s3sync/internal/fields"
)

// A Group is a heading of the help.
type Group string

// Groups in the order of the help.
const (
	arguments    Group = "Arguments"
	basic        Group = "Options"
	general      Group = "General"
	awsConfig    Group = "AWS Configuration"
	bothSides    Group = "Source and Target Options"
	sourceSide   Group = "Source Options"
	targetSide   Group = "Target Options"
	Filtering    Group = "Filtering"
	Verification Group = "Verification"
	performance  Group = "Performance"
	multipart    Group = "Multipart Settings"
	headers      Group = "Metadata/Headers"
	tagging      Group = "Tagging"
	encryption   Group = "Encryption"
	Reporting    Group = "Reporting"
	tracing      Group = "Tracing/Logging"
	retries      Group = "Retry Options"
	timeouts     Group = "Timeout Options"
	advanced     Group = "Advanced"
	Dangerous    Group = "Dangerous"
	OfCommands   Group = "Options of Commands"
)

// An Option is a row of the table: everything about one option or positional argument,
// except its default and its meaning. The default is the initial value of the field.
// The library defines the meaning.
type Option struct {
	// Name is without dashes; positional arguments have a name in capitals.
	Name  string
	Short string
	// Alias is another name, which the help does not show.
	Alias string
	Group Group
	// Usage says in one line what the option does. The name of its value is in back
	// quotes. More is for --help and the docs.
	Usage, More string
	// Sets is the path of the Config field that the option sets, or "path=value" if
	// the option sets only that value. Also is a second one. Both are empty for
	// settings of the command alone.
	Sets, Also string
	// Both is a field of Endpoint that the option sets on both sides: see package options.
	Both string
	// as makes the Value of an option whose field can be read in several ways.
	as    func(field any) *value.Value
	Value *value.Value
	// Choices are all possible values, if they can be listed.
	Choices []string
	// Secret values appear in no output. The field says whether it is secret.
	Secret bool
	// File completes file names. Writes says that the command replaces the file.
	File, Writes bool
	// Plain options are not for commands with a name: they do something else than a sync.
	Plain bool
	// Env says which variables set the option.
	Env envRule
	// Not are the names of options that a switch of the command excludes. Of two in
	// different places the stronger one counts.
	Not []string
	// Instead says what to do if somebody sets the variable of an option that has none.
	// If it is empty, such a variable is ignored.
	Instead string

	// From is the variable that set the value, if any.
	From  string
	Given bool
}

// An envRule says which environment variables set an option.
type envRule int

const (
	envBoth envRule = iota // S3SYNC_NAME, then NAME
	// EnvPrefixed: S3SYNC_NAME; NAME has another meaning.
	EnvPrefixed
	// EnvIgnored: S3SYNC_NAME; NAME is for other programs, and would do harm.
	EnvIgnored
	// EnvNone: no variable sets the option.
	EnvNone
)

// Settings are options of the command that the library does not have.
type Settings struct {
	Verbose, Quiet int
	Overwrite      bool
	NoState        bool
	Level          *slog.Level // of the environment, nil if it sets none
	help, Version  bool
	Shell          string
	ListingDepth   int // has no effect
	Both           s3sync.Endpoint
	Rules          rules
}

// Rows returns every option in the order of the help.
func Rows(cfg *s3sync.Config, set *Settings, log *Log, own *Own, records *Records) []*Option {
	all := slices.Concat(
		basicOptions(set), awsOptions(), bothOptions(), sideOptions(),
		ruleOptions(cfg, set), filterOptions(), checkOptions(cfg, set), verifyOptions(), performanceOptions(set),
		headerOptions(), taggingOptions(), encryptionOptions(),
		reportingOptions(), recordOptions(records), tracingOptions(log), retryOptions(set), timeoutOptions(),
		advancedOptions(set), dangerousOptions(), commandOptions(own))
	for _, o := range all {
		o.bind(cfg, set)
	}
	return all
}

// bind connects an option with its field. The field decides the kind of value, the
// choices, and whether the value is secret.
func (o *Option) bind(cfg *s3sync.Config, set *Settings) {
	for _, path := range o.Paths() {
		if choices := s3sync.Choices(path); choices != nil {
			o.Choices = choices
		}
	}
	if o.Value != nil {
		return
	}
	group, path := any(cfg), o.Sets
	if o.Both != "" {
		group, path = &set.Both, o.Both
	}
	field := fields.At(group, path)
	o.Secret = field.Secret()
	address := field.Value.Addr().Interface()
	if o.as != nil {
		o.Value = o.as(address)
	} else {
		o.Value = value.For(address, field.Secret(), field.Bytes())
	}
}

// Settings returns what the option sets: paths, or "path=value".
func (o *Option) Settings() []string {
	return slices.DeleteFunc([]string{o.Sets, o.Also}, func(s string) bool { return s == "" })
}

// Paths returns the fields that the option sets.
func (o *Option) Paths() []string {
	paths := o.Settings()
	for i, s := range paths {
		paths[i], _, _ = strings.Cut(s, "=")
	}
	return paths
}

// Positional reports whether it is an argument, not an option.
func (o *Option) Positional() bool { return o.Group == arguments }

// Title returns the option as the user types it.
func (o *Option) Title() string {
	if o.Positional() {
		return o.Name
	}
	return "--" + o.Name
}

// Label returns the name of the option in messages.
func (o *Option) Label() string {
	if o.From != "" {
		return o.Title() + " (set by " + o.From + ")"
	}
	return o.Title()
}

// Variables returns the environment variables that set the option, highest priority
// first.
func (o *Option) Variables() []string {
	switch o.Env {
	case EnvNone:
		return nil
	case EnvPrefixed, EnvIgnored:
		return []string{EnvPrefix + o.Bare()}
	case envBoth:
	}
	return []string{EnvPrefix + o.Bare(), o.Bare()}
}

// Bare returns the name of the option in the spelling of variables, without prefix.
func (o *Option) Bare() string {
	return strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_"))
}

// DefaultText returns the default that the help shows. It must be called before
// parsing.
func (o *Option) DefaultText() string {
	if o.Value.Kind != value.Single {
		return ""
	}
	return o.Value.String()
}

// ValueName returns the name of the option's value, empty for switches.
func (o *Option) ValueName() string {
	_, rest, _ := strings.Cut(o.Usage, "`")
	name, _, _ := strings.Cut(rest, "`")
	return name
}

// Brief returns the usage as text.
func (o *Option) Brief() string { return strings.ReplaceAll(o.Usage, "`", "") }

// NoListing is the second meaning of --remove-modified-filter.
const NoListing = "Check.NoTargetListing=true"

// EnvPrefix begins the names of the variables that belong to this program.
const EnvPrefix = "S3SYNC_"

// PasswordVariable has the password of the key that signs a manifest.
const PasswordVariable = EnvPrefix + "SIGN_KEY_PASSWORD"

// Shells returns the shells that have a completion script.
func Shells() []string { return []string{"bash", "zsh", "fish", "powershell", "elvish"} }
