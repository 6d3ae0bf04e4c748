package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"s3sync/storage"
)

// VersionOptions say what a server does in its own way.
type VersionOptions struct {
	// NoFirstMarkers: deleting what never was there leaves no marker, and
	// NoMoreMarkers: nor does deleting what is deleted. S3 adds one each time.
	NoFirstMarkers, NoMoreMarkers bool
}

// RunVersions tests a [storage.Versioner] that keeps versions. It calls open as
// [Run] does.
func RunVersions(t *testing.T, open func(t *testing.T) storage.Store, opts VersionOptions) {
	t.Helper()
	for _, tt := range []struct {
		name string
		run  func(*versionSuite)
	}{
		{"Empty", testVersionsEmpty},
		{"Histories", testHistories},
		{"Ranges", testVersionRanges},
		{"Break", testVersionsBreak},
		{"Missing", testMissingVersion},
		{"Cancelled", testVersionsCancelled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := open(t)
			t.Cleanup(func() {
				if err := st.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			v, ok := storage.As[storage.Versioner](st)
			if !ok {
				t.Fatalf("%T is no storage.Versioner", st)
			}
			tt.run(&versionSuite{suite: suite{Store: st, t: t}, Versioner: v, opts: opts})
		})
	}
}

type versionSuite struct {
	suite
	storage.Versioner

	opts VersionOptions
}

// An entry is what a test knows of a version: its content, or that it is a marker.
type entry struct {
	data   string
	marker bool
}

// write makes the history of a key of one letter for each step: "-" deletes, and
// every other one is written as it is. It returns the entries, newest first.
func (s *versionSuite) write(key, steps string) []entry {
	s.t.Helper()
	var all []entry
	for _, step := range steps {
		if step != '-' {
			s.put(s.t, key, []byte(key+string(step)))
			all = append(all, entry{data: key + string(step)})
			continue
		}
		if err := s.Delete(s.t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
			s.t.Fatalf("Delete(%q): %v", key, err)
		}
		none := len(all) == 0 && s.opts.NoFirstMarkers || len(all) > 0 && all[len(all)-1].marker && s.opts.NoMoreMarkers
		if !none {
			all = append(all, entry{marker: true})
		}
	}
	slices.Reverse(all)
	return all
}

// versions lists the versions of a range.
func (s *versionSuite) versions(r storage.Range) []storage.Object {
	s.t.Helper()
	var all []storage.Object
	for o, err := range s.Versions(s.t.Context(), storage.ListOptions{Range: r}) {
		if err != nil {
			s.t.Fatalf("Versions(%q): %v", r, err)
		}
		all = append(all, o)
	}
	return all
}

func testVersionsEmpty(s *versionSuite) {
	if kept, err := s.Versioning(s.t.Context()); err != nil || !kept {
		s.t.Errorf("Versioning = %t, %v", kept, err)
	}
	if got := s.versions(storage.Range{}); len(got) != 0 {
		s.t.Errorf("Versions of an empty store: %+v", got)
	}
}

// histories are steps by key. All of them take place within seconds: it is not
// the time that tells their order.
func histories() map[string]string {
	return map[string]string{
		"a-1":                    "1",
		"a/b":                    "1-2-3-",
		"a/b+ %é/c":              "12-",
		"a0":                     "-1--2---3",
		"deleted":                "1-",
		"long":                   "123456789abcdefghijklm",
		"marked/again and again": "1-2-3-4-5-6-7-8-9-a-b-c-d-e-f-g-h",
		"never there":            "--",
		"same":                   "1111-1111",
		"z":                      "12--",
	}
}

func testHistories(s *versionSuite) {
	t, ctx := s.t, s.t.Context()
	want := map[string][]entry{}
	for _, key := range slices.Sorted(maps.Keys(histories())) {
		if all := s.write(key, histories()[key]); len(all) > 0 {
			want[key] = all
		}
	}
	got := s.versions(storage.Range{})
	if !slices.IsSortedFunc(got, func(a, b storage.Object) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) }) {
		t.Error("the keys are not in order")
	}
	ids := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		var versions []storage.Object
		for _, o := range got {
			if o.Key == key {
				versions = append(versions, o)
			}
		}
		if len(versions) != len(want[key]) {
			t.Errorf("%q has %d versions, want %d: %+v", key, len(versions), len(want[key]), versions)
			continue
		}
		for i, o := range versions {
			e, name := want[key][i], fmt.Sprintf("version %d of %q", i, key)
			if o.DeleteMarker != e.marker || o.Size != int64(len(e.data)) || o.Latest != (i == 0) || o.ModTime.IsZero() {
				t.Errorf("%s is %+v, want %+v", name, o, e)
			}
			if o.VersionID == "" || ids[key+"\x00"+o.VersionID] {
				t.Errorf("%s has ID %q, which another one has", name, o.VersionID)
			}
			ids[key+"\x00"+o.VersionID] = true
			if e.marker {
				continue
			}
			info, err := s.Stat(ctx, key, storage.StatOptions{VersionID: o.VersionID})
			if err != nil || info.VersionID != o.VersionID || info.ETag != o.ETag || info.Size != o.Size {
				t.Errorf("Stat of %s = %+v, %v; listed as %+v", name, info, err, o)
			}
			if data, err := s.readVersion(key, o.VersionID); err != nil || data != e.data {
				t.Errorf("%s reads as %q, %v; want %q", name, data, err, e.data)
			}
		}
	}
	s.wantKeys(t, storage.Range{}, []string{"a-1", "a0", "long", "marked/again and again", "same"})
}

func (s *versionSuite) readVersion(key, id string) (string, error) {
	r, err := s.Open(s.t.Context(), key, storage.OpenOptions{VersionID: id})
	if err != nil {
		return "", err
	}
	p := make([]byte, r.Info().Size)
	err = r.ReadAt(s.t.Context(), p, 0)
	return string(p), errors.Join(err, r.Close())
}

func testVersionRanges(s *versionSuite) {
	steps := map[string]string{"a-1": "12", "a/b": "1-", "a0": "1-2", "b": "1--", "é": "12"}
	for _, key := range slices.Sorted(maps.Keys(steps)) {
		s.write(key, steps[key])
	}
	all := s.versions(storage.Range{})
	bounds := []string{"", "a", "a\x00", "a-1", "a/", "a/b", "a0", "a1", "b", "c", "é"}
	for _, from := range bounds {
		for _, to := range bounds {
			r := storage.Range{From: from, To: to}
			want := slices.DeleteFunc(slices.Clone(all), func(o storage.Object) bool { return !r.Contains(o.Key) })
			if got := s.versions(r); !slices.Equal(ids(got), ids(want)) {
				s.t.Errorf("Versions(%q) = %q, want %q", r, ids(got), ids(want))
			}
		}
	}
}

func ids(versions []storage.Object) []string {
	var all []string
	for _, o := range versions {
		all = append(all, o.Key+" "+o.VersionID)
	}
	return all
}

func testVersionsBreak(s *versionSuite) {
	s.write("a", "123-456")
	for stop := 1; stop <= 5; stop += 2 {
		n := 0
		for _, err := range s.Versions(s.t.Context(), storage.ListOptions{}) {
			if err != nil {
				s.t.Fatalf("Versions: %v", err)
			}
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			s.t.Errorf("Versions yielded %d, want %d before the break", n, stop)
		}
	}
}

// testMissingVersion: a version of another key is none of this one.
func testMissingVersion(s *versionSuite) {
	s.write("a", "1-2")
	s.write("b", "1")
	other := s.versions(storage.Range{From: "b"})[0].VersionID
	if _, err := s.Stat(s.t.Context(), "a", storage.StatOptions{VersionID: other}); !errors.Is(err, fs.ErrNotExist) {
		s.t.Errorf("Stat: %v; want fs.ErrNotExist", err)
	}
	if _, err := s.readVersion("a", other); !errors.Is(err, fs.ErrNotExist) {
		s.t.Errorf("Open: %v; want fs.ErrNotExist", err)
	}
}

func testVersionsCancelled(s *versionSuite) {
	s.write("a", "123")
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	n, last := 0, error(nil)
	for _, err := range s.Versions(ctx, storage.ListOptions{}) {
		n, last = n+1, err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		s.t.Errorf("Versions cancelled after the first one yielded %d, and ended with %v", n, last)
	}
	if _, err := s.Versioning(ctx); !errors.Is(err, context.Canceled) {
		s.t.Errorf("Versioning: %v; want context.Canceled", err)
	}
}
