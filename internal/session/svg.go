package main

import (
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/hinshun/vt10x"
)

// Sizes in the image, in pixels.
const (
	cellWidth  = 8.4
	cellHeight = 18.0
	fontSize   = 14
	margin     = 16.0
	bar        = 30.0
)

// drawing returns an SVG that plays a film over and over. It has no script: one animation
// of CSS moves a strip of all frames. Rows that are alike are drawn once. Whoever asks
// for less motion, or sees no animation, sees the last frame.
func drawing(film []frame) string {
	film = thinned(film)
	const pause = 5 * time.Second // on the last frame
	rows, columns := float64(len(film[0].cells)), float64(len(film[0].cells[0]))
	height := cellHeight * rows
	total := film[len(film)-1].at + pause

	var steps, strip, defs strings.Builder
	names := map[string]string{}
	for i, f := range film {
		offset := (height + margin) * float64(i)
		fmt.Fprintf(&steps, "%.2f%%{transform:translateY(-%.0fpx)}", 100*f.at.Seconds()/total.Seconds(), offset)
		for y, r := range f.cells {
			if r.String() == "" {
				continue
			}
			drawn := drawnRow(r)
			if names[drawn] == "" {
				names[drawn] = fmt.Sprintf("r%d", len(names))
				fmt.Fprintf(&defs, "<g id=\"%s\">%s</g>\n", names[drawn], drawn)
			}
			fmt.Fprintf(&strip, "<use href=\"#%s\" y=\"%.0f\"/>", names[drawn], float64(y)*cellHeight+offset)
		}
		strip.WriteByte('\n')
	}
	last := (height + margin) * float64(len(film)-1)
	width := cellWidth*columns + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="s3sync in a terminal: an upload, a dry run with deletions, and the run itself">
<style>
text{font:%dpx ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dee9;white-space:pre;dominant-baseline:text-before-edge}
.b{font-weight:bold}
.film{transform:translateY(-%.0fpx);animation:film %.1fs steps(1,end) infinite}
@keyframes film{%s}
@media (prefers-reduced-motion:reduce){.film{animation:none}}
</style>
<rect width="100%%" height="100%%" rx="8" fill="#1c2028"/>
<circle cx="20" cy="18" r="5" fill="#ec6a5e"/><circle cx="38" cy="18" r="5" fill="#f4bf4f"/><circle cx="56" cy="18" r="5" fill="#61c554"/>
<defs>
%s</defs>
<svg x="%.0f" y="%.0f" width="%.0f" height="%.0f"><g class="film">
%s</g></svg>
</svg>
`, width, height+bar+margin, width, height+bar+margin, fontSize, last, total.Seconds(), steps.String(), defs.String(), margin, bar+4, cellWidth*columns, height, strip.String())
	return b.String()
}

// thinned leaves out frames that stand for less than a tenth of a second, or look like
// the one before, and cuts long waits.
func thinned(film []frame) []frame {
	const least, most = 100 * time.Millisecond, 2500 * time.Millisecond
	var kept []frame
	for i, f := range film {
		if i+1 < len(film) && film[i+1].at-f.at < least {
			continue
		}
		if len(kept) > 0 && sameScreen(kept[len(kept)-1], f) {
			continue
		}
		kept = append(kept, f)
	}
	var cut time.Duration
	for i := range kept {
		kept[i].at -= cut
		if i > 0 {
			if wait := kept[i].at - kept[i-1].at; wait > most {
				cut += wait - most
				kept[i].at -= wait - most
			}
		}
	}
	first := kept[0].at
	for i := range kept {
		kept[i].at -= first
	}
	return kept
}

func sameScreen(a, b frame) bool { return screen(a) == screen(b) }

// drawnRow draws a row as runs of characters that look alike.
func drawnRow(r row) string {
	var b strings.Builder
	for x := 0; x < len(r); {
		end := x
		var text strings.Builder
		for end < len(r) && looks(r[end]) == looks(r[x]) {
			char := r[end].Char
			if char == 0 {
				char = ' '
			}
			text.WriteRune(char)
			end++
		}
		if shown := strings.TrimRight(text.String(), " "); shown != "" {
			fmt.Fprintf(&b, `<text x="%.1f"%s textLength="%.1f">%s</text>`, cellWidth*float64(x), looks(r[x]), cellWidth*float64(len([]rune(shown))), html.EscapeString(shown))
		}
		x = end
	}
	return b.String()
}

// looks returns the attributes of SVG for the way a character looks.
func looks(g vt10x.Glyph) string {
	const bold = 1 << 2 // of vt10x, which does not export it
	attributes := ""
	if g.Mode&bold != 0 {
		attributes = ` class="b"`
	}
	colours := [...]string{
		"#4c566a", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9",
		"#6b7689", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff",
	}
	if int(g.FG) < len(colours) {
		attributes += ` style="fill:` + colours[g.FG] + `"`
	}
	return attributes
}
