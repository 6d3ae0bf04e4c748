package options

import (
	"slices"
	"strings"

	"s3sync/internal/setting"
)

// The library names settings by their paths in the Config. Users of the command
// know them as options.

// Spell returns the name of a setting as the user types it.
func (l *Line) Spell(name string) string {
	o := l.bound(name)
	if o == nil {
		return name
	}
	if _, value, ok := strings.Cut(name, "="); ok && o.Sets != name && o.Value.TakesText() {
		return o.Title() + " " + value
	}
	return o.Title()
}

// ErrorText returns the text of an error of the library, with options in place of
// settings.
func (l *Line) ErrorText(err error) string {
	return setting.Spell(err.Error(), setting.Of(err), l.Spell)
}

// nearest returns the candidate that text is most likely a misspelling of, or
// an empty string.
func nearest(text string, candidates []string) string {
	best, least := "", 1+len(text)/4
	for _, candidate := range candidates {
		if d := distance(text, candidate); d <= least && (d < least || best == "") {
			best, least = candidate, d
		}
	}
	return best
}

// akin returns the candidate that has all words of text, or of which text has all words,
// and that is nearest to it; or an empty string. WORKERS is akin to WORKER_SIZE.
func akin(text string, candidates []string) string {
	best, least := "", 0
	for _, candidate := range candidates {
		if !hasWords(candidate, text) && !hasWords(text, candidate) {
			continue
		}
		if d := distance(text, candidate); best == "" || d < least {
			best, least = candidate, d
		}
	}
	return best
}

// hasWords reports whether a name has all words of another one, in the singular or plural,
// and at most as many others.
func hasWords(name, other string) bool {
	singular := func(name string) []string {
		words := strings.Split(name, "_")
		for i := range words {
			words[i] = strings.TrimSuffix(words[i], "S")
		}
		return words
	}
	words, wanted := singular(name), singular(other)
	return len(words) <= 2*len(wanted) && !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(words, w) })
}

// distance returns the number of letters to insert, drop or change to make a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
