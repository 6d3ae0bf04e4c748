package integration_test

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// One server has many names. Whichever are used, a source inside the target is not
// deleted, and a target inside the source is not copied into itself.
func TestSidesThatOverlap(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		b := newBucket(t, srv)
		before := []string{"a/old", "a/sub/1", "a/sub/2"}
		for _, key := range before {
			b.put(t, key, []byte(key))
		}
		u, err := url.Parse(srv.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		port := u.Port()
		proxy := faultproxy.New(t, srv.Endpoint)
		config := filepath.Join(t.TempDir(), "config")
		write(t, filepath.Dir(config), "config", []byte("[profile other]\nendpoint_url = http://LOCALHOST:"+port+"\nregion = us-east-1\n"))
		source, target := b.at(""), b.at("")
		source.URL += "/a/sub/"
		target.URL += "/a/"
		for name, tt := range map[string]struct {
			endpoint string
			env      []string
			args     []string
			code     int
			want     string
		}{
			"same":         {endpoint: srv.Endpoint, code: 2},
			"name":         {endpoint: "http://localhost:" + port, code: 2},
			"capitals":     {endpoint: "HTTP://LOCALHOST:" + port, code: 2},
			"slash":        {endpoint: srv.Endpoint + "/", code: 2},
			"dot":          {endpoint: "http://localhost.:" + port, code: 2},
			"other number": {endpoint: "http://127.1.2.3:" + port, code: 2},
			"IPv6":         {endpoint: "http://[::1]:" + port, code: 2},
			"mapped":       {endpoint: "http://[::ffff:127.0.0.1]:" + port, code: 2},
			"environment":  {env: []string{"AWS_ENDPOINT_URL=http://localhost:" + port}, code: 2},
			"S3 of the environment": {env: []string{
				"AWS_ENDPOINT_URL=http://localhost:1", "AWS_ENDPOINT_URL_S3=" + srv.Endpoint,
			}, code: 2},
			"profile":             {env: []string{"AWS_CONFIG_FILE=" + config, "AWS_PROFILE=other"}, code: 2},
			"other port":          {endpoint: proxy.URL, code: 1, want: "one bucket under two names"},
			"other port, allowed": {endpoint: proxy.URL, args: []string{"--allow-overlap"}, code: 1, want: "one bucket under two names"},
		} {
			t.Run(name, func(t *testing.T) {
				other := target
				other.EndpointURL = tt.endpoint
				want := tt.want
				if want == "" {
					want = "--delete would delete the source, which lies inside TARGET"
				}
				p := command(t, source, other, append(tt.args, "--delete")...)
				p.Env = append(p.Env, tt.env...)
				if code := p.run(t); code != tt.code || !strings.Contains(p.stderr.String(), want) {
					t.Errorf("exit code %d, want %d and %q\n%s", code, tt.code, want, &p.stderr)
				}
				if keys := b.keys(t); !containsAll(keys, before) {
					t.Errorf("left are %q", keys)
				}
			})
		}
		t.Run("target inside", func(t *testing.T) {
			for _, endpoint := range []string{"http://localhost:" + port, proxy.URL} {
				inner := source
				inner.EndpointURL = endpoint
				p := command(t, target, inner)
				if code := p.run(t); code != 2 || !strings.Contains(p.stderr.String(), "TARGET lies inside SOURCE") {
					t.Errorf("%s: exit code %d\n%s", endpoint, code, &p.stderr)
				}
			}
		})
		t.Run("two servers", func(t *testing.T) { twoServers(t, srv, b) })
	})
}

// twoServers: two servers with buckets of one name are synced, and target-only objects
// are deleted.
func twoServers(t *testing.T, srv *s3server.Server, b bucket) {
	t.Helper()
	kinds := s3server.Kinds()
	i := slices.IndexFunc(kinds, func(k s3server.Kind) bool { return k != srv.Kind })
	if i < 0 {
		t.Skip("there is one kind of server only")
	}
	second := bucket{s3server.Shared(t, kinds[i]), b.name}
	if err := second.CreateBucket(t.Context(), b.name); err != nil {
		t.Fatal(err)
	}
	second.put(t, "a/sub/extra", []byte("extra"))
	cfg := config(b.at(""), second.at(""))
	cfg.Delete = s3sync.Delete{Enable: true}
	if got := run(t, cfg); got.err != nil || got.Deleted != 1 {
		t.Errorf("%v, %+v", got.err, got.Stats)
	}
	second.holds(t, b.keys(t))
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
