package pattern

import (
	"slices"
	"strings"
)

// An Any matches what at least one of its Matchers matches.
type Any []Matcher

// AnyOf returns the Matcher of what at least one of some Matchers matches. It is nil
// without any, and that Matcher itself if there is one. Nil Matchers do not count.
func AnyOf(matchers ...Matcher) Matcher {
	var all Any
	for _, m := range matchers {
		switch some := m.(type) {
		case nil:
		case Any:
			all = append(all, some...)
		default:
			all = append(all, m)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// MatchString reports whether one of the Matchers matches.
func (a Any) MatchString(text string) bool {
	return slices.ContainsFunc(a, func(m Matcher) bool { return m.MatchString(text) })
}

// String returns the texts of the Matchers.
func (a Any) String() string {
	texts := make([]string, len(a))
	for i, m := range a {
		texts[i] = m.String()
	}
	return strings.Join(texts, ", ")
}

// matchAny reports whether one of some expressions is found. A failure counts only if none
// is found.
func matchAny(all []*Regexp, text string) (found bool, err error) {
	for _, re := range all {
		found, failure := re.Match(text)
		if found {
			return true, nil
		}
		if err == nil {
			err = failure
		}
	}
	return false, err
}

// prefixOfAny returns the common prefix of what some expressions match.
func prefixOfAny(all []*Regexp) string {
	leads := make([]lead, len(all))
	for i, re := range all {
		leads[i].text = re.Prefix()
	}
	return common(leads).text
}
