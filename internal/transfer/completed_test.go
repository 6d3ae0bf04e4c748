package transfer_test

import (
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
)

// An object of the same parts that somebody else wrote while the upload was lost is not what
// the upload made: it has not what the object is written with.
func TestCompletedBySomebodyElse(t *testing.T) {
	for name, other := range map[string]func(*storage.WriteOptions){
		"the same":      func(*storage.WriteOptions) {},
		"no tags":       func(o *storage.WriteOptions) { o.Tags = nil },
		"other tags":    func(o *storage.WriteOptions) { o.Tags = map[string]string{"t": "other"} },
		"class":         func(o *storage.WriteOptions) { o.StorageClass = "" },
		"cache control": func(o *storage.WriteOptions) { o.CacheControl = "" },
		"redirect":      func(o *storage.WriteOptions) { o.WebsiteRedirect = "" },
		"metadata":      func(o *storage.WriteOptions) { o.Metadata = nil },
	} {
		for way, prepare := range ways() {
			t.Run(name+"/"+way, func(t *testing.T) {
				r, m := newRun(), newMemory()
				prepare(r)
				a := r.fill(t, 4, 4, 4, 4, 4)
				want := storage.WriteOptions{Size: a.Source.Size, Tags: map[string]string{"t": "1"}}
				want.Attributes = storage.Attributes{
					ContentType: "text/plain", CacheControl: "no-store", StorageClass: "STANDARD_IA", WebsiteRedirect: "/b",
					Metadata: map[string]string{"who": "me"},
				}
				r.attrs.Replace, r.attrs.Tags = want.Attributes, want.Tags
				sizes := []int{4, 4, 4, 4, 4}
				if r.opts.ChunkSize == 5 {
					sizes = []int{5, 5, 5, 5}
				}
				interrupted(t, r.resumes(m), a, len(sizes))
				for l, err := range r.target.Leftovers(t.Context()) {
					if err := errors.Join(err, r.target.Store.Discard(t.Context(), l.Key, l.Token)); err != nil {
						t.Fatal(err)
					}
				}
				data, _ := contents(t, r.source)
				others := want
				other(&others)
				if _, err := writeParts(t.Context(), r.target.Store, []byte(data), sizes, others); err != nil {
					t.Fatal(err)
				}
				if _, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				if sent := r.target.count("part") + r.target.count("copy-part"); (sent == 0) != (name == "the same") {
					t.Errorf("%d parts were sent: %s", sent, r.target.called())
				}
				info, err := r.target.Store.Stat(t.Context(), "a", storage.StatOptions{})
				tagger, ok := storage.As[storage.Tagger](r.target.Store)
				if err != nil || !ok {
					t.Fatal(err)
				}
				tags, err := tagger.Tags(t.Context(), "a", "")
				if err != nil || !maps.Equal(tags, want.Tags) || info.StorageClass != want.StorageClass || info.CacheControl != want.CacheControl ||
					info.WebsiteRedirect != want.WebsiteRedirect || !maps.Equal(info.Metadata, want.Metadata) {
					t.Errorf("the object has %+v and the tags %v, %v", info, tags, err)
				}
			})
		}
	}
}

// A server may still complete an upload when the next run asks for it, and not know the upload
// any more. The object is waited for, and nothing is sent again.
func TestCompletionUnderWay(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration
		sent  bool
	}{
		"seconds": {5 * time.Second, false},
		"ages":    {time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, m := newRun(), newMemory()
				a := r.fill(t, 4, 4, 4, 4, 4)
				interrupted(t, r.resumes(m), a, 5)
				for l, err := range r.target.Leftovers(t.Context()) {
					if err := errors.Join(err, r.target.Store.Discard(t.Context(), l.Key, l.Token)); err != nil {
						t.Fatal(err)
					}
				}
				data, _ := contents(t, r.source)
				go func() {
					time.Sleep(tt.takes)
					if _, err := writeParts(t.Context(), r.target.Store, []byte(data), []int{4, 4, 4, 4, 4}, storage.WriteOptions{Size: a.Source.Size}); err != nil {
						t.Error(err)
					}
				}()
				if _, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				if sent := r.target.count("part"); (sent > 0) != tt.sent {
					t.Errorf("%d parts were sent: %s", sent, r.target.called())
				}
				time.Sleep(tt.takes)
			})
		})
	}
}
