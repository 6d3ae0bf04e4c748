package bucket_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// A kindOfListing is how a test lists, and in which element the server answers.
type kindOfListing struct {
	bucket, root string
	list         func(*testing.T, *bucket.Store) error
}

func kindsOfListings() map[string]kindOfListing {
	objects := func(t *testing.T, s *bucket.Store) error {
		t.Helper()
		_, err := keysOf(t.Context(), s, storage.Range{})
		return err
	}
	versions := func(t *testing.T, s *bucket.Store) error {
		t.Helper()
		for _, err := range s.Versions(t.Context(), storage.ListOptions{}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	return map[string]kindOfListing{
		"objects":   {"b", "ListBucketResult", objects},
		"directory": {directoryBucket, "ListBucketResult", objects},
		"versions":  {"b", "ListVersionsResult", versions},
	}
}

// session answers a request for the session with a directory bucket.
func session(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Query().Has("session") {
		fmt.Fprint(w, "<CreateSessionResult><Credentials><AccessKeyId>AK</AccessKeyId><SecretAccessKey>SK</SecretAccessKey>"+
			"<SessionToken>T</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>")
		return true
	}
	return false
}

// TestHugePage: a page with a million entries, whatever they are like, is not read
// into memory.
func TestHugePage(t *testing.T) {
	const entries, most = 1_000_000, 100 << 20
	const full = "<Key>some/key</Key><VersionId>v</VersionId><IsLatest>true</IsLatest><Size>1</Size>" +
		"<LastModified>2023-02-19T12:00:00Z</LastModified><ETag>&quot;" + etag + "&quot;</ETag><StorageClass>STANDARD</StorageClass>"
	for name, tt := range kindsOfListings() {
		for form, entry := range map[string]string{"usual": full, "bare": ""} {
			t.Run(name+", "+form, func(t *testing.T) {
				var before runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				var peak atomic.Uint64
				var pages atomic.Int32
				element := map[string]string{"ListBucketResult": "Contents", "ListVersionsResult": "Version"}[tt.root]
				f := newRawFake(t, func(w http.ResponseWriter, r *http.Request) {
					if session(w, r) {
						return
					}
					pages.Add(1)
					_, err := fmt.Fprintf(w, "<%s><IsTruncated>false</IsTruncated>", tt.root)
					piece := []byte(strings.Repeat("<"+element+">"+entry+"</"+element+">", 1000))
					for i := 0; i < entries && err == nil && r.Context().Err() == nil; i += 1000 {
						_, err = w.Write(piece)
						var now runtime.MemStats
						runtime.ReadMemStats(&now)
						peak.Store(max(peak.Load(), now.HeapInuse))
					}
					_, _ = io.WriteString(w, "</"+tt.root+">")
				}, nil)
				opts := f.options()
				opts.Bucket, opts.MaxAttempts = tt.bucket, 3
				err := tt.list(t, open(t, opts))
				wantKind(t, err, nil)
				if want := "is larger than any of S3 can be"; !strings.Contains(err.Error(), want) || pages.Load() != 1 {
					t.Errorf("%d requests, message %q does not hold %q", pages.Load(), err, want)
				}
				if used := peak.Load() - min(peak.Load(), before.HeapInuse); used > most {
					t.Errorf("%d MiB of memory", used>>20)
				} else {
					t.Logf("%d MiB of memory", used>>20)
				}
			})
		}
	}
}

// TestLargePage: a server may put ten times as many entries on a page as S3 does.
func TestLargePage(t *testing.T) {
	const entries = 10_000
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
		for i := range entries {
			fmt.Fprintf(w, "<Contents><Key>%0100d</Key><Size>1</Size><LastModified>2023-02-19T12:00:00Z</LastModified><ETag>e</ETag>"+
				"<StorageClass>STANDARD</StorageClass><ChecksumType>FULL_OBJECT</ChecksumType></Contents>", i)
		}
		fmt.Fprint(w, "</ListBucketResult>")
	})
	keys, err := keysOf(t.Context(), open(t, f.options()), storage.Range{})
	if err != nil || len(keys) != entries {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

// TestEmptyPages: some pages without entries are normal, but not without end.
func TestEmptyPages(t *testing.T) {
	for name, tt := range kindsOfListings() {
		for _, pages := range []int{20, 21, 1 << 30} {
			t.Run(fmt.Sprintf("%s, %d", name, pages), func(t *testing.T) {
				var n atomic.Int64
				f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
					if session(w, r) {
						return
					}
					i := n.Add(1)
					fmt.Fprintf(w, "<%s><IsTruncated>%v</IsTruncated><NextContinuationToken>%d</NextContinuationToken>"+
						"<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>%[3]d</NextVersionIdMarker></%[1]s>", tt.root, i <= int64(pages), i)
				})
				opts := f.options()
				opts.Bucket = tt.bucket
				var notices []string
				opts.Notice = func(n storage.Notice) { notices = append(notices, n.Text) }
				s := open(t, opts)
				s.MaxEmptyPages(20)
				err := tt.list(t, s)
				if len(notices) != 1 || !strings.HasPrefix(notices[0], "2 pages of a listing in a row were empty") {
					t.Errorf("notices %q", notices)
				}
				if pages == 20 {
					if err != nil || n.Load() != 21 {
						t.Errorf("%d pages: %v", n.Load(), err)
					}
					return
				}
				wantKind(t, err, nil)
				if !strings.Contains(err.Error(), "the listing has no end: 21 pages in a row are empty") || n.Load() != 21 {
					t.Errorf("%d pages: %v", n.Load(), err)
				}
			})
		}
	}
}

// TestHugeAnswers: no other answer is read without end either. Of what is told of
// a failure the status counts.
func TestHugeAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		begin  string
		piece  string
		want   error
		text   string
	}{
		"tags":           {200, "<Tagging><TagSet>", "<Tag/>", nil, "is larger than any of S3 can be"},
		"one long tag":   {200, "<Tagging><TagSet><Tag><Key>", "kkkkkkkk", nil, "is larger than any of S3 can be"},
		"error":          {500, "<Error><Code>Odd</Code><Message>", "mmmmmmmm", storage.ErrTransient, ""},
		"page of errors": {503, "<html>", "<p>slow down</p>", storage.ErrTransient, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			f := newRawFake(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(tt.status)
				piece := []byte(strings.Repeat(tt.piece, 1000))
				_, err := io.WriteString(w, tt.begin)
				for err == nil && r.Context().Err() == nil && sent.Load() < 1<<30 {
					_, err = w.Write(piece)
					sent.Add(int64(len(piece)))
				}
			}, nil)
			_, err := open(t, f.options()).Tags(t.Context(), "k", "")
			wantKind(t, err, tt.want)
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("message %q does not hold %q", err, tt.text)
			}
			if sent.Load() > 100<<20 {
				t.Errorf("%d MiB were taken", sent.Load()>>20)
			}
		})
	}
}
