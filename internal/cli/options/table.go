package options

import (
	"log/slog"
	"slices"
	"strings"

	"s3sync"
	"s3sync/internal/fields"
)

// A group is a heading of the help.
type group string

// Groups in the order of the help.
const (
	arguments    group = "Arguments"
	basic        group = "Options"
	general      group = "General"
	awsConfig    group = "AWS Configuration"
	bothSides    group = "Source and Target Options"
	sourceSide   group = "Source Options"
	targetSide   group = "Target Options"
	filtering    group = "Filtering"
	verification group = "Verification"
	performance  group = "Performance"
	multipart    group = "Multipart Settings"
	headers      group = "Metadata/Headers"
	tagging      group = "Tagging"
	encryption   group = "Encryption"
	reporting    group = "Reporting"
	tracing      group = "Tracing/Logging"
	retries      group = "Retry Options"
	timeouts     group = "Timeout Options"
	advanced     group = "Advanced"
	dangerous    group = "Dangerous"
	ofCommands   group = "Options of Commands"
)

// An option is a row of the table: everything about one option or positional argument,
// except its default and its meaning. The default is the initial value of the field.
// The library defines the meaning.
type option struct {
	// name is without dashes; positional arguments have a name in capitals.
	name  string
	short string
	// alias is another name, which the help does not show.
	alias string
	group group
	// usage says in one line what the option does. The name of its value is in back
	// quotes. more is for --help and the docs.
	usage, more string
	// sets is the path of the Config field that the option sets, or "path=value" if
	// the option sets only that value. also is a second one. Both are empty for
	// settings of the command alone.
	sets, also string
	// both is a field of Endpoint that the option sets on both sides: see setBoth.
	both string
	// as makes the value of an option whose field can be read in several ways.
	as    func(field any) *value
	value *value
	// choices are all possible values, if they can be listed.
	choices []string
	// secret values appear in no output. The field says whether it is secret.
	secret bool
	// file completes file names.
	file bool
	// plain options are not for commands with a name: they do something else than a sync.
	plain bool
	// env says which variables set the option.
	env envRule
	// instead says what to do if somebody sets the variable of an option that has none.
	// If it is empty, such a variable is ignored.
	instead string

	// from is the variable that set the value, if any.
	from  string
	given bool
}

// An envRule says which environment variables set an option.
type envRule int

const (
	envBoth     envRule = iota // S3SYNC_NAME, then NAME
	envPrefixed                // S3SYNC_NAME; NAME has another meaning
	envIgnored                 // S3SYNC_NAME; NAME is for other programs, and would do harm
	envNone
)

// settings are options of the command that the library does not have.
type settings struct {
	verbose, quiet int
	overwrite      bool
	level          *slog.Level // of the environment, nil if it sets none
	help, version  bool
	shell          string
	listingDepth   int // has no effect
	both           s3sync.Endpoint
	rules          rules
}

// table returns every option in the order of the help.
func table(cfg *s3sync.Config, set *settings, log *Log, own *Own, records *Records) []*option {
	rows := slices.Concat(
		basicOptions(set), awsOptions(), bothOptions(), sideOptions(),
		ruleOptions(cfg, set), filterOptions(), checkOptions(cfg, set), verifyOptions(), performanceOptions(set),
		headerOptions(), taggingOptions(), encryptionOptions(),
		reportingOptions(), recordOptions(records), tracingOptions(log), retryOptions(), timeoutOptions(),
		advancedOptions(set), dangerousOptions(), commandOptions(own))
	for _, o := range rows {
		o.bind(cfg, set)
	}
	return rows
}

// bind connects an option with its field. The field decides the kind of value, the
// choices, and whether the value is secret.
func (o *option) bind(cfg *s3sync.Config, set *settings) {
	for _, path := range o.paths() {
		if choices := s3sync.Choices(path); choices != nil {
			o.choices = choices
		}
	}
	if o.value != nil {
		return
	}
	group, path := any(cfg), o.sets
	if o.both != "" {
		group, path = &set.both, o.both
	}
	field := fields.At(group, path)
	o.secret = field.Secret()
	address := field.Value.Addr().Interface()
	if o.as != nil {
		o.value = o.as(address)
	} else {
		o.value = valueOf(address, field.Secret(), field.Bytes())
	}
}

// settings returns what the option sets: paths, or "path=value".
func (o *option) settings() []string {
	return slices.DeleteFunc([]string{o.sets, o.also}, func(s string) bool { return s == "" })
}

// paths returns the fields that the option sets.
func (o *option) paths() []string {
	paths := o.settings()
	for i, s := range paths {
		paths[i], _, _ = strings.Cut(s, "=")
	}
	return paths
}

func (o *option) positional() bool { return o.group == arguments }

// title returns the option as the user types it.
func (o *option) title() string {
	if o.positional() {
		return o.name
	}
	return "--" + o.name
}

// label returns the name of the option in messages.
func (o *option) label() string {
	if o.from != "" {
		return o.title() + " (set by " + o.from + ")"
	}
	return o.title()
}

// variables returns the environment variables that set the option, highest priority
// first.
func (o *option) variables() []string {
	switch o.env {
	case envNone:
		return nil
	case envPrefixed, envIgnored:
		return []string{envPrefix + o.bare()}
	case envBoth:
	}
	return []string{envPrefix + o.bare(), o.bare()}
}

// bare returns the name of the option in the spelling of variables, without prefix.
func (o *option) bare() string {
	return strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
}

// defaultText returns the default that the help shows. It must be called before
// parsing.
func (o *option) defaultText() string {
	if o.value.kind != single {
		return ""
	}
	return o.value.String()
}

// valueName returns the name of the option's value, empty for switches.
func (o *option) valueName() string {
	_, rest, _ := strings.Cut(o.usage, "`")
	name, _, _ := strings.Cut(rest, "`")
	return name
}

// brief returns the usage as text.
func (o *option) brief() string { return strings.ReplaceAll(o.usage, "`", "") }

// nearest returns the candidate that text is most likely a misspelling of, or
// an empty string.
func nearest(text string, candidates []string) string {
	best, least := "", 1+len(text)/4
	for _, candidate := range candidates {
		if d := distance(text, candidate); d <= least && (d < least || best == "") {
			best, least = candidate, d
		}
	}
	return best
}

// distance returns the number of letters to insert, drop or change to make a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
