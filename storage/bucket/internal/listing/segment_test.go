package listing

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

// An answer is a pager with one answer.
type answer struct {
	objects []storage.Object
	err     error
	last    bool
}

func (a answer) next(context.Context) ([]storage.Object, error) { return a.objects, a.err }

func (a answer) ended() bool { return a.last }

func objects(keys ...string) (all []storage.Object) {
	for _, key := range keys {
		all = append(all, storage.Object{Key: key})
	}
	return all
}

// TestExtend: a segment that gets longer is split behind the keys that it has.
func TestExtend(t *testing.T) {
	for name, tt := range map[string]struct {
		to     string
		cursor string
		beyond int
	}{
		"none is behind the new end": {"9", "6", 0},
		"some are behind it":         {"5", "5", 1},
		"there is no end":            {"", "6", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &segment{to: "3", pager: answer{}}
			s.take(objects("1", "2", "4", "6"), 4)
			s.extend(tt.to)
			beyond := 0
			if s.beyond != nil {
				beyond = s.beyond.n
			}
			if s.cursor != tt.cursor || beyond != tt.beyond {
				t.Errorf("the cursor is %q, want %q; %d keys are behind the end, want %d", s.cursor, tt.cursor, beyond, tt.beyond)
			}
		})
	}
}

// TestRefusedSegment: what a segment is refused is listed by the first one, if that one can
// go on. Otherwise it fails. Nothing is lost and nothing asked for again.
func TestRefusedSegment(t *testing.T) {
	refused := &failure.Error{Status: http.StatusBadRequest, Text: "InvalidArgument"}
	found := []*page{newPage(objects("p"))}
	for name, tt := range map[string]struct {
		front  segment
		s      int // the segment that is refused
		err    error
		serial bool
	}{
		"first answer":                  {segment{}, 1, refused, true},
		"later answer":                  {segment{}, 2, refused, true},
		"first answer begins before":    {segment{}, 1, outOfOrder("x"), true},
		"later answer is out of order":  {segment{}, 2, outOfOrder("x"), true},
		"another failure":               {segment{}, 1, errors.New("broken"), false},
		"the first one":                 {segment{}, 0, refused, false},
		"the first one begins before":   {segment{}, 0, outOfOrder("x"), false},
		"the first one has ended":       {segment{ended: true, done: true}, 1, refused, false},
		"the first one has all of them": {segment{ended: true, done: true, beyond: newPage(objects("n", "p"))}, 1, refused, true},
		"the first one lacks some":      {segment{ended: true, done: true, beyond: newPage(objects("n", "o"))}, 1, refused, false},
	} {
		t.Run(name, func(t *testing.T) {
			tt.front.to, tt.front.cursor = "m", "m"
			o := &ordered{bucket: new(model).bucket("", 16), listers: listers{n: 16, most: 16, calls: new(model).Throttled}, segments: []*segment{
				&tt.front,
				{to: "o", cursor: "m"},
				{cursor: "p", begun: true, pages: found, heads: placesOf(found[0].objects, maxHeads)},
			}}
			s := o.segments[tt.s]
			o.take(s, nil, tt.err)
			if serial := len(o.segments) == 1; serial != tt.serial {
				t.Errorf("listed serially: %t, want %t", serial, tt.serial)
			}
			if failed := errors.Is(s.err, tt.err) && s.done; failed == tt.serial {
				t.Errorf("the segment has failed: %t, want %t", failed, !tt.serial)
			}
		})
	}
}

// TestMeets: two segments agree only on what both have seen. A server that leaves out the
// first keys behind a key is found, also if the listing there has failed since then, or has
// ended sooner.
func TestMeets(t *testing.T) {
	front := &segment{to: "3", pager: answer{}}
	front.take(objects("1", "2", "4", "5", "6"), 5)
	failed := errors.New("broken")
	for name, tt := range map[string]struct {
		keys  []string
		ended bool
		err   error
		want  agreement
	}{
		"the same":                  {[]string{"4", "5", "6"}, false, nil, agreed},
		"more":                      {[]string{"4", "5", "6", "7"}, true, nil, agreed},
		"fewer":                     {[]string{"4"}, false, nil, agreed},
		"nothing yet":               {nil, false, nil, unclear},
		"others":                    {[]string{"5", "6"}, false, nil, contradicted},
		"none":                      {nil, true, nil, contradicted},
		"an early end":              {[]string{"4"}, true, nil, contradicted},
		"a failure":                 {nil, false, failed, agreed},
		"a failure behind the same": {[]string{"4"}, false, failed, agreed},
		"a failure behind others":   {[]string{"5"}, false, failed, contradicted},
	} {
		t.Run(name, func(t *testing.T) {
			next := &segment{pager: answer{last: tt.ended}}
			if tt.keys != nil || tt.ended {
				next.take(objects(tt.keys...), 5)
			}
			next.err = tt.err
			if got := front.meets(next); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestEmptyPage: a page of which nothing is in the segment keeps no memory.
func TestEmptyPage(t *testing.T) {
	s := &segment{to: "3", pager: answer{}}
	s.take(objects("4", "5"), 5)
	if p := s.pages[0]; p.objects != nil || p.n != 0 {
		t.Errorf("%d objects, of room for %d", p.n, cap(p.objects))
	}
}
