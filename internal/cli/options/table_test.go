package options

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/options/value"
)

// parse reads a command line and lets the library judge it.
func parse(t *testing.T, args ...string) (*Line, error) {
	t.Helper()
	l := newLine(args...)
	if _, _, _, err := l.Parse(); err != nil {
		return l, err
	}
	return l, l.Check()
}

// An optionCase says what an option does with one good and one bad text.
type optionCase struct {
	def       string // by default
	good      string // no text for switches
	shown     string // good as it is shown; the same if empty
	bad, says string // text and refusal without the name
}

const (
	algorithms = "must be one of CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128, not "
	noTime     = "must be a time such as 2026-01-31, 2026-01-31 12:00 or 2026-01-31T12:00:00+09:00 (UTC without a zone), not "
	noMoment   = "must be a time such as 2026-01-31, 2026-01-31 12:00, 2026-01-31T12:00:00+09:00 (UTC without a zone), or 7d for seven days ago, not "
	noSize     = "must be a size such as 8MiB, not "
	noNumber   = "must be a whole number, not "
	noMillis   = "must be a number of milliseconds, not "
)

var (
	aSwitch      = optionCase{def: "false", shown: "true", bad: "true", says: "takes no value"}
	aText        = optionCase{good: "some", says: "must not be empty"}
	aSecret      = optionCase{good: "hunter2", shown: "-", says: "must not be empty"}
	aURL         = optionCase{good: "http://h:9000/p", bad: "ftp://h", says: "must be http(s)://host[:port][/path] without a user name, a query or a fragment"}
	aMillis      = optionCase{good: "250", bad: "1s", says: noMillis + `"1s"`}
	anExpression = optionCase{good: `^(a|b)`, bad: "[", says: "must be a regular expression: there is no ] for this [, at character 1"}
	anMD5        = optionCase{good: "zZ5FnqcIqUjVwvWmyog4zw==", bad: "x", says: "must be 16 bytes in base64"}
	aKey         = optionCase{good: "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=", shown: "-", bad: "x", says: "must be 32 bytes in base64"}
)

func optionCases() map[string]optionCase {
	return map[string]optionCase{
		"SOURCE": {good: "s3://other", bad: "", says: "must not be empty"},
		"TARGET": {good: "s3://other", bad: "https://b", says: `must be s3://bucket[/prefix] or a path, not a URL of scheme "https"`},

		"verbose": {shown: "1", bad: "3", says: "takes no value"},
		"quiet":   {shown: "1", bad: "3", says: "takes no value"},
		"help":    aSwitch,
		"version": aSwitch,

		"dry-run":          aSwitch,
		"server-side-copy": aSwitch,

		"aws-config-file":             aText,
		"aws-shared-credentials-file": aText,
		"source-profile":              aText,
		"source-access-key":           aText,
		"source-secret-access-key":    aSecret,
		"source-session-token":        aSecret,
		"target-profile":              aText,
		"target-access-key":           aText,
		"target-secret-access-key":    aSecret,
		"target-session-token":        aSecret,
		"source-no-sign-request":      aSwitch,
		"https-proxy":                 {good: "http://u:hunter2@h:1", shown: "-", bad: "socks5://h", says: "must be http(s)://[user:password@]host[:port]"},

		"profile":      aText,
		"region":       aText,
		"endpoint-url": aURL,
		"path-style":   aSwitch,

		"source-region":           aText,
		"source-endpoint-url":     aURL,
		"source-accelerate":       aSwitch,
		"source-request-payer":    aSwitch,
		"source-force-path-style": aSwitch,
		"target-region":           aText,
		"target-endpoint-url":     aURL,
		"target-accelerate":       aSwitch,
		"target-request-payer":    aSwitch,
		"target-force-path-style": aSwitch,
		"storage-class":           {good: "ONEZONE_IA", bad: "ONE-ZONE_IA", says: `must be one of STANDARD, REDUCED_REDUNDANCY, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER, DEEP_ARCHIVE, GLACIER_IR, EXPRESS_ONEZONE, OUTPOSTS, SNOW, FSX_OPENZFS, FSX_ONTAP, not "ONE-ZONE_IA": did you mean ONEZONE_IA?`},

		"exclude":          {good: "*.tmp", bad: "a[", says: `must be a pattern such as '*.jpg', not "a[": there is no ] for this [, at character 2`},
		"include":          {good: "{a,b}/", bad: "/", says: `must be a pattern such as '*.jpg', not "/": it names nothing; ** is everything`},
		"exclude-from":     {good: "testdata/patterns.txt", says: "must not be empty"},
		"include-from":     {good: "testdata/patterns.txt", says: "must not be empty"},
		"files-from":       {good: "-", bad: "", says: "must not be empty"},
		"files-from0":      {good: "list", bad: "", says: "must not be empty"},
		"source-inventory": {good: "s3://i/x/manifest.json", bad: "s3://i/x/symlink.txt", says: "must name a manifest.json: symlink.txt is for Hive, and has neither sizes nor digests. The manifest.json is in the folder that is named after the time"},
		"target-inventory": {good: "s3://i/x/manifest.json", bad: "x/manifest.json", says: "must be the URL of the manifest of an inventory: s3://bucket/.../manifest.json"},
		"ignore-file":      {good: ".s3syncignore", bad: "a/b", says: `must be the name of a file without a directory, not "a/b"`},

		"filter-mtime-before":                 {good: "2023-02-19T12:00:00+09:00", shown: "2023-02-19T03:00:00Z", bad: "2023-02-30", says: noMoment + `"2023-02-30"`},
		"filter-mtime-after":                  {good: "2023-02-19 12:00", shown: "2023-02-19T12:00:00Z", bad: "noon", says: noMoment + `"noon"`},
		"filter-include-regex":                {good: `\.(jpg|png)$(?!x)`, bad: "a[", says: "must be a regular expression: there is no ] for this [, at character 2"},
		"filter-exclude-regex":                {good: "^tmp/", bad: "a(", says: "must be a regular expression: there is no ) for this (, at character 2"},
		"filter-smaller-size":                 {good: "0", shown: "0B", bad: "x", says: noSize + `"x"`},
		"filter-larger-size":                  {good: "1.5KiB", shown: "1536B", bad: "-1", says: noSize + `"-1"`},
		"filter-include-content-type-regex":   anExpression,
		"filter-exclude-content-type-regex":   anExpression,
		"filter-include-metadata-regex":       anExpression,
		"filter-exclude-metadata-regex":       anExpression,
		"filter-include-tag-regex":            anExpression,
		"filter-exclude-tag-regex":            anExpression,
		"remove-modified-filter":              aSwitch,
		"check-size":                          aSwitch,
		"check-mtime-and-size":                aSwitch,
		"check-etag":                          aSwitch,
		"check-mtime-and-etag":                aSwitch,
		"check-additional-checksum":           {good: "SHA256", bad: "sha256", says: algorithms + `"sha256": did you mean SHA256?`},
		"check-mtime-and-additional-checksum": {good: "CRC32", bad: "MD4", says: algorithms + `"MD4"`},
		"read-both":                           aSwitch,

		"additional-checksum-algorithm":      {good: "CRC64NVME", bad: "XXHASH32", says: algorithms + `"XXHASH32"`},
		"full-object-checksum":               aSwitch,
		"enable-additional-checksum":         aSwitch,
		"disable-multipart-verify":           aSwitch,
		"disable-etag-verify":                aSwitch,
		"disable-additional-checksum-verify": aSwitch,

		"worker-size":          {def: "auto", good: "65535", bad: "0", says: "must be between 1 and 65535, or auto, not 0"},
		"max-parallel-uploads": {def: "auto", good: "auto:8", bad: "65536", says: "must be between 1 and 65535, or auto, not 65536"},
		"max-memory":           {good: "1GiB", bad: "10MiB", says: "must be at least 16MiB, which is two parts or an object below the threshold, not 10MiB"},
		"rate-limit-objects":   {good: "10", bad: "0", says: "must be at least 10, not 0"},
		"rate-limit-bandwidth": {good: "100GiB", bad: "1Mib", says: "must be between 1MiB and 100GiB, not 128KiB"},
		"multipart-threshold":  {def: "8MiB", good: "5GiB", bad: "5MB", says: "must be between 5MiB and 5GiB, not 5000000B"},
		"multipart-chunksize":  {def: "8MiB", good: "5242880", shown: "5MiB", bad: "8Mib", says: "must be between 5MiB and 5GiB, not 1MiB"},
		"auto-chunksize":       aSwitch,

		"cache-control":       aText,
		"content-disposition": aText,
		"content-encoding":    aText,
		"content-language":    aText,
		"content-type":        aText,
		"expires":             {good: "2030-01-01T00:00:00Z", bad: "tomorrow", says: noTime + `"tomorrow"`},
		"metadata":            {good: "a=1,b_c=,d-e.f=x.y", shown: "-", bad: ",a=b", says: `must be name=value[,name=value]... of the characters A-Z a-z 0-9 _ - . and not ",a=b"`},
		"website-redirect":    aText,
		"tagging":             {good: "a=1&b=x%20y", bad: "a=1,b=2", says: `must be name=value[&name=value]... in URL encoding, not "a=1,b=2"`},
		"disable-tagging":     aSwitch,
		"sync-latest-tagging": aSwitch,

		"sse":                  {good: "aws:kms", bad: "kms", says: `must be one of AES256, aws:kms, aws:kms:dsse, not "kms"`},
		"sse-kms-key-id":       aSecret,
		"source-sse-c":         {good: "AES256", bad: "AES-256", says: `must be one of AES256, not "AES-256": did you mean AES256?`},
		"source-sse-c-key":     aKey,
		"source-sse-c-key-md5": anMD5,
		"target-sse-c":         {good: "AES256", bad: "AES128", says: `must be one of AES256, not "AES128"`},
		"target-sse-c-key":     aKey,
		"target-sse-c-key-md5": anMD5,

		"report-sync-status":          aSwitch,
		"report-metadata-sync-status": aSwitch,
		"report-tagging-sync-status":  aSwitch,

		"state-max-size": {good: "2GiB", bad: "1KiB", says: "must be at least 1MiB, not 1KiB"},
		"verify-cache":   {good: "5", bad: "101", says: "must be between 0 and 100, not 101"},

		"html-report":    aText,
		"manifest":       aText,
		"sign-key":       aText,
		"failed-keys":    aText,
		"metrics-file":   aText,
		"metrics-listen": {good: "[::1]:9100", bad: "9100", says: "must be host:port or :port, such as localhost:9100"},

		"json-tracing":          aSwitch,
		"show-no-progress":      aSwitch,
		"stats":                 {def: "1m", good: "1h30m", bad: "-1s", says: `must be a time such as 30s, 1m or 1h30m, or 0, not "-1s"`},
		"aws-sdk-tracing":       aSwitch,
		"span-events-tracing":   aSwitch,
		"disable-color-tracing": aSwitch,
		"tracing-stderr":        aSwitch,

		"aws-max-attempts":                       {def: "10", good: "1", bad: "0", says: "must be at least 1, not 0"},
		"initial-backoff-milliseconds":           {def: "100", good: "5", bad: "9223372036854775807", says: noMillis + `"9223372036854775807"`},
		"force-retry-count":                      {def: "5", good: "7", bad: "1.5", says: noNumber + `"1.5"`},
		"force-retry-interval-milliseconds":      {def: "1000", good: "1", bad: "", says: "must not be empty"},
		"operation-timeout-milliseconds":         aMillis,
		"operation-attempt-timeout-milliseconds": aMillis,
		"connect-timeout-milliseconds":           aMillis,
		"read-timeout-milliseconds":              {def: "60000", good: "0", shown: "-", bad: "-1", says: "must be at least 0s, not -1ms"},

		"state-dir":          {good: "some", says: "must not be empty"},
		"no-state":           aSwitch,
		"no-resume":          aSwitch,
		"resume-max-age":     {def: "7d", good: "36h", shown: "129600s", bad: "7d ago", says: "must be a time such as 12h, 7d or 2w, not \"7d ago\""},
		"abort-on-interrupt": aSwitch,

		"warn-as-error":           aSwitch,
		"fail-fast":               aSwitch,
		"ignore-symlinks":         aSwitch,
		"fsync":                   aSwitch,
		"head-each-target":        aSwitch,
		"enable-versioning":       aSwitch,
		"sync-all-delete-markers": aSwitch,
		"point-in-time":           {good: "2023-02-19T12:00:00Z", bad: "2023", says: noMoment + `"2023"`},
		"if-match":                aSwitch,
		"if-none-match":           aSwitch,
		"copy-source-if-match":    aSwitch,
		"ignore-glacier-warnings": aSwitch,
		"allow-parallel-listings-in-express-one-zone": aSwitch,
		"no-sync-system-metadata":                     aSwitch,
		"no-sync-user-defined-metadata":               aSwitch,
		"acl":                                         {good: "bucket-owner-full-control", bad: "public", says: `must be one of private, public-read, public-read-write, authenticated-read, aws-exec-read, bucket-owner-read, bucket-owner-full-control, not "public"`},
		"no-guess-mime-type":                          aSwitch,
		"max-parallel-listings":                       {def: "32", good: "64", bad: "0", says: "must be between 1 and 65535, not 0"},
		"max-parallel-listing-max-depth":              {good: "2", bad: "deep", says: `must be a whole number, not "deep"`},
		"max-keys":                                    {def: "1000", good: "32767", bad: "32768", says: "must be between 1 and 32767, not 32768"},
		"put-last-modified-metadata":                  aSwitch,
		"auto-complete-shell":                         {good: "fish", bad: "", says: "must not be empty"},

		"disable-stalled-stream-protection":            aSwitch,
		"disable-payload-signing":                      aSwitch,
		"disable-content-md5-header":                   aSwitch,
		"disable-express-one-zone-additional-checksum": aSwitch,

		"delete":          aSwitch,
		"delete-excluded": aSwitch,
		"max-delete":      {good: "5", bad: "0", says: "must be at least 1, not 0"},

		"max-delete-percent":   {def: "80", good: "99", bad: "101", says: "must be between 0 and 100, not 101"},
		"allow-empty-source":   aSwitch,
		"allow-partial-prefix": aSwitch,
		"allow-overlap":        aSwitch,
		"list-is-complete":     aSwitch,

		"json": aSwitch, "probe-writes": aSwitch, "policy": aSwitch, "list": aSwitch, "yes": aSwitch, "all": aSwitch, "force": aSwitch,
		"against": aText, "read": aSwitch, "public-key": aText, "sha256sum": aSwitch, "key": aText, "proof": aText, "root": aText,
		"leftovers":        {good: "s3://b/p/", bad: "", says: "must not be empty"},
		"abort-older-than": {good: "7d", bad: "soon", says: "must be a time such as 30d, 12h or 2w, not \"soon\""},
		"output":           {good: "a.plan", bad: "", says: "must not be empty"},
		"prices":           {good: "a.json", bad: "", says: "must not be empty"},

		"trash":      {def: "", good: "s3://b/trash/", bad: "s3://", says: `"s3://" does not name a bucket: the name is missing`},
		"trash-keep": {def: "", good: "30d", bad: "soon", says: "must be a time such as 30d, 12h or 2w, not \"soon\""},
	}
}

func TestOptions(t *testing.T) {
	cases := optionCases()
	fresh, _ := parse(t)
	if len(cases) != len(fresh.options) {
		t.Errorf("%d options, %d cases", len(fresh.options), len(cases))
	}
	for i, o := range fresh.options {
		tt, ok := cases[o.Name]
		if !ok {
			t.Errorf("no case for %s", o.Title())
			continue
		}
		t.Run(o.Name, func(t *testing.T) {
			if got := o.Value.String(); got != tt.def {
				t.Errorf("default %q, want %q", got, tt.def)
			}
			if tt.def != "" && tt.def != "false" && o.DefaultText() != tt.def {
				t.Errorf("default in the help %q, want %q", o.DefaultText(), tt.def)
			}
			checkGood(t, i, o, tt)
			checkBad(t, o, tt)
		})
	}
}

func checkGood(t *testing.T, i int, o *table.Option, tt optionCase) {
	t.Helper()
	args := []string{"--" + o.Name, "s3://a", "s3://b"}
	switch {
	case o.Name == "SOURCE":
		args = []string{tt.good, "s3://b"}
	case o.Name == "TARGET":
		args = []string{"s3://a", tt.good}
	case o.Value.TakesText():
		args[0] += "=" + tt.good
	}
	args = append(commandOf(o), args...)
	c := newLine(args...)
	if _, _, _, err := c.Parse(); err != nil {
		t.Error(err)
	}
	want := tt.shown
	switch want {
	case "":
		want = tt.good
	case "-":
		want = ""
	}
	if got := c.options[i].Value.String(); got != want {
		t.Errorf("%q became %q, want %q", tt.good, got, want)
	}
}

func checkBad(t *testing.T, o *table.Option, tt optionCase) {
	t.Helper()
	args := []string{"--" + o.Name + "=" + tt.bad, "s3://a", "s3://b"}
	switch o.Name {
	case "SOURCE":
		args = []string{tt.bad, "s3://b"}
	case "TARGET":
		args = []string{"s3://a", tt.bad}
	}
	args = append(commandOf(o), args...)
	_, err := parse(t, args...)
	if err == nil || err.Error() != o.Title()+" "+tt.says {
		t.Errorf("%q: got %q, want %q", args, err, o.Title()+" "+tt.says)
	}
	if _, ok := errors.AsType[UsageError](err); !ok {
		t.Errorf("%T is no refusal", err)
	}
}

// commandOf returns the command that has an option, if the sync has not.
func commandOf(o *table.Option) []string {
	switch {
	case slices.Contains(ofChecks, o.Name):
		return []string{"checks"}
	case o.Group == table.OfCommands:
		return []string{"sides"}
	}
	return nil
}

// Options that take a value once do not take it twice.
func TestOptionTwice(t *testing.T) {
	for _, o := range newLine().options {
		if o.Positional() || o.Value.Kind == value.Count || o.Value.Kind == value.Several || o.Name == "help" {
			continue
		}
		arg := "--" + o.Name
		if o.Value.Kind == value.Single {
			arg += "=" + optionCases()[o.Name].good
		}
		_, err := parse(t, append(commandOf(o), arg, arg)...)
		if want := "--" + o.Name + " is given twice"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// Library and command can do the same: what is a field is an option.
func TestEveryFieldHasAnOption(t *testing.T) {
	c := newLine()
	except := []string{
		"Source.Store", "Target.Store", "Trash.Store", "Source.Credentials", "Target.Credentials", // a program's own
		"Source.Transport", "Target.Transport",
		"Range",                           // for programs that share out a job
		"Stdin",                           // for a list
		"OnEvent", "OnProgress", "Logger", // what the command itself is made of
		"Filter.Func", "Preprocess", "Resume.Records", "Transfer.PartsOf", // for programs
	}
	var without []string
	var walk func(path string, group reflect.Value)
	walk = func(path string, group reflect.Value) {
		for i := range group.NumField() {
			name, field := path+group.Type().Field(i).Name, group.Field(i)
			if field.Kind() == reflect.Struct && field.Type().PkgPath() == reflect.TypeFor[s3sync.Config]().PkgPath() {
				walk(name+".", field)
			} else if c.bound(name) == nil {
				without = append(without, name)
			}
		}
	}
	walk("", reflect.ValueOf(c.Config).Elem())
	slices.Sort(without)
	slices.Sort(except)
	if !slices.Equal(without, except) {
		t.Errorf("fields without an option: %q, want %q", without, except)
	}
}

// What was given is shown, also if it is what the option does without it.
func TestGiven(t *testing.T) {
	c := between("--force-retry-count=0", "--read-timeout-milliseconds=0", "--metadata=b=1,a=2", "-vv", "--filter-smaller-size=1KiB",
		"--target-secret-access-key=hunter2", "--target-access-key=k")
	c.env = []string{"S3SYNC_DISABLE_ETAG_VERIFY=1", "FORCE_RETRY_INTERVAL_MILLISECONDS=0"}
	l := c.line()
	if _, _, _, err := l.Parse(); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, g := range l.Given() {
		got[g.Option] = g.Value
	}
	want := map[string]string{
		"SOURCE": "s3://a", "TARGET": "s3://b", "--verbose": "2", "--target-access-key": "k", "--target-secret-access-key": "(secret)",
		"--filter-smaller-size": "1KiB", "--metadata": "b=1,a=2", "--disable-etag-verify": "true", "--force-retry-count": "0",
		"--force-retry-interval-milliseconds": "0", "--read-timeout-milliseconds": "0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Names are in one style, and each says what it does.
func TestOptionTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range newLine().options {
		for _, name := range append(o.Variables(), o.Title(), "--"+o.Alias, o.Short) {
			if seen[name] && name != "" && name != "--" && !o.Positional() {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
		switch {
		case o.Usage == "" || strings.HasSuffix(o.Usage, "."):
			t.Errorf("%s: usage %q", o.Name, o.Usage)
		case o.More != "" && !strings.HasSuffix(o.More, "."):
			t.Errorf("%s: %q", o.Name, o.More)
		case (o.ValueName() != "") != o.Value.TakesText():
			t.Errorf("%s: value name %q", o.Name, o.ValueName())
		case o.Secret && o.Value.String() != "":
			t.Errorf("%s shows a secret", o.Name)
		}
	}
}

func TestDefaultsComeFromTheLibrary(t *testing.T) {
	c := newLine()
	c.Config.Transfer.Workers = 99
	for _, o := range c.options {
		if o.Name == "worker-size" && o.DefaultText() != "99" {
			t.Errorf("got %q", o.DefaultText())
		}
	}
	if got, want := c.Config.Transfer.ChunkSize, s3sync.DefaultConfig().Transfer.ChunkSize; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestRefusedArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"SOURCE and TARGET are missing; s3sync -h shows how it is called": {},
		"SOURCE is missing":           {"--delete"},
		"TARGET is missing":           {"s3://a"},
		"--nonsense is not an option": {"--nonsense=hunter2"},
		"--worker-sise is not an option; did you mean --worker-size?":                          {"--worker-sise", "3"},
		"--source-secret-acces-key is not an option; did you mean --source-secret-access-key?": {"--source-secret-acces-key=hunter2"},
		"-x is not an option":      {"-vx"},
		"--max-keys needs a value": {"s3://a", "s3://b", "--max-keys"},
		"--source-region needs a value; if it begins with a hyphen, write --source-region=VALUE":            {"--source-region", "--dry-run", "s3://a", "s3://b"},
		"an argument begins like an option but has no name; a path that begins with a hyphen goes after --": {"--=x"},
		`SOURCE and TARGET are all arguments there are, but there is "c"`:                                   {"a", "b", "c"},
		"--verbose cannot be combined with --quiet":                                                         {"-v", "-q", "s3://a", "s3://b"},
		"--delete-excluded requires --delete":                                                               {"--delete-excluded", "s3://a", "s3://b"},
		"--multipart-chunksize must be between 5MiB and 5GiB, not 1KiB":                                     {"s3://a", "--multipart-chunksize", "1KiB", "s3://b"},
		"--website-redirect-location is given twice":                                                        {"--website-redirect", "/a", "--website-redirect-location", "/b"},
		"--auto-chunksize cannot be combined with --multipart-chunksize":                                    {"--auto-chunksize", "--multipart-chunksize=8MiB", "s3://a", "s3://b"},
		`--content-type must not hold '\r': no header can carry it`:                                         {"--content-type", "text/html\r\nX-Amz-Acl: public-read", "s3://a", "s3://b"},
		`--target-session-token must not hold '\n': no header can carry it`: {
			"--target-session-token", "hunter2\n", "--target-access-key", "a", "--target-secret-access-key", "s", "s3://a", "s3://b",
		},
		`--metadata has the name "a" twice`:                                                   {"--metadata", "a=b,c=d,a=c", "s3://a", "s3://b"},
		`--auto-complete-shell must be one of bash, zsh, fish, powershell, elvish, not "ksh"`: {"--auto-complete-shell", "ksh"},
	} {
		t.Run(want, func(t *testing.T) {
			c := &call{args: args}
			if code := c.main(t); code != ExitUsage {
				t.Errorf("exit code %d", code)
			}
			if got := c.stderr.String(); got != "s3sync: "+want+"\n" {
				t.Errorf("got %q", got)
			}
			if c.stdout.Len() > 0 || c.cfg != nil {
				t.Error("something was done")
			}
		})
	}
}

// There is one mode of comparison. Without a listing of the target its objects are
// asked for one by one.
func TestCheckModes(t *testing.T) {
	modes := []string{
		"--check-size", "--check-mtime-and-size", "--check-etag", "--check-mtime-and-etag",
		"--check-additional-checksum=SHA256", "--check-mtime-and-additional-checksum=SHA256",
	}
	for i, first := range modes {
		for _, second := range modes[i+1:] {
			_, err := parse(t, second, first, "s3://a", "s3://b")
			want := strings.TrimSuffix(first, "=SHA256") + " cannot be combined with " + strings.TrimSuffix(second, "=SHA256")
			if _, ok := errors.AsType[UsageError](err); !ok || err.Error() != want {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
	const overwrite, head = "--remove-modified-filter", "--head-each-target"
	for _, tt := range []struct {
		args  []string
		check s3sync.Check
		err   string
	}{
		{args: nil, check: s3sync.Check{}},
		{args: []string{overwrite}, check: s3sync.Check{Mode: s3sync.CheckOverwrite}},
		{args: []string{overwrite, head}, check: s3sync.Check{HeadEachTarget: true, NoTargetListing: true}},
		{args: []string{modes[0]}, check: s3sync.Check{Mode: s3sync.CheckSize}},
		{args: []string{overwrite, head, modes[0]}, check: s3sync.Check{Mode: s3sync.CheckSize, HeadEachTarget: true, NoTargetListing: true}},
		{args: []string{overwrite, head, modes[2]}, check: s3sync.Check{Mode: s3sync.CheckETag, HeadEachTarget: true, NoTargetListing: true}},
		{args: []string{overwrite, modes[4]}, check: s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: "SHA256", NoTargetListing: true}},
		{args: []string{overwrite, modes[0]}, err: "--remove-modified-filter together with a comparison requires --head-each-target"},
		{args: []string{overwrite, modes[2]}, err: "--remove-modified-filter together with a comparison requires --head-each-target"},
		{args: []string{overwrite, head, modes[1]}, err: "--remove-modified-filter cannot be combined with --check-mtime-and-size"},
		{args: []string{overwrite, head, modes[3]}, err: "--remove-modified-filter cannot be combined with --check-mtime-and-etag"},
		{args: []string{overwrite, modes[5]}, err: "--remove-modified-filter cannot be combined with --check-mtime-and-additional-checksum"},
		{args: []string{overwrite, "--enable-versioning"}, err: "--enable-versioning cannot be combined with --remove-modified-filter"},
		{args: []string{modes[4], "--enable-versioning"}, err: "--enable-versioning cannot be combined with --check-additional-checksum"},
		{args: []string{overwrite, "--report-sync-status"}, err: "--report-sync-status cannot be combined with --remove-modified-filter"},
		{args: []string{modes[1], "--report-sync-status"}, err: "--report-sync-status cannot be combined with --check-mtime-and-size"},
		{args: []string{modes[2], "--target-sse-c=AES256", "--target-sse-c-key=" + aKey.good, "--target-sse-c-key-md5=" + anMD5.good}, err: "--check-etag cannot be combined with --target-sse-c-key"},
		{args: []string{overwrite, "--if-match"}, err: "--if-match needs an ETag to compare with, so that without a listing of the target it requires --head-each-target"},
		{args: []string{"--read-both"}, err: "--read-both needs a comparison of contents, as by --check-etag"},
		{args: []string{modes[2], "--sse=aws:kms"}, err: "--check-etag cannot be used if KMS encrypts the target, because its ETags are not digests: see --sse"},
	} {
		c, err := parse(t, append(tt.args, "s3://a", "s3://b")...)
		if got := fmt.Sprint(err); got != tt.err && (tt.err != "" || err != nil) {
			t.Errorf("%q: got %s, want %q", tt.args, got, tt.err)
		}
		if tt.err == "" && c.Config.Check != tt.check {
			t.Errorf("%q: got %+v, want %+v", tt.args, c.Config.Check, tt.check)
		}
	}
}

func TestAcceptedArguments(t *testing.T) {
	for name, args := range map[string][]string{
		"options last":        {"s3://a", "s3://b", "--worker-size", "3"},
		"options between":     {"s3://a", "--worker-size=3", "s3://b"},
		"options end":         {"--worker-size", "3", "--", "s3://a", "s3://b"},
		"a hyphen in a value": {"--worker-size", "3", "--source-region=-x", "s3://a", "s3://b"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &call{args: args}
			if code := c.main(t); code != ExitDone {
				t.Fatal(c.stderr.String())
			}
			if c.cfg.Source.URL != "s3://a" || c.cfg.Target.URL != "s3://b" || c.cfg.Transfer.Workers != 3 {
				t.Errorf("got %+v", c.cfg)
			}
		})
	}
}

// Not even a refused command line shows what was secret in it.
func TestSecretsAreNotShown(t *testing.T) {
	for _, o := range newLine().options {
		if !o.Secret {
			continue
		}
		t.Run(o.Name, func(t *testing.T) {
			arg := "--" + o.Name + "=hunter2"
			for _, args := range [][]string{
				{arg},
				{arg, arg},
				{arg, "--no-such-option"},
				{arg, "--help"},
				{arg, "-vvv", "s3://a", "s3://b"},
				{arg, "-vvv", ".", "s3://b"},
				{arg, "-vvv", "s3://a", "."},
				{"--" + o.Name, "hunter2", "--" + o.Name, "hunter2"},
				{"--" + o.Name + "x=hunter2"},
				{"__complete", arg, arg, "--no", "--sou"},
				{"__complete", "--" + o.Name + "x=hunter2", ""},
				{"--auto-complete-shell=bash", arg},
			} {
				c := &call{args: args}
				c.main(t)
				if strings.Contains(c.stdout.String()+c.stderr.String(), "hunter2") {
					t.Errorf("%q: %s%s", args, c.stdout.String(), c.stderr.String())
				}
			}
			c := &call{args: []string{"--help"}, env: []string{o.Variables()[0] + "=hunter2"}}
			c.main(t)
			if strings.Contains(c.stdout.String(), "hunter2") {
				t.Error("the help shows the variable")
			}
		})
	}
}

func TestNearest(t *testing.T) {
	names := []string{"delete", "max-delete", "check-size", "acl"}
	for text, want := range map[string]string{
		"delet": "delete", "maxdelete": "max-delete", "chek-size": "check-size", "checksize": "check-size",
		"acl2": "acl", "undo": "", "x": "", "": "",
	} {
		if got := nearest(text, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", text, got, want)
		}
	}
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func FuzzParseExpression(f *testing.F) {
	for _, text := range []string{"a(?=b)", `(\d+)`, "(?<!x)", "[", `\1`, "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		re, err := value.ParseExpression(text)
		if (re == nil) == (err == nil) {
			t.Fatalf("%v, %v", re, err)
		}
	})
}
