// Package pattern matches regular expressions: in linear time where the
// expression allows it, and by backtracking if it has what only that can match,
// such as look-around.
//
// Backtracking is by another engine (regexp2), which reads RE2 syntax as it is
// meant, but for characters outside ASCII: to it \b knows their letters,
// [[:space:]] their blanks, and (?i) not all their cases. Both take a byte that
// is not UTF-8 for U+FFFD.
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/dlclark/regexp2"
)

// timeout bounds one match by backtracking, which some expressions let grow
// exponentially with the text. Keys and metadata are short: what takes so long
// is such a case.
//
// The engine has a clock for that, a goroutine of its own for the whole process.
// It ends by itself about a second after the last match could have taken too
// long. It outlives the run that needed it: it holds nothing of it, and stopping
// it would take as long as waiting.
const timeout = 2 * time.Second

// A Regexp is a compiled regular expression. It may be used concurrently.
type Regexp struct {
	text   string
	linear *regexp.Regexp // nil if only backtracking can match it
	back   *regexp2.Regexp
}

// quotation finds \Q, which the backtracking engine would take for the letter.
var quotation = regexp.MustCompile(`(^|[^\\])(\\\\)*\\Q`)

// Compile compiles an expression of RE2 syntax (https://golang.org/s/re2syntax),
// to which look-around and back-references may be added, but not together with
// \Q…\E.
func Compile(text string) (*Regexp, error) {
	linear, err := regexp.Compile(text)
	if err == nil {
		return &Regexp{text: text, linear: linear}, nil
	}
	back, berr := regexp2.Compile(text, regexp2.RE2)
	if berr != nil {
		return nil, err // which says more clearly what is wrong with most expressions
	}
	if quotation.MatchString(text) {
		return nil, fmt.Errorf("%w; with look-around and back-references \\Q cannot be used", err)
	}
	back.MatchTimeout = timeout
	return &Regexp{text: text, back: back}, nil
}

// String returns the expression.
func (r *Regexp) String() string { return r.text }

// Match reports whether the expression is found anywhere in text. It fails only
// where backtracking takes too long.
func (r *Regexp) Match(text string) (bool, error) {
	if r.linear != nil {
		return r.linear.MatchString(text), nil
	}
	found, err := r.back.MatchString(text)
	if err != nil {
		return false, fmt.Errorf("matching %q with the regular expression %q: %w", text, r.text, errTimeout)
	}
	return found, nil
}

var errTimeout = errors.New("backtracking takes too long; a simpler expression is needed")
