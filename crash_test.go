package s3sync_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"s3sync"
	"s3sync/internal/state"
)

// TestEveryCrash lets the process of a run end after each single operation: each call of a
// store and each change of the files of the state. A new run goes on from what was on disk
// at that moment. It ends without failures, and the target is what it is after one run that
// nothing interrupted. At every moment an object is whole, the old one or the new one, and
// with a trash the old one can be restored. A history has no version twice. No object that arrived is sent again, and no part
// of which the process that ended had an answer. Nothing unfinished is left.
//
// What was under way when a process ends took effect or not, by chance. So of an object in
// parts at most those under way are sent again: one for each part that may be under way.
//
// Not simulated are a loss of power, a system call that is done in part, and a request that
// takes effect when the next run has begun. TestKills kills real processes.
//
// S3SYNC_SOAK=1 has 500 trees, and repeats each run with a second process that ends, too. A
// seed names a tree.
func TestEveryCrash(t *testing.T) {
	trees, stride := 20, 1
	switch {
	case soaks():
		trees = 500
	case testing.Short():
		trees, stride = 4, 4
	}
	var ends atomic.Int64
	t.Cleanup(func() { t.Logf("%d times processes ended", ends.Load()) })
	for seed := range trees {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			ends.Add(everyCrash(t, drawCrash(uint64(seed)), stride))
		})
	}
}

// everyCrash ends the run of a trial after each of its operations, or after one of so many,
// and some of the runs that go on as well. It returns how many times.
func everyCrash(t *testing.T, tr *crashTrial, stride int) (n int64) {
	t.Helper()
	root := t.TempDir()
	whole := tr.simulate(t, filepath.Join(root, "whole"), nil)
	for end := 1; end <= whole.ops && !t.Failed(); end += stride {
		again := 1 + (end*7+int(tr.seed))%whole.ops
		all := [][]int{{end}}
		switch {
		case soaks():
			all = append(all, []int{end, again})
		case end%3 == 0:
			all = [][]int{{end, again}}
		}
		for _, ends := range all {
			at := filepath.Join(root, fmt.Sprint(n))
			tr.simulate(t, at, whole, ends...)
			if err := os.RemoveAll(at); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	return n
}

// simulate makes runs whose processes end after these operations, and one that does not end,
// and checks what they did. whole is the result of one run that nothing interrupted; nil if
// this is it.
func (tr *crashTrial) simulate(t *testing.T, root string, whole *crashResult, ends ...int) (result *crashResult) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(tr.start))
		w := tr.newWorld(t, root)
		c := newCrashCheck(t, w, whole)
		var made []string
		defer func() {
			if t.Failed() {
				t.Logf("%v\nprocesses that ended after operations %d\nrepeat it: S3SYNC_SOAK=1 go test -v -run '^TestEveryCrash$/^seed=%d$' .", tr, ends, tr.seed)
			}
			if t.Failed() && testing.Verbose() {
				t.Log(strings.Join(made, "\n"))
			}
		}()
		for i, end := range append(ends, 0) {
			p := &process{seed: tr.seed + uint64(i)*1e6, slow: tr.slow, end: end, changed: c.changed, seen: map[string]int{}, work: newWork()}
			report, err := w.run(t, p)
			made = append(append(made, fmt.Sprintf("process %d:", i+1)), p.made...)
			c.ended(p, report, err)
			result = &crashResult{ops: p.ops, warnings: report.Warnings, versions: c.versions()}
			if !p.dead {
				break // also if it had fewer operations than it was to have
			}
			time.Sleep(time.Minute)
		}
		result.target, result.etags = c.target(), c.etags()
		c.finished(result)
	})
	return result
}

// run makes a run in a process. If the process ends, the state of the next one is what was
// on disk in that moment.
func (w *crashWorld) run(t *testing.T, p *process) (*s3sync.Report, error) {
	t.Helper()
	source, target, trash := w.open(t, p, "source"), w.open(t, p, "target"), w.open(t, p, "trash")
	tr, cfg := w.tr, config(source, target)
	if tr.trash != "" {
		cfg.Trash.Store = trash
	}
	if tr.state {
		cfg.State.Dir = w.state
		cfg.Resume.Disable = !tr.resume
	}
	cfg.Check.Mode = tr.check
	cfg.Verify.Algorithm, cfg.Verify.FullObject = string(tr.algorithm()), tr.algorithm() != ""
	cfg.Check.Algorithm = cfg.Verify.Algorithm
	if tr.history {
		cfg.Versioning.Enable, cfg.Versioning.AllMarkers = true, tr.seed%2 == 0
	}
	if tr.delete {
		cfg.Delete.Enable, cfg.Delete.AllowEmptySource, cfg.Delete.MaxPercent = true, true, 100
	}
	cfg.Tagging.SyncLatest = tr.tags
	cfg.ServerSideCopy = tr.way == "copy"
	cfg.Transfer.AutoChunkSize = tr.keepLayout && tr.way != "copy"
	cfg.Transfer.Workers, cfg.Transfer.ParallelParts = s3sync.Concurrency(tr.workers), s3sync.Concurrency(tr.parts)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = tr.threshold, tr.chunk
	next := w.state + "+"
	p.ends = func() {
		if tr.state {
			copyState(t, w.state, next)
		}
	}
	report, err := s3sync.SyncInto(t.Context(), cfg, "", func(opts *state.Options) {
		opts.NoSync, opts.Changed = true, p.stateChanged
	})
	if p.dead {
		w.state = next
	}
	for _, s := range []interface{ Close() error }{source, target, trash} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return report, err
}

// copyState copies the files of a state.
func copyState(t testing.TB, from, to string) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err == nil {
		err = os.Mkdir(to, 0o700)
	}
	for _, f := range files {
		var data []byte
		if err == nil {
			data, err = os.ReadFile(filepath.Join(from, f.Name()))
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f.Name()), data, 0o600)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// add adds what a later process did.
func (w *work) add(o *work) {
	maps.Copy(w.published, o.published)
	maps.Copy(w.written, o.written)
	maps.Copy(w.answered, o.answered)
}
