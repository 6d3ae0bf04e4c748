package connect

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
)

// canary is in no error and in no note.
const canary = "CANARY-wJalrXUtnFEMI"

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "connections.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEndpoint(t *testing.T) {
	file := write(t, `
[old-archive]
access_key = "AKIDOLD"
secret_key = "`+canary+`"
endpoint_url = "https://s3.example.com"
path_style = true

[aws]
profile = "production"
region = "eu-central-1"
`)
	c, err := Load(file, []string{
		"S3SYNC_CONNECTION_OLD_ARCHIVE_REGION=us-east-1", "S3SYNC_CONNECTION_AWS_REGION=eu-west-1",
		"S3SYNC_CONNECTION_B2_ACCESS_KEY=AKIDB2", "S3SYNC_CONNECTION_B2_SECRET_KEY=" + canary, "S3SYNC_CONNECTION_B2_SESSION_TOKEN=token=with=equals",
		"S3SYNC_CONNECTION_B2_REQUEST_PAYER=1", "S3SYNC_CONNECTIONS=elsewhere", "PATH=/bin",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Names(), []string{"aws", "b2", "old-archive"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	for name, want := range map[string]s3sync.Endpoint{
		"":            {},
		"old-archive": {AccessKey: "AKIDOLD", SecretKey: canary, EndpointURL: "https://s3.example.com", PathStyle: true, Region: "us-east-1"},
		"aws":         {Profile: "production", Region: "eu-west-1"},
		"b2":          {AccessKey: "AKIDB2", SecretKey: canary, SessionToken: "token=with=equals", RequestPayer: true},
	} {
		got, err := c.Endpoint(name)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", name, err, diff)
		}
	}
	if len(c.Notes()) != 0 {
		t.Errorf("notes %q", c.Notes())
	}
}

func TestUnknown(t *testing.T) {
	for want, environ := range map[string][]string{
		`unknown connection: this machine has no connection "my-archive" (it knows none): add [my-archive] to the file of --connections, or set S3SYNC_CONNECTION_MY_ARCHIVE_…`: nil,
		`unknown connection: this machine has no connection "my-archive" (it knows a, b): add [my-archive] to the file of --connections, or set S3SYNC_CONNECTION_MY_ARCHIVE_…`: {
			"S3SYNC_CONNECTION_B_REGION=x", "S3SYNC_CONNECTION_A_PROFILE=" + canary,
		},
	} {
		c, err := Load("", environ)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Endpoint("my-archive"); err == nil || err.Error() != want || !errors.Is(err, ErrUnknown) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestLoadFails(t *testing.T) {
	for name, tt := range map[string]struct {
		file    string
		environ []string
		want    string // at the end of the error
	}{
		"not TOML":               {file: "[a]\nsecret_key = " + canary + "\n", want: "line 2 is not TOML"},
		"secret in the key":      {file: "[a]\n" + canary + "\n", want: "line 2 is not TOML"},
		"twice":                  {file: "[a]\nregion = \"" + canary + "\"\nregion = \"y\"\n", want: "line 3 is not TOML"},
		"not in a table":         {file: "region = \"" + canary + "\"\n", want: `"region" is no table: a connection begins with its name in brackets, [name]`},
		"a name with a capital":  {file: "[Prod]\n", want: `"Prod" is no name of a connection: it has at most 63 small letters, digits and hyphens between them`},
		"unknown setting":        {file: "[a]\nsecret = \"" + canary + "\"\n", want: `[a] has "secret", which is none of profile, access_key, secret_key, session_token, region, endpoint_url, path_style, accelerate, request_payer`},
		"number for a text":      {file: "[a]\nsecret_key = 1234\n", want: "[a] secret_key must be a text in quotes"},
		"text for a flag":        {file: "[a]\npath_style = \"yes\"\n", want: "[a] path_style must be true or false"},
		"half of the keys":       {file: "[a]\nsecret_key = \"" + canary + "\"\n", want: `connection "a": secret_key requires access_key`},
		"profile and keys":       {environ: []string{"S3SYNC_CONNECTION_A_PROFILE=p", "S3SYNC_CONNECTION_A_ACCESS_KEY=k", "S3SYNC_CONNECTION_A_SECRET_KEY=" + canary}, want: `connection "a": profile cannot be combined with access_key`},
		"a URL with a password":  {environ: []string{"S3SYNC_CONNECTION_A_ENDPOINT_URL=ftp://u:" + canary + "@host/"}, want: ""},
		"unknown variable":       {environ: []string{"S3SYNC_CONNECTION_A_SECRET=" + canary}, want: "S3SYNC_CONNECTION_A_SECRET in the environment does not end with one of PROFILE, ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, REGION, ENDPOINT_URL, PATH_STYLE, ACCELERATE, REQUEST_PAYER"},
		"variable without name":  {environ: []string{"S3SYNC_CONNECTION_SECRET_KEY=" + canary}, want: "S3SYNC_CONNECTION_SECRET_KEY in the environment does not end with one of PROFILE, ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, REGION, ENDPOINT_URL, PATH_STYLE, ACCELERATE, REQUEST_PAYER"},
		"variable in small":      {environ: []string{"S3SYNC_CONNECTION_a_REGION=x"}, want: "S3SYNC_CONNECTION_a_REGION in the environment names no connection: its name has capitals, digits, and single underscores between them"},
		"flag that is neither":   {environ: []string{"S3SYNC_CONNECTION_A_PATH_STYLE=" + canary}, want: "S3SYNC_CONNECTION_A_PATH_STYLE in the environment must be true or false"},
		"file that is not there": {file: "-", want: "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			file := ""
			switch tt.file {
			case "":
			case "-":
				file = filepath.Join(t.TempDir(), "missing")
			default:
				file = write(t, tt.file)
			}
			_, err := Load(file, tt.environ)
			switch {
			case err == nil:
				t.Fatal("no error")
			case strings.Contains(err.Error(), canary):
				t.Errorf("a secret: %v", err)
			case !strings.HasSuffix(err.Error(), tt.want) && !(name == "file that is not there" && runtime.GOOS == "windows"):
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestOthersCanReadSecrets(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no mode there")
	}
	for text, notes := range map[string]int{
		"[a]\naccess_key = \"k\"\nsecret_key = \"" + canary + "\"\n": 1,
		"[a]\nregion = \"x\"\n": 0,
	} {
		file := write(t, text)
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Notes()) != notes || strings.Contains(strings.Join(c.Notes(), ""), canary) {
			t.Errorf("notes %q", c.Notes())
		}
	}
}
