package engine

import (
	"errors"
	"strings"
	"testing"

	"s3sync/internal/report"
	"s3sync/storage"
)

func TestRefusal(t *testing.T) {
	keys := []string{"a", "b c", "d"}
	for name, tt := range map[string]struct {
		d    Delete
		t    tally
		want string // in the message; empty: permitted
	}{
		"everything fits":            {Delete{MaxPercent: 80}, tally{found: 1, held: 10, going: 5, first: keys}, ""},
		"nothing at all":             {Delete{MaxPercent: 80}, tally{}, "no object was found in the source, and the target has nothing to delete either. Delete.AllowEmptySource"},
		"empty source":               {Delete{MaxPercent: 80}, tally{held: 12, going: 3, first: keys}, `would take 3 of the 12 objects of the target (25.0 %), first "a", "b c", "d". Delete.AllowEmptySource`},
		"filtered source":            {Delete{MaxPercent: 80}, tally{filtered: true, held: 12, going: 3, first: keys}, "no object was found in the source outside of what filters exclude, and Delete.Enable would take 3 of the 12"},
		"filtered, nothing at all":   {Delete{MaxPercent: 80}, tally{filtered: true, held: 12}, ""},
		"empty source, allowed":      {Delete{MaxPercent: 80, AllowEmptySource: true}, tally{held: 12, going: 12, first: keys}, ""},
		"allowed, but too many":      {Delete{MaxPercent: 80, AllowEmptySource: true}, tally{held: 101, going: 101, first: keys}, "101 of the 101"},
		"100 of 100":                 {Delete{MaxPercent: 80}, tally{found: 1, held: 100, going: 100, first: keys}, ""},
		"101 of 101":                 {Delete{MaxPercent: 80}, tally{found: 1, held: 101, going: 101, first: keys}, "101 of the 101 objects of the target (100.0 %), first \"a\", \"b c\", \"d\", which is more than 80 %. Delete.MaxPercent=100 permits that"},
		"exactly 80 %":               {Delete{MaxPercent: 80}, tally{found: 1, held: 1000, going: 800, first: keys}, ""},
		"a little more":              {Delete{MaxPercent: 80}, tally{found: 1, held: 1000, going: 801, first: keys}, "(80.1 %)"},
		"every file got a new name":  {Delete{MaxPercent: 80}, tally{found: 1000, held: 2000, going: 1000, first: keys}, ""},
		"another percentage":         {Delete{MaxPercent: 10}, tally{found: 1, held: 1009, going: 101, first: keys}, "more than 10 %"},
		"another percentage, enough": {Delete{MaxPercent: 10}, tally{found: 1, held: 1010, going: 101, first: keys}, ""},
		"0 %":                        {Delete{}, tally{found: 1, held: 1e6, going: 101, first: keys}, "more than 0 %"},
		"turned off":                 {Delete{MaxPercent: 100}, tally{found: 1, held: 1e6, going: 1e6, first: keys}, ""},
		"what goes bit by bit":       {Delete{MaxPercent: 80, Max: 10}, tally{found: 1, held: 101, going: 101, first: keys}, "101 of the 101"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.d.refusal(tt.t)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, ErrDeleteRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestUntouchable(t *testing.T) {
	for name, tt := range map[string]struct {
		o    storage.Object
		want string
	}{
		"object":                     {storage.Object{Key: "a", Size: 1}, ""},
		"empty object":               {storage.Object{Key: "a"}, ""},
		"folder marker":              {storage.Object{Key: "a/"}, keptFolder},
		"below a prefix without it":  {storage.Object{Key: "/"}, keptFolder},
		"data under a directory key": {storage.Object{Key: "a/", Size: 1}, ""},
		"the prefix":                 {storage.Object{}, keptPrefix},
		"the prefix, with data":      {storage.Object{Size: 1}, keptPrefix},
	} {
		t.Run(name, func(t *testing.T) {
			if got := untouchable(tt.o); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSibling(t *testing.T) {
	for name, tt := range map[string]struct {
		target report.Place
		key    string
		want   bool
	}{
		"continues the prefix":   {report.Place{Root: "photos"}, "/a", false},
		"a sibling":              {report.Place{Root: "photos"}, "-old/a", true},
		"below all others":       {report.Place{Root: "photos"}, "\x01", true},
		"the prefix itself":      {report.Place{Root: "photos"}, "", false},
		"a whole name":           {report.Place{Root: "photos/"}, "a", false},
		"the middle of the next": {report.Place{Root: "a/photos"}, "s", true},
		"no prefix":              {report.Place{}, "a", false},
		"a directory":            {report.Place{Local: true, Root: "photos"}, "a", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isSibling(tt.target, tt.key); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
