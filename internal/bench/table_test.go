package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"s3sync/internal/bench/internal/madeup"
	"s3sync/internal/bench/internal/server"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	took := func(cpu, elapsed time.Duration) measurement {
		return measurement{
			user: cpu / 2, system: cpu / 2, elapsed: elapsed, memory: 20 << 20,
			report: server.Report{Requests: map[string]int64{"PutObject": 2000, "ListObjectsV2": 1}},
		}
	}
	const s = time.Second
	results := []result{
		{contestant: named("floor"), samples: []measurement{took(1*s, 2*s), took(2*s, 4*s), took(1*s, 2*s)}},
		// Twice the floor in two rounds, three times in one.
		{contestant: named("fast"), samples: []measurement{took(2*s, 4*s), took(4*s, 4*s), took(3*s, 2*s)}},
		{contestant: named("flaky"), samples: []measurement{{}, took(4*s, 8*s), took(4*s, 8*s)}, failed: errors.New("no route\nand more")},
		{contestant: named("broken"), samples: []measurement{{}, {}, {}}, failed: errors.New("exit status 1")},
	}
	var out strings.Builder
	if err := table(&out, scenario{name: "up", title: "files up", layout: madeup.Layout{Objects: 10_000}}, results); err != nil {
		t.Fatal(err)
	}
	want := `
**up**: files up; 3 rounds

| tool | CPU per object | to floor | elapsed | to floor | rate | memory | requests |
|--- |---: |---: |---: |---: |---: |---: |--- |
| floor | 100.0 µs (100.0–200.0) | 1.00 | 2.00 s | 1.00 | 5,000/s | 20 MiB | ListObjectsV2 1, PutObject 2,000 |
| fast | 300.0 µs (200.0–400.0) | 2.00 | 4.00 s | 1.00 | 2,500/s | 20 MiB | ListObjectsV2 1, PutObject 2,000 |
| flaky | 400.0 µs (400.0–400.0) | 3.00 | 8.00 s | 3.00 | 1,250/s | 20 MiB | ListObjectsV2 1, PutObject 2,000 |
| broken | failed | | | | | | |

flaky: 1 of 3 runs failed: no route

broken: 3 of 3 runs failed: exit status 1
`
	fields := func(s string) (lines []string) { // without the blanks that align columns
		for line := range strings.Lines(s) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		return lines
	}
	if diff := cmp.Diff(fields(want), fields(out.String())); diff != "" {
		t.Error(diff)
	}
}

func named(name string) contestant { return contestant{tool: tool{name: name}} }

// TestComparisons: contestants are compared with another one round by round, and the
// default number of workers with the best fixed one of the same tool.
func TestComparisons(t *testing.T) {
	took := func(requests int64, elapsed ...time.Duration) (all []measurement) {
		for _, d := range elapsed {
			all = append(all, measurement{user: d, elapsed: d, report: server.Report{Requests: map[string]int64{"GetObject": requests, "ListObjectsV2": 1}}})
		}
		return all
	}
	const s = time.Second
	slow := contestant{tool: tool{name: "s3sync, slow reads"}, to: "s3sync"}
	lost := contestant{tool: tool{name: "lost"}, to: "broken"}
	results := []result{
		{contestant: named("floor"), samples: took(99, 1*s, 1*s, 1*s)},
		{contestant: named("s3sync"), samples: took(99, 2*s, 4*s, 2*s)},
		{contestant: slow, samples: took(104, 3*s, 8*s, 3*s)},
		{contestant: named("broken"), samples: []measurement{{}}, failed: errors.New("no")},
		{contestant: lost, samples: took(1, s)},
	}
	want := []string{"s3sync, slow reads to s3sync: elapsed 1.50, CPU 1.50, +5 requests (+5.0 %)"}
	if diff := cmp.Diff(want, comparisons(results)); diff != "" {
		t.Error(diff)
	}

	numbers := func(tool string, workers int, samples []measurement) result {
		return result{contestant: contestant{tool: named(tool + ", " + atOnce(workers)).tool, workers: workers, fixed: workers > 0}, samples: samples}
	}
	results = []result{
		{contestant: named("floor"), samples: took(1, s)},
		numbers("old", 0, took(1, 5*s)), numbers("old", 64, took(1, 4*s)), numbers("old", 16, []measurement{{}}), numbers("old", 256, took(1, 8*s)),
		numbers("new", 0, took(1, 2*s)), numbers("new", 64, took(1, 3*s)),
		numbers("alone", 0, took(1, s)),
	}
	want = []string{
		"old, default: 80 % of the rate of the best fixed number, 64",
		"new, default: 150 % of the rate of the best fixed number, 64",
	}
	if diff := cmp.Diff(want, bestNumber(results)); diff != "" {
		t.Error(diff)
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1}, 5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{9, 1, 4, 2}, 3},
	} {
		if got := median(tt.values, func(v float64) float64 { return v }); got != tt.want {
			t.Errorf("median of %v is %v, want %v", tt.values, got, tt.want)
		}
	}
}

// TestRequests: the first ten seconds and the last one, which is not whole, do not count.
func TestRequests(t *testing.T) {
	r := server.Report{Requests: map[string]int64{"PutObject": 1234567}, Refused: 1500}
	for second := range 13 {
		r.Accepted, r.Rejected = append(r.Accepted, 400), append(r.Rejected, 100)
		if second < 10 || second == 12 {
			r.Accepted[second], r.Rejected[second] = 1, 1000
		}
	}
	want := "PutObject 1,234,567; 1,500 refused, no object failed; after 10s 400/s accepted, 20.0 % refused"
	if got := requests(r); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 10 << 10: "10 KiB", 3 << 19: "1.5 MiB", 1<<30 + 1<<29: "1.5 GiB", 27<<20 + 9999: "27 MiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) is %q, want %q", n, got, want)
		}
	}
}

// TestScenarios: every name stands for one scenario, and a name that begins others
// selects itself alone.
func TestScenarios(t *testing.T) {
	all := scenarios(sizes{files: 100, pairs: 1000, small: 10, large: 20 << 20, long: time.Second})
	seen := make(map[string]bool)
	for _, s := range all {
		if seen[s.name] {
			t.Errorf("there are two scenarios %q", s.name)
		}
		seen[s.name] = true
		if chosen, err := choose(all, s.name); err != nil || len(chosen) != 1 || chosen[0].name != s.name {
			t.Errorf("%q chooses %d scenarios, error %v", s.name, len(chosen), err)
		}
	}
	for what, want := range map[string]int{"small": 4, "small-up,same-local": 2, "*@20ms": 13, "all": len(all), "syq-*-down@0ms": 3} {
		if chosen, err := choose(all, what); err != nil || len(chosen) != want {
			t.Errorf("%q chooses %d scenarios, want %d, error %v", what, len(chosen), want, err)
		}
	}
	if _, err := choose(all, "nonsense"); err == nil {
		t.Error("no error for an unknown name")
	}
}
