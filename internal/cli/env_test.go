package cli

import (
	"strings"
	"testing"
	"time"

	"s3sync"
)

func TestEnvironment(t *testing.T) {
	type config = s3sync.Config
	for name, tt := range map[string]struct {
		env, args []string
		want      func(c *config) bool
		stderr    string
	}{
		"prefixed": {
			env:  []string{"S3SYNC_WORKER_SIZE=3"},
			want: func(c *config) bool { return c.Transfer.Workers == 3 },
		},
		"bare": {
			env:  []string{"WORKER_SIZE=4"},
			want: func(c *config) bool { return c.Transfer.Workers == 4 },
		},
		"prefixed before bare": {
			env:  []string{"WORKER_SIZE=wrong", "S3SYNC_WORKER_SIZE=3"},
			want: func(c *config) bool { return c.Transfer.Workers == 3 },
		},
		"command line before both": {
			env:  []string{"WORKER_SIZE=wrong", "S3SYNC_WORKER_SIZE=wrong"},
			args: []string{"--worker-size", "5"},
			want: func(c *config) bool { return c.Transfer.Workers == 5 },
		},
		"switch on": {
			env:  []string{"S3SYNC_CHECK_SIZE=1"},
			want: func(c *config) bool { return c.Check.Size },
		},
		"switch off": {
			env:  []string{"S3SYNC_CHECK_SIZE=F"},
			want: func(c *config) bool { return !c.Check.Size },
		},
		"inverted switch": {
			env:  []string{"DISABLE_ETAG_VERIFY=TRUE"},
			want: func(c *config) bool { return !c.Verify.ETag },
		},
		"inverted switch off": {
			env:  []string{"DISABLE_ETAG_VERIFY=false"},
			want: func(c *config) bool { return c.Verify.ETag },
		},
		"switched off does not count as given": {
			env:  []string{"CHECK_SIZE=false", "CHECK_ETAG=false", "AUTO_CHUNKSIZE=0"},
			args: []string{"--check-mtime-and-size", "--multipart-chunksize=8MiB"},
			want: func(c *config) bool { return c.Check.MtimeAndSize },
		},
		"AWS_MAX_ATTEMPTS": {
			env:  []string{"AWS_MAX_ATTEMPTS=2"},
			want: func(c *config) bool { return c.Retry.MaxAttempts == 2 },
		},
		"empty as for AWS": {
			env:  []string{"AWS_MAX_ATTEMPTS="},
			want: func(c *config) bool { return c.Retry.MaxAttempts == 10 },
		},
		"left to the SDK and net/http": {
			env: []string{"AWS_CONFIG_FILE=x", "AWS_SHARED_CREDENTIALS_FILE=x", "HTTPS_PROXY=http://h"},
			want: func(c *config) bool {
				return c.AWS.ConfigFile == "" && c.AWS.CredentialsFile == "" && c.AWS.HTTPSProxy == ""
			},
		},
		"our own names of the same": {
			env:  []string{"S3SYNC_AWS_CONFIG_FILE=x", "S3SYNC_HTTPS_PROXY=http://h"},
			want: func(c *config) bool { return c.AWS.ConfigFile == "x" && c.AWS.HTTPSProxy == "http://h" },
		},
		"bare delete warns": {
			env:    []string{"DELETE=true"},
			want:   func(c *config) bool { return c.Delete.Enable },
			stderr: "s3sync: warning: the environment variable DELETE sets --delete; name it S3SYNC_DELETE if that is meant\n",
		},
		"bare delete off": {
			env:  []string{"DELETE=false"},
			want: func(c *config) bool { return !c.Delete.Enable },
		},
		"prefixed delete": {
			env:  []string{"S3SYNC_DELETE=true"},
			want: func(c *config) bool { return c.Delete.Enable },
		},
		"switches of -v have no variable": {
			env:  []string{"VERBOSE=1", "QUIET=1", "HELP=1", "VERSION=1"},
			want: func(c *config) bool { return c != nil },
		},
		"duration": {
			env:  []string{"READ_TIMEOUT_MILLISECONDS=1500"},
			want: func(c *config) bool { return c.Timeout.Read == 1500*time.Millisecond },
		},
		"other programs' names": {
			env:  []string{"S3SYNC_TEST_SERVERS=none", "=C:=x", "nonsense"},
			want: func(c *config) bool { return c != nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(append(tt.args, "--json-tracing")...)
			c.env = tt.env
			if code := c.main(t); code != exitDone {
				t.Fatalf("exit code %d: %s", code, c.stderr.String())
			}
			if !tt.want(c.cfg) {
				t.Errorf("got %+v", c.cfg)
			}
			if got := c.stderr.String(); got != tt.stderr {
				t.Errorf("stderr %q, want %q", got, tt.stderr)
			}
		})
	}
}

func TestPositionalsFromEnvironment(t *testing.T) {
	for name, tt := range map[string]struct {
		args, env []string
		warnings  int
	}{
		"both":            {env: []string{"SOURCE=s3://a", "TARGET=s3://b"}, warnings: 2},
		"target":          {args: []string{"s3://a"}, env: []string{"TARGET=s3://b"}, warnings: 1},
		"prefixed":        {env: []string{"S3SYNC_SOURCE=s3://a", "S3SYNC_TARGET=s3://b", "TARGET=x"}},
		"not needed":      {args: []string{"s3://a", "s3://b"}, env: []string{"SOURCE=x", "TARGET=y"}},
		"first, not both": {args: []string{"s3://a"}, env: []string{"SOURCE=x", "S3SYNC_TARGET=s3://b"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &call{args: append(tt.args, "--json-tracing"), env: tt.env}
			if code := c.main(t); code != exitDone {
				t.Fatal(c.stderr.String())
			}
			if c.cfg.Source.URL != "s3://a" || c.cfg.Target.URL != "s3://b" {
				t.Errorf("from %q to %q", c.cfg.Source.URL, c.cfg.Target.URL)
			}
			if got := strings.Count(c.stderr.String(), "warning"); got != tt.warnings {
				t.Errorf("stderr %q", c.stderr.String())
			}
		})
	}
}

func TestRefusedEnvironment(t *testing.T) {
	for want, env := range map[string][]string{
		`--worker-size (set by S3SYNC_WORKER_SIZE) must be a whole number, not "x"`:                 {"S3SYNC_WORKER_SIZE=x"},
		`--worker-size (set by WORKER_SIZE) must be between 1 and 65535, not 0`:                     {"WORKER_SIZE=0"},
		`--dry-run (set by DRY_RUN) must be true or false, not "yes"`:                               {"DRY_RUN=yes"},
		`--dry-run (set by S3SYNC_DRY_RUN) must be true or false, not ""`:                           {"S3SYNC_DRY_RUN="},
		`--source-region (set by SOURCE_REGION) must not be empty`:                                  {"SOURCE_REGION="},
		`--source-secret-access-key (set by SOURCE_SECRET_ACCESS_KEY) requires --source-access-key`: {"SOURCE_SECRET_ACCESS_KEY=hunter2"},
		`--max-delete (set by MAX_DELETE) requires --delete (set by DELETE)`:                        {"DELETE=0", "MAX_DELETE=3"},
		`--sync-all-delete-markers (set by SYNC_ALL_DELETE_MARKERS) requires --enable-versioning`:   {"SYNC_ALL_DELETE_MARKERS=1"},
		`--aws-max-attempts (set by AWS_MAX_ATTEMPTS) must be at least 1, not 0`:                    {"AWS_MAX_ATTEMPTS=0"},
		`S3SYNC_DRYRUN in the environment is not an option; did you mean S3SYNC_DRY_RUN?`:           {"S3SYNC_DRYRUN=1"},
		`S3SYNC_WORKERS_SIZE in the environment is not an option; did you mean S3SYNC_WORKER_SIZE?`: {"S3SYNC_WORKERS_SIZE=1"},
		`--auto-complete-shell must be one of bash, zsh, fish, powershell, elvish, not "x"`:         {"AUTO_COMPLETE_SHELL=x"},
	} {
		t.Run(want, func(t *testing.T) {
			c := between()
			c.env = env
			if code := c.main(t); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
			if got := c.stderr.String(); got != "s3sync: "+want+"\n" {
				t.Errorf("got %q", got)
			}
		})
	}
}
