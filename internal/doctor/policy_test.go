package doctor_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/doctor"
)

// lines returns a policy in a form that can be read: a line for each statement.
func lines(p *doctor.Policy) []string {
	if p == nil {
		return nil
	}
	var all []string
	for _, s := range p.Statement {
		var short []string
		for _, a := range s.Action {
			short = append(short, strings.TrimPrefix(a, "s3:"))
		}
		line := s.Sid + " " + strings.Join(short, ",") + " " + strings.Join(s.Resource, ",")
		for _, keys := range s.Condition {
			for key, patterns := range keys {
				line += " " + key + "~" + strings.Join(patterns, ",")
			}
		}
		all = append(all, line)
	}
	return all
}

func TestPolicies(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target string // "dir" and "s3://b/p/" unless they are set
		change         func(*s3sync.Config)
		// onSource is nil where no policy is needed, and onTarget where it is the same.
		onSource, onTarget []string
	}{
		"upload": {
			onTarget: []string{
				"TargetListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"TargetObjects AbortMultipartUpload,GetObject,PutObject arn:aws:s3:::b/p/*",
			},
		},
		"inventories": {
			source: "s3://a/p/", target: "s3://b", change: func(c *s3sync.Config) {
				c.Source.Inventory, c.Target.Inventory = "s3://i/a/daily/2026-01-31T01-00Z/manifest.json", "s3://i/manifest.json"
				c.Source.Profile = "other"
			},
			onSource: []string{
				"SourceListing ListBucket arn:aws:s3:::a s3:prefix~p/*",
				"SourceObjects GetObject,GetObjectTagging arn:aws:s3:::a/p/*",
				"SourceInventoryObjects GetObject arn:aws:s3:::i/a/daily/*",
			},
			onTarget: []string{
				"TargetListing ListBucket arn:aws:s3:::b",
				"TargetObjects AbortMultipartUpload,GetObject,PutObject,PutObjectTagging arn:aws:s3:::b/*",
				"TargetInventoryObjects GetObject arn:aws:s3:::i/*",
			},
		},
		"upload with everything": {
			change: func(c *s3sync.Config) {
				c.Delete.Enable, c.Tagging.Set, c.Metadata.ACL, c.Encryption.SSE = true, "a=b", "private", "aws:kms"
			},
			onTarget: []string{
				"TargetListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"TargetObjects AbortMultipartUpload,DeleteObject,GetObject,PutObject,PutObjectAcl,PutObjectTagging arn:aws:s3:::b/p/*",
				"TargetKey kms:Decrypt,kms:GenerateDataKey * kms:ViaService~s3*.amazonaws.com",
			},
		},
		"upload without comparing": {
			change:   func(c *s3sync.Config) { c.Check.Mode = s3sync.CheckOverwrite },
			onTarget: []string{"TargetObjects AbortMultipartUpload,GetObject,PutObject arn:aws:s3:::b/p/*"},
		},
		"dry run": {
			change: func(c *s3sync.Config) {
				c.DryRun, c.Delete.Enable, c.Tagging.Set, c.Metadata.ACL, c.Encryption.SSE = true, true, "a=b", "private", "aws:kms"
			},
			onTarget: []string{"TargetListing ListBucket arn:aws:s3:::b s3:prefix~p/*"},
		},
		"all of a bucket in another partition": {
			target: "s3://b", change: func(c *s3sync.Config) { c.Target.Region = "cn-north-1"; c.Encryption.SSE = "aws:kms" },
			onTarget: []string{
				"TargetListing ListBucket arn:aws-cn:s3:::b",
				"TargetObjects AbortMultipartUpload,GetObject,PutObject arn:aws-cn:s3:::b/*",
				"TargetKey kms:Decrypt,kms:GenerateDataKey * kms:ViaService~s3*.amazonaws.com.cn",
			},
		},
		"a prefix that a policy would take for something else": {
			target: "s3://b/a*?${c}", change: func(c *s3sync.Config) { c.DryRun = true },
			onTarget: []string{"TargetListing ListBucket arn:aws:s3:::b s3:prefix~a${*}${?}${$}{c}*"},
		},
		"an access point": {
			target: "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/ap/p/",
			onTarget: []string{
				"TargetListing ListBucket arn:aws:s3:eu-west-1:123456789012:accesspoint/ap s3:prefix~p/*",
				"TargetObjects AbortMultipartUpload,GetObject,PutObject arn:aws:s3:eu-west-1:123456789012:accesspoint/ap/object/p/*",
			},
		},
		"a directory bucket": {
			target: "s3://b--use1-az4--x-s3/p/", change: func(c *s3sync.Config) { c.Target.Region = "us-east-1" },
			onTarget: []string{"TargetSession s3express:CreateSession arn:aws:s3express:us-east-1:*:bucket/b--use1-az4--x-s3"},
		},
		"download": {
			source: "s3://b/p/", target: "dir", change: func(c *s3sync.Config) { c.Delete.Enable = true },
			onSource: []string{
				"SourceListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"SourceObjects GetObject arn:aws:s3:::b/p/*",
			},
		},
		"download that only lists": {
			source: "s3://b/p/", target: "dir", change: func(c *s3sync.Config) { c.DryRun = true },
			onSource: []string{"SourceListing ListBucket arn:aws:s3:::b s3:prefix~p/*"},
		},
		"download as it was": {
			source: "s3://b/p/", target: "dir", change: func(c *s3sync.Config) { c.Versioning.PointInTime = time.Unix(1, 0) },
			onSource: []string{
				"SourceListing ListBucket,ListBucketVersions arn:aws:s3:::b s3:prefix~p/*",
				"SourceBucket GetBucketVersioning arn:aws:s3:::b",
				"SourceObjects GetObject,GetObjectVersion arn:aws:s3:::b/p/*",
			},
		},
		"download by tags": {
			source: "s3://b/p/", target: "dir", change: func(c *s3sync.Config) {
				c.DryRun = true
				c.Filter.IncludeTags, _ = s3sync.CompileRegexp("a=b")
			},
			onSource: []string{
				"SourceListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"SourceObjects GetObject,GetObjectTagging arn:aws:s3:::b/p/*",
			},
		},
		"an anonymous source": {
			source: "s3://a/", change: func(c *s3sync.Config) { c.AWS.AnonymousSource, c.Tagging.Disable = true, true },
			onTarget: []string{
				"TargetListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"TargetObjects AbortMultipartUpload,GetObject,PutObject arn:aws:s3:::b/p/*",
			},
		},
		"buckets of one account": {
			source: "s3://a/",
			onSource: []string{
				"SourceListing ListBucket arn:aws:s3:::a",
				"SourceObjects GetObject,GetObjectTagging arn:aws:s3:::a/*",
				"TargetListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"TargetObjects AbortMultipartUpload,GetObject,PutObject,PutObjectTagging arn:aws:s3:::b/p/*",
			},
		},
		"server-side copies between accounts": {
			source: "s3://a/", change: func(c *s3sync.Config) { c.Source.Profile, c.ServerSideCopy, c.Tagging.Disable = "x", true, true },
			onSource: []string{
				"SourceListing ListBucket arn:aws:s3:::a",
				"SourceObjects GetObject arn:aws:s3:::a/*",
			},
			onTarget: []string{
				"TargetListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"TargetObjects AbortMultipartUpload,GetObject,PutObject arn:aws:s3:::b/p/*",
				"CopiedObjects GetObject arn:aws:s3:::a/*",
			},
		},
		"all versions": {
			source: "s3://a/", change: func(c *s3sync.Config) { c.Source.Profile, c.Versioning.Enable = "x", true },
			onSource: []string{
				"SourceListing ListBucket,ListBucketVersions arn:aws:s3:::a",
				"SourceBucket GetBucketVersioning arn:aws:s3:::a",
				"SourceObjects GetObject,GetObjectTagging,GetObjectVersion,GetObjectVersionTagging arn:aws:s3:::a/*",
			},
			onTarget: []string{
				"TargetListing ListBucket,ListBucketVersions arn:aws:s3:::b s3:prefix~p/*",
				"TargetBucket GetBucketVersioning arn:aws:s3:::b",
				"TargetObjects AbortMultipartUpload,DeleteObject,GetObject,GetObjectVersion,PutObject,PutObjectTagging arn:aws:s3:::b/p/*",
			},
		},
		"tags that are kept the same": {
			source: "s3://a/", change: func(c *s3sync.Config) { c.Source.Profile, c.Tagging.SyncLatest = "x", true },
			onSource: []string{
				"SourceListing ListBucket arn:aws:s3:::a",
				"SourceObjects GetObject,GetObjectTagging arn:aws:s3:::a/*",
			},
			onTarget: []string{
				"TargetListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"TargetObjects AbortMultipartUpload,DeleteObjectTagging,GetObject,GetObjectTagging,PutObject,PutObjectTagging arn:aws:s3:::b/p/*",
			},
		},
		"a report": {
			source: "s3://a/", change: func(c *s3sync.Config) {
				c.Source.Profile, c.Report.Status, c.Report.Tagging, c.Check.Mode = "x", true, true, s3sync.CheckETag
			},
			onSource: []string{
				"SourceListing ListBucket arn:aws:s3:::a",
				"SourceObjects GetObject,GetObjectTagging arn:aws:s3:::a/*",
			},
			onTarget: []string{
				"TargetListing ListBucket arn:aws:s3:::b s3:prefix~p/*",
				"TargetObjects GetObject,GetObjectTagging arn:aws:s3:::b/p/*",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := s3sync.DefaultConfig()
			cfg.Source.URL, cfg.Target.URL = t.TempDir(), "s3://b/p/"
			if tt.source != "" {
				cfg.Source.URL = tt.source
			}
			if tt.target == "dir" {
				cfg.Target.URL = t.TempDir()
			} else if tt.target != "" {
				cfg.Target.URL = tt.target
			}
			if tt.change != nil {
				tt.change(cfg)
			}
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			got, err := doctor.PoliciesOf(cfg)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.onTarget
			if want == nil && got.Target != nil {
				want = tt.onSource
			}
			if diff := cmp.Diff(tt.onSource, lines(got.Source)); diff != "" {
				t.Errorf("source (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, lines(got.Target)); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
		})
	}
}

// What is printed is one policy if that is enough, and never holds the key of KMS.
func TestPolicyDocument(t *testing.T) {
	cfg := s3sync.DefaultConfig()
	cfg.Source.URL, cfg.Target.URL = "s3://a/", "s3://b/"
	cfg.Encryption.SSE, cfg.Encryption.KMSKeyID = "aws:kms", "the-key-of-kms"
	for _, profile := range []string{"", "other"} {
		cfg.Source.Profile = profile
		policies, err := doctor.PoliciesOf(cfg)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(policies.Document())
		if err != nil {
			t.Fatal(err)
		}
		begin := `{"Version":"2012-10-17","Statement":[{`
		if profile != "" {
			begin = `{"Source":` + begin
		}
		if !strings.HasPrefix(string(text), begin) || strings.Contains(string(text), cfg.Encryption.KMSKeyID) {
			t.Errorf("got %s, want it to begin with %s", text, begin)
		}
	}
}

func text(t *testing.T, document any) *string {
	t.Helper()
	b, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	return &s
}
