package command

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/cluster/internal/flow"
	"s3sync/cluster/internal/job"
)

const digest = "3f9a2c1b77de0123456789abcdef0123456789abcdef0123456789abcdef0123"

func middleOfAJob(now time.Time) flow.Status {
	return flow.Status{
		Version: 1, Job: "photos", Epoch: 1, Started: now.Add(-time.Hour), State: "running", Phase: flow.PhaseCopy,
		Limits:   job.Limits{Requests: 3500, Bytes: 1 << 30, InFlight: 12},
		Counters: job.Counters{Listed: 12_345_678, Held: 9_000_000, Transferred: 3_456_789, TransferredBytes: 7 << 40, Verified: 3_456_780, Skipped: 8_888_000, Failed: 1, Warnings: 2, Extraneous: 17},
		Work:     flow.Work{Ranges: 256, Done: 64, InFlight: 11, Window: 12, Leases: 130},
		Workers: []flow.Worker{
			{Name: "w1", Leases: 6, KeysPerSecond: 2100},
			{Name: "w2", Leases: 5, KeysPerSecond: 1900.6, Throttled: 0.031, Retried: 1, Failure: "a server failed\nor was not reached"},
		},
	}
}

func TestStatusLines(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		change func(*flow.Status)
		rate   speed
		width  int
		want   string
	}{
		"middle": {width: 200, want: `job       photos: copy, for 1h00m
progress  64 of 256 ranges done (25 %), 11 in flight of 12 allowed now; 130 leases; about 3h00m left
speed     5,929 keys/s listed, 1.99 GiB/s since the beginning
listed    12,345,678 objects in the source, 9,000,000 in the target
done      transferred 3,456,789 objects, 7.00 TiB; verified 3,456,780; skipped 8,888,000; deleted 0
problems  1 object failed, 2 warnings; 17 only in the target
limits    3500 objects/s, 1.00 GiB/s, 12 ranges at once
workers   w1: 6 ranges, 2,100 keys/s
          w2: 5 ranges, 1,900 keys/s, 3.1 % throttled, 1 tried again: a server failed; or was not reached`},
		"followed, and what is to be decided is not cut": {
			rate: speed{points: []point{{now.Add(-10 * time.Second), 1000, 0}, {now, 5000, 100 << 20}}}, width: 40,
			change: func(s *flow.Status) {
				s.Phase, s.Workers, s.Work.Stopped = flow.PhaseDeciding, nil, []string{"a bucket does not exist"}
				s.Waiting = &flow.Waiting{Reasons: []string{"17 objects would be deleted of 20, which is too many"}, Choices: []flow.Choice{flow.Approve, flow.Abort}, Verdict: digest}
			},
			want: `job       photos: waits for a decision,
progress  64 of 256 ranges done (25 %),
speed     400 keys/s listed, 10.0 MiB/s
listed    12,345,678 objects in the sou
done      transferred 3,456,789 objects
problems  1 object failed, 2 warnings;
limits    3500 objects/s, 1.00 GiB/s, 1
workers   none has a range now
stopped   a bucket does not exist
waits     17 objects would be deleted
          of 20, which is too many
  ->      s3sync-cluster approve photos --verdict 3f9a2c1b77de
  ->      s3sync-cluster abort photos`,
		},
		"ended": {
			width: 200,
			change: func(s *flow.Status) {
				*s = flow.Status{Job: "photos", Epoch: 3, State: "completed", Phase: flow.PhaseDone}
			},
			want: `job       photos: completed, planned anew 2 times
progress  no ranges yet
listed    0 objects in the source, 0 in the target
done      transferred 0 objects, 0 B; verified 0; skipped 0; deleted 0
problems  0 objects failed, 0 warnings
limits    any number of objects, any number of bytes, 0 ranges at once`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := middleOfAJob(now)
			if tt.change != nil {
				tt.change(&s)
			}
			got := strings.Join(statusLines(&s, now, tt.rate, tt.width), "\n")
			var lines []string
			for line := range strings.Lines(got) {
				lines = append(lines, strings.TrimRight(line, " \n"))
			}
			if diff := cmp.Diff(tt.want, strings.Join(lines, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A worker names settings, and whoever decides knows options.
func TestSpelled(t *testing.T) {
	const text = `nothing is deleted: Delete.MaxPercent bounds it, first "Delete.MaxPercent", "a\"Delete.MaxPercent". See S3.Nothing.`
	const want = `nothing is deleted: --max-delete-percent bounds it, first "Delete.MaxPercent", "a\"Delete.MaxPercent". See S3.Nothing.`
	if got := newCommand(Process{}).spelled(text); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A terminal is never filled: of many workers some are shown.
func TestManyWorkers(t *testing.T) {
	s := middleOfAJob(time.Now())
	s.Workers = make([]flow.Worker, 400)
	lines := workerLines(&s)
	if len(lines) != mostWorkers+1 || strings.TrimSpace(lines[mostWorkers]) != "385 more" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestRemaining(t *testing.T) {
	for _, tt := range []struct {
		done, all int
		want      time.Duration
		ok        bool
	}{
		{0, 100, 0, false},
		{4, 100, 0, false}, // too few to tell
		{50, 100, time.Hour, true},
		{100, 100, 0, false},
	} {
		if got, ok := remaining(tt.done, tt.all, time.Hour); got != tt.want || ok != tt.ok {
			t.Errorf("%d of %d: %v, %v", tt.done, tt.all, got, ok)
		}
	}
}

// The speed is that of the last minute, not of the whole job.
func TestSpeed(t *testing.T) {
	var v speed
	start := time.Now()
	for i := range 100 {
		v.add(start.Add(time.Duration(i)*10*time.Second), &job.Counters{Listed: int64(i) * 10, TransferredBytes: int64(i*i) * 10})
	}
	keys, bytes, known := v.perSecond()
	if keys != 1 || bytes < 190 || bytes > 200 || !known {
		t.Errorf("%d keys/s, %d bytes/s, %v", keys, bytes, known)
	}
}

func TestJobLines(t *testing.T) {
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.Local)
	got := jobLines([]flow.JobInfo{
		{Job: "photos-2026", State: "running", Started: noon},
		{Job: "old", State: "completed", Started: noon.Add(-48 * time.Hour), Ended: noon.Add(-24 * time.Hour)},
	}, noon.Add(90*time.Minute))
	want := `photos-2026  running    2026-01-31 12:00  for 1h30m
old          completed  2026-01-29 12:00  took 1d00h
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
