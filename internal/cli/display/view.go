package display

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"

	"s3sync"
	"s3sync/internal/cli/human"
	"s3sync/internal/visible"
)

// A view is how the live lines look.
type view struct {
	width, height  int
	ascii, colour  bool
	dryRun, report bool
}

const (
	mostBars   = 4  // objects in flight that have lines
	leastBar   = 8  // columns of a bar
	narrow     = 60 // columns below which large numbers are human.Cut
	longEnough = time.Second
)

// lines returns at most six lines, each narrower than the terminal.
func (v *view) lines(p *s3sync.Progress, perSecond int64) []string {
	if v.report {
		return []string{v.fit(" · ", v.compared(p)...)}
	}
	lines := []string{v.total(p, perSecond), v.fit(" · ", v.counts(p)...)}
	if v.height == 1 {
		return lines[:1] // a second one would push the first one out, again and again
	}
	most := min(mostBars, v.height-1-len(lines))
	for i := range p.InFlight {
		if f := &p.InFlight[i]; f.Elapsed >= longEnough && len(lines)-2 < most {
			lines = append(lines, v.inFlight(f))
		}
	}
	return lines
}

// A segment is a part of a line. Those with the largest rank are left out first.
type segment struct {
	text, colour string
	rank         int
	// bar is the number of columns of a bar, whose text has its colours already.
	bar int
}

func (s *segment) width() int {
	if s.bar > 0 {
		return s.bar
	}
	return runewidth.StringWidth(s.text)
}

// Colours are those of ECMA-48 (SGR).
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// fit joins the segments that the width has room for.
func (v *view) fit(between string, segments ...segment) string {
	if v.ascii {
		between = strings.ReplaceAll(between, " · ", ", ")
	}
	segments = slices.DeleteFunc(segments, func(s segment) bool { return s.text == "" })
	for len(segments) > 1 && v.widthOf(between, segments) > v.room() {
		last := 0
		for i := range segments {
			if segments[i].rank >= segments[last].rank {
				last = i
			}
		}
		segments = slices.Delete(segments, last, last+1)
	}
	texts := make([]string, len(segments))
	for i, s := range segments {
		if texts[i] = s.text; s.bar == 0 {
			texts[i] = v.paint(s.colour, human.Cut(s.text, v.room()))
		}
	}
	return strings.Join(texts, between)
}

func (v *view) widthOf(between string, segments []segment) int {
	n := runewidth.StringWidth(between) * (len(segments) - 1)
	for i := range segments {
		n += segments[i].width()
	}
	return n
}

// room is the number of columns that a line may take.
func (v *view) room() int { return max(v.width-1, 1) }

func (v *view) paint(colour, text string) string {
	if !v.colour || colour == "" {
		return text
	}
	return colour + text + plain
}

// total returns the line of bytes.
func (v *view) total(p *s3sync.Progress, perSecond int64) string {
	if v.dryRun {
		return v.fit(" ", segment{text: "Dry run:"}, segment{text: human.Size(p.DoneBytes)}, segment{text: "would be transferred", rank: 1})
	}
	sizes := v.sizes(p.DoneBytes, p.FoundBytes) + more(p)
	eta := "ETA -"
	if d, ok := remaining(p, perSecond); ok {
		eta = "ETA " + human.Short(d) + more(p)
	}
	percent := fmt.Sprintf("%d%%", human.Percent(p.DoneBytes, p.FoundBytes))
	segments := []segment{
		{text: sizes},
		{text: percent},
		{text: human.Size(perSecond) + "/s", rank: 2},
		{text: human.Short(p.Stats.Elapsed), rank: 3},
		{text: eta, rank: 1},
	}
	left := v.room() - v.widthOf("  ", segments) - 2
	if left < leastBar {
		return v.fit("  ", segments...)
	}
	bar := segment{text: v.bar(p.DoneBytes, p.FoundBytes, left), bar: left}
	return v.fit("  ", slices.Insert(segments, 2, bar)...)
}

// sizes returns how many bytes of all there are, with one unit if there is little room.
func (v *view) sizes(done, all int64) string {
	a, b := human.Size(done), human.Size(all)
	if number, unit, _ := strings.Cut(a, " "); v.width < narrow && strings.HasSuffix(b, " "+unit) {
		a = number
	}
	return a + "/" + b
}

// more marks a total that may grow.
func more(p *s3sync.Progress) string {
	if p.Listed {
		return ""
	}
	return "+"
}

// counts returns the segments of the line of objects. Failures are left out last.
func (v *view) counts(p *s3sync.Progress) []segment {
	st := &p.Stats
	objects := v.count(p.Done) + "/" + v.count(p.Found) + more(p) + " " + human.Noun(p.Found, "object")
	deleted, transferred := "deleted", segment{text: v.count(st.Verified) + " verified", rank: 5}
	if v.dryRun {
		objects = v.count(p.Found) + more(p) + " " + human.Noun(p.Found, "object")
		deleted, transferred.text = "to delete", ""
	}
	segments := []segment{
		{text: objects},
		transferred,
		{text: v.count(st.Skipped) + " skipped", rank: 3},
		{text: v.some(st.Deleted, deleted), rank: 4},
		{text: v.count(st.Failed) + " failed", rank: 1},
		{text: v.some(st.Warnings, human.Noun(st.Warnings, "warning")), rank: 2, colour: yellow},
		{text: v.some(st.Retries, human.Retries(st.Retries)), rank: 6},
	}
	if st.Failed > 0 {
		segments[4].colour = red
	}
	return segments
}

// compared returns the segments of a report.
func (v *view) compared(p *s3sync.Progress) []segment {
	st, r := &p.Stats, &p.Status
	differ := r.NotFound
	unknown := int64(0)
	for _, a := range []s3sync.AspectCounts{r.ETag, r.Checksum, r.Metadata, r.Tagging} {
		differ += a.Mismatch
		unknown += a.Unknown
	}
	return []segment{
		{text: v.count(r.Objects) + " " + human.Noun(r.Objects, "object") + " compared"},
		{text: v.some(differ, "missing or different"), rank: 2, colour: yellow},
		{text: v.some(unknown, "unknown"), rank: 3, colour: yellow},
		{text: v.count(st.Failed) + " failed", rank: 1},
		{text: v.count(st.Skipped) + " skipped", rank: 4},
		{text: human.Short(st.Elapsed), rank: 5},
	}
}

// inFlight returns the line of an object.
func (v *view) inFlight(f *s3sync.InFlight) string {
	end := fmt.Sprintf(" %3d%%", human.Percent(f.Bytes, f.Size))
	if v.width >= narrow {
		end += fmt.Sprintf("  %17s", human.Size(f.Bytes)+"/"+human.Size(f.Size))
	}
	bar := v.room() / 5
	if bar < leastBar {
		bar = 0
	}
	name := v.room() - 2 - bar - 1 - len(end)
	if name < leastBar {
		return human.Cut(visible.Line(f.Key), v.room())
	}
	key := human.Middle(visible.Line(f.Key), name, v.ascii)
	return "  " + runewidth.FillRight(key, name) + " " + v.bar(f.Bytes, f.Size, bar) + end
}

// bar returns a bar of so many columns.
func (v *view) bar(done, all int64, width int) string {
	full, empty := "━", "─"
	if v.ascii {
		full, empty = "#", "-"
	}
	n := 0
	if all > 0 {
		n = int(float64(width) * min(1, float64(done)/float64(all)))
	}
	return v.paint(green, strings.Repeat(full, n)) + strings.Repeat(empty, width-n)
}

// sentence returns the progress in words, for a log.
func (v *view) sentence(p *s3sync.Progress, perSecond int64) string {
	if v.report || v.dryRun {
		all := view{width: 1000, ascii: true, report: v.report, dryRun: v.dryRun}
		return strings.Join(all.lines(&s3sync.Progress{Stats: p.Stats, Status: p.Status, Found: p.Found, Done: p.Done, DoneBytes: p.DoneBytes, Listed: p.Listed}, 0), ", ")
	}
	st := &p.Stats
	parts := []string{
		fmt.Sprintf("%s of %s%s (%d%%)", human.Size(p.DoneBytes), human.Size(p.FoundBytes), more(p), human.Percent(p.DoneBytes, p.FoundBytes)),
		human.Size(perSecond) + "/s",
		fmt.Sprintf("%s of %s%s objects", humanize.Comma(p.Done), humanize.Comma(p.Found), more(p)),
		humanize.Comma(st.Verified) + " verified", humanize.Comma(st.Skipped) + " skipped", humanize.Comma(st.Failed) + " failed",
		v.some(st.Warnings, human.Noun(st.Warnings, "warning")), v.some(st.Deleted, "deleted"), v.some(st.Retries, human.Retries(st.Retries)),
	}
	if d, ok := remaining(p, perSecond); ok {
		parts = append(parts, "ETA "+human.Short(d)+more(p))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// some returns a number and what it counts, or nothing if it is 0.
func (v *view) some(n int64, what string) string {
	if n == 0 {
		return ""
	}
	return v.count(n) + " " + what
}

// count returns a number that is short where there is little room.
func (v *view) count(n int64) string {
	if v.width > 0 && v.width < narrow && n >= 100_000 {
		value, unit := humanize.ComputeSI(float64(n))
		return fmt.Sprintf("%.1f%s", value, unit)
	}
	return humanize.Comma(n)
}
