package request

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestMovedTo(t *testing.T) {
	named := http.Header{"X-Amz-Bucket-Region": {"right-1"}}
	for name, tt := range map[string]struct {
		refusal RefusalError
		head    bool
		want    string
	}{
		"header":             {RefusalError{Code: "PermanentRedirect", Status: 301, Header: named}, false, "right-1"},
		"message":            {RefusalError{Code: "AuthorizationHeaderMalformed", Status: 400, Message: `expecting "right-2"`}, false, "right-2"},
		"HEAD, moved":        {RefusalError{Code: "MovedPermanently", Status: 301, Header: named}, true, "right-1"},
		"HEAD, bad request":  {RefusalError{Code: "BadRequest", Status: 400, Header: named}, true, "right-1"},
		"other bad request":  {RefusalError{Code: "BadRequest", Status: 400, Header: named}, false, ""},
		"denied":             {RefusalError{Code: "AccessDenied", Status: 403, Header: named}, true, ""},
		"temporary redirect": {RefusalError{Code: "TemporaryRedirect", Status: 307, Header: named}, false, ""},
		"not named":          {RefusalError{Code: "PermanentRedirect", Status: 301}, false, ""},
		"the same":           {RefusalError{Code: "PermanentRedirect", Status: 301, Header: http.Header{"X-Amz-Bucket-Region": {"here-1"}}}, false, ""},
	} {
		if got := tt.refusal.MovedTo("here-1", tt.head); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestExpired(t *testing.T) {
	for name, tt := range map[string]struct {
		code           string
		status         int
		head, token    bool
		expired, maybe bool
	}{
		"expired":             {code: "ExpiredToken", status: 400, expired: true},
		"to be refreshed":     {code: "TokenRefreshRequired", status: 400, token: true, expired: true},
		"HEAD":                {code: "BadRequest", status: 400, head: true, token: true, maybe: true},
		"HEAD without token":  {code: "BadRequest", status: 400, head: true},
		"HEAD that is denied": {code: "Forbidden", status: 403, head: true, token: true},
		"GET":                 {code: "BadRequest", status: 400, token: true},
	} {
		r := RefusalError{Code: tt.code, Status: tt.status}
		if expired, maybe := r.Expired(tt.head, tt.token); expired != tt.expired || maybe != tt.maybe {
			t.Errorf("%s: %v, %v", name, expired, maybe)
		}
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(2026, 11, 1, 8, 9, 10, 0, time.UTC)
	for _, text := range []string{
		"Sun, 01 Nov 2026 08:09:10 GMT", " Sun, 1 Nov 2026 08:09:10 GMT ", "Sun, 1 Nov 26 08:09:10 GMT", "Sunday, 01-Nov-26 08:09:10 UTC", "Sun Nov  1 08:09:10 2026",
	} {
		if got, err := parseDate(text); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := parseDate(""); err != nil || !got.IsZero() {
		t.Errorf("nothing: %v, %v", got, err)
	}
	for _, text := range []string{"yesterday", "2026-11-01T08:09:10Z", "Sun, 01 Nov 2026 25:09:10 GMT"} {
		if _, err := parseDate(text); !isUnreadable(err) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func isUnreadable(err error) bool {
	_, ok := errors.AsType[*UnreadableError](err)
	return ok
}
