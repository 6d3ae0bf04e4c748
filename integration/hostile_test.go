package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// A hostile server always sends one kind of invalid response to one kind of request.
// Its other responses are correct.

// nonsense are the invalid responses, by name, as rules of faultproxy.
func nonsense() map[string]string {
	return map[string]string{
		"no ETag":             "etag=none",
		"another ETag":        "etag=bad",
		"a huge ETag":         "etag=huge",
		"a page of a proxy":   "html",
		"nothing with 200":    "empty",
		"an error with 200":   "status=200 code=InternalError",
		"half a document":     "truncate-xml",
		"another document":    "root=Other",
		"another media type":  "set.Content-Type=text/html",
		"another range":       "set.Content-Range=bytes%207-9/10",
		"other sizes":         "size=7",
		"another length":      "set.Content-Length=7",
		"less than all":       "shorten after=7",
		"an early refusal":    "status=412 early",
		"a reset in the body": "reset after=7",
		"a reset after it":    "lost",
		"nothing, for ever":   "silent",
		"no more, for ever":   "stall after=7",
		"that it lacks it":    "status=501 code=NotImplemented",
		noObject:              "status=404 code=NoSuchKey",
	}
}

// A hostileRun is a run that makes requests of some kinds.
type hostileRun struct {
	// requests are the kinds of requests, as conditions of faultproxy.
	requests []string
	// also are rules that cause the requests.
	also []string
	// big: there is an object in parts. tagged: objects have tags. untagged: the
	// target's objects have tags, and the source's have none.
	big, tagged, untagged, versioned bool
	// from and to say which sides are buckets behind the server.
	from, to bool
	set      func(*s3sync.Config)
	// same: the target has the objects already, and nothing is deleted.
	same bool
}

func hostileRuns() map[string]hostileRun {
	overwrite := func(cfg *s3sync.Config) {
		cfg.Check.Mode, cfg.Delete.Enable = s3sync.CheckOverwrite, true
	}
	return map[string]hostileRun{
		"down":          {requests: []string{"LIST", "GetObject"}, from: true, set: overwrite},
		"down in parts": {requests: []string{"GetObject header.Range=bytes=0-*", "GetObject header.Range=bytes=5242880-*", "HeadObject partNumber=1"}, from: true, big: true, set: overwrite},
		"down, every part": {requests: []string{"HeadObject partNumber=2"}, from: true, big: true, set: func(cfg *s3sync.Config) {
			overwrite(cfg)
			cfg.Retry.ForceCount = 0
		}},
		"up":          {requests: []string{"LIST", "PutObject", "DeleteObjects"}, to: true, set: overwrite},
		"up in parts": {requests: []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}, to: true, big: true, set: overwrite},
		"up, aborted": {
			requests: []string{"AbortMultipartUpload"}, to: true, big: true, set: overwrite,
			also: []string{"UploadPart partNumber=2 status=400"},
		},
		"up if unchanged": {requests: []string{"HeadObject", "DeleteObject"}, to: true, set: func(cfg *s3sync.Config) {
			cfg.Check.Mode, cfg.Check.HeadEachTarget = s3sync.CheckSize, true
			cfg.Condition.IfMatch, cfg.Delete.Enable = true, true
		}},
		"across with tags": {requests: []string{"GetObjectTagging"}, from: true, to: true, tagged: true, set: overwrite},
		"tags": {requests: []string{"GetObjectTagging", "PutObjectTagging"}, from: true, to: true, tagged: true, same: true, set: func(cfg *s3sync.Config) {
			cfg.Tagging.SyncLatest = true
		}},
		"tags are removed": {requests: []string{"DeleteObjectTagging"}, from: true, to: true, untagged: true, same: true, set: func(cfg *s3sync.Config) {
			cfg.Tagging.SyncLatest = true
		}},
		"copies": {requests: []string{"HeadObject", "CopyObject"}, from: true, to: true, set: func(cfg *s3sync.Config) {
			overwrite(cfg)
			cfg.ServerSideCopy = true
		}},
		"copies in parts": {requests: []string{"CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload"}, from: true, to: true, big: true, set: func(cfg *s3sync.Config) {
			overwrite(cfg)
			cfg.ServerSideCopy = true
		}},
		"versions": {requests: []string{"ListObjectVersions", "GetBucketVersioning", "GetObject"}, from: true, to: true, versioned: true, set: func(cfg *s3sync.Config) {
			cfg.Versioning.Enable = true
		}},
		"compares checksums": {requests: []string{"HeadObject"}, from: true, to: true, big: true, same: true, set: func(cfg *s3sync.Config) {
			cfg.Check.Mode, cfg.Check.Algorithm = s3sync.CheckChecksum, "CRC32"
		}},
	}
}

// TestHostileServer: for every invalid response to every kind of request, a run ends
// soon, names the object or listing, publishes nothing wrong, deletes nothing that it
// may not delete, and is a success only if everything is done.
//
// S3SYNC_SOAK=1 takes all servers.
func TestHostileServer(t *testing.T) {
	t.Parallel()
	kinds := s3server.Kinds()
	if os.Getenv("S3SYNC_SOAK") == "" {
		kinds = kinds[:min(1, len(kinds))]
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			h := newHostile(t, s3server.Shared(t, kind))
			for name, sc := range hostileRuns() {
				for _, request := range sc.requests {
					t.Run(name+"/"+request, func(t *testing.T) {
						t.Parallel() // most of it is waiting
						h.play(t, sc, request)
					})
				}
			}
		})
	}
}

// A hostile is shared by all runs against a server.
type hostile struct {
	*s3server.Server
	source, versionedSource bucket
	target, versionedTarget bucket
	dir                     string
	small, parts            map[string][]byte
	n                       atomic.Int64
}

const (
	honest   = "the truth"
	noObject = "that there is no such"
)

const oldData = "what the target had"

func newHostile(t *testing.T, srv *s3server.Server) *hostile {
	t.Helper()
	h := &hostile{
		Server: srv, source: newBucket(t, srv), target: newBucket(t, srv), versionedSource: newVersionedBucket(t, srv), versionedTarget: newVersionedBucket(t, srv), dir: t.TempDir(),
		small: map[string][]byte{"a": random(1, 1000), "b": random(2, 100)},
		parts: map[string][]byte{"a": random(3, 5*s3sync.MiB+1000)},
	}
	for key, data := range h.small {
		h.source.put(t, "small/"+key, data)
		h.source.putUpload(t, "tagged/"+key, upload{data: data, tags: "tag=" + key})
		h.versionedSource.put(t, "small/"+key, []byte("first of "+key))
		h.versionedSource.put(t, "small/"+key, data)
		write(t, filepath.Join(h.dir, "small"), key, data)
	}
	h.source.putSum(t, "parts/a", types.ChecksumAlgorithmCrc32, false, h.parts["a"][:5*s3sync.MiB], h.parts["a"][5*s3sync.MiB:])
	write(t, filepath.Join(h.dir, "parts"), "a", h.parts["a"])
	return h
}

// A hostileStage is one run against a hostile server.
type hostileStage struct {
	hostileRun
	want, old map[string][]byte
	cfg       *s3sync.Config
	told      string // the nonsense
	// holds reads the content of the target.
	holds func(t *testing.T) map[string][]byte
}

// play sends each kind of invalid response to requests of one kind.
func (h *hostile) play(t *testing.T, sc hostileRun, request string) {
	t.Helper()
	reached := 0
	for _, what := range append([]string{honest}, slices.Sorted(maps.Keys(nonsense()))...) {
		proxy, err := faultproxy.Start(h.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		st := h.set(t, sc, proxy.URL)
		lie := request + " " + nonsense()[what]
		if what == honest {
			lie = request + " delay=1us"
		} else {
			for _, also := range sc.also {
				addRule(t, proxy, also)
			}
		}
		addRule(t, proxy, lie)
		wait := 10 * time.Second
		if strings.HasSuffix(what, "for ever") {
			wait = 150 * time.Millisecond
		}
		st.cfg.Timeout.Read = wait
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errTooLong)
		o := runIn(ctx, t, st.cfg)
		cancel()
		st.told = what
		if what == honest && (o.err != nil || o.Warnings > 0) {
			t.Errorf("no nonsense: %v, %+v\n%s", o.err, o.Stats, o.log)
		}
		if hits := proxy.Hits(lie); hits > 0 || what == honest {
			reached += min(1, hits)
			for _, wrong := range st.judge(o, st.holds(t)) {
				t.Errorf("%s is answered with %s: %s\n%v\n%s\n%s", request, what, wrong, o.err, o.log, proxy.Report(30))
			}
		}
		proxy.Close()
	}
	if reached < 2 {
		t.Error("the run has no such request, or no answer could be spoiled")
	}
	t.Logf("%d kinds of nonsense", reached)
}

var errTooLong = errors.New("the run takes too long")

// set prepares a target and a run.
func (h *hostile) set(t *testing.T, sc hostileRun, endpoint string) *hostileStage {
	t.Helper()
	st := &hostileStage{hostileRun: sc, want: h.small, old: map[string][]byte{}}
	folder, source, target := "small", h.source, h.target
	switch {
	case sc.big:
		folder, st.want = "parts", h.parts
	case sc.tagged:
		folder = "tagged"
	case sc.versioned:
		source, target = h.versionedSource, h.versionedTarget
	}
	if sc.same {
		maps.Copy(st.old, st.want)
	} else if !sc.versioned {
		for key := range st.want {
			st.old[key] = []byte(oldData)
		}
		st.old["x"], st.old["y"] = []byte("extraneous"), []byte("extraneous")
	}
	from := local(filepath.Join(h.dir, folder))
	if sc.from {
		from = source.below(endpoint, folder+"/")
	}
	prefix := fmt.Sprintf("%d/", h.n.Add(1))
	to := target.below(endpoint, prefix)
	st.holds = func(t *testing.T) map[string][]byte { t.Helper(); return target.contents(t, prefix) }
	if !sc.to {
		root := filepath.Join(h.dir, "target", prefix)
		to = local(root)
		st.holds = func(t *testing.T) map[string][]byte { t.Helper(); return fileContents(t, root) }
	}
	for key, data := range st.old {
		switch {
		case !sc.to:
			write(t, to.URL, key, data)
		case sc.big && sc.same:
			target.putSum(t, prefix+key, types.ChecksumAlgorithmCrc32, false, data[:5*s3sync.MiB], data[5*s3sync.MiB:])
		case (sc.tagged || sc.untagged) && key == "a":
			target.putUpload(t, prefix+key, upload{data: data, tags: "other=tag"})
		default:
			target.put(t, prefix+key, data)
		}
	}
	st.cfg = smallParts(config(from, to))
	st.cfg.Retry.MaxAttempts, st.cfg.Retry.ForceCount = 1, 1
	sc.set(st.cfg)
	return st
}

func (b bucket) contents(t *testing.T, prefix string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	page, err := b.Client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range page.Contents {
		all[strings.TrimPrefix(aws.ToString(o.Key), prefix)] = b.get(t, aws.ToString(o.Key))
	}
	return all
}

func fileContents(t *testing.T, root string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for name, path := range tree(t, root) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = data
	}
	return all
}

// judge returns what is wrong with a run.
func (st *hostileStage) judge(o *outcome, got map[string][]byte) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if errors.Is(o.err, errTooLong) {
		say("it does not end")
	}
	whole := true // whether all objects have arrived
	for key, data := range st.want {
		if !bytes.Equal(got[key], data) {
			whole = false
		}
	}
	for key, data := range got {
		if !bytes.Equal(data, st.want[key]) && !bytes.Equal(data, st.old[key]) &&
			(!st.versioned || !strings.HasPrefix(string(data), "first of ")) {
			say("%q was published with %d bytes that are not right", key, len(data))
		}
	}
	gone := 0
	for key := range st.old {
		if _, there := got[key]; there {
			continue
		}
		gone++
		if _, needed := st.want[key]; needed {
			say("%q is lost", key)
		} else if !whole && st.told != noObject { // which may be correct
			say("%q is deleted, and not all objects have arrived", key)
		}
	}
	if o.err == nil && o.Failed == 0 && o.Warnings == 0 {
		switch {
		case !whole:
			say("it tells of a success, and not all objects have arrived")
		case st.cfg.Delete.Enable && st.told != noObject && gone < len(st.old)-len(st.want):
			say("it tells of a success, and extraneous objects are still there")
		}
	}
	for _, ev := range o.eventsOf(s3sync.EventTransferred) {
		if data := st.want[ev.Key]; !bytes.Equal(got[ev.Key], data) {
			say("%q counts as transferred, and is not right", ev.Key)
		}
	}
	for _, ev := range o.eventsOf(s3sync.EventDeleted) {
		if _, there := got[ev.Key]; there && st.told != noObject {
			say("%q counts as deleted, and is there", ev.Key)
		}
	}
	return append(wrong, st.naming(o)...)
}

// naming returns what is wrong with the names in failures: each object must be named
// once, or the listing, in one line of bounded length.
func (st *hostileStage) naming(o *outcome) (wrong []string) {
	named := map[string]int{}
	for _, ev := range o.eventsOf(s3sync.EventFailed) {
		named[ev.Key]++
		if ev.Key == "" && !strings.Contains(ev.Err.Error(), "list") && !strings.Contains(ev.Err.Error(), "version") {
			wrong = append(wrong, fmt.Sprintf("the failure names neither an object nor a listing: %v", ev.Err))
		}
		if text := ev.Err.Error(); len(text) > 2000 || strings.Contains(text, "\n") {
			wrong = append(wrong, fmt.Sprintf("the failure is told in %d bytes: %.200q", len(text), text))
		}
	}
	for key, n := range named {
		if n > 1 {
			wrong = append(wrong, fmt.Sprintf("%q failed %d times", key, n))
		}
	}
	if (o.err != nil) != (o.Failed > 0) {
		wrong = append(wrong, fmt.Sprintf("%d failed, and the error is %v", o.Failed, o.err))
	}
	return wrong
}
