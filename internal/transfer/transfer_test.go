package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"s3sync/internal/attributes"
	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
	"s3sync/storage"
)

// TestTransfer: the requests that an object takes, the steps that are told, and how
// it is cut.
func TestTransfer(t *testing.T) {
	for name, tt := range map[string]struct {
		parts          []int // of the source
		change         func(*run)
		source, target string // calls
		steps          string
		unknown        bool
	}{
		"empty": {parts: []int{0}, source: "open read check", target: "put", steps: "begun a 0:0"},
		"whole": {parts: []int{7}, source: "open read check", target: "put", steps: "begun a 0:7"},
		"parts": {
			parts: []int{10}, source: "open read read read check", target: "create part part part commit",
			steps: "begun a 1:4 2:4 3:2",
		},
		"of parts": {
			parts: []int{3, 7}, source: "open layout-infer read read read check", target: "create part part part commit",
			steps: "begun a 1:4 2:4 3:2",
		},
		"of parts, whole": {
			parts: []int{3, 4}, source: "open layout-infer read check", target: "put", steps: "begun a 0:7",
		},
		"no retries": {
			parts: []int{3, 4}, change: func(r *run) { r.retries = 0 },
			source: "open layout-exact read check", target: "put", steps: "begun a 0:7",
		},
		"parts are kept": {
			parts: []int{3, 7, 1}, change: func(r *run) { r.opts.KeepLayout = true },
			source: "open layout-infer read read read check", target: "create part part part commit",
			steps: "begun a 1:3 2:7 3:1",
		},
		"whole is kept": {
			parts: []int{20}, change: func(r *run) { r.opts.KeepLayout = true },
			source: "open read check", target: "put", steps: "begun a 0:20",
		},
		"parts are not known": {
			parts: []int{3, 7, 1}, change: func(r *run) {
				r.opts.KeepLayout = true
				r.source.layout = func([]int64) []int64 { return nil }
			},
			source: "open layout-infer read read read check", target: "create part part part commit",
			steps: "begun a 1:4 2:4 3:3", unknown: true,
		},
		"no digest to go by": {
			parts: []int{3, 7, 1}, change: func(r *run) {
				r.opts.KeepLayout = true
				r.source.info = func(i *storage.Info) { i.ETag, i.ETagNotDigest = "x", true }
			},
			source: "open read read read check", target: "create part part part commit",
			steps: "begun a 1:4 2:4 3:3", unknown: true,
		},
		"no digest to go by, versions": {
			parts: []int{3, 7, 1}, change: func(r *run) {
				r.opts.KeepLayout, r.opts.Versions = true, true
				r.source.info = func(i *storage.Info) { i.ETag, i.ETagNotDigest = "x", true }
			},
			source: "open read read read check", target: "create part part part commit",
			steps: "begun a 1:4 2:4 3:3",
		},
		"to files": {
			parts: []int{3, 7}, change: func(r *run) { r.target, r.opts.KeepLayout = newFiles(), true },
			source: "open layout-infer read read read check", target: "create part part part commit",
			steps: "begun a 1:4 2:4 3:2",
		},
		"from files": {
			parts: []int{10}, change: func(r *run) { r.source, r.opts.KeepLayout = newFiles(), true },
			source: "open read read read check", target: "create part part part commit",
			steps: "begun a 1:4 2:4 3:2",
		},
		"streamed parts": {
			parts: []int{20, 3}, change: func(r *run) { r.opts.KeepLayout, r.memory = true, 16 },
			source: "open layout-infer read read read read read read check", target: "create stream part commit",
			steps: "begun a 1:20 2:3",
		},
		"streamed": {
			parts: []int{20}, change: func(r *run) { r.opts.KeepLayout, r.memory = true, 16 },
			source: "open read read read read read check", target: "put", steps: "begun a 0:20",
		},
		"held for the checksum": {
			parts: []int{20}, change: func(r *run) { r.opts.KeepLayout, r.memory, r.opts.Verify.Algorithm = true, 24, "CRC32" },
			source: "open read check", target: "put", steps: "begun a 0:20",
		},
		"request again": {
			parts: []int{10}, change: func(r *run) {
				r.source.before, r.target.before = times(1, "read", errTransient), times(1, "part", errTransient)
			},
			source: "open read read read read check", target: "create part part part part commit",
			steps: "begun a 1:4 2:4 3:2",
		},
		"commit again": {
			parts: []int{10}, change: func(r *run) { r.target.before = times(1, "commit", errTransient) },
			source: "open read read read check", target: "create part part part commit commit",
			steps: "begun a 1:4 2:4 3:2",
		},
		"changed while it was read": {
			parts: []int{4, 4}, change: func(r *run) { r.source.after = times(1, "read", storage.ErrChanged) },
			source: "open layout-infer read open layout-exact read read check", target: "create abort create part part commit",
			steps: "begun a begun a 1:4 2:4",
		},
		"changed at the end": {
			parts: []int{7}, change: func(r *run) { r.source.before = times(1, "check", storage.ErrChanged) },
			source: "open read check open read check", target: "put", steps: "begun a begun a 0:7",
		},
		"damaged": {
			parts: []int{7}, change: func(r *run) {
				damaged := false
				r.target.written = func(i *storage.Info) {
					if !damaged {
						damaged, i.ETag = true, strings.Repeat("0", 32)
					}
				}
			},
			source: "open read check open read check", target: "put put", steps: "begun a 0:7 mismatch begun a 0:7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			if tt.change != nil {
				tt.change(r)
			}
			a := r.fill(t, tt.parts...)
			a.Source.VersionID = ""
			got, err := r.transferrer(t).Transfer(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if r.source.called() != tt.source || r.target.called() != tt.target {
				t.Errorf("source: %s\ntarget: %s", r.source.called(), r.target.called())
			}
			if steps := strings.Join(r.steps, " "); steps != tt.steps {
				t.Errorf("steps %s, want %s", steps, tt.steps)
			}
			if (len(r.unknown) == 1) != tt.unknown {
				t.Errorf("unknown parts of %v", r.unknown)
			}
			etagNotDigest := strings.HasPrefix(name, "no digest")
			layoutUnknown := name == "parts are not known"
			if got.Source.Key != "a" || got.Target.Key != "a" || got.Target.ETag == "" || got.Verification.ETag == (etagNotDigest || layoutUnknown) {
				t.Errorf("%+v", got)
			}
			r.arrived(t)
		})
	}
}

// TestTransferFails: nothing is published, what was begun is aborted, the error
// names the side.
func TestTransferFails(t *testing.T) {
	fail := func(op string, err error) func(string) error { return times(-1, op, err) }
	for name, tt := range map[string]struct {
		size   int
		change func(*run)
		want   string
		is     error
		target string
	}{
		"open, always":  {7, func(r *run) { r.source.before = fail("open", &storage.Error{Err: storage.ErrTransient}) }, "source: ", storage.ErrTransient, ""},
		"open":          {7, func(r *run) { r.source.before = fail("open", errInjected) }, "source: injected", errInjected, ""},
		"read":          {7, func(r *run) { r.source.before = fail("read", errInjected) }, "source: injected", errInjected, ""},
		"check":         {7, func(r *run) { r.source.before = fail("check", errInjected) }, "source: injected", errInjected, ""},
		"put":           {7, func(r *run) { r.target.before = fail("put", errInjected) }, "target: injected", errInjected, "put"},
		"create":        {10, func(r *run) { r.target.before = fail("create", errInjected) }, "target: injected", errInjected, "create"},
		"part":          {10, func(r *run) { r.target.before = fail("part", errInjected) }, "target: injected", errInjected, "create part abort"},
		"read of parts": {10, func(r *run) { r.source.before = fail("read", errInjected) }, "source: injected", errInjected, "create abort"},
		"check of parts": {
			10, func(r *run) { r.source.before = fail("check", errInjected) }, "source: injected", errInjected,
			"create part part part abort",
		},
		"commit": {10, func(r *run) { r.target.before = fail("commit", errInjected) }, "target: injected", errInjected, "create part part part commit abort"},
		"abort": {10, func(r *run) {
			r.target.before = func(op string) error {
				if op == "commit" || op == "abort" {
					return fmt.Errorf("%s: %w", op, errInjected)
				}
				return nil
			}
		}, "target: commit: injected (and what was written so far could not be removed: abort: injected)", errInjected, "create part part part commit abort"},
		"too large": {7, func(r *run) { r.source.info = func(i *storage.Info) { i.Size = 1 << 60 } }, "no object can have the 1152921504606846976 bytes", nil, ""},
		"negative":  {7, func(r *run) { r.source.info = func(i *storage.Info) { i.Size = -1 } }, "no object can have the -1 bytes", nil, ""},
		"skipped": {7, func(r *run) {
			r.attrs.Preprocess = func(context.Context, *storage.Info, *attributes.Upload) error { return attributes.ErrSkip }
		}, "skipped", attributes.ErrSkip, ""},
		"again and again": {7, func(r *run) {
			r.target.written = func(i *storage.Info) { i.ETag = strings.Repeat("0", 32) }
		}, "the target's ETag is 000", storage.ErrMismatch, "put put put"},
		"damage of the source": {7, func(r *run) {
			r.source.info = func(i *storage.Info) { i.ETag = strings.Repeat("0", 32) }
		}, "the source's ETag is 000", storage.ErrMismatch, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			tt.change(r)
			got, err := r.transferrer(t).Transfer(t.Context(), r.fill(t, tt.size))
			has(t, err, tt.want)
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			if r.target.called() != tt.target || !reflect.ValueOf(got).IsZero() {
				t.Errorf("target: %s; %+v", r.target.called(), got)
			}
			if tt.want != "the target's ETag is 000" {
				r.nothing(t)
			}
		})
	}
}

// TestGone: an object that is not there any more is no failure of the store.
func TestGone(t *testing.T) {
	r := newRun()
	_, err := r.transferrer(t).Transfer(t.Context(), &plan.Action{Pair: plan.Pair{Source: storage.Object{Key: "gone"}, TargetKey: "gone"}})
	if !errors.Is(err, side.ErrGone) || r.source.called() != "open" {
		t.Errorf("%v after %s", err, r.source.called())
	}
}

// A mapping store keeps directories, as a directory does.
type mapping struct{ *store }

func (mapping) MapKey(key string) (string, error) { return strings.TrimSuffix(key, "/"), nil }

func (mapping) MappedInto(storage.Range) []storage.Range { return nil }

var _ storage.KeyMapper = mapping{}

// TestDirectory: a key that ends in a slash makes a directory where keys are mapped,
// without its source being read.
func TestDirectory(t *testing.T) {
	source, target := newStore(), newStore()
	target.before = times(1, "put", errTransient)
	r := newRun()
	a := plan.Action{Pair: plan.Pair{Source: storage.Object{Key: "d/", Size: 0}, TargetKey: "d/"}}
	tr := transferBetween(t, r, source, mapping{target})
	got, err := tr.Transfer(t.Context(), &a)
	if err != nil || got.Source.Key != "d/" || got.Verification != (verify.Result{}) {
		t.Errorf("%v, %+v", err, got)
	}
	if source.called() != "" || target.called() != "put put" {
		t.Errorf("source: %s, target: %s", source.called(), target.called())
	}
	target.before = times(-1, "put", errInjected)
	if _, err = tr.Transfer(t.Context(), &a); err == nil || !strings.HasPrefix(err.Error(), "target: ") {
		t.Error(err)
	}
}

func transferBetween(t *testing.T, r *run, source, target storage.Store) *transfer.Transferrer {
	t.Helper()
	l := limits.New(limits.Options{Memory: 1 << 20, ParallelParts: 4})
	policy := side.Options{Policy: retry.Policy{Count: r.retries}}
	from, to := side.New("source", source, policy), side.New("target", target, policy)
	tr, err := transfer.New(r.opts, from, to, l, attributes.New(r.attrs, from, to))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestChecksumKept: a target that does not confirm the checksum is told of once.
func TestChecksumKept(t *testing.T) {
	for name, tt := range map[string]struct {
		algorithm checksum.Algorithm
		keeps     bool
		files     bool
		want      int
	}{
		"kept": {"CRC32C", true, false, 0}, "not kept": {"CRC32C", false, false, 1}, "not asked for": {"", false, false, 0},
		"files": {"CRC32C", false, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			if tt.files {
				r.target = newFiles()
			}
			if !tt.keeps {
				tell := r.target.written
				r.target.written = func(i *storage.Info) {
					i.Checksums = nil
					if tell != nil {
						tell(i)
					}
				}
			}
			r.opts.Verify.Algorithm, r.opts.Verify.Checksum = tt.algorithm, true
			tr := r.transferrer(t)
			a := r.fill(t, 3)
			for range 3 {
				if _, err := tr.Transfer(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
			if len(r.notices) != tt.want {
				t.Errorf("told %v", r.notices)
			}
			for _, n := range r.notices {
				if !n.Warning || !strings.Contains(n.Text, `the CRC32C checksum of "a" that Verify.Algorithm asks for`) {
					t.Errorf("told %+v", n)
				}
			}
		})
	}
}

// TestReadBytes: what is read counts, also of an attempt that fails later.
func TestReadBytes(t *testing.T) {
	r := newRun()
	r.source.before = times(1, "check", storage.ErrChanged)
	if _, err := r.transferrer(t).Transfer(t.Context(), r.fill(t, 7)); err != nil || r.read != 14 {
		t.Errorf("%v, %d bytes", err, r.read)
	}
}

// TestPrecheck: what the listings tell is enough.
func TestPrecheck(t *testing.T) {
	for name, tt := range map[string]struct {
		a    plan.Action
		want error
	}{
		"possible": {plan.Action{}, nil},
		"archived": {plan.Action{Pair: plan.Pair{Source: storage.Object{Archived: true}}}, storage.ErrArchived},
		"there":    {plan.Action{Pair: plan.Pair{Exists: true}, Guard: plan.Guard{TargetAbsent: true}}, storage.ErrPrecondition},
		"absent":   {plan.Action{Guard: plan.Guard{TargetAbsent: true}}, nil},
		"exists":   {plan.Action{Pair: plan.Pair{Exists: true}}, nil},
	} {
		if err := transfer.Precheck(&tt.a); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReadable: a dry run opens only what may be archived.
func TestReadable(t *testing.T) {
	r := newRun()
	a := r.fill(t, 7)
	tr := r.transferrer(t)
	if err := tr.Readable(t.Context(), a); err != nil || r.source.called() != "" {
		t.Errorf("%v after %s", err, r.source.called())
	}
	a.Source.MaybeArchived = true
	if err := tr.Readable(t.Context(), a); err != nil || r.source.called() != "open" {
		t.Errorf("%v after %s", err, r.source.called())
	}
	r.source.before = times(1, "open", storage.ErrArchived)
	if err := tr.Readable(t.Context(), a); !errors.Is(err, storage.ErrArchived) || !strings.HasPrefix(err.Error(), "source: ") {
		t.Error(err)
	}
	a.Source.Key = "gone"
	if err := tr.Readable(t.Context(), a); !errors.Is(err, side.ErrGone) {
		t.Error(err)
	}
}
