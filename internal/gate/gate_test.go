package gate

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
		d    Options
		t    Tally
		want string // in the message; empty: permitted
	}{
		"everything fits":            {Options{MaxPercent: 80}, Tally{Found: 1, Held: 10, going: 5, first: keys}, ""},
		"nothing at all":             {Options{MaxPercent: 80}, Tally{}, "no object was found in the source, and the target has nothing to delete either. Delete.AllowEmptySource"},
		"empty source":               {Options{MaxPercent: 80}, Tally{Held: 12, going: 3, first: keys}, `would take 3 of the 12 objects of the target (25.0 %), first "a", "b c", "d". Delete.AllowEmptySource`},
		"filtered source":            {Options{MaxPercent: 80}, Tally{Filtered: true, Held: 12, going: 3, first: keys}, "no object was found in the source outside of what filters exclude, and Delete.Enable would take 3 of the 12"},
		"filtered, nothing at all":   {Options{MaxPercent: 80}, Tally{Filtered: true, Held: 12}, ""},
		"empty source, allowed":      {Options{MaxPercent: 80, AllowEmptySource: true}, Tally{Held: 12, going: 12, first: keys}, ""},
		"allowed, but too many":      {Options{MaxPercent: 80, AllowEmptySource: true}, Tally{Held: 101, going: 101, first: keys}, "101 of the 101"},
		"100 of 100":                 {Options{MaxPercent: 80}, Tally{Found: 1, Held: 100, going: 100, first: keys}, ""},
		"101 of 101":                 {Options{MaxPercent: 80}, Tally{Found: 1, Held: 101, going: 101, first: keys}, "101 of the 101 objects of the target (100.0 %), first \"a\", \"b c\", \"d\", which is more than 80 %. Delete.MaxPercent=100 permits that"},
		"exactly 80 %":               {Options{MaxPercent: 80}, Tally{Found: 1, Held: 1000, going: 800, first: keys}, ""},
		"a little more":              {Options{MaxPercent: 80}, Tally{Found: 1, Held: 1000, going: 801, first: keys}, "(80.1 %)"},
		"every file got a new name":  {Options{MaxPercent: 80}, Tally{Found: 1000, Held: 2000, going: 1000, first: keys}, ""},
		"another percentage":         {Options{MaxPercent: 10}, Tally{Found: 1, Held: 1009, going: 101, first: keys}, "more than 10 %"},
		"another percentage, enough": {Options{MaxPercent: 10}, Tally{Found: 1, Held: 1010, going: 101, first: keys}, ""},
		"0 %":                        {Options{}, Tally{Found: 1, Held: 1e6, going: 101, first: keys}, "more than 0 %"},
		"turned off":                 {Options{MaxPercent: 100}, Tally{Found: 1, Held: 1e6, going: 1e6, first: keys}, ""},
		"what goes bit by bit":       {Options{MaxPercent: 80, Max: 10}, Tally{Found: 1, Held: 101, going: 101, first: keys}, "101 of the 101"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.d.Refusal(tt.t)
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
		"folder marker":              {storage.Object{Key: "a/"}, KeptFolder},
		"below a prefix without it":  {storage.Object{Key: "/"}, KeptFolder},
		"data under a directory key": {storage.Object{Key: "a/", Size: 1}, ""},
		"the prefix":                 {storage.Object{}, KeptPrefix},
		"the prefix, with data":      {storage.Object{Size: 1}, KeptPrefix},
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
