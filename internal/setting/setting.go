// Package setting lets an error or a text name settings without knowing how a
// user spells them.
//
// A setting is named by the Go path of its field in s3sync.Config, and perhaps
// by one value of it: "Check.ReadBoth", "Delete.MaxPercent=100". What names
// settings has a method Settings that returns them. The command finds them there
// and puts its options in their place.
package setting

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Name is a setting as an argument of [Errorf] and [Textf].
type Name string

// A namer names settings in its text.
type namer interface{ Settings() []string }

// A settingError is an error whose text names settings.
type settingError struct {
	error

	names []string
}

func (e *settingError) Settings() []string { return e.names }

func (e *settingError) Unwrap() error { return e.error }

// Errorf is [fmt.Errorf] for a text that names settings: the arguments of
// type [Name], and those that arguments of type [Text] name. It wraps as fmt.Errorf
// does.
func Errorf(format string, args ...any) error {
	return &settingError{fmt.Errorf(format, args...), namesIn(args)}
}

// A Text is a text that names settings.
type Text struct {
	text  string
	names []string
}

// Textf is [fmt.Sprintf] for a text that names settings, as in [Errorf].
func Textf(format string, args ...any) Text {
	return Text{fmt.Sprintf(format, args...), namesIn(args)}
}

// Named is a text and the settings that it names.
func Named(text string, names []string) Text { return Text{text, names} }

// Err returns the text as an error.
func (t Text) Err() error { return &settingError{errors.New(t.text), t.names} }

func (t Text) String() string { return t.text }

// Settings returns the settings that the text names.
func (t Text) Settings() []string { return t.names }

func namesIn(args []any) []string {
	var names []string
	for _, arg := range args {
		switch a := arg.(type) {
		case Name:
			names = append(names, string(a))
		case Text:
			names = append(names, a.names...)
		}
	}
	return names
}

// Of returns the settings that err and the errors it wraps name.
func Of(err error) []string {
	var names []string
	if n, ok := err.(namer); ok {
		names = n.Settings()
	}
	switch e := err.(type) { //nolint:errorlint // likewise
	case interface{ Unwrap() error }:
		names = append(slices.Clip(names), Of(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			names = append(slices.Clip(names), Of(inner)...)
		}
	}
	return names
}

// Spell returns text with every mention of one of names as spell has it. A name
// that is part of a longer word is no mention.
func Spell(text string, names []string, spell func(setting string) string) string {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		text = replaceWord(text, name, spell(name))
	}
	return text
}

func replaceWord(text, word, by string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, word)
		if i < 0 || word == "" {
			return b.String() + text
		}
		end := i + len(word)
		whole := (i == 0 || !inWord(text[i-1])) && (end == len(text) || !inWord(text[end]) || sentenceEnds(text[end:]))
		b.WriteString(text[:i])
		if whole {
			b.WriteString(by)
		} else {
			b.WriteString(word)
		}
		text = text[end:]
		if text == "" {
			return b.String()
		}
	}
}

// inWord reports whether a byte can stand in a name or next to one in a longer
// word.
func inWord(c byte) bool {
	return c == '.' || c == '_' || c == '=' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// sentenceEnds reports whether text begins with a full stop and not with a
// further part of a path.
func sentenceEnds(text string) bool {
	return text[0] == '.' && (len(text) == 1 || !inWord(text[1]))
}
