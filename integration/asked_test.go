package integration_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// asksForParts is the request for the parts of the object "parts".
const asksForParts = "HeadObject key=parts partNumber=1 "

// TestPartsCannotBeAsked: if a server usually reports the parts of an object but fails
// to now, the object could not be verified. So the object fails, with the cause, after
// retries. It is neither published nor counted, and nothing is deleted. The same
// applies if an update check needs the parts. TestLayoutFromServerThatDoesNotTell
// covers servers that never report parts.
func TestPartsCannotBeAsked(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		counterpart, data := newBucket(t, srv), random(1, 5*s3sync.MiB+100)
		content := map[string][]byte{"plain": random(2, 100), "parts": data}
		counterpart.put(t, "plain", content["plain"])
		counterpart.putParts(t, "parts", data[:5*s3sync.MiB], data[5*s3sync.MiB:])
		counterpart.put(t, "stranger", nil)
		for name, fault := range map[string]struct{ rule, cause string }{
			"server fault": {"status=500", "status 500"},
			"too busy":     {"status=503", "status 503"},
			"gateway":      {"status=502", "status 502"},
			"denied":       {"status=403", "status 403"},
			"no answer":    {"delay=1m", "no answer to a request"},
			"closed":       {"close", "connection to"},
		} {
			for _, way := range []string{"down", "across", "keeping parts", "compared up", "compared down"} {
				if name != "server fault" && name != "denied" && way != "down" && way != "compared up" {
					continue
				}
				t.Run(name+"/"+way, func(t *testing.T) {
					proxy := faultproxy.New(t, srv.Endpoint, asksForParts+fault.rule)
					cfg := partsConfig(t, way, counterpart, proxy.URL, changed(content))
					questions, unverified := 2, int64(0)
					if name == "denied" {
						questions = 1
					}
					if way == "keeping parts" {
						unverified = 1 // as requested
					}
					o := run(t, cfg)
					if o.Transferred != 1 || o.Deleted+o.Unverified != unverified || proxy.Count(asksForParts) < questions {
						t.Errorf("%d questions, %+v\n%s", proxy.Count(asksForParts), o.Stats, o.log)
					}
					if name == "denied" { // it is a warning, whichever request is denied
						if events := o.eventsOf(s3sync.EventWarning); len(events) != 1 || !strings.Contains(events[0].Err.Error(), fault.cause) {
							t.Errorf("%+v\n%s", events, o.log)
						}
						return
					}
					o.failed(t, "parts", fault.cause)
					if o.Failed != 1 || o.Warnings != 0 {
						t.Errorf("%+v\n%s", o.Stats, o.log)
					}
				})
			}
		}
	})
}

// partsConfig returns a run from or to the bucket of the objects "plain", "parts" and
// "stranger". "stranger" is to be deleted if the bucket is the target.
func partsConfig(t *testing.T, way string, counterpart bucket, endpoint string, other map[string][]byte) *s3sync.Config {
	t.Helper()
	var cfg *s3sync.Config
	switch way {
	case "down", "across", "keeping parts":
		root := t.TempDir()
		write(t, root, "to be deleted", nil)
		cfg = config(counterpart.at(endpoint), local(root))
		if way != "down" {
			target := newBucket(t, counterpart.Server)
			target.put(t, "to be deleted", nil)
			cfg.Target = target.at("")
		}
		if way == "keeping parts" {
			cfg.Transfer.AutoChunkSize, cfg.Verify.ETag = true, false
		}
		cfg.Filter.Exclude = expression("^stranger$")
	case "compared up":
		cfg = config(writeAll(t, other), counterpart.at(endpoint))
	case "compared down":
		side := writeAll(t, other)
		write(t, filepath.FromSlash(side.URL), "to be deleted", nil)
		cfg = config(counterpart.at(endpoint), side)
		cfg.Filter.Exclude = expression("^stranger$")
	}
	if strings.HasPrefix(way, "compared") {
		cfg.Check.Mode, cfg.DryRun = s3sync.CheckETag, true
	}
	cfg.Delete.Enable = true
	cfg.Timeout.Attempt = 300 * time.Millisecond
	cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = 1, 1
	return cfg
}
