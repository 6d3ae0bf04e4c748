package main

import (
	"fmt"
	"strings"
	"time"
)

// writeText writes a scene as text: the screen at its end, and before that the screens of
// the moments at which the scene looks.
func writeText(b *strings.Builder, sc scene, film []frame) {
	fmt.Fprintf(b, "\n\n== %s\n\n%s\n\n", sc.title, wrap(sc.about, 85))
	for i, t := range sc.takes {
		if t.look == 0 {
			continue
		}
		begin := time.Duration(-1)
		var shown []string
		for _, f := range film {
			if f.take == i && begin < 0 && strings.Contains(screen(f), t.command) {
				begin = f.at
			}
			if f.take == i && begin >= 0 && f.at <= begin+t.look {
				shown = lines(f)
			}
		}
		fmt.Fprintf(b, "(after %d seconds)\n\n%s\n\n(at the end)\n\n", int(t.look.Seconds()), strings.Join(shown, "\n"))
	}
	b.WriteString(strings.Join(lines(film[len(film)-1]), "\n") + "\n")
}

// screen returns the text of a frame without line breaks.
func screen(f frame) string {
	var b strings.Builder
	for _, r := range f.cells {
		b.WriteString(r.String())
	}
	return b.String()
}

// lines returns the rows of a frame, without empty ones at the end.
func lines(f frame) []string {
	var all []string
	for _, r := range f.cells {
		all = append(all, r.String())
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// wrap breaks a text into lines of a width.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
