package attributes_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/attributes"
	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/mem"
)

var errInjected = errors.New("injected")

// directoryBucket is a store like a bucket without tags and storage classes.
type directoryBucket struct{ storage.Store }

func (d directoryBucket) Caps() storage.Caps {
	return storage.Caps{DefaultChecksum: "CRC64NVME"}
}

// A tagger has the same tags for each object, and may fail.
type tagger struct {
	*mem.Store

	tags map[string]string
	deny func(key string) error

	mu    sync.Mutex
	asked []string
	set   map[string]map[string]string
}

func (s *tagger) Tags(_ context.Context, key, versionID string) (map[string]string, error) {
	s.mu.Lock()
	s.asked = append(s.asked, key+versionID)
	s.mu.Unlock()
	if s.deny != nil {
		if err := s.deny(key); err != nil {
			return nil, &storage.Error{Op: "get tags", Key: key, Err: err}
		}
	}
	return s.tags, nil
}

func (s *tagger) SetTags(_ context.Context, key string, tags map[string]string) error {
	if s.deny != nil {
		if err := s.deny(key); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = map[string]map[string]string{key: tags}
	return nil
}

func always(err error) func(string) error { return func(string) error { return err } }

func told(count int) *storage.Info { return &storage.Info{TagCount: count} }

// TestSourceTags: which objects are asked for tags, and what is known then.
func TestSourceTags(t *testing.T) {
	one := map[string]string{"k": "v"}
	for name, tt := range map[string]struct {
		source storage.Store
		tags   map[string]string
		deny   error
		counts []int  // that are told, in turn
		want   string // per object: tags, none, unknown, or failed
		asked  int
		warned int
	}{
		"counted":                   {tags: one, counts: []int{1, 0, 0, 1}, want: "tags none none tags", asked: 2},
		"not counted":               {tags: one, counts: []int{0, 0, 0}, want: "tags tags tags", asked: 3},
		"none":                      {counts: []int{0, 0, 0, 0, 0, 0, 0, 0, 0}, want: "none none none none none none none none none", asked: 4},
		"hidden":                    {deny: fs.ErrPermission, counts: []int{0, 0, 0}, want: "unknown unknown unknown", asked: 1},
		"counted, denied":           {deny: fs.ErrPermission, counts: []int{1, 0, 1}, want: "failed none failed", asked: 2},
		"hidden, then counted":      {deny: fs.ErrPermission, counts: []int{0, 1, 0}, want: "unknown failed unknown", asked: 2},
		"unsupported":               {deny: errors.ErrUnsupported, counts: []int{0, 0, 1}, want: "unknown unknown unknown", asked: 1},
		"counted, but unsupported":  {deny: errors.ErrUnsupported, counts: []int{1, 0, 1}, want: "unknown unknown unknown", asked: 1},
		"gone":                      {deny: fs.ErrNotExist, counts: []int{1}, want: "failed", asked: 1},
		"no answer to samples":      {deny: errInjected, counts: []int{0, 0, 0, 0}, want: "failed failed failed failed", asked: 4},
		"of files":                  {source: files{}, counts: []int{0, 1}, want: "none none"},
		"of a directory bucket":     {source: directoryBucket{mem.New()}, counts: []int{0, 1}, want: "none none"},
		"of a store without tags":   {source: struct{ storage.Store }{mem.New()}, counts: []int{0, 1}, want: "none none"},
		"not counted, as it showed": {tags: one, counts: []int{0}, want: "tags", asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			store := &tagger{Store: mem.New(), tags: tt.tags, deny: always(tt.deny)}
			var source storage.Store = store
			if tt.source != nil {
				source = tt.source
			}
			warned := 0
			b := builder(attributes.Options{Warn: func(error) { warned++ }}, source, mem.New())
			var got []string
			for i, count := range tt.counts {
				tags, known, err := b.SourceTags(t.Context(), fmt.Sprint(i), told(count))
				switch {
				case err != nil:
					got = append(got, "failed")
				case !known:
					got = append(got, "unknown")
				case len(tags) > 0:
					got = append(got, "tags")
				default:
					got = append(got, "none")
				}
			}
			if text := strings.Join(got, " "); text != tt.want || len(store.asked) != tt.asked || warned != tt.warned {
				t.Errorf("got %s, want %s; asked for %d, want %d; %d warnings", text, tt.want, len(store.asked), tt.asked, warned)
			}
		})
	}
}

// TestLateTags: that a source does not count may show late. The warning says how
// many objects may have lost tags, and what repairs that.
func TestLateTags(t *testing.T) {
	source := &tagger{Store: mem.New()}
	var warned []error
	b := builder(attributes.Options{Warn: func(err error) { warned = append(warned, err) }}, source, mem.New())
	for i := range 20 {
		source.tags = nil
		if i > 10 {
			source.tags = map[string]string{"k": "v"}
		}
		tags, known, err := b.SourceTags(t.Context(), fmt.Sprint(i), told(0))
		if err != nil || !known || (len(tags) > 0) != (i >= 15) {
			t.Errorf("object %d: %v, %t, %v", i, tags, known, err)
		}
	}
	if len(warned) != 1 {
		t.Fatalf("warned %v", warned)
	}
	has(t, warned[0], `as "15" shows; up to 15 objects before it were taken for ones without tags (another run with Tagging.SyncLatest repairs them)`)
}

// TestSamplesWait: while one object is asked others wait, unless no answer comes;
// then each asks for itself.
func TestSamplesWait(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			source := &tagger{Store: mem.New(), deny: func(string) error {
				time.Sleep(time.Second)
				if fails {
					return errInjected
				}
				return nil
			}}
			b := builder(attributes.Options{}, source, mem.New())
			begin := time.Now()
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() { _, _, _ = b.SourceTags(t.Context(), fmt.Sprint(i), told(0)) })
			}
			wg.Wait()
			took := time.Since(begin)
			if want := map[bool]int{false: 7, true: 64}[fails]; len(source.asked) != want {
				t.Errorf("asked for %d, want %d", len(source.asked), want)
			}
			if fails && took > 2*time.Second || !fails && took > 7*time.Second {
				t.Errorf("took %v", took)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errInjected)
			source.deny = nil
			if _, _, err := b.SourceTags(ctx, "a", told(0)); err != nil && !errors.Is(err, errInjected) {
				t.Error(err)
			}
		})
	}
}

// TestTagsToWrite: what is written where tags are not known.
func TestTagsToWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		opts   attributes.Options
		target storage.Store
		deny   error
		count  int
		want   map[string]string
		err    string
		warned string
		asked  int
	}{
		"the source's":    {count: 1, want: map[string]string{"k": "v"}, asked: 1},
		"none wanted":     {opts: attributes.Options{NoTags: true}, count: 1},
		"given":           {opts: attributes.Options{Tags: map[string]string{"a": "b"}}, count: 1, want: map[string]string{"a": "b"}},
		"target without":  {target: directoryBucket{mem.New()}, count: 1},
		"denied":          {deny: fs.ErrPermission, count: 1, err: "s3:GetObjectTagging", asked: 1},
		"perhaps denied":  {deny: fs.ErrPermission, warned: "objects are written without the tags that they may have: tags cannot be read", asked: 1},
		"unsupported":     {deny: errors.ErrUnsupported, warned: "the source knows no tags; Tagging.Disable goes", asked: 1},
		"unsupported, to": {opts: attributes.Options{SyncTags: true}, deny: errors.ErrUnsupported, err: "Tagging.SyncLatest needs tags", asked: 1},
		"denied, to sync": {opts: attributes.Options{SyncTags: true}, deny: fs.ErrPermission, warned: "s3:GetObjectTagging", asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			source := &tagger{Store: mem.New(), tags: map[string]string{"k": "v"}, deny: always(tt.deny)}
			var target storage.Store = mem.New()
			if tt.target != nil {
				target = tt.target
			}
			warned := ""
			tt.opts.Warn = func(err error) { warned += err.Error() }
			b := builder(tt.opts, source, target)
			for range 3 { // the warning comes once
				info := full()
				info.TagCount = tt.count
				got, err := b.WriteOptions(t.Context(), action(info), info)
				switch {
				case tt.err != "":
					has(t, err, tt.err)
				case err != nil:
					t.Fatal(err)
				default:
					if diff := cmp.Diff(tt.want, got.Tags); diff != "" {
						t.Errorf("tags (-want +got):\n%s", diff)
					}
				}
				if tt.count > 0 {
					break
				}
			}
			if strings.Count(warned, "objects are written") > 1 || !strings.Contains(warned, tt.warned) || (warned == "") != (tt.warned == "") {
				t.Errorf("warned %q, want %q", warned, tt.warned)
			}
			if len(source.asked) != tt.asked {
				t.Errorf("asked for %v", source.asked)
			}
		})
	}
}

// TestRequireSourceTags: that nobody knows tags is an error for who needs them.
func TestRequireSourceTags(t *testing.T) {
	need := setting.Textf("%s or %s", setting.Name("Filter.IncludeTags"), setting.Name("Filter.ExcludeTags"))
	source := &tagger{Store: mem.New(), deny: always(errors.ErrUnsupported)}
	_, err := builder(attributes.Options{}, source, mem.New()).RequireSourceTags(t.Context(), "a", told(0), need)
	has(t, err, "Filter.IncludeTags or Filter.ExcludeTags needs tags: the source knows no tags")
	if !errors.Is(err, storage.ErrUnusable) {
		t.Error("it does not end the run")
	}
	source.deny = always(fs.ErrPermission)
	_, err = builder(attributes.Options{}, source, mem.New()).RequireSourceTags(t.Context(), "a", told(0), need)
	has(t, err, "s3:GetObjectTagging")
	if errors.Is(err, storage.ErrUnusable) || !errors.Is(err, fs.ErrPermission) {
		t.Error("it is not a matter of permission")
	}
	source.deny, source.tags = nil, map[string]string{"k": "v"}
	tags, err := builder(attributes.Options{}, source, mem.New()).RequireSourceTags(t.Context(), "a", told(1), need)
	if err != nil || len(tags) != 1 {
		t.Errorf("%v, %v", tags, err)
	}
}

func TestBothTags(t *testing.T) {
	need := setting.Textf("%s", setting.Name("Tagging.SyncLatest"))
	p := plan.Pair{Source: storage.Object{Key: "a", VersionID: "v"}, TargetKey: "b"}
	for name, tt := range map[string]struct {
		source, target error // why tags cannot be read
		want           string
		is             error
	}{
		"both":               {},
		"source denied":      {source: fs.ErrPermission, want: "source: tags cannot be read", is: fs.ErrPermission},
		"target denied":      {target: fs.ErrPermission, want: "target: tags cannot be read", is: fs.ErrPermission},
		"source gone":        {source: fs.ErrNotExist, want: "gone", is: side.ErrGone},
		"target gone":        {target: fs.ErrNotExist, want: `target: get tags "b": file does not exist`, is: fs.ErrNotExist},
		"source unsupported": {source: errors.ErrUnsupported, want: "Tagging.SyncLatest needs tags: source: ", is: storage.ErrUnusable},
		"target unsupported": {target: errors.ErrUnsupported, want: "Tagging.SyncLatest needs tags: target: ", is: storage.ErrUnusable},
	} {
		t.Run(name, func(t *testing.T) {
			source := &tagger{Store: mem.New(), tags: map[string]string{"s": ""}, deny: always(tt.source)}
			target := &tagger{Store: mem.New(), tags: map[string]string{"t": ""}, deny: always(tt.target)}
			from, to, err := builder(attributes.Options{}, source, target).BothTags(t.Context(), p, need)
			if tt.want != "" {
				has(t, err, tt.want)
				if !errors.Is(err, tt.is) {
					t.Errorf("%v is not %v", err, tt.is)
				}
				if errors.Is(err, side.ErrGone) && !errors.Is(tt.is, side.ErrGone) {
					t.Errorf("%v is that of a source object", err)
				}
				return
			}
			if err != nil || len(from) != 1 || len(to) != 1 || source.asked[0] != "av" || target.asked[0] != "b" {
				t.Errorf("%v, %v, %v, asked for %v and %v", from, to, err, source.asked, target.asked)
			}
		})
	}
	_, _, err := builder(attributes.Options{}, struct{ storage.Store }{mem.New()}, mem.New()).BothTags(t.Context(), p, need)
	has(t, err, "source: its objects have no tags")
}

func TestSetTags(t *testing.T) {
	p := plan.Pair{Source: storage.Object{Key: "a"}, TargetKey: "b"}
	target := &tagger{Store: mem.New()}
	tags := map[string]string{"k": "v"}
	b := builder(attributes.Options{}, mem.New(), target)
	if err := b.SetTags(t.Context(), p, tags); err != nil || len(target.set["b"]) != 1 {
		t.Errorf("%v, %v", err, target.set)
	}
	target.deny = always(fs.ErrPermission)
	has(t, b.SetTags(t.Context(), p, tags), "s3:PutObjectTagging")
	target.deny = always(errInjected)
	if err := b.SetTags(t.Context(), p, tags); !errors.Is(err, errInjected) {
		t.Error(err)
	}
}
