package s3server

import (
	"context"
	"errors"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Start runs a server for one test and ends it afterwards. It skips the test if the
// server may not or cannot run: see the package comment.
func Start(t testing.TB, kind Kind, opts Options) *Server {
	t.Helper()
	require(t, kind)
	s, err := Run(context.WithoutCancel(t.Context()), kind, t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Shared returns the server of that kind that all tests of this process share. The
// first test starts it. Each test uses its own bucket.
//
// The server ends with the process. A package that uses it should have
//
//	func TestMain(m *testing.M) { os.Exit(s3server.Main(m)) }
//
// so that its data are removed, too.
func Shared(t testing.TB, kind Kind) *Server {
	t.Helper()
	require(t, kind)
	s, err := pool.get(context.WithoutCancel(t.Context()), kind)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Rotated returns the kinds of servers that a test, or a row of one, runs on: all of
// them, or one in a short run (go test -short). The name selects that one, so each kind
// gets its share.
func Rotated(name string) []Kind {
	kinds := slices.DeleteFunc(Kinds(), func(kind Kind) bool {
		return os.Getenv("S3SYNC_TEST_SERVERS") != "" && !listed("S3SYNC_TEST_SERVERS", kind)
	})
	if !testing.Short() || len(kinds) < 2 {
		return Kinds()
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	i := int(h.Sum32() % uint32(len(kinds)))
	return kinds[i : i+1]
}

// Main runs the tests and ends the shared servers.
func Main(m *testing.M) int {
	defer pool.close()
	return m.Run()
}

// pool holds the shared servers. Nothing else in test processes lives as long as the
// process.
var pool servers //nolint:gochecknoglobals // see above

type servers struct {
	mu sync.Mutex

	byKind map[Kind]*Server
	failed map[Kind]error
}

func (p *servers) get(ctx context.Context, kind Kind) (*Server, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.byKind[kind]; s != nil {
		return s, nil
	}
	if err := p.failed[kind]; err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "s3sync-test-")
	if err != nil {
		return nil, err
	}
	s, err := Run(ctx, kind, dir, Options{})
	if err != nil {
		if p.failed == nil {
			p.failed = map[Kind]error{}
		}
		p.failed[kind] = err
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if p.byKind == nil {
		p.byKind = map[Kind]*Server{}
	}
	p.byKind[kind] = s
	return s, nil
}

func (p *servers) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.byKind {
		s.Close()
		_ = os.RemoveAll(s.dir) // a folder that remains is in the folder for temporary files
	}
	clear(p.byKind)
}

// require skips the test if the server may not or cannot run. If the server must run,
// it fails the test instead.
func require(t testing.TB, kind Kind) {
	t.Helper()
	must := listed("S3SYNC_TEST_MUST_RUN", kind)
	if os.Getenv("S3SYNC_TEST_SERVERS") != "" && !listed("S3SYNC_TEST_SERVERS", kind) {
		if must {
			t.Fatalf("S3SYNC_TEST_MUST_RUN demands %s, S3SYNC_TEST_SERVERS forbids it", kind)
		}
		t.Skipf("%s: not in S3SYNC_TEST_SERVERS", kind)
	}
	program(t, kind)
}

// Tool returns the path of another pinned program, such as an S3 client: one of
// tools/versions.mk. It skips the test if the program is missing, but fails it if
// S3SYNC_TEST_MUST_RUN lists the name. Short runs skip such tests.
func Tool(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skipf("%s: not in a short run", name)
	}
	return program(t, Kind(name))
}

func program(t testing.TB, kind Kind) string {
	t.Helper()
	path, err := binary(kind)
	switch {
	case err == nil:
	case errors.Is(err, ErrNotBuilt) && !listed("S3SYNC_TEST_MUST_RUN", kind):
		t.Skip(err)
	default:
		t.Fatal(err)
	}
	return path
}

func listed(variable string, kind Kind) bool {
	return slices.Contains(strings.Split(os.Getenv(variable), ","), string(kind))
}

// Bucket creates a bucket with a unique name and returns the name.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	name := "test-" + strings.ToLower(random(8))
	_, err := s.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// VersionedBucket creates a bucket that keeps old versions.
func (s *Server) VersionedBucket(t testing.TB) string {
	t.Helper()
	name := s.Bucket(t)
	_, err := s.Client().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  aws.String(name),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// Publish lets everybody list and read a bucket, and the tags in it, even without a
// signature.
func (s *Server) Publish(t testing.TB, bucket string) {
	t.Helper()
	_, err := s.Client().PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
		Bucket: aws.String(bucket),
		Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",
			"Action":["s3:ListBucket","s3:GetObject","s3:GetObjectTagging"],"Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// OpenUploads returns the keys of the multipart uploads in a bucket that were neither
// completed nor aborted and begin with prefix. MinIO lists nothing unless prefix is
// empty or a whole key.
func (s *Server) OpenUploads(t testing.TB, bucket, prefix string) []string {
	t.Helper()
	var keys []string
	p := s3.NewListMultipartUploadsPaginator(s.Client(), &s3.ListMultipartUploadsInput{
		Bucket: aws.String(bucket), Prefix: aws.String(prefix),
	})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Uploads {
			keys = append(keys, aws.ToString(u.Key))
		}
	}
	return keys
}

// Restricted returns temporary credentials with only the rights of an IAM policy
// document. Only MinIO has them: the test is skipped elsewhere.
func (s *Server) Restricted(t testing.TB, policy string) aws.Credentials {
	t.Helper()
	if s.Kind != MinIO {
		t.Skipf("%s has no temporary credentials", s.Kind)
	}
	o := s.Client().Options()
	client := sts.New(sts.Options{
		BaseEndpoint: o.BaseEndpoint, Region: o.Region, Credentials: o.Credentials, HTTPClient: o.HTTPClient,
	})
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn:         aws.String("arn:aws:iam::123456789012:role/test"),
		RoleSessionName: aws.String("test"),
		Policy:          aws.String(policy),
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{
		AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
		SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
		SessionToken:    aws.ToString(out.Credentials.SessionToken),
	}
}
