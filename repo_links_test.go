package s3sync_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestLinks: each link from one page to another leads to a file that exists, and to a
// heading that it has. Links to other sites are not followed.
func TestLinks(t *testing.T) {
	pages := map[string]string{}
	for _, f := range sources(t) {
		if path.Ext(f.name) == ".md" && !strings.Contains(f.name, "testdata/") {
			pages[f.name] = f.data
		}
	}
	found := 0
	link := regexp.MustCompile(`\]\(([^()\s]+)\)|(?:src|srcset|href)="([^"]+)"`)
	for name, text := range pages {
		for _, m := range link.FindAllStringSubmatch(withoutCode(text), -1) {
			target := m[1] + m[2]
			if strings.Contains(target, ":") {
				continue
			}
			found++
			if slices.Contains(siteLinks(), target) && path.Dir(name) == "." {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			if file = path.Join(path.Dir(name), file); strings.HasPrefix(target, "#") {
				file = name
			}
			if _, err := os.Stat(filepath.FromSlash(file)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, target)
			} else if anchor != "" && !anchors(pages[file])[anchor] {
				t.Errorf("%s: %s has no heading #%s", name, file, anchor)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d links found", found)
	}
}

// siteLinks are pages of the site that shows the repository. It shows a file at its root as
// blob/BRANCH/FILE, so they work wherever the repository is.
func siteLinks() []string { return []string{"../../security/advisories/new"} }

// withoutCode removes blocks and spans of code.
func withoutCode(text string) string {
	text = regexp.MustCompile("(?ms)^ *```.*?^ *```").ReplaceAllString(text, "")
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "code")
}

// anchors returns the anchors that GitHub gives to the headings of a page.
func anchors(text string) map[string]bool {
	text = regexp.MustCompile("(?ms)^ *```.*?^ *```").ReplaceAllString(text, "")
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ +(.*)$`).FindAllStringSubmatch(text, -1) {
		heading := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(m[1], "$1")
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(heading))
		unique := anchor
		for i := 1; all[unique]; i++ {
			unique = fmt.Sprint(anchor, "-", i)
		}
		all[unique] = true
	}
	return all
}

func TestAnchors(t *testing.T) {
	got := anchors("# Two words, `--an-option`\n\n```sh\n# no heading\n```\n## Use\n## Use\n### [A link](x.md) & more\n")
	for _, want := range []string{"two-words---an-option", "use", "use-1", "a-link--more"} {
		if !got[want] {
			t.Errorf("no #%s in %v", want, got)
		}
	}
	if len(got) != 4 {
		t.Errorf("got %v", got)
	}
}
