package options

import (
	"slices"
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
			want: func(c *config) bool { return c.Check.Mode == s3sync.CheckSize },
		},
		"switch off": {
			env:  []string{"S3SYNC_CHECK_SIZE=F"},
			want: func(c *config) bool { return c.Check.Mode == s3sync.CheckNewer },
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
			want: func(c *config) bool { return c.Check.Mode == s3sync.CheckMtimeAndSize },
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
		"bare delete": {
			env:  []string{"DELETE=true"},
			want: func(c *config) bool { return !c.Delete.Enable },
		},
		"prefixed delete": {
			env:  []string{"S3SYNC_DELETE=true"},
			want: func(c *config) bool { return c.Delete.Enable },
		},
		"switches of -v have no variable": {
			env:  []string{"VERBOSE=1", "QUIET=1", "HELP=1", "VERSION=1", "S3SYNC_VERSION=1.2.3"},
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
			if code := c.main(t); code != ExitDone {
				t.Fatalf("exit code %d: %s", code, c.stderr.String())
			}
			if !tt.want(c.cfg) {
				t.Errorf("got %+v", c.cfg)
			}
			if got := c.stderr.String(); got != "" {
				t.Errorf("stderr %q", got)
			}
		})
	}
}

// What the environment does without being asked by its prefixed name is told.
func TestNotesOfTheEnvironment(t *testing.T) {
	const (
		ignored = " in the environment is ignored, as other programs use that name; S3SYNC_"
		level   = " in the environment is ignored: it must be one of off, error, warn, info, debug, trace, not "
	)
	for name, tt := range map[string]struct {
		args, env []string
		want      []string
	}{
		"nothing":                     {env: []string{"S3SYNC_WORKER_SIZE=3", "S3SYNC_DELETE=true", "HOME=/"}},
		"bare names":                  {env: []string{"WORKER_SIZE=3", "AWS_MAX_ATTEMPTS=2", "CHECK_SIZE=true"}, want: []string{"set by variables without S3SYNC_ in front: --check-size (CHECK_SIZE), --worker-size (WORKER_SIZE), --aws-max-attempts (AWS_MAX_ATTEMPTS)"}},
		"bare, but overruled":         {args: []string{"--worker-size=4"}, env: []string{"WORKER_SIZE=3", "S3SYNC_MAX_KEYS=3", "MAX_KEYS=5"}},
		"bare, but off":               {env: []string{"CHECK_SIZE=false"}},
		"delete":                      {env: []string{"DELETE=1"}, want: []string{"DELETE" + ignored + "DELETE sets --delete"}},
		"delete, of unclear meaning":  {env: []string{"DELETE=yes"}, want: []string{"DELETE" + ignored + "DELETE sets --delete"}},
		"delete off":                  {env: []string{"DELETE=false"}},
		"delete empty":                {env: []string{"DELETE="}},
		"delete, asked for":           {args: []string{"--delete"}, env: []string{"DELETE=1"}},
		"delete, prefixed off":        {env: []string{"DELETE=1", "S3SYNC_DELETE=0"}},
		"sides that are given":        {env: []string{"SOURCE=x", "TARGET=y"}},
		"level":                       {env: []string{"S3SYNC_LOG=warn,hyper=off"}, want: []string{"S3SYNC_LOG" + level + `"warn,hyper=off"`}},
		"level of the seed":           {env: []string{"RUST_LOG=s3sync=debug"}, want: []string{"RUST_LOG" + level + `"s3sync=debug"`}},
		"level of the seed, not read": {env: []string{"S3SYNC_LOG=info", "S3SYNC_SIGN_KEY_PASSWORD=p", "RUST_LOG=s3sync=debug"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(tt.args...)
			c.env = tt.env
			if code := c.main(t); code != ExitDone {
				t.Fatalf("exit code %d: %s", code, c.stderr.String())
			}
			var got []string
			for line := range strings.Lines(c.stderr.String()) {
				_, text, _ := strings.Cut(line, "NOTE ")
				got = append(got, strings.TrimSpace(text))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			c = between(append(tt.args, "-q")...)
			c.env = tt.env
			if c.main(t); c.stderr.Len() > 0 {
				t.Errorf("quiet: %s", c.stderr.String())
			}
		})
	}
}

func TestPositionalsFromEnvironment(t *testing.T) {
	for name, tt := range map[string]struct {
		args, env []string
		refused   string
	}{
		"prefixed":        {env: []string{"S3SYNC_SOURCE=s3://a", "S3SYNC_TARGET=s3://b", "TARGET=x"}},
		"one of each":     {args: []string{"s3://a"}, env: []string{"SOURCE=x", "S3SYNC_TARGET=s3://b"}},
		"not needed":      {args: []string{"s3://a", "s3://b"}, env: []string{"S3SYNC_SOURCE=x", "S3SYNC_TARGET=y"}},
		"bare, both":      {env: []string{"SOURCE=s3://a", "TARGET=s3://b"}, refused: "SOURCE and TARGET are missing; s3sync -h shows how it is called"},
		"bare target":     {args: []string{"s3://a"}, env: []string{"TARGET=s3://b"}, refused: "TARGET is missing; TARGET in the environment is ignored, as other programs use that name; S3SYNC_TARGET sets TARGET"},
		"no bare target":  {args: []string{"s3://a"}, env: []string{"TARGET="}, refused: "TARGET is missing"},
		"prefixed target": {args: []string{"s3://a"}, env: []string{"TARGET=x", "S3SYNC_TARGET=s3://b"}},
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
			if code != ExitDone || c.stderr.Len() > 0 || c.cfg.Source.URL != "s3://a" || c.cfg.Target.URL != "s3://b" {
				t.Errorf("exit code %d, from %q to %q: %s", code, c.cfg.Source.URL, c.cfg.Target.URL, c.stderr.String())
			}
		})
	}
}

// One environment serves runs in all directions: what has no meaning in one of
// them is left out there, unless less would be protected.
func TestEnvironmentForAnotherDirection(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		args, env []string
		want      func(c *s3sync.Config) bool
		notes     []string
		refused   string
	}{
		"to a directory": {
			args: []string{"s3://a", dir},
			env:  []string{"S3SYNC_SSE=AES256", "ACL=private", "S3SYNC_METADATA=a=b", "S3SYNC_TARGET_ACCESS_KEY=k", "S3SYNC_TARGET_FORCE_PATH_STYLE=1", "S3SYNC_WORKER_SIZE=3"},
			want: func(c *s3sync.Config) bool {
				return c.Encryption.SSE == "" && c.Metadata.ACL == "" && c.Metadata.User == nil && c.Target.AccessKey == "" && c.Transfer.Workers == 3
			},
			notes: []string{"options of the environment that cannot be used with a local target are ignored: " +
				"--target-access-key (set by S3SYNC_TARGET_ACCESS_KEY), --target-force-path-style (set by S3SYNC_TARGET_FORCE_PATH_STYLE), --metadata (set by S3SYNC_METADATA), --acl (set by ACL), --sse (set by S3SYNC_SSE)"},
		},
		"from a directory": {
			args: []string{dir, "s3://b"},
			env:  []string{"S3SYNC_SOURCE_PROFILE=p", "S3SYNC_SERVER_SIDE_COPY=true", "S3SYNC_AUTO_CHUNKSIZE=1", "S3SYNC_FSYNC=1"},
			want: func(c *s3sync.Config) bool {
				return c.Source.Profile == "" && !c.ServerSideCopy && !c.Transfer.AutoChunkSize && !c.Local.Fsync
			},
			notes: []string{"--source-profile", "in no parts are ignored: --auto-chunksize", "S3 target are ignored: --fsync"},
		},
		"between buckets": {
			args:  []string{"s3://a", "s3://b"},
			env:   []string{"S3SYNC_IGNORE_SYMLINKS=1", "S3SYNC_SSE=AES256"},
			want:  func(c *s3sync.Config) bool { return !c.Local.IgnoreSymlinks && c.Encryption.SSE == "AES256" },
			notes: []string{"S3 source are ignored: --ignore-symlinks"},
		},
		"without effect": {
			args:  []string{"s3://a", "s3://b", "--max-parallel-listing-max-depth", "3"},
			want:  func(c *s3sync.Config) bool { return c.AWS.ParallelListings == 32 },
			notes: []string{"--max-parallel-listing-max-depth has no effect"},
		},
		"an inverted switch": {
			args: []string{"s3://a", "s3://b"},
			env:  []string{"S3SYNC_DISABLE_ETAG_VERIFY=1"},
			want: func(c *s3sync.Config) bool { return !c.Verify.ETag },
		},
		"flags are meant":         {args: []string{"--sse=AES256", "s3://a", dir}, refused: "--sse cannot be used with a local target"},
		"a flag of a local side":  {args: []string{"--source-force-path-style", dir, "s3://b"}, refused: "--source-force-path-style cannot be used with a local source"},
		"flags beside the rest":   {args: []string{"--sse=AES256", "s3://a", dir}, env: []string{"S3SYNC_ACL=private"}, refused: "--sse cannot be used with a local target"},
		"what protects the files": {args: []string{"s3://a", dir}, env: []string{"S3SYNC_IF_NONE_MATCH=true"}, refused: "--if-none-match (set by S3SYNC_IF_NONE_MATCH) cannot be used with a local target"},
		"what selects":            {args: []string{dir, "s3://b"}, env: []string{"S3SYNC_FILTER_INCLUDE_TAG_REGEX=x"}, refused: "--filter-include-tag-regex (set by S3SYNC_FILTER_INCLUDE_TAG_REGEX) cannot be used with a local source"},
		"what destroys nothing":   {args: []string{"--delete", "s3://a", dir}, env: []string{"S3SYNC_ENABLE_VERSIONING=true"}, refused: "--enable-versioning (set by S3SYNC_ENABLE_VERSIONING) cannot be combined with --delete"},
		"the past":                {args: []string{dir, "s3://b"}, env: []string{"S3SYNC_POINT_IN_TIME=2024-01-01"}, refused: "--point-in-time (set by S3SYNC_POINT_IN_TIME) cannot be used with a local source"},
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
			if code != ExitDone || !tt.want(c.cfg) {
				t.Errorf("exit code %d, %+v", code, c.cfg)
			}
			if err := c.cfg.Validate(); err != nil {
				t.Errorf("the library does not take it: %v", err)
			}
			for _, note := range tt.notes {
				if !strings.Contains(c.stderr.String(), note) {
					t.Errorf("no %q in %s", note, c.stderr.String())
				}
			}
			if len(tt.notes) == 0 && c.stderr.Len() > 0 {
				t.Errorf("stderr %s", c.stderr.String())
			}
		})
	}
}

// S3SYNC_LOG and RUST_LOG set the level where no flag does.
func TestLevelFromEnvironment(t *testing.T) {
	for name, tt := range map[string]struct {
		args, env []string
		want      string
	}{
		"none":            {nil, nil, "note"},
		"off":             {nil, []string{"S3SYNC_LOG=off"}, "off"},
		"error":           {nil, []string{"S3SYNC_LOG=error"}, "error"},
		"warn":            {nil, []string{"S3SYNC_LOG=warn"}, "warn"},
		"info":            {nil, []string{"S3SYNC_LOG=INFO"}, "info"},
		"debug":           {nil, []string{"RUST_LOG=debug"}, "debug"},
		"trace":           {nil, []string{"RUST_LOG=Trace"}, "trace"},
		"ours is better":  {nil, []string{"RUST_LOG=trace", "S3SYNC_LOG=error"}, "error"},
		"empty":           {nil, []string{"RUST_LOG=info", "S3SYNC_LOG="}, "info"},
		"a flag is":       {[]string{"-v"}, []string{"S3SYNC_LOG=error"}, "info"},
		"a quiet flag is": {[]string{"-q"}, []string{"RUST_LOG=trace"}, "error"},
		"dry run":         {[]string{"--dry-run"}, []string{"S3SYNC_LOG=off"}, "info"},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(tt.args...)
			c.env = tt.env
			l := c.line()
			if _, _, _, err := l.Parse(); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, name := range []string{"off", "error", "warn", "note", "info", "debug", "trace"} {
				if level, ok := levelNamed(name); ok && level == l.Level() || name == "note" && l.Level() == s3sync.LevelNote {
					got = name
				}
			}
			if got != tt.want {
				t.Errorf("level %q (%d), want %q", got, l.Level(), tt.want)
			}
		})
	}
}

// A variable that is no option changes nothing, and one line says so.
func TestUnknownVariables(t *testing.T) {
	c := between()
	c.env = []string{
		"S3SYNC_SERVICE_HOST=10.0.0.1", "S3SYNC_WORKERS=3", "S3SYNC_TRANSFERS=3", "S3SYNC_PREFIX=p", "S3SYNC_LOG=info", "S3SYNC_X=hunter2", "OTHER=1",
		"S3SYNC_FOO=1", "S3SYNC_VERSION=1", "S3SYNC_DRY=1", "S3SYNC_TARGET_URL=s3://c", "S3SYNC_BANDWIDTH=1",
	}
	l := c.line()
	if _, _, _, err := l.Parse(); err != nil {
		t.Fatal(err)
	}
	want := []string{"variables of the environment that are no options are ignored: " +
		"S3SYNC_BANDWIDTH, S3SYNC_DRY (did you mean S3SYNC_DRY_RUN?), S3SYNC_FOO, S3SYNC_PREFIX, S3SYNC_SERVICE_HOST, " +
		"S3SYNC_TARGET_URL (did you mean S3SYNC_TARGET?), S3SYNC_TRANSFERS (--worker-size compares and transfers that many objects at the same time; without it s3sync finds the number), " +
		"S3SYNC_VERSION, S3SYNC_WORKERS (did you mean S3SYNC_WORKER_SIZE?), S3SYNC_X"}
	if !slices.Equal(l.Notes, want) {
		t.Errorf("got %q, want %q", l.Notes, want)
	}
}

func TestRefusedEnvironment(t *testing.T) {
	for want, env := range map[string][]string{
		`--worker-size (set by S3SYNC_WORKER_SIZE) must be a whole number, auto or auto:N, not "x"`: {"S3SYNC_WORKER_SIZE=x"},
		`--worker-size (set by WORKER_SIZE) must be between 1 and 65535, or auto, not 0`:            {"WORKER_SIZE=0"},
		`--dry-run (set by DRY_RUN) must be true or false, not "yes"`:                               {"DRY_RUN=yes"},
		`--dry-run (set by S3SYNC_DRY_RUN) must be true or false, not ""`:                           {"S3SYNC_DRY_RUN="},
		`--source-region (set by SOURCE_REGION) must not be empty`:                                  {"SOURCE_REGION="},
		`--source-secret-access-key (set by SOURCE_SECRET_ACCESS_KEY) requires --source-access-key`: {"SOURCE_SECRET_ACCESS_KEY=hunter2"},
		`--max-delete (set by MAX_DELETE) requires --delete (set by S3SYNC_DELETE)`:                 {"S3SYNC_DELETE=0", "MAX_DELETE=3"},
		`--sync-all-delete-markers (set by SYNC_ALL_DELETE_MARKERS) requires --enable-versioning`:   {"SYNC_ALL_DELETE_MARKERS=1"},
		`--aws-max-attempts (set by AWS_MAX_ATTEMPTS) must be at least 1, not 0`:                    {"AWS_MAX_ATTEMPTS=0"},
		`S3SYNC_DRYRUN in the environment is not an option; did you mean S3SYNC_DRY_RUN?`:           {"S3SYNC_DRYRUN=1"},
		`S3SYNC_WORKERS_SIZE in the environment is not an option; did you mean S3SYNC_WORKER_SIZE?`: {"S3SYNC_WORKERS_SIZE=1"},
		`S3SYNC_VERBOSE is not read: S3SYNC_LOG sets the level`:                                     {"S3SYNC_VERBOSE=3"},
		`S3SYNC_QUIET is not read: S3SYNC_LOG sets the level`:                                       {"S3SYNC_QUIET=1"},
		`S3SYNC_HELP is not read: type --help`:                                                      {"S3SYNC_HELP="},
		`--auto-complete-shell must be one of bash, zsh, fish, powershell, elvish, not "x"`:         {"AUTO_COMPLETE_SHELL=x"},
	} {
		t.Run(want, func(t *testing.T) {
			c := between()
			c.env = env
			if code := c.main(t); code != ExitUsage {
				t.Errorf("exit code %d", code)
			}
			if got := c.stderr.String(); got != "s3sync: "+want+"\n" {
				t.Errorf("got %q", got)
			}
		})
	}
}
