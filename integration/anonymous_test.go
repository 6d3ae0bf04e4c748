package integration_test

import (
	"errors"
	"io/fs"
	"testing"

	"s3sync"
	"s3sync/internal/s3server"
)

// TestAnonymousSource: public objects are copied without credentials, and verified as
// usual; requests to the target are signed. Objects that are not public are not copied.
func TestAnonymousSource(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root := t.TempDir()
		write(t, root, "small", random(1, 1000))
		write(t, root, "dir/parts", random(2, 9*s3sync.MiB))
		name := srv.Bucket(t)
		sync(t, config(local(root), at(srv, "", "s3://"+name)))
		public := s3sync.Endpoint{URL: "s3://" + name, EndpointURL: srv.Endpoint, PathStyle: true}
		anonymous := func(target s3sync.Endpoint) *s3sync.Config {
			cfg := config(public, target)
			cfg.AWS.AnonymousSource = true
			return cfg
		}

		o := run(t, anonymous(local(t.TempDir())))
		if !errors.Is(o.err, fs.ErrPermission) || o.Stats.Transferred != 0 {
			t.Errorf("of a private bucket: %v, %+v", o.err, o.Stats)
		}
		srv.Publish(t, name)
		for what, target := range map[string]s3sync.Endpoint{
			"local": local(t.TempDir()), "bucket": at(srv, "", "s3://"+srv.Bucket(t)),
		} {
			t.Run(what, func(t *testing.T) {
				run(t, anonymous(target)).verified(t, 2, 2, 0, 0)
			})
		}
	})
}
