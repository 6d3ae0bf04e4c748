package s3sync_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"s3sync"
	"s3sync/storage"
)

// TestEveryCall makes runs with random trees and options. It repeats each run for every
// call of a store and every fault of that call: the call fails, once or permanently,
// before or after it was carried out, its response is wrong, or the run is cancelled
// after it. In all cases nothing is lost, nothing wrong is published, and the run
// reports what happened.
//
// S3SYNC_SOAK=1 tests more trees. A seed names a tree.
func TestEveryCall(t *testing.T) {
	seeds := 20
	if soaks() {
		seeds = 300
	}
	for seed := range seeds {
		d := []direction{across, across, up, down}[seed%4]
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			tr := rapid.Custom(func(t *rapid.T) *trial { return drawTrial(t, d) }).Example(seed)
			everyCall(t, tr)
		})
	}
}

// everyCall runs a new trial for each call and each of its faults.
func everyCall(t *testing.T, tr *trial) {
	t.Helper()
	tr.o.workers, tr.o.dry, tr.fault = 1, false, fault{name: "call"}
	for _, side := range []tree{tr.source, tr.target} {
		maps.DeleteFunc(side, func(name string, _ entry) bool { return strings.HasPrefix(name, "mass/") })
	}
	root, n := t.TempDir(), 0
	run := func(w *interceptor) *trialResult {
		n++
		return tr.run(t.Context(), filepath.Join(root, fmt.Sprint(n)), w.arm)
	}
	smooth := &interceptor{}
	first := run(smooth)
	if len(first.wrong) > 0 {
		t.Fatalf("nothing went wrong, and yet: %s\n%s", strings.Join(first.wrong, "\n"), first)
	}
	for _, id := range slices.Sorted(slices.Values(smooth.calls)) {
		for _, what := range tr.callFaults(id) {
			w := &interceptor{at: id, fault: what}
			j := run(w)
			w.check(j, first)
			if len(j.wrong) > 0 {
				t.Fatalf("%q %s: %s\n%s", id, what, strings.Join(j.wrong, "\n"), j) // the others probably report the same
			}
		}
	}
	t.Logf("%d calls, %d runs", len(smooth.calls), n)
}

// A callFault is a fault of a call.
type callFault string

const (
	fails      callFault = "fails"
	failsOnce  callFault = "fails once"
	failsAfter callFault = "is carried out, and fails once"
	cancelled  callFault = "is the last before the run is cancelled"
	interrupts callFault = "is cancelled"
	wrongSize  callFault = "tells a wrong size"
	noETag     callFault = "tells no ETag"
	wrongETag  callFault = "tells another ETag"
	endsEarly  callFault = "gives half of the bytes"
	wrongParts callFault = "tells wrong parts"
)

// callFaults returns the possible faults of a call.
func (tr *trial) callFaults(id string) []callFault {
	all := []callFault{fails, failsOnce, cancelled, interrupts}
	op := operation(id)
	if op != "create" && op != "create-copy" { // nobody could know the upload that was begun
		all = append(all, failsAfter)
	}
	switch op {
	case "next":
		all = append(all, noETag)
		// Folder markers, and filters by size, depend on the listed size.
		if !strings.Contains(id, "/ #") && !strings.Contains(tr.o.check, "size") && tr.o.filter != "smaller" && tr.o.filter != "larger" {
			all = append(all, wrongSize)
		}
	case "stat", "open":
		all = append(all, wrongSize, noETag)
	case "put", "commit", "copy":
		all = append(all, noETag, wrongETag)
	case "read":
		all = append(all, endsEarly)
	case "layout":
		all = append(all, wrongParts)
	}
	return all
}

// operation returns the operation of a call.
func operation(id string) string { return strings.Fields(id)[1] }

// changes are the operations that change a store.
func changes() []string {
	return []string{"put", "create", "part", "commit", "copy", "copy-part", "create-copy", "delete", "set-tags"}
}

// An interceptor is between a run and both of its stores. It identifies a call by the
// side, the operation, the key and its number among such calls. These do not depend on
// the order of goroutines.
type interceptor struct {
	at    string // the call
	fault callFault

	mu     sync.Mutex
	calls  []string
	seen   map[string]int
	now    map[string]string // the last call of a side, an operation and a key
	hit    atomic.Bool
	cancel func()
	late   map[string]bool // changes requested after the run was cancelled, and whether they were made
	done   []string        // operations that were carried out
	over   bool
}

func (w *interceptor) arm(s *sides, cfg *s3sync.Config, cancel func()) *atomic.Bool {
	cfg.Transfer.ParallelParts = 1 // with two at once, the order of their calls is random
	w.seen, w.now, w.late = map[string]int{}, map[string]string{}, map[string]bool{}
	w.cancel = func() {
		cancel()
		w.mu.Lock()
		w.over = true
		w.mu.Unlock()
	}
	for side, f := range map[string]*faulty{"source": s.source, "target": s.target} {
		f.before = func(op, key string) error { return w.before(side, op, key) }
		f.after = func(op, key string) error { return w.after(side, op, key) }
		f.changeInfo = func(op, key string, info *storage.Info) { w.tells(side, op, key, info) }
		f.read = func(key string, p []byte, _ int64) error {
			if w.due(side, "read", key, endsEarly) && len(p) > 0 && !f.Caps().Files {
				w.hit.Store(true)
				clear(p[len(p)/2:])
			}
			return nil
		}
		f.layout = func(sizes []int64) ([]int64, error) {
			if w.fault == wrongParts && len(sizes) > 0 {
				w.hit.Store(true)
				sizes[0]++
			}
			return sizes, nil
		}
	}
	return &w.hit
}

func (w *interceptor) before(side, op, key string) error {
	w.mu.Lock()
	name := side + " " + op + " " + key
	w.seen[name]++
	id := fmt.Sprint(name, " #", w.seen[name])
	w.now[name] = id
	w.calls = append(w.calls, id)
	if w.over && slices.Contains(changes(), op) {
		w.late[id] = false
	}
	w.mu.Unlock()
	if id != w.at {
		return nil
	}
	fail := func(err error) error {
		w.hit.Store(true)
		return &storage.Error{Op: op, Key: key, Err: err}
	}
	switch w.fault {
	case fails:
		return fail(errInjected)
	case failsOnce:
		return fail(storage.ErrTransient)
	case interrupts:
		w.cancel()
		return fail(context.Canceled)
	}
	return nil
}

// due reports whether the current call is the chosen one.
func (w *interceptor) due(side, op, key string, what callFault) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault == what && w.now[side+" "+op+" "+key] == w.at
}

func (w *interceptor) after(side, op, key string) error {
	w.mu.Lock()
	id := w.now[side+" "+op+" "+key]
	if has(w.late, id) {
		w.late[id] = true
	}
	w.done = append(w.done, op)
	w.mu.Unlock()
	if w.due(side, op, key, failsAfter) {
		w.hit.Store(true)
		return &storage.Error{Op: op, Key: key, Err: storage.ErrTransient}
	}
	if w.due(side, op, key, cancelled) {
		w.hit.Store(true)
		w.cancel()
	}
	return nil
}

func (w *interceptor) tells(side, op, key string, info *storage.Info) {
	for _, what := range []callFault{wrongSize, noETag, wrongETag} {
		if !w.due(side, op, key, what) {
			continue
		}
		w.hit.Store(true)
		switch what {
		case wrongSize:
			info.Size++
		case noETag:
			info.ETag = ""
		case wrongETag:
			info.ETag = strings.Repeat("0", 32) + info.ETag[min(32, len(info.ETag)):]
		}
	}
}

// check checks the facts of a run that only an interceptor knows.
func (w *interceptor) check(j, first *trialResult) {
	begun, ended := 0, 0
	for _, op := range w.done {
		switch op {
		case "create", "create-copy":
			begun++
		case "abort", "commit":
			ended++
		}
	}
	if begun > ended && operation(w.at) != "abort" {
		j.fault("unfinished", "%d uploads were begun, %d committed or aborted", begun, ended)
	}
	// Listings run in parallel with the workers, which may have started a call by then.
	stopped := w.fault == cancelled || w.fault == interrupts
	switch {
	case !w.hit.Load():
		return
	case w.fault == interrupts && j.err == nil:
		j.fault("cancellation", "a call was cancelled, and the run ended well")
	case stopped && operation(w.at) != "next" && slices.Contains(slices.Collect(maps.Values(w.late)), true):
		j.fault("cancellation", "the run was cancelled, and yet these calls were made, and true ones carried out: %v", w.late)
	case w.fault == fails && j.clean() && operation(w.at) != "abort":
		j.fault("false success", "a call failed, and the run tells of a success")
	case w.fault == failsOnce && j.err != nil && first.err == nil && operation(w.at) == "next":
		j.fault("false alarm", "a listing that failed once was not listed again: %v", j.err)
	}
}
