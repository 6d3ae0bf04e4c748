package integration_test

import (
	"testing"

	"s3sync"
	"s3sync/internal/s3server"
)

// --auto-chunksize between the servers: the target has the ETag of the source, whatever
// its parts are, even if they do not fit into memory.
func TestAutoChunkSizeKeepsParts(t *testing.T) {
	t.Parallel()
	const mib = s3sync.MiB
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.putParts(t, "uniform", random(1, 5*mib), random(2, 5*mib), random(3, mib))
		source.putParts(t, "uneven", random(1, 5*mib), random(2, 6*mib), random(3, 7*mib), random(4, 1))
		source.putParts(t, "one part", random(5, 9*mib))
		source.putParts(t, "large parts", random(6, 40*mib), random(7, 33*mib))
		source.put(t, "whole", random(8, 20*mib))
		source.put(t, "large whole", random(9, 70*mib))
		cfg := config(source.at(""), target.at(""))
		cfg.Transfer.AutoChunkSize = true
		cfg.Transfer.MaxMemory = 32 * mib
		events := listening(cfg)
		report := sync(t, cfg)
		if report.Transferred != 6 || report.ETagVerified != 6 {
			t.Errorf("%+v", report.Stats)
		}
		for _, ev := range *events {
			if ev.Type == s3sync.EventTransferred && (ev.Source.ETag != ev.Target.ETag || ev.Source.ETag == "") {
				t.Errorf("%s: ETag %s became %s", ev.Key, ev.Source.ETag, ev.Target.ETag)
			}
		}
	})
}
