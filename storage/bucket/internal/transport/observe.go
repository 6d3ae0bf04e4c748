package transport

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Outcome is how a request went.
type Outcome struct {
	// TimeToFirstByte is the time from the call of Send until the header of the answer was
	// read, or until the request failed. It includes the wait for a connection and the upload.
	TimeToFirstByte time.Duration
	Status          int   // of the answer; 0 if there was none
	Err             error // why there was none
	// Canceled: the caller ended the request, and no limit of time did. So Err, which may be
	// the cause of the end, says nothing about the server.
	Canceled bool
	// RetryAfter is how long the server asks to wait before the next request, or 0.
	RetryAfter time.Duration
	// Ranged: the request asked for a range of bytes.
	Ranged bool
}

// outcome is how a request went.
func outcome(req *http.Request, resp *http.Response, err error, took time.Duration) Outcome {
	o := Outcome{TimeToFirstByte: took, Err: err, Ranged: req.Header["Range"] != nil}
	if err == nil {
		o.Status, o.RetryAfter = resp.StatusCode, RetryAfter(resp.Header)
	} else {
		o.Canceled = canceled(req.Context())
	}
	return o
}

// canceled reports whether a context has ended, but not by a limit of time.
func canceled(ctx context.Context) bool {
	cause := context.Cause(ctx)
	_, limit := errors.AsType[*TimeoutError](cause)
	return cause != nil && !limit && !errors.Is(cause, context.DeadlineExceeded)
}

// RetryAfter is how long an answer asks to wait before the next request, or 0.
func RetryAfter(h http.Header) time.Duration {
	if len(h["Retry-After"]) == 0 {
		return 0
	}
	return retryAfter(h, time.Now())
}

// retryAfter reads the header Retry-After of an answer: seconds, or a date of the server's
// clock. The result is 0 if there is none that makes sense, or its time has passed.
// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(math.MaxInt64/time.Second) {
			return math.MaxInt64
		}
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if server, err := http.ParseTime(h.Get("Date")); err == nil {
		now = server
	}
	return max(date.Sub(now), 0)
}
