package options

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
)

func TestOptionsForBothSides(t *testing.T) {
	type endpoint = s3sync.Endpoint
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		args, env      []string
		source, target endpoint
		refused        string
	}{
		"both": {
			args:   []string{"--profile=p", "--region=r", "--endpoint-url=http://h", "--path-style", "s3://a", "s3://b"},
			source: endpoint{Profile: "p", Region: "r", EndpointURL: "http://h", PathStyle: true},
			target: endpoint{Profile: "p", Region: "r", EndpointURL: "http://h", PathStyle: true},
		},
		"from a directory": {
			args:   []string{"--profile=p", "--region=r", "--endpoint-url=http://h", "--path-style", dir, "s3://b"},
			target: endpoint{Profile: "p", Region: "r", EndpointURL: "http://h", PathStyle: true},
		},
		"to a directory": {
			args:   []string{"--profile=p", "--region=r", "--endpoint-url=http://h", "--path-style", "s3://a", dir},
			source: endpoint{Profile: "p", Region: "r", EndpointURL: "http://h", PathStyle: true},
		},
		"variables": {
			args:   []string{"s3://a", "s3://b"},
			env:    []string{"S3SYNC_PROFILE=p", "S3SYNC_REGION=r", "S3SYNC_ENDPOINT_URL=http://h", "S3SYNC_PATH_STYLE=true"},
			source: endpoint{Profile: "p", Region: "r", EndpointURL: "http://h", PathStyle: true},
			target: endpoint{Profile: "p", Region: "r", EndpointURL: "http://h", PathStyle: true},
		},
		"names of others": {
			args: []string{"s3://a", "s3://b"},
			env:  []string{"PROFILE=p", "REGION=r", "ENDPOINT_URL=http://h", "PATH_STYLE=true", "AWS_PROFILE=p", "AWS_REGION=r"},
		},
		"one side has its own": {
			args:   []string{"--profile=p", "--region=r", "--endpoint-url=http://h", "--source-profile=q", "--target-region=s", "--source-endpoint-url=http://i", "s3://a", "s3://b"},
			source: endpoint{Profile: "q", Region: "r", EndpointURL: "http://i"},
			target: endpoint{Profile: "p", Region: "s", EndpointURL: "http://h"},
		},
		"keys of one side": {
			args:   []string{"--profile=p", "--target-access-key=k", "--target-secret-access-key=s", "s3://a", "s3://b"},
			source: endpoint{Profile: "p"},
			target: endpoint{AccessKey: "k", SecretKey: "s"},
		},
		"a public source": {
			args:   []string{"--profile=p", "--source-no-sign-request", "s3://a", "s3://b"},
			target: endpoint{Profile: "p"},
		},
		"variables of one side": {
			args:   []string{"s3://a", "s3://b"},
			env:    []string{"S3SYNC_PROFILE=p", "S3SYNC_SOURCE_PROFILE=q", "S3SYNC_PATH_STYLE=1", "S3SYNC_SOURCE_FORCE_PATH_STYLE=false"},
			source: endpoint{Profile: "q"},
			target: endpoint{Profile: "p", PathStyle: true},
		},
		"the command line before variables of one side": {
			args:   []string{"--profile=p", "--endpoint-url=http://h", "s3://a", "s3://b"},
			env:    []string{"S3SYNC_SOURCE_PROFILE=q", "SOURCE_ENDPOINT_URL=http://i"},
			source: endpoint{Profile: "p", EndpointURL: "http://h"},
			target: endpoint{Profile: "p", EndpointURL: "http://h"},
		},
		"a prefix before a bare name of one side": {
			args:   []string{"s3://a", "s3://b"},
			env:    []string{"S3SYNC_PROFILE=p", "SOURCE_PROFILE=q"},
			source: endpoint{Profile: "p"},
			target: endpoint{Profile: "p"},
		},
		"both and one side of the command line, all variables": {
			args:   []string{"--profile=p", "--target-profile=t", "s3://a", "s3://b"},
			env:    []string{"S3SYNC_PROFILE=x", "S3SYNC_SOURCE_PROFILE=y", "S3SYNC_TARGET_PROFILE=z"},
			source: endpoint{Profile: "p"},
			target: endpoint{Profile: "t"},
		},
		"keys of the environment": {
			args:    []string{"--profile=p", "s3://a", "s3://b"},
			env:     []string{"S3SYNC_TARGET_ACCESS_KEY=k", "S3SYNC_TARGET_SECRET_ACCESS_KEY=s"},
			refused: "--profile cannot be combined with --target-access-key (set by S3SYNC_TARGET_ACCESS_KEY)",
		},
		"no scheme": {
			args:    []string{"--endpoint-url=h:9000", "s3://a", dir},
			refused: "--endpoint-url must be http(s)://host[:port][/path] without a user name, a query or a fragment",
		},
		"no scheme, in a variable": {
			args:    []string{dir, "s3://b"},
			env:     []string{"S3SYNC_ENDPOINT_URL=h"},
			refused: "--endpoint-url (set by S3SYNC_ENDPOINT_URL) must be http(s)://host[:port][/path] without a user name, a query or a fragment",
		},
		"an access point": {
			args:    []string{"--path-style", "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/ap/p", dir},
			refused: "--path-style cannot be used with the ARN of an access point, which has a host name of its own",
		},
		"acceleration": {
			args:    []string{"--endpoint-url=http://h", "--target-accelerate", "s3://a", "s3://b"},
			refused: "--target-accelerate cannot be combined with --endpoint-url",
		},
		"one bucket": {
			args:    []string{"--endpoint-url=http://h", "s3://a", "s3://a/b/"},
			refused: "TARGET lies inside SOURCE",
		},
		"no bucket": {args: []string{"--profile=p", dir, dir}, refused: "SOURCE is not s3://bucket[/prefix], and neither is TARGET"},
		"empty":     {args: []string{"--profile=", "s3://a", "s3://b"}, refused: "--profile must not be empty"},
		"twice":     {args: []string{"--region=a", "--region=a", "s3://a", "s3://b"}, refused: "--region is given twice"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &call{args: tt.args, env: tt.env}
			code := c.main(t)
			if tt.refused != "" {
				if want := "s3sync: " + tt.refused + "\n"; code != ExitUsage || c.stderr.String() != want {
					t.Errorf("exit code %d, got %q, want %q", code, c.stderr.String(), want)
				}
				return
			}
			if code != ExitDone {
				t.Fatalf("exit code %d: %s", code, c.stderr.String())
			}
			tt.source.URL, tt.target.URL = c.cfg.Source.URL, c.cfg.Target.URL
			if diff := cmp.Diff([]endpoint{tt.source, tt.target}, []endpoint{c.cfg.Source, c.cfg.Target}); diff != "" {
				t.Error(diff)
			}
			if err := c.cfg.Validate(); err != nil {
				t.Errorf("the library does not take it: %v", err)
			}
		})
	}
}

// The log names what is in force, so not what an option for both sides has replaced.
func TestGivenForBothSides(t *testing.T) {
	c := between("--profile=p", "--target-profile=t")
	c.env = []string{"S3SYNC_SOURCE_PROFILE=q", "S3SYNC_REGION=r"}
	l := c.line()
	if _, _, _, err := l.Parse(); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, g := range l.Given() {
		got[g.Option] = g.Value
	}
	want := map[string]string{"SOURCE": "s3://a", "TARGET": "s3://b", "--profile": "p", "--target-profile": "t", "--region": "r"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for setting, want := range map[string]string{"Source.Profile": "--profile", "Target.Profile": "--target-profile", "Target.Region": "--region", "Target.PathStyle": "--target-force-path-style"} {
		if got := l.Spell(setting); got != want {
			t.Errorf("%s is spelled %s, want %s", setting, got, want)
		}
	}
}
