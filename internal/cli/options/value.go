package options

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

// present is the text that pflag passes to Set for an option that takes no value. No
// argument of a process can hold a NUL, so --delete=false has another text.
const present = "\x00"

var (
	errTwice   = errors.New("is given twice")
	errNoValue = errors.New("takes no value")
	errEmpty   = errors.New("must not be empty")
)

// A value connects the text of an option with a field. It is a pflag.Value. Its errors
// complete the sentence "--option …".
type value struct {
	kind  kind
	parse func(text string) error
	show  func() string
	// reset restores the field to its value before the parsing.
	reset func()
	// set: a value was taken from the command line.
	set bool
	// text is what was given last. show does not show a zero.
	text string
	// lenient accepts anything, because the shell asks for completions.
	lenient bool
	// lines: each line of a variable is a value.
	lines bool
}

// A kind says how often an option may occur and whether it takes a value.
type kind string

const (
	single kind = "string"
	// several is a value that may occur more than once.
	several kind = "strings"
	toggle  kind = "bool"
	count   kind = "count"
)

// Set takes a value from the command line.
func (v *value) Set(text string) error {
	switch {
	case v.lenient:
		return nil
	case v.set && v.kind != count && v.kind != several:
		return errTwice
	case !v.takesText() && text != present:
		return errNoValue
	case v.kind == toggle:
		text = "true"
	}
	v.set = true
	return v.take(text)
}

// take parses a text and keeps it.
func (v *value) take(text string) error {
	v.text = text
	return v.parse(text)
}

// takeVariable is take for the text of a variable.
func (v *value) takeVariable(text string) error {
	if !v.lines {
		return v.take(text)
	}
	v.text = text
	var some bool
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			some = true
			if err := v.parse(line); err != nil {
				return err
			}
		}
	}
	if !some {
		return errEmpty
	}
	return nil
}

// takesText reports whether the option is followed by a value.
func (v *value) takesText() bool { return v.kind == single || v.kind == several }

// String returns the value as written on the command line.
func (v *value) String() string {
	if v == nil || v.show == nil {
		return ""
	}
	return v.show()
}

// Type tells cobra which options take a value.
func (v *value) Type() string { return string(v.kind) }

// of makes the value of an option that occurs once and is not empty.
func of[T any](field *T, parse func(string) (T, error), show func(T) string) *value {
	before := *field
	return &value{
		kind:  single,
		reset: func() { *field = before },
		parse: func(text string) error {
			if text == "" {
				return errEmpty
			}
			parsed, err := parse(text)
			if err == nil {
				*field = parsed
			}
			return err
		},
		show: func() string { return show(*field) },
	}
}

// valueOf makes the value of the field at an address by its type.
func valueOf(field any, isSecret, isSize bool) *value {
	switch f := field.(type) {
	case *string:
		if isSecret {
			return secret(f)
		}
		return text(f)
	case *bool:
		return on(f)
	case *int:
		return number(f)
	case *s3sync.Concurrency:
		return concurrency(f)
	case *int64:
		if isSize {
			return sizeOf(f)
		}
		return number(f)
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

// with makes the value of a field with a read function of its own.
func with[T any](read func(*T) *value) func(field any) *value {
	return func(field any) *value { return read(field.(*T)) } //nolint:errcheck,forcetypeassert // the table is tested
}

// mode makes the switch for one mode of comparison.
func mode(cfg *s3sync.Config, m s3sync.CheckMode) *value {
	var given bool
	v := on(&given)
	parse := v.parse
	v.parse = func(text string) error {
		err := parse(text)
		if given {
			cfg.Check.Mode = m
		}
		return err
	}
	v.reset = func() { given, cfg.Check.Mode = false, s3sync.CheckNewer }
	return v
}

// checksumMode makes the option for a mode of comparison with the algorithm of its
// checksums.
func checksumMode(cfg *s3sync.Config, m s3sync.CheckMode) *value {
	var algorithm string
	v := text(&algorithm)
	parse := v.parse
	v.parse = func(text string) error {
		err := parse(text)
		if err == nil {
			cfg.Check.Mode, cfg.Check.Algorithm = m, algorithm
		}
		return err
	}
	v.reset = func() { algorithm, cfg.Check.Mode, cfg.Check.Algorithm = "", s3sync.CheckNewer, "" }
	return v
}

func text(field *string) *value {
	return of(field,
		func(text string) (string, error) { return text, nil },
		func(text string) string { return text })
}

// secret makes an option for a text that is never shown.
func secret(field *string) *value {
	v := text(field)
	v.show = nil
	return v
}

func number[T int | int64](field *T) *value {
	return of(field,
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

func concurrency(field *s3sync.Concurrency) *value {
	return of(field,
		func(text string) (c s3sync.Concurrency, err error) {
			err = c.UnmarshalText([]byte(text))
			return c, err
		},
		s3sync.Concurrency.String)
}

func sizeOf(field *int64) *value {
	return of(field, size.Parse, func(n int64) string {
		if n == 0 {
			return ""
		}
		return size.Format(n)
	})
}

// limit makes an option for a size where 0 is not the same as none.
func limit(field **int64) *value {
	return of(field,
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

func milliseconds(field *time.Duration) *value {
	return of(field,
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

// duration makes the value of a time with units, as Go writes it. 0 needs no unit.
func duration(field *time.Duration) *value {
	return of(field,
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
func expression(field *s3sync.Matcher) *value {
	add := func(text string) (s3sync.Matcher, error) {
		re, err := parseExpression(text)
		return s3sync.AnyOf(*field, re), err
	}
	v := of(field, add, func(re s3sync.Matcher) string {
		if re == nil {
			return ""
		}
		return re.String()
	})
	v.kind = several
	return v
}

func parseExpression(text string) (s3sync.Matcher, error) {
	re, err := s3sync.CompileRegexp(text)
	if err != nil {
		return nil, fmt.Errorf("must be a regular expression: %w", err)
	}
	return re, nil
}

// pairPattern is the grammar of one pair of --metadata.
var pairPattern = regexp.MustCompile(`^([\w.-]+)=([\w.-]*)$`)

func pairs(field *map[string]string) *value {
	return of(field, parsePairs, func(map[string]string) string { return "" })
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

// on makes an option that sets a field, off one that clears it.
func on(field *bool) *value  { return boolean(field, true) }
func off(field *bool) *value { return boolean(field, false) }

func boolean(field *bool, meaning bool) *value {
	before := *field
	return &value{
		kind:  toggle,
		reset: func() { *field = before },
		parse: func(text string) error {
			b, err := strconv.ParseBool(text)
			if err != nil {
				return fmt.Errorf("must be true or false, not %q", text)
			}
			*field = b == meaning
			return nil
		},
		show: func() string { return strconv.FormatBool(*field == meaning) },
	}
}

func counter(n *int) *value {
	return &value{
		kind:  count,
		reset: func() { *n = 0 },
		parse: func(string) error { *n++; return nil },
		show: func() string {
			if *n == 0 {
				return ""
			}
			return strconv.Itoa(*n)
		},
	}
}
