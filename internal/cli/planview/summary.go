// Package planview prints what a user reads before approving a plan.
package planview

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"s3sync/internal/cli/human"
	"s3sync/internal/cli/logformat"
	"s3sync/internal/forecast"
	"s3sync/internal/plan"
	"s3sync/internal/planfile"
	"s3sync/internal/visible"
)

// directoriesShown is how many directories a summary names.
const directoriesShown = 20

// leftOut says what an estimate does not know.
const leftOut = "The prices are estimates. Not in them: requests to make this plan and those that are made again, storage classes other than Standard, " +
	"minimum storage durations, old versions, KMS, replication, and transfer between regions."

// A Summary is what a plan does and costs. Its fields are set before it is printed.
type Summary struct {
	*forecast.Summary

	Prices         forecast.Prices
	Source, Target string // as the user names them
	Found          planfile.Found
}

// Print prints the summary of the plan in a file of a name as text.
func (s *Summary) Print(out io.Writer, name string) error {
	var b strings.Builder
	put := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	put("plan %s: %s → %s", shownKey(name), shownKey(s.Source), shownKey(s.Target))
	changes := s.Changes()
	if len(changes) == 0 {
		put("\nNothing is to be done.")
		_, err := io.WriteString(out, b.String())
		return err
	}
	put("\n%-10s %12s %12s  why", "", "objects", "bytes")
	for _, c := range changes {
		put("%-10s %12s %12s  %s", c.Change, humanize.Comma(c.Objects), human.Size(c.Bytes), reasonsText(c.Reasons))
	}
	for _, c := range changes {
		put("\n%s, first in order of their names:", c.Change)
		for _, o := range c.First {
			put("  %12s  %s", human.Size(o.Bytes), shownKey(o.Key))
		}
		if c.Objects <= int64(len(c.First)) {
			continue
		}
		put("%s, largest:", c.Change)
		for _, o := range c.Largest {
			put("  %12s  %s", human.Size(o.Bytes), shownKey(o.Key))
		}
	}
	put("\n%12s %12s %12s %12s  by directory", "written", "bytes", "deleted", "other")
	for _, d := range s.Directories(directoriesShown) {
		prefix := "(not in a directory)"
		switch {
		case d.Rest:
			prefix = "(all others)"
		case d.Prefix != "":
			prefix = shownKey(d.Prefix)
		}
		put("%12s %12s %12s %12s  %s", humanize.Comma(d.Written), human.Size(d.Bytes), humanize.Comma(d.Deleted), humanize.Comma(d.Other), prefix)
	}
	s.printCost(put)
	if s.Found.Unsafe || s.Found.Incomplete {
		put("\nNot everything could be looked at, so the plan deletes nothing.")
	}
	put("\nCarry it out with: s3sync apply %s", shownKey(name))
	_, err := io.WriteString(out, b.String())
	return err
}

func (s *Summary) printCost(put func(string, ...any)) {
	cost := s.Cost()
	if len(cost.Requests) == 0 {
		return
	}
	put("\n%12s %12s  requests to carry it out", "requests", "dollars")
	for _, r := range cost.Requests {
		put("%12s %12s  %s of the %s", humanize.Comma(r.Requests), dollars(r.Dollars), r.Class, r.Side)
	}
	put("%12s %12s  all requests", "", dollars(cost.RequestDollars))
	if cost.Read > 0 {
		put("%12s %12s  read from the source, if the bytes leave the provider", human.Size(cost.Read), dollars(cost.ReadDollars))
	}
	if cost.Stored != 0 {
		sign, stored, price := "+", cost.Stored, cost.StoredDollars
		if stored < 0 {
			sign, stored, price = "-", -stored, -price
		}
		put("%12s %12s  stored in the target, a month", sign+human.Size(stored), sign+dollars(price))
	}
	prices := "Prices: " + visible.Line(s.Prices.Name)
	if s.Prices.Date != "" {
		prices += ", as of " + visible.Line(s.Prices.Date)
	}
	if s.Prices.Source != "" {
		prices += ", from " + visible.Line(s.Prices.Source)
	}
	put("%s. --prices FILE takes others.", prices)
	put("%s", strings.Join(human.Wrap(leftOut, human.Columns), "\n"))
}

func shownKey(key string) string { return string(logformat.AppendKey(nil, key)) }

func dollars(d float64) string {
	if d > 0 && d < 0.01 {
		return "<$0.01"
	}
	return "$" + humanize.CommafWithDigits(d, 2)
}

// reasonsText returns the reasons of a change, the most frequent one first.
func reasonsText(reasons map[plan.Reason]int64) string {
	names := make([]plan.Reason, 0, len(reasons))
	for name := range reasons {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b plan.Reason) int {
		if reasons[a] != reasons[b] {
			return int(min(max(reasons[b]-reasons[a], -1), 1))
		}
		return strings.Compare(string(a), string(b))
	})
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = name.Words()
		if len(names) > 1 {
			texts[i] += " " + humanize.Comma(reasons[name])
		}
	}
	return visible.Line(strings.Join(texts, ", "))
}

// An objectRecord is an object in JSON.
type objectRecord struct {
	Key   planfile.Text `json:"key"`
	Bytes int64         `json:"bytes"`
}

func objectRecords(objects []forecast.Object) []objectRecord {
	records := make([]objectRecord, len(objects))
	for i, o := range objects {
		records[i] = objectRecord{planfile.Text(o.Key), o.Bytes}
	}
	return records
}

type changeRecord struct {
	Action  plan.Change           `json:"action"`
	Objects int64                 `json:"objects"`
	Bytes   int64                 `json:"bytes"`
	Reasons map[plan.Reason]int64 `json:"reasons"`
	First   []objectRecord        `json:"first"`
	Largest []objectRecord        `json:"largest"`
}

type directoryRecord struct {
	Prefix  planfile.Text `json:"prefix"`
	Others  bool          `json:"others,omitempty"`
	Written int64         `json:"written"`
	Bytes   int64         `json:"bytes"`
	Deleted int64         `json:"deleted"`
	Other   int64         `json:"other"`
}

type requestsRecord struct {
	Side     string         `json:"side"`
	Class    forecast.Class `json:"class"`
	Requests int64          `json:"requests"`
	Dollars  float64        `json:"dollars"`
}

type costRecord struct {
	Prices         forecast.Prices  `json:"prices"`
	Requests       []requestsRecord `json:"requests"`
	RequestDollars float64          `json:"request_dollars"`
	ReadBytes      int64            `json:"read_bytes"`
	ReadDollars    float64          `json:"read_dollars_if_leaving"`
	StoredBytes    int64            `json:"stored_bytes"`
	StoredDollars  float64          `json:"stored_dollars_per_month"`
	LeftOut        string           `json:"note"`
}

type planRecord struct {
	Plan        planfile.Text     `json:"plan"`
	Source      planfile.Text     `json:"source"`
	Target      planfile.Text     `json:"target"`
	Changes     []changeRecord    `json:"changes"`
	Directories []directoryRecord `json:"directories"`
	Incomplete  bool              `json:"incomplete"`
	Cost        costRecord        `json:"cost"`
}

// PrintJSON prints the summary as one JSON object.
func (s *Summary) PrintJSON(out io.Writer, name string) error {
	r := planRecord{
		Plan: planfile.Text(name), Source: planfile.Text(s.Source), Target: planfile.Text(s.Target),
		Changes: []changeRecord{}, Directories: []directoryRecord{}, Incomplete: s.Found.Unsafe || s.Found.Incomplete,
	}
	for _, c := range s.Changes() {
		r.Changes = append(r.Changes, changeRecord{c.Change, c.Objects, c.Bytes, c.Reasons, objectRecords(c.First), objectRecords(c.Largest)})
	}
	for _, d := range s.Directories(directoriesShown) {
		r.Directories = append(r.Directories, directoryRecord{planfile.Text(d.Prefix), d.Rest, d.Written, d.Bytes, d.Deleted, d.Other})
	}
	cost := s.Cost()
	r.Cost = costRecord{
		Prices: s.Prices, Requests: []requestsRecord{}, RequestDollars: cost.RequestDollars,
		ReadBytes: cost.Read, ReadDollars: cost.ReadDollars, StoredBytes: cost.Stored, StoredDollars: cost.StoredDollars, LeftOut: leftOut,
	}
	for _, q := range cost.Requests {
		r.Cost.Requests = append(r.Cost.Requests, requestsRecord(q))
	}
	text, err := json.Marshal(&r)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, string(text)+"\n")
	return err
}
