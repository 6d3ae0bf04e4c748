// Package setting lets an error or a text name settings without knowing how a user
// spells them.
//
// A setting has the Go path of its field in s3sync.Config as its name, optionally with
// a value: "Check.ReadBoth", "Delete.MaxPercent=100". A text or error that names
// settings has a method Settings that returns them. The command replaces them by its
// options.
package setting

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Name is a setting as an argument of [Errorf] and [Textf].
type Name string

// A namer is a text that names settings.
type namer interface{ Settings() []string }

// A settingError is an error whose text names settings.
type settingError struct {
	error

	names []string
}

func (e *settingError) Settings() []string { return e.names }

func (e *settingError) Unwrap() error { return e.error }

// Errorf is [fmt.Errorf] for a text that names settings: the arguments of type [Name],
// and the settings in arguments of type [Text]. It wraps errors as fmt.Errorf does.
func Errorf(format string, args ...any) error {
	return &settingError{fmt.Errorf(format, args...), namesIn(args)}
}

// A Text is a text that names settings.
type Text struct {
	text  string
	names []string
}

// Textf is [fmt.Sprintf] for a text that names settings, like [Errorf].
func Textf(format string, args ...any) Text {
	return Text{fmt.Sprintf(format, args...), namesIn(args)}
}

// Named returns a Text of a text and the settings that it names.
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

// Of returns the settings that err and its wrapped errors name.
func Of(err error) []string {
	var names []string
	if n, ok := err.(namer); ok {
		names = n.Settings()
	}
	switch e := err.(type) { //nolint:errorlint // each error is asked for itself
	case interface{ Unwrap() error }:
		names = append(slices.Clip(names), Of(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			names = append(slices.Clip(names), Of(inner)...)
		}
	}
	return names
}

// Spell replaces every mention of one of names in text by the result of spell. A name
// that is part of a longer word is not a mention.
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

// inWord reports whether a byte can be part of a name or of a longer word around it.
func inWord(c byte) bool {
	return c == '.' || c == '_' || c == '=' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// sentenceEnds reports whether text begins with a full stop that ends a sentence, not
// with the next part of a path.
func sentenceEnds(text string) bool {
	return text[0] == '.' && (len(text) == 1 || !inWord(text[1]))
}
