package leftovers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"s3sync/storage"
)

// A store has uploads with the keys 0, 1, …. The even ones began long ago.
type store struct {
	storage.Store
	storage.Resumer
	storage.Locator

	n         int
	listed    int
	end       error // of the listing
	discard   func(key, token string) error
	discarded []string
}

func (*store) Location() storage.Location { return storage.Location{Container: "b", Prefix: "p/"} }

func (s *store) Leftovers(context.Context) iter.Seq2[storage.Leftover, error] {
	return func(yield func(storage.Leftover, error) bool) {
		for s.listed = 0; s.listed < s.n; {
			i := s.listed
			s.listed++
			age := 48 * time.Hour * time.Duration(1-i%2)
			if !yield(storage.Leftover{Key: fmt.Sprint(i), Token: fmt.Sprintf(`{"id":"id%d"}`, i), Began: time.Now().Add(-age)}, nil) {
				return
			}
		}
		if s.end != nil {
			yield(storage.Leftover{}, s.end)
		}
	}
}

func (s *store) Discard(_ context.Context, key, token string) error {
	if s.discard != nil {
		if err := s.discard(key, token); err != nil {
			return err
		}
	}
	s.discarded = append(s.discarded, key+" "+token)
	return nil
}

// Uploads are told while they are listed, and once more from where they are kept, which is a
// file if they are many.
func TestFindManyUploads(t *testing.T) {
	for name, tt := range map[string]struct {
		o         Options
		abort     bool
		end       int // how many are told at the end
		discarded int
	}{
		"no age":         {Options{}, true, 0, 0},
		"no age, all":    {Options{All: true}, true, 20_000, 0},
		"old ones, all":  {Options{All: true, OlderThan: 24 * time.Hour}, true, 20_000, 10_000},
		"old ones":       {Options{OlderThan: 24 * time.Hour}, true, 10_000, 10_000},
		"old ones, kept": {Options{OlderThan: 24 * time.Hour}, false, 10_000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &store{n: 20_000}
			told := 0
			found, err := Find(t.Context(), s, tt.o, func(u *Upload) {
				if told++; told != s.listed || u.Key != fmt.Sprint("p/", told-1) || u.ID != fmt.Sprint("id", told-1) {
					t.Fatalf("upload %d is %+v, when %d are listed", told, u, s.listed)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer found.Close()
			old := int64(0)
			if tt.o.OlderThan > 0 {
				old = 10_000
			}
			if told != s.n || found.Uploads != int64(s.n) || found.Old != old || found.Known != 0 {
				t.Errorf("%d were told: %+v", told, found)
			}
			ends, aborts := 0, 0
			err = found.End(t.Context(), tt.abort, func(u *Upload, aborted bool, err error) {
				if ends++; err != nil || aborted != (tt.abort && u.Old) {
					t.Fatalf("%+v: %v %v", u, aborted, err)
				}
				if aborted {
					aborts++
				}
			})
			if err != nil || ends != tt.end || aborts != tt.discarded || len(s.discarded) != tt.discarded {
				t.Errorf("%v: %d were told, %d aborted, %d discarded", err, ends, aborts, len(s.discarded))
			}
			if tt.discarded > 0 && s.discarded[1] != `2 {"id":"id2"}` {
				t.Errorf("discarded %q", s.discarded[1])
			}
		})
	}
}

// After a listing that failed nothing is aborted, because nobody sees it to its end.
func TestListingFails(t *testing.T) {
	fault := errors.New("fault")
	if found, err := Find(t.Context(), &store{n: 3, end: fault}, Options{All: true}, func(*Upload) {}); !errors.Is(err, fault) || found != nil {
		t.Errorf("%v, %v", found, err)
	}
}

// An abort that fails does not keep others from being aborted, and a cancellation does.
func TestAbortFails(t *testing.T) {
	fault, stop := errors.New("fault"), errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &store{n: 10, discard: func(key, _ string) error {
		switch key {
		case "2":
			return fault
		case "6":
			cancel(stop) // while the server answers
		}
		return nil
	}}
	found, err := Find(t.Context(), s, Options{OlderThan: time.Hour}, func(*Upload) {})
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	var got []string
	err = found.End(ctx, true, func(u *Upload, aborted bool, err error) { got = append(got, fmt.Sprint(u.Key, " ", aborted, " ", err)) })
	want := []string{"p/0 true <nil>", "p/2 false fault", "p/4 true <nil>", "p/6 true <nil>", "p/8 false stop"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v: got %q, want %q", err, got, want)
	}
}
