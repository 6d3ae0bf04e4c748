package location

import "strings"

// WholeNames returns source and target, quoted for a shell, with prefixes that end in a
// slash.
func WholeNames(source, target string) string {
	return shellWord(wholeName(source)) + " " + shellWord(wholeName(target))
}

// wholeName adds a slash to a URL if its prefix does not end in one.
func wholeName(url string) string {
	if l, err := Parse(url); err != nil || !l.MayBeObject() {
		return url
	}
	return url + "/"
}

// shellWord quotes a text for a shell if necessary.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
