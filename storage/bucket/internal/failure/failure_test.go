package failure_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

func TestOfCode(t *testing.T) {
	for _, tt := range []struct {
		code, message string
		kind          error
		text          string
	}{
		{"NoSuchKey", "It is not there.", fs.ErrNotExist, "NoSuchKey: It is not there"},
		{"NoSuchBucket", "", storage.ErrNoBucket, `NoSuchBucket (check the name "b", or create the bucket first)`},
		{"SlowDown", "SlowDown", storage.ErrThrottled, "SlowDown"},
		{"Whatever", "Who knows", nil, "Whatever: Who knows"},
	} {
		f := failure.OfCode(tt.code, tt.message, "b")
		if f.Code != tt.code || !errors.Is(f.Kind, tt.kind) || f.Error() != tt.text || failure.IsKnown(tt.code) != (tt.kind != nil) {
			t.Errorf("%+v, want %v: %s", f, tt.kind, tt.text)
		}
	}
}

// TestMayBeUnknown: which failures may come of a header or a call that a server does
// not know.
func TestMayBeUnknown(t *testing.T) {
	for name, tt := range map[string]struct {
		err                         error
		unsupported, header, unsure bool
	}{
		"501":             {&failure.Error{Kind: errors.ErrUnsupported, Status: 501}, true, true, true},
		"405":             {&failure.Error{Kind: errors.ErrUnsupported, Status: 405}, true, false, true},
		"a 400":           {&failure.Error{Code: "InvalidArgument", Status: 400}, false, false, true},
		"a 400 of a kind": {&failure.Error{Kind: storage.ErrMismatch, Status: 400}, false, false, false},
		"a 500":           {&failure.Error{Kind: storage.ErrTransient, Status: 500}, false, false, false},
		"no answer":       {&failure.Error{Kind: storage.ErrTransient}, false, false, false},
		"another error":   {errors.New("x"), false, false, false},
		"success":         {nil, false, false, false},
	} {
		for _, err := range []error{tt.err, fmt.Errorf("wrapped: %w", tt.err)} {
			if failure.IsUnsupported(err) != tt.unsupported || failure.IsUnknownHeader(err) != tt.header || failure.MayBeUnknown(err) != tt.unsure {
				t.Errorf("%s: unsupported %t, header %t, may be unknown %t", name,
					failure.IsUnsupported(err), failure.IsUnknownHeader(err), failure.MayBeUnknown(err))
			}
		}
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		" a\n\tb\r\n":                   "a b",
		"a\xffb":                        "a?b",
		strings.Repeat("é", 1000):       strings.Repeat("é", 250) + "…",
		"x" + strings.Repeat("é", 1000): "x" + strings.Repeat("é", 249) + "…",
	} {
		if got := failure.OneLine(text); got != want {
			t.Errorf("%.20q: got %d bytes %.20q, want %d", text, len(got), got, len(want))
		}
	}
}
