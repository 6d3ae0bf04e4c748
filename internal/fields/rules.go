package fields

import (
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"strings"
	"time"

	"s3sync/internal/size"
)

// A Rule says what one given setting excludes or requires. A setting is the path of a
// field, or "path=value" for one value of it.
type Rule struct {
	Setting, Verb string

	others   []string
	excludes bool
}

// Excludes returns the rule that a setting cannot be combined with any of others.
func Excludes(setting string, others ...string) Rule {
	return Rule{Setting: setting, Verb: "cannot be combined with", others: others, excludes: true}
}

// Requires returns the rule that a setting needs all of others.
func Requires(setting string, others ...string) Rule {
	return Rule{Setting: setting, Verb: "requires", others: others}
}

// AllRequire returns the rules that each of some settings needs another one.
func AllRequire(other string, settings ...string) []Rule {
	rules := make([]Rule, len(settings))
	for i, setting := range settings {
		rules[i] = Requires(setting, other)
	}
	return rules
}

// Has reports whether a setting was given: a field, or a value of it. given reports
// whether the field at a path was given.
func Has(group any, setting string, given func(path string) bool) bool {
	path, value, one := strings.Cut(setting, "=")
	return given(path) && (!one || fmt.Sprint(At(group, path).Value) == value)
}

// Broken yields the rules that the given settings of a struct break, each with the
// other setting that is given, or that is missing.
func Broken(group any, rules []Rule, given func(path string) bool) iter.Seq2[Rule, string] {
	return func(yield func(Rule, string) bool) {
		for _, r := range rules {
			if !Has(group, r.Setting, given) {
				continue
			}
			for _, other := range r.others {
				if Has(group, other, given) == r.excludes && !yield(r, other) {
					return
				}
			}
		}
	}
}

// A Bound is the range of the number in a field. A Max of 0 is no maximum. If zero is
// the value for "no limit", it is allowed unless it was given, because a user chooses
// no limit by omitting the setting.
type Bound struct {
	Field    string
	Min, Max int64
	Zero     bool
}

// Fault returns what is wrong with the number, or nothing. A missing number is valid.
func (b Bound) Fault(group any, given func(path string) bool) string {
	f := At(group, b.Field)
	value := f.Value
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return ""
		}
		value = value.Elem()
	}
	show := func(n int64) string {
		switch {
		case f.Bytes():
			return size.Format(n)
		case value.Type() == reflect.TypeFor[time.Duration]():
			return time.Duration(n).String()
		}
		return strconv.FormatInt(n, 10)
	}
	switch n := value.Int(); {
	case b.Zero && n == 0 && !given(b.Field):
	case b.Max == 0 && n < b.Min:
		return fmt.Sprintf("must be at least %s, not %s", show(b.Min), show(n))
	case b.Max != 0 && (n < b.Min || n > b.Max):
		return fmt.Sprintf("must be between %s and %s, not %s", show(b.Min), show(b.Max), show(n))
	}
	return ""
}
