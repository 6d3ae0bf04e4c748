package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"s3sync/internal/bench/internal/server"
)

// A result is what one tool did in one scenario.
type result struct {
	contestant

	samples []measurement // by round; zero where it failed
	failed  error
}

// done are the samples of the rounds that did not fail.
func (r result) done() []measurement {
	return slices.DeleteFunc(slices.Clone(r.samples), func(m measurement) bool { return m.elapsed == 0 })
}

// table prints the results of a scenario in Markdown. The first result is the floor.
func table(out io.Writer, s scenario, results []result) error {
	unit := cmp.Or(s.unit, "object")
	if s.work.twoBuckets() {
		unit = "pair"
	}
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	_, _ = fmt.Fprintf(w, "\n**%s**: %s; %s\n\n", s.name, s.title, rounds(len(results[0].samples)))
	_, _ = fmt.Fprintf(w, "| tool\t| CPU per %s\t| to floor\t| elapsed\t| to floor\t| rate\t| memory\t| requests\t|\n|---\t|---:\t|---:\t|---:\t|---:\t|---:\t|---:\t|---\t|\n", unit)
	var notes []string
	for _, r := range results {
		done := r.done()
		if missing := len(r.samples) - len(done); missing > 0 {
			notes = append(notes, fmt.Sprintf("%s: %d of %d runs failed: %s\n", r.name, missing, len(r.samples), firstLine(r.failed)))
		}
		if len(done) == 0 {
			_, _ = fmt.Fprintf(w, "| %s\t| failed\t|\t|\t|\t|\t|\t|\t|\n", r.name)
			continue
		}
		elapsed := median(done, func(m measurement) float64 { return m.elapsed.Seconds() })
		_, _ = fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %.2f s\t| %s\t| %s\t| %s\t| %s\t|\n", r.name,
			perUnit(done, s), ratio(r, results[0], func(m measurement) float64 { return m.cpu().Seconds() }),
			elapsed, ratio(r, results[0], func(m measurement) float64 { return m.elapsed.Seconds() }),
			rate(s, elapsed), bytesText(int64(median(done, func(m measurement) float64 { return float64(m.memory) }))), requests(done[len(done)-1].report))
	}
	for _, note := range append(comparisons(results), bestNumber(results)...) {
		notes = append(notes, note+"\n")
	}
	if len(notes) > 0 {
		_, _ = fmt.Fprintf(w, "\n%s", strings.Join(notes, "\n"))
	}
	return w.Flush()
}

func rounds(n int) string {
	if n == 1 {
		return "one round"
	}
	return fmt.Sprintf("%d rounds", n)
}

// perUnit shows the median CPU time of an object or GiB, and its range.
func perUnit(done []measurement, s scenario) string {
	f := func(m measurement) float64 { return m.cpu().Seconds() / s.units() }
	text := func(seconds float64) string {
		if s.unit == "GiB" {
			return fmt.Sprintf("%.2f", seconds)
		}
		return fmt.Sprintf("%.1f", seconds*1e6)
	}
	least, most := f(done[0]), f(done[0])
	for _, m := range done {
		least, most = min(least, f(m)), max(most, f(m))
	}
	unit := " µs"
	if s.unit == "GiB" {
		unit = " s"
	}
	if len(done) == 1 {
		return text(least) + unit
	}
	return fmt.Sprintf("%s%s (%s–%s)", text(median(done, f)), unit, text(least), text(most))
}

// ratio shows the median of the ratios of each round.
func ratio(r, floor result, f func(measurement) float64) string {
	var ratios []float64
	for i, m := range r.samples {
		if i < len(floor.samples) && m.elapsed > 0 && floor.samples[i].elapsed > 0 && f(floor.samples[i]) > 0 {
			ratios = append(ratios, f(m)/f(floor.samples[i]))
		}
	}
	if len(ratios) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", median(ratios, func(r float64) float64 { return r }))
}

func rate(s scenario, seconds float64) string {
	if s.unit == "GiB" {
		return fmt.Sprintf("%.0f MiB/s", s.units()*1024/seconds)
	}
	return thousands(int64(s.units()/seconds)) + "/s"
}

// comparisons are the ratios of the contestants that are compared with another one.
func comparisons(results []result) (notes []string) {
	for _, r := range results {
		i := slices.IndexFunc(results, func(other result) bool { return other.name == r.to })
		if i < 0 || len(r.done()) == 0 || len(results[i].done()) == 0 {
			continue
		}
		total := func(m measurement) (n float64) {
			for _, requests := range m.report.Requests {
				n += float64(requests)
			}
			return n
		}
		more := median(r.done(), total) - median(results[i].done(), total)
		notes = append(notes, fmt.Sprintf("%s to %s: elapsed %s, CPU %s, %+.0f requests (%+.1f %%)", r.name, r.to,
			ratio(r, results[i], func(m measurement) float64 { return m.elapsed.Seconds() }),
			ratio(r, results[i], func(m measurement) float64 { return m.cpu().Seconds() }),
			more, 100*more/max(1, median(results[i].done(), total))))
	}
	return notes
}

// bestNumber compares the default number of workers of each tool with the best fixed one.
func bestNumber(results []result) (notes []string) {
	elapsed := func(r result) float64 {
		return median(r.done(), func(m measurement) float64 { return m.elapsed.Seconds() })
	}
	for _, r := range results[1:] {
		tool, found := strings.CutSuffix(r.name, ", "+atOnce(0))
		if !found || len(r.done()) == 0 {
			continue
		}
		var best *result
		for i, other := range results {
			ofTool := other.fixed && other.name == tool+", "+atOnce(other.workers)
			if ofTool && len(other.done()) > 0 && (best == nil || elapsed(other) < elapsed(*best)) {
				best = &results[i]
			}
		}
		if best != nil {
			notes = append(notes, fmt.Sprintf("%s: %.0f %% of the rate of the best fixed number, %d", r.name, 100*elapsed(*best)/elapsed(r), best.workers))
		}
	}
	return notes
}

// requests shows the numbers of requests, and how a limit of their rate was kept.
// The objects of a run that did not fail have all arrived.
func requests(r server.Report) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		texts = append(texts, fmt.Sprintf("%s %s", name, thousands(r.Requests[name])))
	}
	text := strings.Join(texts, ", ")
	if r.Refused > 0 {
		text += fmt.Sprintf("; %s refused, no object failed", thousands(r.Refused))
	}
	const settled = 10 * time.Second
	if from, end := int(settled/time.Second), len(r.Accepted)-1; end > from { // the last second is not whole
		accepted, rejected := sum(r.Accepted[from:end]), sum(r.Rejected[from:end])
		text += fmt.Sprintf("; after %v %d/s accepted, %.1f %% refused", settled, accepted/int64(end-from), 100*float64(rejected)/float64(max(1, accepted+rejected)))
	}
	return text
}

func sum(all []int64) (n int64) {
	for _, v := range all {
		n += v
	}
	return n
}

// median returns the middle of the values, or the mean of the two in the middle.
func median[T any](all []T, f func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = f(v)
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// thousands shows a natural number with commas.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// bytesText shows a size in the largest unit of which it has one.
func bytesText(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB"}
	value, i := float64(n), 0
	for ; value >= 1024 && i < len(units)-1; i++ {
		value /= 1024
	}
	return strconv.FormatFloat(value, 'f', map[bool]int{true: 0, false: 1}[value == float64(int64(value)) || value >= 10], 64) + " " + units[i]
}

// compact is a size as it stands in a name: "64KiB".
func compact(n int64) string { return strings.ReplaceAll(bytesText(n), " ", "") }
