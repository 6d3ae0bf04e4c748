package transfer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/plan"
	"s3sync/internal/transfer"
	"s3sync/storage"
)

// transferSome lets a worker transfer some parts, or all if end is 0.
func (r *run) transferSome(t *testing.T, m *memory, a *plan.Action, first, end int) error {
	t.Helper()
	r.resumes(m).opts.PartsOf = func(*plan.Action) *transfer.PartRange {
		if end == 0 {
			return nil
		}
		return &transfer.PartRange{First: first, End: end}
	}
	_, err := r.transferrer(t).Transfer(t.Context(), a)
	return err
}

func (r *run) sentParts() int { return r.target.count("part") + r.target.count("copy-part") }

// Several workers transfer the parts of an object, in any order. The last one sends what is
// missing, reads nothing that was sent, and publishes the object as one worker does.
func TestSomeParts(t *testing.T) {
	for way, set := range ways() {
		for name, ranges := range map[string][][2]int{
			"all":           {{1, 3}, {3, 5}, {5, 9}},
			"backwards":     {{4, 6}, {2, 4}, {1, 2}},
			"one is lost":   {{1, 2}, {4, 6}},
			"one twice":     {{1, 4}, {1, 4}, {3, 6}},
			"nothing":       nil,
			"outside of it": {{7, 9}, {-3, 1}},
		} {
			t.Run(way+"/"+name, func(t *testing.T) {
				r, m := newRun(), newMemory()
				set(r)
				a := r.fill(t, 4, 4, 4, 4, 3)
				left := new(plan.LeftError)
				if err := r.transferSome(t, m, a, 1, 1); !errors.As(err, &left) || left.Parts < 4 || r.sentParts() != 0 {
					t.Fatalf("the beginning: %v, %d parts", err, r.sentParts())
				}
				parts, sent := left.Parts, map[int]bool{}
				for _, n := range ranges {
					if err := r.transferSome(t, m, a, n[0], n[1]); !errors.As(err, &left) {
						t.Fatalf("the parts %v: %v", n, err)
					}
					for i := max(n[0], 1); i < min(n[1], parts+1); i++ {
						sent[i] = true
					}
					if r.sentParts() != len(sent) {
						t.Fatalf("%d parts were sent up to %v, want %d", r.sentParts(), n, len(sent))
					}
				}
				r.nothing(t)
				if err := r.transferSome(t, m, a, 0, 0); err != nil {
					t.Fatal(err)
				}
				if got := r.sentParts(); got != parts {
					t.Errorf("%d parts were sent, want %d", got, parts)
				}
				// Only a source whose digests are those of the parts needs no second look.
				if known := way == "same parts" || way == "copy"; known && r.read != 19 {
					t.Errorf("%d bytes were read, want 19", r.read)
				}
				r.arrived(t)
				r.nothingLeft(t, m)
			})
		}
	}
}

// Parts are added to what was begun of this very object. Whoever finds another one adds and
// removes nothing, and the last one begins anew.
func TestSomePartsOfAnother(t *testing.T) {
	for way, set := range ways() {
		if way == "other parts" {
			continue // it has another number of them
		}
		t.Run(way, func(t *testing.T) {
			r, m := newRun(), newMemory()
			set(r)
			a := r.fill(t, 4, 4, 4, 4, 4)
			left := new(plan.LeftError)
			if err := r.transferSome(t, m, a, 2, 4); err == nil || errors.As(err, &left) || r.sentParts() != 0 || r.target.count("create") != 0 {
				t.Errorf("nobody began it: %v, %s", err, r.target.called())
			}
			if err := r.transferSome(t, m, a, 1, 1); !errors.As(err, &left) {
				t.Fatal(err)
			}
			if err := r.transferSome(t, m, a, 1, 3); !errors.As(err, &left) {
				t.Fatal(err)
			}
			a = r.fill(t, 4, 4, 4, 4)
			if err := r.transferSome(t, m, a, 2, 4); err == nil || errors.As(err, &left) || r.sentParts() != 2 || r.target.count("discard") != 0 {
				t.Errorf("the source changed: %v, %s", err, r.target.called())
			}
			if err := r.transferSome(t, m, a, 0, 0); err != nil || r.sentParts() != 6 {
				t.Errorf("%v, %d parts were sent", err, r.sentParts())
			}
			r.arrived(t)
			r.nothingLeft(t, m)
		})
	}
}

// An object that nobody could go on with is transferred as a whole, at once.
func TestSomePartsCannotBeLeft(t *testing.T) {
	for name, change := range map[string]func(*run, *memory){
		"parts cannot be listed": func(r *run, _ *memory) {
			r.target.before = times(1, "resume", fmt.Errorf("%w: no such request", errors.ErrUnsupported))
		},
		"nothing can be noted": func(_ *run, m *memory) {
			m.before = func(string) error { return errInjected }
		},
		"it is not in parts":   func(r *run, _ *memory) { r.opts.Threshold = 100 },
		"nothing is continued": func(r *run, _ *memory) { r.opts.BeginAnew = true },
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRun(), newMemory()
			change(r, m)
			if err := r.transferSome(t, m, r.fill(t, 4, 4, 4), 1, 1); err != nil {
				t.Fatal(err)
			}
			r.arrived(t)
			m.before = nil
			r.nothingLeft(t, m)
		})
	}
}

// A worker whose parts fail removes nothing: the others go on.
func TestSomePartsFail(t *testing.T) {
	for _, kind := range []error{storage.ErrMismatch, storage.ErrTransient, errInjected} {
		r, m := newRun(), newMemory()
		r.retries = 0
		a := r.fill(t, 4, 4, 4, 4)
		left := new(plan.LeftError)
		if err := r.transferSome(t, m, a, 1, 1); !errors.As(err, &left) {
			t.Fatal(err)
		}
		r.target.before = times(1, "part", kind)
		if err := r.transferSome(t, m, a, 1, 3); !errors.Is(err, kind) {
			t.Errorf("%v: %v", kind, err)
		}
		if err := r.transferSome(t, m, a, 3, 5); !errors.As(err, &left) {
			t.Errorf("%v: the others: %v", kind, err)
		}
		if err := r.transferSome(t, m, a, 0, 0); err != nil {
			t.Fatal(err)
		}
		if calls := strings.Fields(r.target.called()); slices.Contains(calls, "abort") || r.target.count("create") != 1 || r.sentParts() != 5 {
			t.Errorf("%v: %s", kind, r.target.called())
		}
		r.arrived(t)
		r.nothingLeft(t, m)
	}
}
