package table

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"s3sync"
	"s3sync/internal/cli/options/value"
	"s3sync/internal/glob"
)

// RulesPath is the field to which all options of rules add.
const RulesPath = "Filter.Globs"

// Rules are the options that add rules, in the order in which they were given.
type rules []rulesOption

type rulesOption struct {
	text    string // as one types it
	include bool
	n       int // how many rules it added
}

// Fault returns what is wrong with rules that begin with an include, or nothing.
func (r *rules) Fault() string {
	for i, o := range *r {
		switch {
		case !o.include && o.n == 0:
			continue
		case !o.include:
			return ""
		}
		var all []string
		for _, o := range (*r)[i:] {
			all = append(all, o.text)
		}
		return fmt.Sprintf("%s changes nothing, because everything is included until something is excluded; to exclude everything else write: --exclude '*' %s",
			o.text, strings.Join(all, " "))
	}
	return ""
}

// rule makes an option that adds a rule for a pattern.
func (r *rules) rule(name string, to *[]s3sync.GlobRule, include bool) *value.Value {
	v := r.option(name, include, func(text string) ([]s3sync.GlobRule, error) {
		if err := glob.Check(text); err != nil {
			return nil, fmt.Errorf("must be a pattern such as '*.jpg', not %q: %w", text, err)
		}
		return []s3sync.GlobRule{{Pattern: text, Include: include}}, nil
	}, to)
	v.Lines = true
	return v
}

// File makes an option that adds the rules of a file.
func (r *rules) file(name string, to *[]s3sync.GlobRule, include bool) *value.Value {
	return r.option(name, include, func(path string) ([]s3sync.GlobRule, error) {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		var added []s3sync.GlobRule
		for number, line := range glob.Lines(string(data)) {
			err := glob.Check(line)
			if line[0] == '!' {
				err = fmt.Errorf(`! has no meaning here: --include takes something back, and \! is the letter`)
			}
			if err != nil {
				return nil, fmt.Errorf("has no pattern in line %d of %q: %q: %w", number, path, line, err)
			}
			added = append(added, s3sync.GlobRule{Pattern: line, Include: include})
		}
		return added, nil
	}, to)
}

func (r *rules) option(name string, include bool, read func(string) ([]s3sync.GlobRule, error), to *[]s3sync.GlobRule) *value.Value {
	var texts []string
	return &value.Value{
		Kind: value.Several,
		Parse: func(text string) error {
			if text == "" {
				return value.ErrEmpty
			}
			added, err := read(text)
			*to = append(*to, added...)
			*r = append(*r, rulesOption{"--" + name + " " + typed(text), include, len(added)})
			texts = append(texts, text)
			return err
		},
		Reset: func() { *to, *r, texts = nil, nil, nil },
		Show:  func() string { return strings.Join(texts, ", ") },
	}
}

var plainWord = regexp.MustCompile(`^[\w./@%+=:,-]+$`)

// typed returns a text as one types it in a shell.
func typed(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// PatternNote says what a pattern means.
func PatternNote() string {
	return "Patterns are those of .gitignore files, and {a,b} for a or b. * and ? do not match a slash, but ** does. " +
		"A pattern without a slash before its end is a name at any depth: *.tmp, node_modules, build/. " +
		"Otherwise it is a path from the root of the source: /logs, photos/*.jpg, **/cache/*.bin. " +
		"A slash at the end stands for directories only. What matches a directory matches everything below it."
}

func ruleOptions(cfg *s3sync.Config, set *Settings) []*Option {
	globs := &cfg.Filter.Globs
	return in(Filtering, []*Option{
		{
			Name: "exclude", Sets: RulesPath, Env: EnvPrefixed, Value: set.Rules.rule("exclude", globs, false),
			Usage: "no objects whose key matches `GLOB`, unless a later --include does",
			More: PatternNote() + " Of all --exclude and --include the last one that matches decides. Excluded objects of the target are not deleted either, " +
				"unless --delete-excluded is given. Directories in which everything is excluded are not read.",
		},
		{
			Name: "include", Sets: RulesPath, Env: EnvPrefixed, Value: set.Rules.rule("include", globs, true),
			Usage: "after --exclude: objects whose key matches `GLOB` nevertheless",
			More: "For nothing but pictures: --exclude '*' --include '*.jpg'. For nothing but one directory: --exclude '*' --include '/photos/', and no other keys are listed. " +
				"Variables of --exclude and --include have a pattern in each line; those of --exclude come first, and none counts if the command line has one of these options.",
		},
		{
			Name: "exclude-from", Sets: RulesPath, Env: EnvPrefixed, Value: set.Rules.file("exclude-from", globs, false), File: true,
			Usage: "an --exclude for each line of `FILE`",
			More:  "Empty lines and lines that begin with # do not count, nor do blanks at the end of a line.",
		},
		{
			Name: "include-from", Sets: RulesPath, Env: EnvPrefixed, Value: set.Rules.file("include-from", globs, true), File: true,
			Usage: "an --include for each line of `FILE`",
		},
		{
			Name: "files-from", Sets: "Filter.FilesFrom", Env: EnvPrefixed, File: true,
			Usage: "only the objects or files that `FILE` names, one a line, relative to the source; - is standard input",
			More: "Nothing else is looked at, neither in the source nor, without --delete, in the target. A line is a key or path as it is, without wildcards and comments. " +
				"A directory does not stand for what is in it. What is not there is a warning. Filters apply as well. With --delete it needs --list-is-complete.",
		},
		{
			Name: "files-from0", Sets: "Filter.FilesFrom0", Env: EnvPrefixed, File: true,
			Usage: "like --files-from, for a `FILE` whose entries end with a NUL byte, as find -print0 writes it",
		},
		{
			Name: "ignore-file", Sets: "Filter.IgnoreFile", Env: EnvPrefixed,
			Usage: "exclude what files with this `NAME` in the directories of the source say, like .gitignore",
			More: "With --ignore-file .s3syncignore, each directory may have such a file, with the rules of gitignore for everything below it. " +
				"What it excludes is treated as by --exclude. Such files are synced like others unless they exclude themselves.",
		},
	})
}
