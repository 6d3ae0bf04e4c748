package records

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/side"
	"s3sync/storage"
)

func TestFailedKeys(t *testing.T) {
	source := &side.Error{Side: "source", Err: &storage.Error{Op: "read", Key: "k", Err: storage.ErrMismatch}}
	for want, tt := range map[string]struct {
		key string
		err error
	}{
		`{"key":"a/b.txt","side":"source","error":"mismatch","message":"source: read \"k\": content does not match its digest"}`:         {"a/b.txt", source},
		`{"key":"line\nbreak","error":"permission","message":"permission denied"}`:                                                       {"line\nbreak", fs.ErrPermission},
		`{"key":"\"<script>\\","error":"not-found","side":"source","message":"gone since it was listed: file does not exist"}`:           {`"<script>\`, fmt.Errorf("%w: %w", side.ErrGone, fs.ErrNotExist)},
		`{"key":"\u202ex","error":"no-bucket","message":"store unusable: no such bucket"}`:                                               {"\u202ex", storage.ErrNoBucket},
		`{"key":"bad�","key_base64":"` + base64.StdEncoding.EncodeToString([]byte("bad\xff")) + `","error":"other","message":"unknown"}`: {"bad\xff", nil},
	} {
		line := string(appendFailed(nil, tt.key, tt.err))
		if strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\u202e\x1b") || !utf8.ValidString(line) {
			t.Errorf("%q is not one harmless line", line)
		}
		var got, wanted map[string]string
		if err := errors.Join(json.Unmarshal([]byte(line), &got), json.Unmarshal([]byte(want), &wanted)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("%q: %s", tt.key, diff)
		}
	}
}

// Every kind of failure of package storage has a word.
func TestKindsOfFailedKeys(t *testing.T) {
	for _, err := range []error{
		storage.ErrPrecondition, storage.ErrArchived, storage.ErrThrottled, storage.ErrTransient, storage.ErrChanged, storage.ErrMismatch,
		storage.ErrUnstorable, storage.ErrUnusable, storage.ErrNoBucket, storage.ErrCredentials, storage.ErrFull,
	} {
		if got := kindOf(fmt.Errorf("about %w", err)); got == "other" {
			t.Errorf("%v has no word", err)
		}
	}
}
