// Package value reads and shows the values of options: each kind connects the text of an
// option with a field. Errors complete the sentence "--option …".
package value

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"s3sync"
	"s3sync/internal/size"
)

// Present is the text that pflag passes to Set for an option that takes no value. No
// argument of a process can hold a NUL, so --delete=false has another text.
const Present = "\x00"

var (
	errTwice   = errors.New("is given twice")
	errNoValue = errors.New("takes no value")
)

// ErrEmpty is the error of a value that must have characters.
var ErrEmpty = errors.New("must not be empty")

// A Value connects the text of an option with a field. It is a pflag.Value. Its errors
// complete the sentence "--option …".
type Value struct {
	Kind  kind
	Parse func(text string) error
	Show  func() string
	// Reset restores the field to its value before the parsing.
	Reset func()
	// Taken: a value was taken from the command line.
	Taken bool
	// Text is what was given last. show does not show a zero. Texts are all that were given.
	Text  string
	Texts []string
	// Lenient accepts anything, because the shell asks for completions.
	Lenient bool
	// Lines: each line of a variable is a value.
	Lines bool
}

// A Kind says how often an option may occur and whether it takes a value.
type kind string

// The kinds.
const (
	Single kind = "string"
	// Several is a value that may occur more than once.
	Several kind = "strings"
	Toggle  kind = "bool"
	Count   kind = "count"
)

// Set takes a value from the command line.
func (v *Value) Set(text string) error {
	switch {
	case v.Lenient:
		return nil
	case v.Taken && v.Kind != Count && v.Kind != Several:
		return errTwice
	case !v.TakesText() && text != Present:
		return errNoValue
	case v.Kind == Toggle:
		text = "true"
	}
	v.Taken = true
	return v.take(text)
}

// take parses a text and keeps it.
func (v *Value) take(text string) error {
	v.Text, v.Texts = text, append(v.Texts, text)
	return v.Parse(text)
}

// TakeVariable is take for the text of a variable.
func (v *Value) TakeVariable(text string) error {
	if !v.Lines {
		return v.take(text)
	}
	v.Text = text
	var some bool
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			some = true
			if err := v.Parse(line); err != nil {
				return err
			}
		}
	}
	if !some {
		return ErrEmpty
	}
	return nil
}

// TakesText reports whether the option is followed by a value.
func (v *Value) TakesText() bool { return v.Kind == Single || v.Kind == Several }

// String returns the value as written on the command line.
func (v *Value) String() string {
	if v == nil || v.Show == nil {
		return ""
	}
	return v.Show()
}

// Type tells cobra which options take a value.
func (v *Value) Type() string { return string(v.Kind) }

// Of makes the value of an option that occurs once and is not empty.
func Of[T any](field *T, parse func(string) (T, error), show func(T) string) *Value {
	before := *field
	return &Value{
		Kind:  Single,
		Reset: func() { *field = before },
		Parse: func(text string) error {
			if text == "" {
				return ErrEmpty
			}
			parsed, err := parse(text)
			if err == nil {
				*field = parsed
			}
			return err
		},
		Show: func() string { return show(*field) },
	}
}

// For makes the value of the field at an address by its type.
func For(field any, isSecret, isSize bool) *Value {
	switch f := field.(type) {
	case *string:
		if isSecret {
			return secret(f)
		}
		return Text(f)
	case *bool:
		return On(f)
	case *int:
		return Number(f)
	case *s3sync.Concurrency:
		return concurrency(f)
	case *int64:
		if isSize {
			return sizeOf(f)
		}
		return Number(f)
	case **int64:
		return limit(f)
	case *time.Time:
		return instant(f)
	case *time.Duration:
		return milliseconds(f)
	case *s3sync.Matcher:
		return expression(f)
	case *map[string]string:
		return pairs(f)
	}
	panic(fmt.Sprintf("no option can set a %T", field)) //nolint:forbidigo // every test of the table finds it
}

// With makes the value of a field with a read function of its own.
func With[T any](read func(*T) *Value) func(field any) *Value {
	return func(field any) *Value { return read(field.(*T)) } //nolint:errcheck,forcetypeassert // the table is tested
}

// Mode makes the switch for one mode of comparison.
func Mode(cfg *s3sync.Config, m s3sync.CheckMode) *Value {
	var given bool
	v := On(&given)
	parse := v.Parse
	v.Parse = func(text string) error {
		err := parse(text)
		if given {
			cfg.Check.Mode = m
		}
		return err
	}
	v.Reset = func() { given, cfg.Check.Mode = false, s3sync.CheckNewer }
	return v
}

// ChecksumMode makes the option for a mode of comparison with the algorithm of its
// checksums.
func ChecksumMode(cfg *s3sync.Config, m s3sync.CheckMode) *Value {
	var algorithm string
	v := Text(&algorithm)
	parse := v.Parse
	v.Parse = func(text string) error {
		err := parse(text)
		if err == nil {
			cfg.Check.Mode, cfg.Check.Algorithm = m, algorithm
		}
		return err
	}
	v.Reset = func() { algorithm, cfg.Check.Mode, cfg.Check.Algorithm = "", s3sync.CheckNewer, "" }
	return v
}

// Text makes an option for any text that is not empty.
func Text(field *string) *Value {
	return Of(field,
		func(text string) (string, error) { return text, nil },
		func(text string) string { return text })
}

// secret makes an option for a text that is never shown.
func secret(field *string) *Value {
	v := Text(field)
	v.Show = nil
	return v
}

// Number makes an option for a whole number.
func Number[T int | int64](field *T) *Value {
	return Of(field,
		func(text string) (T, error) {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || int64(T(n)) != n {
				return 0, fmt.Errorf("must be a whole number, not %q", text)
			}
			return T(n), nil
		},
		func(n T) string {
			if n == 0 {
				return ""
			}
			return strconv.FormatInt(int64(n), 10)
		})
}

func concurrency(field *s3sync.Concurrency) *Value {
	return Of(field,
		func(text string) (c s3sync.Concurrency, err error) {
			err = c.UnmarshalText([]byte(text))
			return c, err
		},
		s3sync.Concurrency.String)
}

func sizeOf(field *int64) *Value {
	return Of(field, size.Parse, func(n int64) string {
		if n == 0 {
			return ""
		}
		return size.Format(n)
	})
}

// limit makes an option for a size where 0 is not the same as none.
func limit(field **int64) *Value {
	return Of(field,
		func(text string) (*int64, error) {
			n, err := size.Parse(text)
			return &n, err
		},
		func(n *int64) string {
			if n == nil {
				return ""
			}
			return size.Format(*n)
		})
}

func milliseconds(field *time.Duration) *Value {
	return Of(field,
		func(text string) (time.Duration, error) {
			n, err := strconv.ParseInt(text, 10, 64)
			d := time.Duration(n) * time.Millisecond
			if err != nil || d.Milliseconds() != n {
				return 0, fmt.Errorf("must be a number of milliseconds, not %q", text)
			}
			return d, nil
		},
		func(d time.Duration) string {
			if d == 0 {
				return ""
			}
			return strconv.FormatInt(d.Milliseconds(), 10)
		})
}

// Age makes the value of a time in units up to weeks.
func Age(field *time.Duration) *Value {
	return Of(field,
		func(text string) (time.Duration, error) {
			d, err := parseAgo(text)
			if err != nil || strings.HasSuffix(text, "ago") {
				return 0, fmt.Errorf("must be a time such as 12h, 7d or 2w, not %q", text)
			}
			return d, nil
		},
		func(d time.Duration) string {
			const day = 24 * time.Hour
			if d > 0 && d%day == 0 {
				return strconv.FormatInt(int64(d/day), 10) + "d"
			}
			return strconv.FormatInt(int64(d/time.Second), 10) + "s"
		})
}

// Duration makes the value of a time with units, as Go writes it. 0 needs no unit.
func Duration(field *time.Duration) *Value {
	return Of(field,
		func(text string) (time.Duration, error) {
			d, err := time.ParseDuration(text)
			if err != nil || d < 0 {
				return 0, fmt.Errorf("must be a time such as 30s, 1m or 1h30m, or 0, not %q", text)
			}
			return d, nil
		},
		func(d time.Duration) string {
			text := d.String()
			for _, zero := range []string{"m0s", "h0m"} {
				if strings.HasSuffix(text, zero) {
					text = text[:len(text)-len(zero)+1]
				}
			}
			return text
		})
}

// expression makes an option for a regular expression. Several of them match what one of
// them matches.
func expression(field *s3sync.Matcher) *Value {
	add := func(text string) (s3sync.Matcher, error) {
		re, err := ParseExpression(text)
		return s3sync.AnyOf(*field, re), err
	}
	v := Of(field, add, func(re s3sync.Matcher) string {
		if re == nil {
			return ""
		}
		return re.String()
	})
	v.Kind = Several
	return v
}

// ParseExpression compiles a regular expression.
func ParseExpression(text string) (s3sync.Matcher, error) {
	re, err := s3sync.CompileRegexp(text)
	if err != nil {
		return nil, fmt.Errorf("must be a regular expression: %w", err)
	}
	return re, nil
}

// pairPattern is the grammar of one pair of --metadata.
var pairPattern = regexp.MustCompile(`^([\w.-]+)=([\w.-]*)$`)

func pairs(field *map[string]string) *Value {
	return Of(field, parsePairs, func(map[string]string) string { return "" })
}

func parsePairs(text string) (map[string]string, error) {
	m := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		match := pairPattern.FindStringSubmatch(pair)
		if match == nil {
			return nil, fmt.Errorf("must be name=value[,name=value]... of the characters A-Z a-z 0-9 _ - . and not %q", text)
		}
		if _, twice := m[match[1]]; twice {
			return nil, fmt.Errorf("has the name %q twice", match[1])
		}
		m[match[1]] = match[2]
	}
	return m, nil
}

// On makes an option that sets a field.
func On(field *bool) *Value { return boolean(field, true) }

// Off makes an option that clears a field.
func Off(field *bool) *Value { return boolean(field, false) }

func boolean(field *bool, meaning bool) *Value {
	before := *field
	return &Value{
		Kind:  Toggle,
		Reset: func() { *field = before },
		Parse: func(text string) error {
			b, err := strconv.ParseBool(text)
			if err != nil {
				return fmt.Errorf("must be true or false, not %q", text)
			}
			*field = b == meaning
			return nil
		},
		Show: func() string { return strconv.FormatBool(*field == meaning) },
	}
}

// Counter makes an option that counts how often it is given.
func Counter(n *int) *Value {
	return &Value{
		Kind:  Count,
		Reset: func() { *n = 0 },
		Parse: func(string) error { *n++; return nil },
		Show: func() string {
			if *n == 0 {
				return ""
			}
			return strconv.Itoa(*n)
		},
	}
}
