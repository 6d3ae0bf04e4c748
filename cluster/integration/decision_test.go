package integration_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"s3sync"
	"s3sync/cluster/internal/flow"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/lease"
)

const (
	fewKeys   = 1600 // 100 for each prefix
	someExtra = 16   // that only the target has
)

// decisionModel is a model in which some keys must be transferred and some deleted.
func decisionModel(t *testing.T, source func(i int) state) *model {
	t.Helper()
	return newModel(t, fewKeys, map[string]func(i int) state{
		"source": source,
		"target": func(i int) state {
			if i%4 == 3 {
				return absent
			}
			return current
		},
	})
}

func allButExtraneous(i int) state {
	if i%(fewKeys/someExtra) == 6 {
		return absent
	}
	return current
}

// waits waits until the job waits for a decision. Nothing is deleted, and the command says why
// and which answers there are.
func (l *lab) waits(m *model, why string, choices ...flow.Choice) *flow.Waiting {
	l.t.Helper()
	s := l.until("the job waits for a decision", isStuck)
	slices.Sort(s.Waiting.Choices)
	if !slices.Equal(s.Waiting.Choices, choices) {
		l.t.Errorf("it waits for %q because of %q, want %q", s.Waiting.Choices, s.Waiting.Reasons, choices)
	}
	shown := strings.Join(strings.Fields(l.must("status", l.job)), " ")
	for _, text := range []string{"waits for a decision", why} {
		if !strings.Contains(shown, text) {
			l.t.Errorf("the status does not say %q: %s", text, shown)
		}
	}
	for _, choice := range []flow.Choice{flow.Abort, flow.Approve, flow.Retry} {
		offered := slices.Contains(choices, choice)
		if strings.Contains(shown, "s3sync-cluster "+string(choice)+" ") != offered {
			l.t.Errorf("the status does not offer the right answers: %s", shown)
		}
		if !offered {
			if _, err := l.call(answer(choice, l.job, strings.Repeat("0", 64))...); err == nil {
				l.t.Errorf("%s is accepted", choice)
			}
		}
	}
	if n := m.now().Deleted; n != 0 {
		l.t.Errorf("%d keys were deleted", n)
	}
	return s.Waiting
}

func answer(choice flow.Choice, name, verdict string) []string {
	args := []string{string(choice), name}
	if choice == flow.Approve {
		args = append(args, "--verdict", verdict)
	}
	return args
}

// checkDecision checks a job that did everything in the end.
func checkDecision(t *testing.T, m *model, r *job.Report) {
	t.Helper()
	m.same(t, "source", "target")
	if c := r.Counters; c.Failed != 0 || c.Transferred > m.now().Puts || c.Transferred+c.Skipped != c.Listed || c.Deleted != m.now().Deleted || c.Deleted == 0 {
		t.Errorf("counters %+v", c)
	}
}

// TestRangeCannotBeListed lets the listing of the source fail in one range.
func TestRangeCannotBeListed(t *testing.T) {
	t.Parallel()
	m := decisionModel(t, allButExtraneous)
	var mended atomic.Bool
	m.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		q := r.URL.Query()
		after := max(q.Get("start-after"), q.Get("continuation-token"))
		if mended.Load() || !strings.HasPrefix(r.URL.Path, "/source") || q.Get("list-type") == "" || after < m.keys[800] || after >= m.keys[900] {
			return false
		}
		refuse(w, http.StatusForbidden, "AccessDenied")
		return true
	}
	l := newLab(t, sharedEngine(t), "range-cannot-be-listed", ofModel(m)...)
	splits := filepath.Join(l.dir, "splits")
	if err := os.WriteFile(splits, []byte(strings.Join([]string{m.keys[400], m.keys[801], m.keys[900]}, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.worker("w1")
	l.worker("w2")
	l.submit("source", "target", "--delete", "--splits", splits, "--checkpoint-keys", "50")
	l.waits(m, "access was denied", flow.Abort, flow.Retry)
	mended.Store(true)
	l.must("retry", l.job)
	checkDecision(t, m, l.end())
}

// TestSourceIsEmpty lets a job wait whose source is empty. It may be ended, or approved.
func TestSourceIsEmpty(t *testing.T) {
	t.Parallel()
	for _, choice := range []flow.Choice{flow.Abort, flow.Approve} {
		t.Run(string(choice), func(t *testing.T) {
			t.Parallel()
			m := decisionModel(t, func(int) state { return absent })
			held := m.holds("target")
			l := newLab(t, sharedEngine(t), "source-is-empty-"+string(choice), ofModel(m)...)
			l.worker("w1")
			l.worker("w2")
			l.submit("source", "target", "--delete")
			w := l.waits(m, "--allow-empty-source permits that", flow.Abort, flow.Approve)
			l.must(answer(choice, l.job, w.Verdict[:12])...)
			if choice == flow.Approve {
				checkDecision(t, m, l.end())
				return
			}
			if r := l.end(); r.Counters.Deleted != 0 || m.holds("target") != held || r.Counters.Extraneous != held {
				t.Errorf("%d of %d are left; counters %+v", m.holds("target"), held, r.Counters)
			}
		})
	}
}

// TestManyObjectsFail lets more objects fail than is normal: the ranges are given up some
// times, in case of an outage, and the failures are tried again before somebody is asked.
func TestManyObjectsFail(t *testing.T) {
	t.Parallel()
	m := decisionModel(t, allButExtraneous)
	var mended atomic.Bool
	m.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if mended.Load() || r.Method != http.MethodPut || r.URL.Path < "/target/"+m.keys[400] || r.URL.Path >= "/target/"+m.keys[900] {
			return false
		}
		refuse(w, http.StatusBadRequest, "InvalidRequest")
		return true
	}
	l := newLab(t, sharedEngine(t), "many-objects-fail", ofModel(m)...)
	l.worker("w1")
	l.worker("w2")
	settings := s3sync.DefaultConfig()
	settings.Delete.Enable = true
	// Not by the command: there is no option for how long failures wait.
	l.submitSpec(&job.Spec{
		Version: job.Version, Job: l.job, Settings: settings, Ranges: 4, Limits: job.Limits{InFlight: 4},
		Source: job.Place{URL: "s3://source/", Connection: "lab"}, Target: job.Place{URL: "s3://target/", Connection: "lab"},
		Leases: job.Leases{
			Keys: 1_000_000, Time: 10 * time.Minute, CheckpointKeys: 1000, CheckpointTime: time.Minute, Silence: l.lostAfter, SweepDelay: 50 * time.Millisecond,
		},
	})
	l.waits(m, "125 keys failed, so that nothing may be deleted", flow.Abort, flow.Retry)
	mended.Store(true)
	l.must("retry", l.job)
	checkDecision(t, m, l.end())
	if l.givenUp() == 0 {
		t.Error("no range was given up")
	}
}

// submitSpec submits a job that the command cannot write.
func (l *lab) submitSpec(spec *job.Spec) {
	l.t.Helper()
	env := lease.Env{Connect: func(string) (s3sync.Endpoint, error) { return s3sync.Endpoint{}, nil }}
	run, err := lease.Submit(context.WithoutCancel(l.t.Context()), env, job.Place{URL: l.state[1]}, spec, false)
	if err == nil {
		err = flow.Submit(l.t.Context(), l.client, l.job, run, false)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}
