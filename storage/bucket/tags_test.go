package bucket_test

import (
	"crypto/md5"
	"encoding/base64"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/directoryserver"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

func TestGetTags(t *testing.T) {
	const one = `<Tagging><TagSet><Tag><Key>a b</Key><Value>&lt;+%20</Value></Tag><Tag><Key>empty</Key><Value/></Tag></TagSet></Tagging>`
	for name, tt := range map[string]struct {
		version string
		answer  http.HandlerFunc
		want    map[string]string
		err     error
		text    string
	}{
		"some":    {"", answering(one), map[string]string{"a b": "<+%20", "empty": ""}, nil, ""},
		"version": {"v1", answering(one), map[string]string{"a b": "<+%20", "empty": ""}, nil, ""},
		"none":    {"", answering("<Tagging><TagSet></TagSet></Tagging>"), map[string]string{}, nil, ""},
		// Ceph RGW 16 answers with nothing at all where there are none.
		"no body": {"", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.Header().Set("ETag", etag)
				w.Header().Set("Content-Length", "0")
				w.Header().Set("X-Amz-Tagging-Count", "0")
			}
		}, map[string]string{}, nil, ""},
		"no body, but tags": {"", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.Header().Set("ETag", etag)
				w.Header().Set("Content-Length", "0")
				w.Header().Set("X-Amz-Tagging-Count", "2")
			}
		}, nil, storage.ErrTransient, "it is empty, and the object has 2 tags"},
		"another body":    {"", answering("<Other/>"), nil, storage.ErrTransient, "it holds <Other> instead of <Tagging>"},
		"no object":       {"", refusing(404, "NoSuchKey"), nil, fs.ErrNotExist, ""},
		"no version":      {"v1", refusing(404, "NoSuchVersion"), nil, fs.ErrNotExist, ""},
		"denied":          {"", refusing(403, "AccessDenied"), nil, fs.ErrPermission, "permission s3:GetObjectTagging)"},
		"version, denied": {"v1", refusing(403, "AccessDenied"), nil, fs.ErrPermission, "permission s3:GetObjectVersionTagging)"},
		"slow down":       {"", refusing(503, "SlowDown"), nil, storage.ErrThrottled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tt.answer)
			tags, err := open(t, f.options()).Tags(t.Context(), "k", tt.version)
			if r, _ := f.last(t); r.URL.Query().Get("versionId") != tt.version {
				t.Errorf("asked for %s", r.URL)
			}
			if diff := cmp.Diff(tt.want, tags); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.err == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, err, tt.err)
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v, want %q in it", err, tt.text)
			}
		})
	}
}

func answering(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

func refusing(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, code) }
}

func TestSetTags(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte("<Tagging><TagSet/></Tagging>"))
		}
	})
	s := open(t, f.options())
	if err := s.SetTags(t.Context(), "k", map[string]string{"b": "2", "a": "<1>"}); err != nil {
		t.Fatal(err)
	}
	r, body := f.last(t)
	if !strings.Contains(body, "<Tag><Key>a</Key><Value>&lt;1&gt;</Value></Tag><Tag><Key>b</Key><Value>2</Value></Tag>") {
		t.Errorf("sent %s", body)
	}
	if sum := md5.Sum([]byte(body)); r.Header.Get("Content-MD5") != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("Content-MD5 %q", r.Header.Get("Content-MD5"))
	}
	if err := s.SetTags(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	f.wantSeen(t, "GET tagging", "PUT tagging", "DELETE tagging") // only the first asks whether the server knows tags
	for permission, tags := range map[string]map[string]string{"s3:PutObjectTagging": {"a": "b"}, "s3:DeleteObjectTagging": nil} {
		f := newFake(t, refusing(403, "AccessDenied"))
		err := open(t, f.options()).SetTags(t.Context(), "k", tags)
		wantKind(t, err, fs.ErrPermission)
		if !strings.Contains(err.Error(), permission) {
			t.Errorf("%v, want %s in it", err, permission)
		}
	}
}

// TestTagsOfVersion: on real servers, each version has its own.
func TestTagsOfVersion(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			s := open(t, options(server, server.VersionedBucket(t)))
			var versions []string
			for _, tag := range []string{"old", "new"} {
				info, err := s.Put(t.Context(), "k", block(nil), storage.WriteOptions{Tags: map[string]string{"t": tag}})
				if err != nil {
					t.Fatal(err)
				}
				versions = append(versions, info.VersionID)
			}
			if err := s.SetTags(t.Context(), "k", map[string]string{"t": "set"}); err != nil {
				t.Fatal(err)
			}
			for version, want := range map[string]string{versions[0]: "old", versions[1]: "set", "": "set"} {
				if tags, err := s.Tags(t.Context(), "k", version); err != nil || !maps.Equal(tags, map[string]string{"t": want}) {
					t.Errorf("tags of version %q: %v, %v, want %s", version, tags, err, want)
				}
			}
			if err := errors.Join(s.Delete(t.Context(), objectsOf("k"), storage.DeleteOptions{})...); err != nil {
				t.Fatal(err)
			}
			// Of a deletion marker versitygw says no more than that it cannot be asked.
			if _, err := s.Tags(t.Context(), "k", ""); kind == s3server.MinIO && !errors.Is(err, fs.ErrNotExist) || err == nil {
				t.Errorf("tags of a deletion marker: %v", err)
			}
		})
	}
}

// TestTagsDenied: a real server does not let everybody see or set tags.
func TestTagsDenied(t *testing.T) {
	server := s3server.Shared(t, s3server.MinIO)
	opts := options(server, server.Bucket(t))
	if _, err := open(t, opts).Put(t.Context(), "k", block(nil), storage.WriteOptions{Tags: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	creds := server.Restricted(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::`+opts.Bucket+`/*"]}]}`)
	opts.AccessKey, opts.SecretKey, opts.SessionToken = creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken
	s := open(t, opts)
	_, err := s.Tags(t.Context(), "k", "")
	wantKind(t, err, fs.ErrPermission)
	wantKind(t, s.SetTags(t.Context(), "k", map[string]string{"a": "c"}), fs.ErrPermission)
	wantKind(t, s.SetTags(t.Context(), "k", nil), fs.ErrPermission)
}

func TestDirectoryBucketTags(t *testing.T) {
	server := directoryserver.New(t, directoryBucket)
	s := open(t, directoryOptions(server, directoryBucket))
	if err := put(t, s, "k"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Tags(t.Context(), "k", "")
	for _, err := range []error{err, s.SetTags(t.Context(), "k", nil), s.SetTags(t.Context(), "k", map[string]string{"a": "b"})} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v", err)
		}
	}
}
