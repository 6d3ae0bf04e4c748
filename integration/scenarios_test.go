package integration_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// The scenarios are tables of what users do. One row is a source, what happened before,
// the options of one run, and the counters and contents expected after it. They test
// options together. Other tests cover each option by itself, and failures.

// A scenario is a row.
type scenario struct {
	needs   need              // of the server
	objects map[string][]byte // content of the source; nil means fiveFiles
	prefix  string            // prefix of both sides, if they are buckets
	// sum is the additional checksum of the source's objects, and of target objects
	// that an earlier step puts.
	sum checksumKind
	// small makes parts of 5 MiB, also in earlier runs, unless parts are kept.
	small bool
	// versions: both sides are buckets with versioning.
	versions bool
	before   []step
	options  func(*s3sync.Config)
	// meanwhile is a step after both sides are listed, and before anything is written.
	meanwhile step
	want      counts
	// fails is a text in the error of the run; empty means no error.
	fails string
	// then checks the result. Without it the target must hold the same as the source.
	then func(t *testing.T, s *scenarioRun)
}

// A step is something that happens before the tested run.
type step func(t *testing.T, s *scenarioRun)

// counts are the counters of one run.
type counts struct {
	transferred int64
	etag        int64 // verified by ETag
	checksum    int64 // verified by additional checksum
	unverified  int64
	skipped     int64
	deleted     int64
	warnings    int64
	failed      int64
}

func countsOf(st s3sync.Stats) counts {
	return counts{
		transferred: st.Transferred, etag: st.ETagVerified, checksum: st.ChecksumVerified, warnings: st.Warnings,
		skipped: st.Skipped, deleted: st.Deleted, unverified: st.Unverified, failed: st.Failed,
	}
}

// A need is a special requirement of a row for its server.
type need string

const (
	needKMS  need = "encryption with keys of KMS"
	needData need = "keys that end in a slash and have data"
	// needBare: objects that are written without an additional checksum have none.
	needBare need = "objects without an additional checksum"
)

// lacks reports whether a server does not meet the need: see the package comment of
// s3server.
func (n need) lacks(kind s3server.Kind) bool {
	return n != "" && kind == s3server.VersityGW // MinIO has all of them
}

// A checksumKind is an additional checksum of objects; the zero value is none.
type checksumKind struct {
	algorithm types.ChecksumAlgorithm
	full      bool // of objects in parts: of all bytes
}

// of makes a run write the checksum.
func (s checksumKind) of(c *s3sync.Config) {
	c.Verify.Algorithm = string(s.algorithm)
	c.Verify.FullObject = s.full && s.algorithm != types.ChecksumAlgorithmCrc64nvme
}

// A direction says which sides of a run are buckets.
type direction string

const (
	up     direction = "up"     // from files to a bucket
	down   direction = "down"   // from a bucket to files
	across direction = "across" // between buckets
)

func allDirections() []direction { return []direction{up, down, across} }

// A scenarioRun is the run of one row, on one server in one direction.
type scenarioRun struct {
	*s3server.Server

	source, target side
	row            *scenario
	// content is the content of the source.
	content map[string][]byte
	// last is the tested run after it has ended.
	last *outcome
}

// config returns a run with options, without those that the direction does not have.
func (s *scenarioRun) config(options ...func(*s3sync.Config)) *s3sync.Config {
	cfg := config(s.source.endpoint(), s.target.endpoint())
	with(options...)(cfg)
	if s.row.small && !cfg.Transfer.AutoChunkSize {
		smallParts(cfg)
	}
	if s.source.root != "" {
		cfg.Verify.ReadChecksum = false
	}
	if s.target.root != "" {
		cfg.Verify.Algorithm, cfg.Verify.FullObject = "", false
	}
	return cfg
}

// A side is a directory, or a bucket below a prefix.
type side struct {
	root   string // empty for a bucket
	bucket bucket
	prefix string
	sum    checksumKind
}

func (p side) endpoint() s3sync.Endpoint {
	if p.root != "" {
		return local(p.root)
	}
	e := p.bucket.at("")
	e.URL += "/" + p.prefix
	return e
}

func (p side) put(t *testing.T, key string, data []byte) {
	t.Helper()
	switch {
	case p.root != "":
		write(t, p.root, key, data)
	case p.sum.algorithm != "":
		p.bucket.putSum(t, p.prefix+key, p.sum.algorithm, p.sum.full, data)
	default:
		p.bucket.put(t, p.prefix+key, data)
	}
}

func (p side) delete(t *testing.T, key string) {
	t.Helper()
	if p.root != "" {
		if err := os.Remove(filepath.Join(p.root, filepath.FromSlash(key))); err != nil {
			t.Fatal(err)
		}
		return
	}
	_, err := p.bucket.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &p.bucket.name, Key: aws.String(p.prefix + key)})
	if err != nil {
		t.Fatal(err)
	}
}

func (p side) get(t *testing.T, key string) []byte {
	t.Helper()
	if p.root == "" {
		return p.bucket.get(t, p.prefix+key)
	}
	data, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(key)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// keys returns the keys of all objects, in order.
func (p side) keys(t *testing.T) []string {
	t.Helper()
	if p.root != "" {
		return names(t, p.root)
	}
	keys := []string{}
	for _, key := range p.bucket.keys(t) {
		if key, ok := strings.CutPrefix(key, p.prefix); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// modified returns when an object was modified, in seconds.
func (p side) modified(t *testing.T, key string) int64 {
	t.Helper()
	if p.root == "" {
		return p.head(t, key).LastModified.Unix()
	}
	fi, err := os.Stat(filepath.Join(p.root, filepath.FromSlash(key)))
	if err != nil {
		t.Fatal(err)
	}
	return fi.ModTime().Unix()
}

// head returns everything that a bucket reports about an object.
func (p side) head(t *testing.T, key string) *s3.HeadObjectOutput {
	t.Helper()
	out, err := p.bucket.Client().HeadObject(t.Context(), &s3.HeadObjectInput{
		Bucket: &p.bucket.name, Key: aws.String(p.prefix + key), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return out
}

// runScenarios runs rows on every server, in each of the directions. In a short run
// each row runs on one server.
func runScenarios(t *testing.T, ways []direction, rows map[string]scenario) {
	t.Helper()
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			srv := s3server.Shared(t, kind)
			for _, w := range ways {
				t.Run(string(w), func(t *testing.T) {
					for name, row := range rows {
						if !row.needs.lacks(kind) && row.isOn(kind, name+string(w)) {
							t.Run(name, func(t *testing.T) {
								t.Parallel() // some wait for the next second
								row.run(t, srv, w, syncRun)
							})
						}
						if row.plannable() && !row.needs.lacks(kind) && slices.Contains(s3server.Rotated(name+string(w)), kind) {
							t.Run(name+"/planned", func(t *testing.T) {
								if testing.Short() {
									t.Skip("it runs in make test-full")
								}
								t.Parallel()
								row.run(t, srv, w, planRun)
							})
						}
					}
				})
			}
		})
	}
}

// isOn reports whether a row of that name runs on a server.
func (row *scenario) isOn(kind s3server.Kind, name string) bool {
	kinds := s3server.Rotated(name)
	// If a server cannot run the row, the others run it.
	return slices.Contains(kinds, kind) || slices.ContainsFunc(kinds, row.needs.lacks)
}

// A way is how the tested run of a row is made.
type way func(t *testing.T, cfg *s3sync.Config) *outcome

func (row *scenario) run(t *testing.T, srv *s3server.Server, w direction, make way) {
	s := newScenarioRun(t, srv, row, w)
	if row.objects == nil {
		row.objects = fiveFiles()
	}
	put(row.objects)(t, s)
	for _, before := range row.before {
		before(t, s)
	}
	cfg, want := s.config(row.options), row.want
	if cfg.ServerSideCopy && !cfg.DryRun && row.sum.algorithm == "" && srv.Kind == s3server.VersityGW {
		want.checksum = want.transferred // a copy is verified by the CRC64NVME that this server adds to every object
	}
	if row.meanwhile != nil {
		var once gosync.Once
		cfg.Filter.Func = func(storage.Object) (bool, error) {
			once.Do(func() { row.meanwhile(t, s) })
			return true, nil
		}
	}
	s.last = make(t, cfg)
	if diff := cmp.Diff(want, countsOf(s.last.Stats), cmp.AllowUnexported(counts{})); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if err := s.last.err; (err != nil) != (row.fails != "") || err != nil && !strings.Contains(err.Error(), row.fails) {
		t.Errorf("error %v, want one of %q", err, row.fails)
	}
	if row.then != nil {
		row.then(t, s)
	} else {
		wantSameContents(t, s)
	}
	if t.Failed() {
		t.Log(s.last.log)
	}
}

func newScenarioRun(t *testing.T, srv *s3server.Server, row *scenario, w direction) *scenarioRun {
	t.Helper()
	return &scenarioRun{
		Server: srv, row: row, content: map[string][]byte{},
		source: newSide(t, srv, row, w != up), target: newSide(t, srv, row, w != down),
	}
}

func newSide(t *testing.T, srv *s3server.Server, row *scenario, bucket bool) side {
	t.Helper()
	if row.versions {
		return side{bucket: newVersionedBucket(t, srv), prefix: row.prefix, sum: row.sum}
	}
	if bucket {
		return side{bucket: newBucket(t, srv), prefix: row.prefix, sum: row.sum}
	}
	return side{root: t.TempDir()}
}

// wantSameContents checks that the target holds the contents of the source.
func wantSameContents(t *testing.T, s *scenarioRun) {
	t.Helper()
	if diff := cmp.Diff(keysOf(s.content), s.target.keys(t)); diff != "" {
		t.Errorf("keys of the target (-source +target):\n%s", diff)
		return
	}
	for key, data := range s.content {
		if !bytes.Equal(data, s.target.get(t, key)) {
			t.Errorf("%s has other content", key)
		}
	}
}

// wantKeys checks that the target holds exactly these keys.
func wantKeys(keys ...string) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		if diff := cmp.Diff(inOrder(keys), s.target.keys(t)); diff != "" {
			t.Errorf("keys of the target (-want +got):\n%s", diff)
		}
	}
}

// all combines several checks.
func all(checks ...func(*testing.T, *scenarioRun)) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for _, check := range checks {
			check(t, s)
		}
	}
}

// with combines options.
func with(options ...func(*s3sync.Config)) func(*s3sync.Config) {
	return func(c *s3sync.Config) {
		for _, option := range options {
			if option != nil {
				option(c)
			}
		}
	}
}
