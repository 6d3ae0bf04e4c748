package options

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"s3sync"
	"s3sync/internal/glob"
)

// rulesPath is the field to which all options of rules add.
const rulesPath = "Filter.Globs"

// rules are the options that add rules, in the order in which they were given.
type rules []rulesOption

type rulesOption struct {
	text    string // as one types it
	include bool
	n       int // how many rules it added
}

// fault refuses rules that begin with an include.
func (r *rules) fault() error {
	for i, o := range *r {
		switch {
		case !o.include && o.n == 0:
			continue
		case !o.include:
			return nil
		}
		var all []string
		for _, o := range (*r)[i:] {
			all = append(all, o.text)
		}
		return usagef("%s changes nothing, because everything is included until something is excluded; to exclude everything else write: --exclude '*' %s",
			o.text, strings.Join(all, " "))
	}
	return nil
}

// rule makes an option that adds a rule for a pattern.
func (r *rules) rule(name string, to *[]s3sync.GlobRule, include bool) *value {
	v := r.option(name, include, func(text string) ([]s3sync.GlobRule, error) {
		if err := glob.Check(text); err != nil {
			return nil, fmt.Errorf("must be a pattern such as '*.jpg', not %q: %w", text, err)
		}
		return []s3sync.GlobRule{{Pattern: text, Include: include}}, nil
	}, to)
	v.lines = true
	return v
}

// file makes an option that adds the rules of a file.
func (r *rules) file(name string, to *[]s3sync.GlobRule, include bool) *value {
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

func (r *rules) option(name string, include bool, read func(string) ([]s3sync.GlobRule, error), to *[]s3sync.GlobRule) *value {
	var texts []string
	return &value{
		kind: several,
		parse: func(text string) error {
			if text == "" {
				return errEmpty
			}
			added, err := read(text)
			*to = append(*to, added...)
			*r = append(*r, rulesOption{"--" + name + " " + typed(text), include, len(added)})
			texts = append(texts, text)
			return err
		},
		reset: func() { *to, *r, texts = nil, nil, nil },
		show:  func() string { return strings.Join(texts, ", ") },
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

// patternNote says what a pattern means.
func patternNote() string {
	return "Patterns are those of .gitignore files, and {a,b} for a or b. * and ? do not match a slash, but ** does. " +
		"A pattern without a slash before its end is a name at any depth: *.tmp, node_modules, build/. " +
		"Otherwise it is a path from the root of the source: /logs, photos/*.jpg, **/cache/*.bin. " +
		"A slash at the end stands for directories only. What matches a directory matches everything below it."
}

func ruleOptions(cfg *s3sync.Config, set *settings) []*option {
	globs := &cfg.Filter.Globs
	return in(filtering, []*option{
		{
			name: "exclude", sets: rulesPath, env: envPrefixed, value: set.rules.rule("exclude", globs, false),
			usage: "no objects whose key matches `GLOB`, unless a later --include does",
			more: patternNote() + " Of all --exclude and --include the last one that matches decides. Excluded objects of the target are not deleted either, " +
				"unless --delete-excluded is given. Directories in which everything is excluded are not read.",
		},
		{
			name: "include", sets: rulesPath, env: envPrefixed, value: set.rules.rule("include", globs, true),
			usage: "after --exclude: objects whose key matches `GLOB` nevertheless",
			more: "For nothing but pictures: --exclude '*' --include '*.jpg'. For nothing but one directory: --exclude '*' --include '/photos/', and no other keys are listed. " +
				"Variables of --exclude and --include have a pattern in each line; those of --exclude come first, and none counts if the command line has one of these options.",
		},
		{
			name: "exclude-from", sets: rulesPath, env: envPrefixed, value: set.rules.file("exclude-from", globs, false), file: true,
			usage: "an --exclude for each line of `FILE`",
			more:  "Empty lines and lines that begin with # do not count, nor do blanks at the end of a line.",
		},
		{
			name: "include-from", sets: rulesPath, env: envPrefixed, value: set.rules.file("include-from", globs, true), file: true,
			usage: "an --include for each line of `FILE`",
		},
		{
			name: "ignore-file", sets: "Filter.IgnoreFile", env: envPrefixed,
			usage: "exclude what files with this `NAME` in the directories of the source say, like .gitignore",
			more: "With --ignore-file .s3syncignore, each directory may have such a file, with the rules of gitignore for everything below it. " +
				"What it excludes is treated as by --exclude. Such files are synced like others unless they exclude themselves.",
		},
	})
}
