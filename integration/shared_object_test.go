package integration_test

import (
	"bytes"
	"errors"
	"strings"
	gosync "sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"s3sync"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// sharedRecords are records that several runs share.
type sharedRecords struct {
	mu      gosync.Mutex
	records map[string]string
}

func (r *sharedRecords) Put(key string, record []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records[key] = string(record)
}

func (r *sharedRecords) PutDurable(key string, record []byte) error {
	r.Put(key, record)
	return nil
}

func (r *sharedRecords) Remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.records, key)
}

func (r *sharedRecords) All(prefix string, f func(key string, record []byte) bool) {
	r.mu.Lock()
	var found [][2]string
	for key, record := range r.records {
		if strings.HasPrefix(key, prefix) {
			found = append(found, [2]string{key, record})
		}
	}
	r.mu.Unlock()
	for _, one := range found {
		if !f(one[0], []byte(one[1])) {
			return
		}
	}
}

// putDressed writes an object in parts with everything that an object may have.
func (b bucket) putDressed(t *testing.T, key string, parts ...[]byte) {
	t.Helper()
	upload, err := b.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: &key, ContentType: aws.String("image/raw"), CacheControl: aws.String("no-cache"),
		Metadata: map[string]string{"who": "me"}, Tagging: aws.String("color=blue&size=big"),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.finish(t, key, upload.UploadId, parts...)
}

// description returns what a server says of an object, without its time.
func (b bucket) description(t *testing.T, key string) map[string]any {
	t.Helper()
	head, err := b.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	tagging, err := b.Client().GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &b.name, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range tagging.TagSet {
		tags[*tag.Key] = *tag.Value
	}
	return map[string]any{
		"etag": aws.ToString(head.ETag), "size": aws.ToInt64(head.ContentLength), "type": aws.ToString(head.ContentType),
		"cache": aws.ToString(head.CacheControl), "metadata": head.Metadata, "tags": tags,
	}
}

// TestSharedObject: several runs transfer parts of an object at the same time. The last one sends
// no part and publishes the object, which is that of a single run.
func TestSharedObject(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, byServer := range map[string]bool{"through this program": false, "by the server": true} {
			t.Run(name, func(t *testing.T) {
				const parts = 5
				data := random(1, parts*5<<20-9)
				source, target, single := newBucket(t, srv), newBucket(t, srv), newBucket(t, srv)
				var pieces [][]byte
				for at := 0; at < len(data); at += 5 << 20 {
					pieces = append(pieces, data[at:min(at+5<<20, len(data))])
				}
				source.putDressed(t, "big", pieces...)
				records := &sharedRecords{records: map[string]string{}}
				// share returns how many parts were sent.
				share := func(some *s3sync.PartRange) (sent int, err error) {
					cfg := config(source.at(""), target.at(""))
					cfg.Resume.Records, cfg.ServerSideCopy = records, byServer
					cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5<<20, 5<<20
					if some != nil {
						cfg.Transfer.PartsOf = func(storage.Object) *s3sync.PartRange { return some }
					}
					cfg.OnEvent = func(ev s3sync.Event) {
						if ev.Type == s3sync.EventWritten {
							sent++
						}
					}
					report, err := s3sync.Sync(t.Context(), cfg)
					if some == nil {
						return sent, err
					}
					left := new(s3sync.PartsLeftError)
					if len(report.Failures) != 1 || !errors.As(report.Failures[0].Err, &left) || left.Parts != parts {
						t.Errorf("the parts %+v: %v, %+v", *some, err, report.Failures)
					}
					return sent, nil
				}
				if n, err := share(&s3sync.PartRange{}); n != 0 || err != nil {
					t.Fatal(n, err)
				}
				var runs errgroup.Group
				for _, some := range []s3sync.PartRange{{First: 1, End: 3}, {First: 3, End: 5}, {First: 5, End: 6}} {
					runs.Go(func() error {
						n, err := share(&some)
						if n != some.End-some.First {
							t.Errorf("%d parts of %+v were sent", n, some)
						}
						return err
					})
				}
				if err := runs.Wait(); err != nil {
					t.Fatal(err)
				}
				target.holds(t, nil)
				if n, err := share(nil); n != 0 || err != nil {
					t.Errorf("the last run: %v, %d parts were sent", err, n)
				}
				cfg := config(source.at(""), single.at(""))
				cfg.ServerSideCopy = byServer
				cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5<<20, 5<<20
				sync(t, cfg)
				if diff := cmp.Diff(single.description(t, "big"), target.description(t, "big")); diff != "" {
					t.Errorf("the object of a single run (-) and of several (+):\n%s", diff)
				}
				if !bytes.Equal(target.get(t, "big"), data) {
					t.Error("the target has other bytes")
				}
				open, err := target.Client().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &target.name})
				if err != nil || len(open.Uploads) != 0 || len(records.records) != 0 {
					t.Errorf("%v, uploads %+v, records %q", err, open, records.records)
				}
			})
		}
	})
}
