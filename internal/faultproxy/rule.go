package faultproxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A rule is one line of the language in the package comment.
type rule struct {
	text string
	pattern
	nth, times, page int // 0: not given
	maybe            bool
	fault            fault

	seen  int            // requests that matched
	pages map[string]int // number of each URL that matched, from 1
	hits  int            // faults that happened
}

// A pattern selects requests.
type pattern struct {
	what  string // method, operation, LIST or *
	conds []condition
}

type condition struct{ name, glob string }

type kind int

const (
	none  kind = iota // only a delay or other headers
	reply             // an error response of our own
	closed
	lost
	reset
	stall
	truncate
	shorten
	truncateXML
	flip
	silent
	page  // of a proxy, instead of a response
	empty // nothing instead of a response
)

// faultWords are the faults that have a word without a value.
var faultWords = map[string]kind{ //nolint:gochecknoglobals // a constant table
	"close": closed, "lost": lost, "reset": reset, "stall": stall, "truncate": truncate,
	"shorten": shorten, "truncate-xml": truncateXML, "flip": flip, "silent": silent,
	"html": page, "empty": empty,
}

type fault struct {
	kind   kind
	status int    // of a reply
	code   string // of a reply
	early  bool   // the reply is sent before the request's body was read, then a reset
	at     int64  // byte of the body
	bit    int    // of that byte, from 0
	delay  time.Duration
	etag   string
	noETag bool
	root   string      // another name of the root element
	size   string      // another size of every entry
	header http.Header // of the response; an empty value removes it
}

// rewrites reports whether the fault changes documents, and ETags in headers.
func (f *fault) rewrites() bool {
	return f.etag != "" || f.noETag || f.root != "" || f.size != ""
}

func parseRule(text string) (*rule, error) {
	r := &rule{text: text, pages: make(map[string]int)}
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, errors.New("empty rule")
	}
	r.what = words[0]
	for i, word := range words[1:] {
		if err := r.addWord(word, i == 0); err != nil {
			return nil, fmt.Errorf("rule %q: %q: %w", text, word, err)
		}
	}
	f := &r.fault
	if f.kind == none && f.delay == 0 && !f.rewrites() && f.header == nil {
		return nil, fmt.Errorf("rule %q names no fault", text)
	}
	if (f.code != "" || f.early) && f.kind != reply {
		return nil, fmt.Errorf("rule %q: code= or early without status=", text)
	}
	return r, nil
}

func (r *rule) addWord(word string, second bool) error {
	name, value, pair := strings.Cut(word, "=")
	if !pair {
		return r.addBare(word, second)
	}
	var err error
	f := &r.fault
	switch name {
	case "nth":
		r.nth, err = positive(value)
	case "times":
		r.times, err = positive(value)
	case "page":
		r.page, err = positive(value)
	case "status":
		if f.status, err = positive(value); err == nil {
			err = f.set(reply)
		}
	case "code":
		f.code = value
	case "after", "byte":
		f.at, err = strconv.ParseInt(value, 10, 64)
	case "bit":
		if f.bit, err = strconv.Atoi(value); err == nil && (f.bit < 0 || f.bit > 7) {
			err = errors.New("must be 0 to 7")
		}
	case "delay":
		f.delay, err = time.ParseDuration(value)
	case "etag":
		switch f.etag = value; value {
		case "bad":
			f.etag = "0bad0bad0bad0bad0bad0bad0bad0bad"
		case "huge":
			f.etag = strings.Repeat("0bad", 25_000)
		case "none":
			f.etag, f.noETag = "", true
		}
	case "root":
		f.root = value
	case "size":
		f.size = value
	default:
		if header, ok := strings.CutPrefix(name, "set."); ok {
			if f.header == nil {
				f.header = make(http.Header)
			}
			value, err := url.PathUnescape(value)
			f.header.Set(header, value)
			return err
		}
		return r.addCondition(name, value)
	}
	return err
}

func (r *rule) addBare(word string, second bool) error {
	if k, ok := faultWords[word]; ok {
		return r.fault.set(k)
	}
	switch {
	case word == "maybe":
		r.maybe = true
	case word == "early":
		r.fault.early = true
	case second:
		return r.addCondition("key", word)
	default:
		return errors.New("neither a condition nor a fault")
	}
	return nil
}

func (f *fault) set(k kind) error {
	if f.kind != none {
		return errors.New("a rule has one fault")
	}
	f.kind = k
	return nil
}

func positive(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && n < 1 {
		err = errors.New("must be at least 1")
	}
	return n, err
}

func parsePattern(text string) (pattern, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return pattern{}, errors.New("empty pattern")
	}
	p := pattern{what: words[0]}
	for i, word := range words[1:] {
		name, value, pair := strings.Cut(word, "=")
		if !pair {
			if i > 0 {
				return p, fmt.Errorf("pattern %q: %q is not a condition", text, word)
			}
			name, value = "key", word
		}
		if err := p.addCondition(name, value); err != nil {
			return p, fmt.Errorf("pattern %q: %q: %w", text, word, err)
		}
	}
	return p, nil
}

func (p *pattern) addCondition(name, value string) error {
	glob, err := url.PathUnescape(value)
	if err != nil {
		return err
	}
	p.conds = append(p.conds, condition{name, glob})
	return nil
}

func (p *pattern) matches(req *Request) bool {
	switch p.what {
	case "*", req.Method, req.Operation:
	case "LIST":
		if !slices.Contains([]string{"ListObjects", "ListObjectsV2", "ListObjectVersions"}, req.Operation) {
			return false
		}
	default:
		return false
	}
	return !slices.ContainsFunc(p.conds, func(c condition) bool {
		return !globMatch(c.glob, req.value(c.name))
	})
}

// value returns the part of the request that a condition of that name matches.
func (r *Request) value(name string) string {
	switch {
	case name == "key":
		return r.Key
	case name == "bucket":
		return r.Bucket
	case strings.HasPrefix(name, "header."):
		return r.Header.Get(strings.TrimPrefix(name, "header."))
	}
	return r.Query.Get(name)
}

// globMatch reports whether glob, in which * is any run of characters, matches
// the whole of s.
func globMatch(glob, s string) bool {
	parts := strings.Split(glob, "*")
	if len(parts) == 1 {
		return glob == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// due counts the request and reports whether the rule applies to it.
func (r *rule) due(req *Request) bool {
	if !r.matches(req) {
		return false
	}
	if r.page > 0 {
		n, ok := r.pages[req.uri]
		if !ok {
			n = len(r.pages) + 1
			r.pages[req.uri] = n
		}
		if n != r.page {
			return false
		}
	}
	r.seen++
	switch {
	case r.nth > 0:
		return r.seen >= r.nth && r.seen < r.nth+max(r.times, 1)
	case r.times > 0:
		return r.seen <= r.times
	}
	return true
}
