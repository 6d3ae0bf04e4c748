package side_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"testing"

	"s3sync/internal/retry"
	"s3sync/internal/setting"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

var (
	errBroken  = errors.New("broken")
	errPassing = fmt.Errorf("%w: %w", storage.ErrTransient, errBroken)
)

// A store in memory whose questions fail with failure as often as failures says.
type store struct {
	*mem.Store

	failures int
	failure  error
	calls    int
	noTags   bool
}

func (s *store) fail() error {
	s.calls++
	if s.failures > 0 {
		s.failures--
		return s.failure
	}
	return nil
}

func (s *store) Caps() storage.Caps {
	caps := s.Store.Caps()
	caps.Tags = caps.Tags && !s.noTags
	return caps
}

func (s *store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	if err := s.fail(); err != nil {
		return storage.Info{}, err
	}
	return s.Store.Stat(ctx, key, opts)
}

func (s *store) Versioning(ctx context.Context) (bool, error) {
	if err := s.fail(); err != nil {
		return false, err
	}
	return s.Store.Versioning(ctx)
}

func (s *store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return s.breaking(s.Store.List(ctx, opts))
}

func (s *store) Versions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return s.breaking(s.Store.Versions(ctx, opts))
}

// breaking lets a listing fail behind its first object.
func (s *store) breaking(all iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		n := 0
		for o, err := range all {
			if n == 1 {
				if err := s.fail(); err != nil {
					yield(storage.Object{}, err)
					return
				}
			}
			if !yield(o, err) {
				return
			}
			n++
		}
	}
}

// A decorator passes everything on.
type decorator struct{ storage.Store }

func (d decorator) Unwrap() storage.Store { return d.Store }

// A plain store has no capability besides those of storage.Store.
type plain struct{ storage.Store }

// newSide is a source that notes its repetitions.
func newSide(s storage.Store, repetitions int, told *[]string) *side.Side {
	return side.New("source", s, side.Options{Policy: retry.Policy{Count: repetitions}, OnRetry: func(key string, err error) {
		*told = append(*told, fmt.Sprintf("%q: %v", key, err))
	}})
}

// put writes objects with their keys as data.
func put(t *testing.T, s storage.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte(key)}, storage.WriteOptions{Size: int64(len(key))}); err != nil {
			t.Fatal(err)
		}
	}
}

// A failure that may pass is told and the request repeated, as often as the policy
// says. The error is that of the request, without the name of the side.
func TestRetry(t *testing.T) {
	for name, tt := range map[string]struct {
		failures, repetitions int
		failure               error
		calls                 int
		want                  string // empty: success
	}{
		"success":        {calls: 1},
		"passes":         {failures: 2, failure: errPassing, repetitions: 2, calls: 3},
		"comes again":    {failures: 9, failure: errPassing, repetitions: 2, calls: 3, want: "temporary failure: broken (after 3 attempts)"},
		"never repeated": {failures: 9, failure: errPassing, calls: 1, want: "temporary failure: broken"},
		"does not pass":  {failures: 9, failure: errBroken, repetitions: 2, calls: 1, want: "broken"},
		"changed":        {failures: 1, failure: storage.ErrChanged, repetitions: 1, calls: 2},
	} {
		t.Run(name, func(t *testing.T) {
			st := &store{Store: mem.New(), failures: tt.failures, failure: tt.failure}
			put(t, st, "k")
			var told []string
			s := newSide(st, tt.repetitions, &told)
			info, err := s.Stat(t.Context(), "name", "k", storage.StatOptions{})
			if text(err) != tt.want || err == nil && info.Key != "k" {
				t.Errorf("got %q, %v; want %q", info.Key, err, tt.want)
			}
			if st.calls != tt.calls || len(told) != tt.calls-1 {
				t.Errorf("%d calls, want %d; told %q", st.calls, tt.calls, told)
			}
			for _, line := range told {
				if want := fmt.Sprintf("%q: %v", "name", tt.failure); line != want {
					t.Errorf("told %s, want %s", line, want)
				}
			}
			if s.Retries() != (tt.repetitions > 0) {
				t.Errorf("retries: %v", s.Retries())
			}
		})
	}
}

// Nobody needs to listen.
func TestRetryUnheard(t *testing.T) {
	st := &store{Store: mem.New(), failures: 1, failure: errPassing}
	put(t, st, "k")
	s := side.New("source", st, side.Options{Policy: retry.Policy{Count: 1}})
	if _, err := s.Stat(t.Context(), "k", "k", storage.StatOptions{}); err != nil || st.calls != 2 {
		t.Errorf("%d calls, %v", st.calls, err)
	}
}

// A question about an open object is not repeated once that is another one.
func TestRetryUnlessChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		errs  []error // of the attempts
		want  error
		calls int
	}{
		"success":            {errs: []error{nil}, calls: 1},
		"passes":             {errs: []error{errPassing, nil}, calls: 2},
		"changed":            {errs: []error{storage.ErrChanged}, want: storage.ErrChanged, calls: 1},
		"changed meanwhile":  {errs: []error{errPassing, storage.ErrChanged}, want: storage.ErrChanged, calls: 2},
		"fails in every one": {errs: []error{errPassing, errPassing, errPassing}, want: errPassing, calls: 3},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			calls := 0
			err := newSide(mem.New(), 2, &told).RetryUnlessChanged(t.Context(), "k", func(context.Context) error {
				calls++
				return tt.errs[calls-1]
			})
			if !errors.Is(err, tt.want) || calls != tt.calls || len(told) != tt.calls-1 {
				t.Errorf("got %v after %d calls, want %v after %d; told %q", err, calls, tt.want, tt.calls, told)
			}
		})
	}
}

// Errors name the side once, and an object that is gone is known as such.
func TestErrorsNameTheSide(t *testing.T) {
	var told []string
	s := newSide(mem.New(), 0, &told)
	for name, tt := range map[string]struct {
		got  error
		want string
		is   error
	}{
		"none":           {s.Wrap(nil), "", nil},
		"none, gone":     {s.WrapGone(nil), "", nil},
		"any":            {s.Wrap(errBroken), "source: broken", errBroken},
		"any, not gone":  {s.WrapGone(errBroken), "source: broken", errBroken},
		"missing":        {s.Wrap(fs.ErrNotExist), "source: file does not exist", fs.ErrNotExist},
		"gone":           {s.WrapGone(fs.ErrNotExist), "gone since it was listed: file does not exist", side.ErrGone},
		"gone, the kind": {s.WrapGone(fs.ErrNotExist), "gone since it was listed: file does not exist", fs.ErrNotExist},
	} {
		if text(tt.got) != tt.want || !errors.Is(tt.got, tt.is) {
			t.Errorf("%s: got %v, want %q", name, tt.got, tt.want)
		}
	}
}

// A listing goes on behind the last object, in its range. That of versions does so
// within a key.
func TestListGoesOn(t *testing.T) {
	st := &store{Store: mem.NewVersioned(), failures: 2, failure: errPassing}
	put(t, st, "a", "b", "b", "c", "d")
	var told []string
	s := newSide(st, 2, &told)
	keys := func(all iter.Seq2[storage.Object, error]) (keys []string) {
		t.Helper()
		for o, err := range all {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, o.Key)
		}
		return keys
	}
	r := storage.Range{From: "b", To: "d"}
	if got := keys(s.List(t.Context(), storage.ListOptions{Range: r})); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("listed %q", got)
	}
	st.failures = 2
	if got := keys(s.Versions(t.Context(), r)); !slices.Equal(got, []string{"b", "b", "c"}) {
		t.Errorf("versions of %q", got)
	}
	if want := slices.Repeat([]string{`"": temporary failure: broken`}, len(told)); len(told) < 2 || !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

func TestKeepsVersions(t *testing.T) {
	for name, tt := range map[string]struct {
		store storage.Store
		want  string
	}{
		"keeps them":         {mem.NewVersioned(), ""},
		"behind another":     {decorator{mem.NewVersioned()}, ""},
		"not enabled":        {mem.New(), "source: versioning is not enabled in the bucket, which Versioning.Enable needs"},
		"has none":           {plain{mem.NewVersioned()}, "source: it has no versions, which Versioning.Enable needs"},
		"passes":             {&store{Store: mem.NewVersioned(), failures: 1, failure: errPassing}, ""},
		"cannot be asked":    {&store{Store: mem.New(), failures: 1, failure: errBroken}, "source: whether versioning is enabled, which Versioning.Enable needs, cannot be found out: broken"},
		"a directory":        {directory(t), "source: it has no versions, which Versioning.Enable needs"},
		"one behind another": {decorator{directory(t)}, "source: it has no versions, which Versioning.Enable needs"},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			err := newSide(tt.store, 1, &told).KeepsVersions(t.Context(), "Versioning.Enable")
			if text(err) != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && !slices.Equal(setting.Of(err), []string{"Versioning.Enable"}) {
				t.Errorf("settings %q", setting.Of(err))
			}
		})
	}
}

// A capability is found behind decorators, and only where the store says that it
// has it.
func TestCapabilities(t *testing.T) {
	for name, tt := range map[string]struct {
		store        storage.Store
		maps, tagged bool
	}{
		"bucket":              {mem.New(), false, true},
		"bucket behind two":   {decorator{decorator{mem.New()}}, false, true},
		"no tags, it says":    {&store{Store: mem.New(), noTags: true}, false, false},
		"hidden":              {plain{mem.New()}, false, false},
		"directory":           {directory(t), true, false},
		"directory behind":    {decorator{directory(t)}, true, false},
		"directory, hidden":   {plain{directory(t)}, false, false},
		"decorated, says not": {decorator{&store{Store: mem.New(), noTags: true}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			s := newSide(tt.store, 0, &told)
			tagger, err := s.Tagger()
			if (tagger != nil) != tt.tagged || (err == nil) != tt.tagged || err != nil && err.Error() != "source: its objects have no tags that could be compared" {
				t.Errorf("tagger %v, %v", tagger, err)
			}
			if s.Maps() != tt.maps {
				t.Errorf("maps keys: %v", s.Maps())
			}
			wantKey, wantInto := "/a", 0
			if tt.maps {
				wantKey, wantInto = "a", 1
			}
			if key, err := s.MapKey("/a"); err != nil || key != wantKey {
				t.Errorf("/a is mapped to %q, %v; want %q", key, err, wantKey)
			}
			if into := s.MappedInto(storage.Range{From: "a"}); len(into) != wantInto {
				t.Errorf("mapped into the range: %v", into)
			}
		})
	}
}

// A place stores.
type place struct {
	storage.Store
	err error
}

func (p place) StillThere(context.Context) error { return p.err }

func TestStillThere(t *testing.T) {
	for name, tt := range map[string]struct {
		store storage.Store
		want  string
	}{
		"has no place":    {mem.New(), ""},
		"there":           {place{mem.New(), nil}, ""},
		"gone":            {place{mem.New(), errBroken}, "source: broken"},
		"gone, decorated": {decorator{place{mem.New(), errBroken}}, "source: broken"},
	} {
		var told []string
		if err := newSide(tt.store, 0, &told).StillThere(t.Context()); text(err) != tt.want {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

// text is that of an error, empty for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// directory is an empty one.
func directory(t *testing.T) storage.Store {
	t.Helper()
	d, err := dir.Open(t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
