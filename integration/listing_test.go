package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// TestFailedListing: however a listing breaks off, on either side, the run ends with an
// error that names the cause, and deletes nothing.
func TestFailedListing(t *testing.T) {
	t.Parallel()
	faults := map[string]struct{ rule, cause string }{
		"500":                {"status=500", "InternalError"},
		"error with 200":     {"status=200 code=InternalError", "InternalError"},
		"closed":             {"close", "EOF"},
		"half a document":    {"truncate-xml", "cannot be understood"},
		"cut off":            {"truncate after=200", "unexpected EOF"},
		"reset":              {"reset after=200", "reset"},
		"empty answer":       {"shorten after=0", "instead of <ListBucketResult>"},
		"access denied":      {"status=403", "AccessDenied"},
		"bucket disappeared": {"status=404 code=NoSuchBucket", "NoSuchBucket"},
	}
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		dir := t.TempDir()
		keys := numberedKeys(12)
		for _, key := range keys {
			source.put(t, key, nil)
		}
		strangers := []string{"a-first", "key-03b", "z-last"}
		for _, key := range append(strangers, keys...) {
			target.put(t, key, nil)
			write(t, dir, key, nil)
		}
		for name, fault := range faults {
			for side, cfg := range map[string]*s3sync.Config{
				"source to bucket": config(source.at(""), target.at("")),
				"source to files":  config(source.at(""), local(dir)),
				"target":           config(source.at(""), target.at("")),
			} {
				t.Run(name+"/"+side, func(t *testing.T) {
					proxy := faultproxy.New(t, srv.Endpoint, "LIST nth=2 times=1000 "+fault.rule)
					if side == "target" {
						cfg.Target.EndpointURL = proxy.URL
					} else {
						cfg.Source.EndpointURL = proxy.URL
					}
					cfg.AWS.MaxKeys = 5
					cfg.Delete.Enable = true
					o := run(t, cfg)
					o.failed(t, "", fault.cause)
					if !o.Incomplete || o.Deleted != 0 || o.Failed != 1 {
						t.Errorf("incomplete %t, %+v", o.Incomplete, o.Stats)
					}
				})
			}
		}
		target.holds(t, slices.Concat(strangers, keys))
		hasFiles(t, dir, slices.Concat(strangers, keys)...)
	})
}

// TestListingIsContinued: a listing that breaks once continues where it broke: no
// object is missing, and only target-only objects are deleted. The library's own retry
// must do this if the SDK may not retry.
func TestListingIsContinued(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for fault, attempts := range map[string][]int{
			"status=500": {1, 2}, "close": {1}, "truncate-xml": {1}, "truncate after=200": {1}, "shorten after=0": {1},
		} {
			for _, attempts := range attempts {
				t.Run(fmt.Sprintf("%s/attempts=%d", fault, attempts), func(t *testing.T) {
					source, target := newBucket(t, srv), newBucket(t, srv)
					keys := numberedKeys(12)
					for _, key := range keys {
						source.put(t, key, nil)
					}
					target.put(t, "key-07", nil)
					target.put(t, "key-07x", nil)
					from := faultproxy.New(t, srv.Endpoint, "LIST page=2 times=1 "+fault)
					to := faultproxy.New(t, srv.Endpoint, "LIST page=1 times=1 "+fault)
					cfg := config(source.at(from.URL), target.at(to.URL))
					cfg.AWS.MaxKeys = 5
					cfg.Check.Mode = s3sync.CheckSize
					cfg.Delete.Enable = true
					cfg.Retry.MaxAttempts = attempts
					o := run(t, cfg)
					o.succeeded(t, 11)
					if o.Deleted != 1 || o.Skipped != 1 {
						t.Errorf("%+v", o.Stats)
					}
					want := 0
					if attempts == 1 {
						want = 2
					}
					if got := len(o.eventsOf(s3sync.EventRetry)); fault == "status=500" && got != want {
						t.Errorf("%d repetitions by the library, want %d:\n%s", got, want, o.log)
					}
					target.holds(t, keys)
				})
			}
		}
	})
}

// TestListingAttemptsAreBounded: if every page of a listing fails once too often, the
// listing ends after the number of requests in the settings.
func TestListingAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.put(t, "k", nil)
		proxy := faultproxy.New(t, srv.Endpoint, "LIST status=500")
		cfg := config(source.at(proxy.URL), target.at(""))
		cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = 3, 4
		o := run(t, cfg)
		o.failed(t, "", "source: list", "InternalError", "after 5 attempts")
		if got := proxy.Count("LIST"); got != 15 {
			t.Errorf("%d requests, want 5 times 3", got)
		}
		if n := strings.Count(o.log, "trying again"); n != 4 {
			t.Errorf("%d repetitions in the log, want 4", n)
		}
		target.holds(t, nil, "k")
	})
}
