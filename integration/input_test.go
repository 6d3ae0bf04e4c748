package integration_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// TestUnusableSides: a side that cannot be reached or used is reported in one line,
// within seconds although the settings allow many retries. Nothing is written or
// deleted on the other side.
func TestUnusableSides(t *testing.T) {
	closed := closedPort(t)
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		type side struct {
			spoil  func(*s3sync.Endpoint)
			kind   error
			causes []string
		}
		sides := map[string]side{
			"unknown access key": {func(e *s3sync.Endpoint) { e.AccessKey = "nobody" }, storage.ErrCredentials, []string{"access key"}},
			"wrong secret key":   {func(e *s3sync.Endpoint) { e.SecretKey = "wrong" }, storage.ErrCredentials, []string{"SignatureDoesNotMatch"}},
			"unknown bucket":     {func(e *s3sync.Endpoint) { e.URL = "s3://no-such-bucket-here" }, storage.ErrNoBucket, []string{"NoSuchBucket", "no-such-bucket-here"}},
			"nobody there":       {func(e *s3sync.Endpoint) { e.EndpointURL = closed }, storage.ErrUnusable, []string{closed}},
		}
		if srv.Kind == s3server.MinIO {
			creds := srv.Restricted(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::*"]}]}`)
			sides["no permission"] = side{func(e *s3sync.Endpoint) {
				e.AccessKey, e.SecretKey, e.SessionToken = creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken
			}, fs.ErrPermission, []string{"AccessDenied"}}
		}
		root, source, target, copied := t.TempDir(), newBucket(t, srv), newBucket(t, srv), t.TempDir()
		keys := numberedKeys(30)
		for _, key := range keys {
			write(t, root, key, nil)
			source.put(t, key, nil)
		}
		target.put(t, "stranger", nil)
		write(t, copied, "stranger", nil)
		missing := filepath.Join(t.TempDir(), "missing")
		t.Run("all", func(t *testing.T) {
			for name, tt := range sides {
				spoilt := func(e s3sync.Endpoint) s3sync.Endpoint {
					tt.spoil(&e)
					return e
				}
				for where, cfg := range map[string]*s3sync.Config{
					"source to bucket":  config(spoilt(source.at("")), target.at("")),
					"source to files":   config(spoilt(source.at("")), local(copied)),
					"source to nowhere": config(spoilt(source.at("")), local(missing)),
					"target":            config(local(root), spoilt(target.at(""))),
					"target, unlisted":  config(local(root), spoilt(target.at(""))),
				} {
					t.Run(name+"/"+where, func(t *testing.T) {
						t.Parallel() // they wait
						cfg.Retry = s3sync.DefaultConfig().Retry
						cfg.Delete.Enable = where != "target, unlisted"
						if !cfg.Delete.Enable {
							cfg.Check.Mode = s3sync.CheckOverwrite
						}
						began := time.Now()
						o := run(t, cfg)
						took := time.Since(began)
						if where == "target, unlisted" && errors.Is(tt.kind, fs.ErrPermission) {
							// Each object may be denied for its own reason, but not all
							// of them.
							if !errors.Is(o.err, tt.kind) || int(o.Failed) != len(keys) || o.Warnings+o.Transferred != 0 {
								t.Errorf("%v, %+v", o.err, o.Stats)
							}
							return
						}
						failed := ""
						if where == "target, unlisted" && len(o.FailedKeys()) > 0 {
							failed = o.FailedKeys()[0]
						}
						o.failed(t, failed, tt.causes...)
						if !errors.Is(o.err, tt.kind) || took > 10*time.Second || !o.Incomplete || o.Transferred != 0 || o.Deleted != 0 || o.Failed > 16 {
							t.Errorf("%v after %v, %+v", o.err, took, o.Stats)
						}
						if side := strings.Trim(strings.Fields(where)[0], ","); !strings.HasPrefix(o.err.Error(), side+": ") {
							t.Errorf("the error does not name the %s: %v", side, o.err)
						}
					})
				}
			}
		})
		target.holds(t, []string{"stranger"})
		hasFiles(t, copied, "stranger")
		hasFiles(t, missing)
	})
}

// TestWrongRegion: the server tells the region of a bucket if it is another one, and the
// run goes on there, with a note.
func TestWrongRegion(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, source, copied := t.TempDir(), newBucket(t, srv), t.TempDir()
		write(t, root, "key", []byte("data"))
		source.put(t, "key", []byte("data"))
		elsewhere := func(b bucket) s3sync.Endpoint {
			e := b.at("")
			e.Region = "eu-central-1"
			return e
		}
		for name, cfg := range map[string]*s3sync.Config{
			"down":   config(elsewhere(source), local(copied)),
			"up":     config(local(root), elsewhere(newBucket(t, srv))),
			"across": config(elsewhere(source), newBucket(t, srv).at("")),
		} {
			cfg.Delete.Enable = true
			o := run(t, cfg)
			o.succeeded(t, 1)
			if want := `is in region \"us-east-1\", not in \"eu-central-1\"`; strings.Count(o.log, want) != 1 {
				t.Errorf("%s: not one %q in\n%s", name, want, o.log)
			}
		}
	})
}

// TestTargetDisappears: a target that becomes unusable during the run ends the run at
// once. The objects do not fail one by one.
func TestTargetDisappears(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for fault, kind := range map[string]error{
			"status=404 code=NoSuchBucket": storage.ErrNoBucket, "status=403 code=InvalidAccessKeyId": storage.ErrCredentials,
			"status=403 code=ExpiredToken": storage.ErrCredentials, "status=507 code=XMinioStorageFull": storage.ErrFull,
		} {
			t.Run(fault, func(t *testing.T) {
				root, target := t.TempDir(), newBucket(t, srv)
				for _, key := range numberedKeys(99) {
					write(t, root, key, nil)
				}
				target.put(t, "stranger", nil)
				proxy := faultproxy.New(t, srv.Endpoint, "PutObject nth=10 times=1000 "+fault, "PutObject delay=2ms")
				cfg := config(local(root), target.at(proxy.URL))
				cfg.Transfer.Workers = 4
				cfg.Delete.Enable = true
				o := run(t, cfg)
				_, code, _ := strings.Cut(fault, "code=")
				o.failed(t, o.FailedKeys()[0], code)
				if !errors.Is(o.err, kind) || !errors.Is(o.err, storage.ErrUnusable) || o.Failed > 4 || o.Deleted != 0 || proxy.Count("PutObject") > 9+4 {
					t.Errorf("%v, %+v, %d requests", o.err, o.Stats, proxy.Count("PutObject"))
				}
			})
		}
	})
}
