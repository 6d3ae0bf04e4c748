package htmlreport

import (
	"cmp"
	_ "embed" // the template
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"s3sync/internal/report"
)

//go:embed page.html.tmpl
var pageTemplate string

// An End is how the run ended.
type End struct {
	// Code is the exit code, and Meaning what it means.
	Code    int
	Meaning string
	// Failure says in a sentence why the run failed; empty if it did not.
	Failure string
	// Refused: deletion was refused, or not begun because something failed.
	Refused bool
	// Interrupted: a signal ended the run.
	Interrupted bool
	Report      report.Report
}

// view is what the template shows. All texts from outside have passed shown.
type view struct {
	Title, State, Headline, Source, Target string
	Facts                                  []fact
	Cards                                  []card
	Failure, Deletion                      string
	Charts                                 []*chart
	Sizes                                  []bar
	// Wide: verification has a row of its own.
	Wide                      bool
	Verified                  []slice
	VerifiedNote              string
	Differences               []difference
	Directories               []row
	Requests                  []requestRow
	Slowest, Failed, Warnings []objectRow
	MoreFailed, MoreWarnings  string
	Settings                  []Setting
	Version                   string
}

type (
	fact struct{ Name, Value string }
	card struct{ Name, Value, Note, Colour string }
	bar  struct {
		Name, Title     string
		Objects, Bytes  float64 // heights in per cent
		ObjectsN, Share string
	}
	slice struct {
		Name, Note, Colour, Objects, Share string
		Width                              float64 // per cent
	}
	difference struct{ Name, Matches, Mismatch, Unknown string }
	row        struct {
		Name, Bytes                          string
		Transferred, Skipped, Deleted, Other string
		Failed                               string
		Parts                                []slice
	}
	requestRow struct {
		Side, Operation, Requests, Median, Slow, Again, Throttled, Failed string
	}
	objectRow struct{ Key, Size, Took, Rate, Why string }
)

// Write writes the page of a run that ended.
func (p *Page) Write(w io.Writer, end End) error {
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return err
	}
	p.mu.Lock()
	v := p.view(&end)
	p.mu.Unlock()
	return t.Execute(w, v)
}

func (p *Page) view(end *End) *view {
	st := &end.Report.Stats
	v := &view{
		Source: shown(p.opts.Source), Target: shown(p.opts.Target), Version: shown(p.opts.Version),
		Failure: shown(end.Failure), Deletion: p.deletion(end), Cards: p.cards(end), Charts: p.charts(),
		Sizes: p.sizeBars(), Differences: p.differences(end), Requests: p.requestRows(),
	}
	v.State, v.Headline = p.state(end)
	v.Title = "s3sync: " + v.Headline
	v.Facts = []fact{
		{"Began", p.opts.Start.Format("2006-01-02 15:04:05 MST")},
		{"Took", durationText(st.Elapsed)},
		{"Exit code", fmt.Sprintf("%d: %s", end.Code, shown(end.Meaning))},
	}
	if !p.opts.Status {
		v.Verified, v.VerifiedNote = p.coverage(st)
	}
	v.Wide = (max(len(v.Charts)-1, 0)+min(len(v.Sizes), 1))%2 == 0 // all of these have half a row
	v.Directories = p.directoryRows()
	for _, o := range slices.Backward(p.slowest) {
		v.Slowest = append(v.Slowest, objectRow{
			Key: shown(o.key), Size: sizeText(float64(o.size)), Took: durationText(o.took),
			Rate: sizeText(float64(o.size)/o.took.Seconds()) + "/s",
		})
	}
	v.Failed, v.MoreFailed = lines(p.failed, st.Failed, "--failed-keys writes all of them to a file")
	v.Warnings, v.MoreWarnings = lines(p.warnings, st.Warnings, "the log has all of them")
	for _, s := range p.opts.Settings {
		v.Settings = append(v.Settings, Setting{shown(s.Name), shown(s.Value), shown(s.From)})
	}
	return v
}

// state returns the class and the headline of the result.
func (p *Page) state(end *End) (class, headline string) {
	switch {
	case end.Interrupted:
		return "bad", "interrupted"
	case end.Code == 3 && p.opts.Status:
		return "warn", "there are differences"
	case end.Code == 3:
		return "warn", "done, with warnings"
	case end.Code != 0:
		return "bad", "failed"
	case p.opts.Status:
		return "good", "everything matches"
	case p.opts.DryRun:
		return "good", "dry run: nothing was changed"
	}
	return "good", "done"
}

// deletion says what became of the objects that only the target has.
func (p *Page) deletion(end *End) string {
	st := &end.Report.Stats
	switch {
	case p.opts.Status:
		return ""
	case !p.opts.Delete:
		return "Deletion was not asked for: objects that only the target has are still there."
	case end.Refused:
		return "Deletion was refused: see the reason above. Nothing was deleted."
	case st.PerhapsDeleted > 0:
		return fmt.Sprintf("%s confirmed, %s without an answer.", count(st.Deleted, "deletion"), humanize.Comma(st.PerhapsDeleted))
	case st.Deleted == 0 && (st.Failed > 0 || end.Report.Incomplete):
		return "Nothing was deleted, because a run deletes only after complete listings and successful transfers."
	case p.opts.DryRun:
		return "The run would delete " + count(st.Deleted, "object") + "."
	}
	return count(st.Deleted, "object") + " deleted, after complete listings and successful transfers."
}

func (p *Page) cards(end *End) []card {
	st := &end.Report.Stats
	var bytes int64
	for _, n := range p.sizes.bytes {
		bytes += n
	}
	number := func(n int64) string { return humanize.Comma(n) }
	var cards []card
	if p.opts.Status {
		s := &end.Report.Status
		cards = append(cards,
			card{"compared", number(s.Objects), "objects", "blue"},
			card{"not in the target", number(s.NotFound), "objects", colourOf(s.NotFound, "amber")})
	} else {
		note := sizeText(float64(bytes))
		if seconds := st.Elapsed.Seconds(); seconds > 0 && !p.opts.DryRun {
			note += " at " + sizeText(float64(bytes)/seconds) + "/s"
		}
		cards = append(cards, card{p.opts.verb("transferred", "would transfer"), number(st.Transferred), note, colourOf(st.Transferred, "blue")})
		if !p.opts.DryRun {
			cards = append(cards, card{"verified", percent(st.Verified, st.Transferred), "of what was transferred", colourOf(st.Verified, "green")})
		}
	}
	cards = append(cards, card{"skipped", number(st.Skipped), "left as they were", "grey"})
	if p.opts.Delete {
		cards = append(cards, card{p.opts.verb("deleted", "would delete"), number(st.Deleted), "only in the target", colourOf(st.Deleted, "violet")})
	}
	return append(cards,
		card{"failed", number(st.Failed), "errors", colourOf(st.Failed, "red")},
		card{"warnings", number(st.Warnings), count(st.Retries, "retry"), colourOf(st.Warnings, "amber")})
}

// colourOf returns a colour for a number that is not zero.
func colourOf(n int64, colour string) string {
	if n == 0 {
		return "grey"
	}
	return colour
}

func (p *Page) charts() []*chart {
	points := p.series.all()
	if len(points) < 2 {
		return nil
	}
	// What is set from the first moment on was so at the beginning, too.
	points[0].Limit, points[0].PartLimit = points[1].Limit, points[1].PartLimit
	times := make([]time.Duration, len(points))
	for i, m := range points {
		times[i] = m.Elapsed
	}
	of := func(value func(m *Moment) int) curve {
		c := make(curve, len(points))
		for i := range points {
			c[i] = float64(value(&points[i]))
		}
		return c
	}
	bytes := rates(times, func(i int) int64 { return points[i].Bytes })
	objects := rates(times, func(i int) int64 { return points[i].Objects })
	end := points[len(points)-1]
	seconds := max(end.Elapsed.Seconds(), 1e-9)

	b := &chart{
		Width: wide, Title: "Throughput", Colour: "blue",
		Summary: fmt.Sprintf("%s/s on average, %s/s at most", sizeText(float64(end.Bytes)/seconds), sizeText(bytes.peak())),
	}
	b.draw(times, bytes, nil, niceBytes(bytes.peak()), axisSize)
	o := &chart{
		Width: narrow, Title: "Objects per second", Colour: "teal",
		Summary: fmt.Sprintf("%s/s on average, %s/s at most", axisNumber(float64(end.Objects)/seconds), axisNumber(objects.peak())),
	}
	o.draw(times, objects, nil, niceStep(objects.peak()), axisNumber)
	charts := []*chart{b, o}
	// A run that is over before it is looked at a second time shows nothing in flight.
	if objects := of(func(m *Moment) int { return m.InFlight }); objects.peak() > 0 {
		charts = append(charts, inFlight("Objects in flight", times, objects, of(func(m *Moment) int { return m.Limit })))
	}
	if parts := of(func(m *Moment) int { return m.Parts }); parts.peak() > 0 {
		charts = append(charts, inFlight("Parts in flight", times, parts, of(func(m *Moment) int { return m.PartLimit })))
	}
	return charts
}

// inFlight returns a chart of operations under way and how many may be.
func inFlight(title string, times []time.Duration, now, limit curve) *chart {
	c := &chart{
		Width: narrow, Title: title, Colour: "violet", Legend: "in flight", Second: "limit",
		Summary: fmt.Sprintf("%.0f at most", now.peak()),
	}
	c.draw(times, now, limit, max(niceStep(max(now.peak(), limit.peak())), 1), axisNumber)
	return c
}

// sizeBars returns the classes of sizes, without the empty ones at both ends.
func (p *Page) sizeBars() []bar {
	first, last := -1, -1
	var objects, bytes, allObjects, allBytes int64
	for i, n := range p.sizes.objects {
		if n > 0 {
			last = i
			if first < 0 {
				first = i
			}
		}
		objects, bytes = max(objects, n), max(bytes, p.sizes.bytes[i])
		allObjects, allBytes = allObjects+n, allBytes+p.sizes.bytes[i]
	}
	if first < 0 {
		return nil
	}
	var bars []bar
	for i := first; i <= last; i++ {
		n, size := p.sizes.objects[i], p.sizes.bytes[i]
		bars = append(bars, bar{
			Name: sizeClassName(i), ObjectsN: humanize.Comma(n), Share: percent(size, allBytes),
			Objects: 100 * float64(n) / float64(objects), Bytes: 100 * float64(size) / float64(max(bytes, 1)),
			Title: fmt.Sprintf("%s (%s), %s (%s of the bytes)", count(n, "object"), percent(n, allObjects), sizeText(float64(size)), percent(size, allBytes)),
		})
	}
	return bars
}

// coverage returns how transferred objects were verified.
func (p *Page) coverage(st *report.Stats) (parts []slice, note string) {
	if p.opts.DryRun || st.Transferred == 0 {
		return nil, "Nothing was transferred, so there was nothing to verify."
	}
	both := max(0, st.ETagVerified+st.ChecksumVerified-st.Verified)
	rest := max(0, st.Transferred-st.Verified-p.unverified.off-p.unverified.unknownParts-p.unverified.other)
	for _, s := range []struct {
		n                  int64
		name, note, colour string
	}{
		{both, "by ETag and checksum", "the MD5 of the bytes that passed and an additional checksum agree with both sides", "green"},
		{st.ETagVerified - both, "by ETag", "the MD5 of the bytes that passed agrees with what the server holds", "teal"},
		{st.ChecksumVerified - both, "by checksum", "an additional checksum of the bytes agrees with what the server holds", "blue"},
		{p.unverified.off, "not verified: turned off", "the settings turn the verification off", "amber"},
		{p.unverified.unknownParts, "not verified: unknown parts", "the sizes of the parts are not known", "amber"},
		{p.unverified.other, "not verified: other reasons", "the log says why, for each object", "red"},
		{rest, "without bytes to verify", "tags, directories, and what has no digest", "grey"},
	} {
		if s.n > 0 {
			parts = append(parts, slice{
				Name: s.name, Note: s.note, Colour: s.colour, Objects: humanize.Comma(s.n),
				Share: percent(s.n, st.Transferred), Width: 100 * float64(s.n) / float64(st.Transferred),
			})
		}
	}
	return parts, ""
}

func (p *Page) differences(end *End) []difference {
	if !p.opts.Status {
		return nil
	}
	s := &end.Report.Status
	var all []difference
	for _, a := range []struct {
		name string
		n    report.AspectCounts
	}{{"content, by ETag or digest", s.ETag}, {"content, by checksum", s.Checksum}, {"metadata", s.Metadata}, {"tags", s.Tagging}} {
		if a.n != (report.AspectCounts{}) {
			all = append(all, difference{a.name, humanize.Comma(a.n.Matches), humanize.Comma(a.n.Mismatch), humanize.Comma(a.n.Unknown)})
		}
	}
	return all
}

func (p *Page) directoryRows() []row {
	top, rest, others := p.topDirectories()
	var rows []row
	for _, d := range top {
		name := shown(d.name)
		if d.name == "" {
			name = "(no directory)"
		}
		rows = append(rows, rowOf(name, &d))
	}
	if rest.objects() > 0 {
		name := fmt.Sprintf("%d others", others)
		if len(p.directories) >= mostDirectories {
			name = "all others"
		}
		rows = append(rows, rowOf(name, &rest))
	}
	return rows
}

func rowOf(name string, d *directory) row {
	r := row{
		Name: name, Bytes: sizeText(float64(d.bytes)), Transferred: humanize.Comma(d.transferred + d.tagged),
		Skipped: humanize.Comma(d.skipped), Deleted: humanize.Comma(d.deleted), Other: humanize.Comma(d.warnings), Failed: humanize.Comma(d.failed),
	}
	for _, s := range []struct {
		n            int64
		name, colour string
	}{
		{d.transferred + d.tagged, "transferred", "blue"},
		{d.skipped, "skipped", "grey"},
		{d.deleted, "deleted", "violet"},
		{d.warnings, "warnings", "amber"},
		{d.failed, "failed", "red"},
	} {
		if s.n > 0 {
			r.Parts = append(r.Parts, slice{Name: s.name, Colour: s.colour, Objects: humanize.Comma(s.n), Width: 100 * float64(s.n) / float64(d.objects())})
		}
	}
	return r
}

func (p *Page) requestRows() []requestRow {
	var kinds []requestKind
	for k := range p.requests {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b requestKind) int {
		return cmp.Or(cmp.Compare(a.side, b.side), cmp.Compare(p.requests[b].all, p.requests[a].all), cmp.Compare(a.operation, b.operation))
	})
	var rows []requestRow
	for _, k := range kinds {
		q := p.requests[k]
		rows = append(rows, requestRow{
			Side: shown(k.side), Operation: shown(k.operation), Requests: humanize.Comma(q.all),
			Median: durationText(q.within(0.5)), Slow: durationText(q.within(0.99)),
			Again: humanize.Comma(q.again), Throttled: humanize.Comma(q.throttled),
			Failed: humanize.Comma(q.refused + q.faults + q.unanswered),
		})
	}
	return rows
}

// lines returns the rows of objects of which all happened, and what is said of the others.
func lines(objects []object, all int64, elsewhere string) (rows []objectRow, more string) {
	for _, o := range objects {
		key := shown(o.key)
		if o.key == "" {
			key = "(the run)"
		}
		rows = append(rows, objectRow{Key: key, Why: shown(o.why)})
	}
	if n := all - int64(len(objects)); n > 0 && len(objects) > 0 {
		more = humanize.Comma(n) + " more; " + elsewhere + "."
	}
	return rows, more
}
