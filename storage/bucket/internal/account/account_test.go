package account

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"s3sync/storage"
)

// said returns the text of the failure to get the credentials of a profile.
func said(t *testing.T, profile, configuration string) string {
	t.Helper()
	dir := t.TempDir()
	file, keys := filepath.Join(dir, "config"), filepath.Join(dir, "credentials")
	write(t, file, configuration)
	write(t, keys, "[base]\naws_access_key_id = AK\naws_secret_access_key = SK\n")
	o := Options{Profile: profile, ConfigFile: file, CredentialsFile: keys, short: 2 * time.Second}
	cfg, err := o.Load(t.Context(), awshttp.NewBuildableClient(), func(string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = cfg.Credentials.Retrieve(t.Context())
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("it took %v, and may take two seconds", took)
	}
	failed, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v is no failure to get credentials", err)
	}
	if f := failed.Failure(); !errors.Is(f, storage.ErrCredentials) {
		t.Errorf("%v is not storage.ErrCredentials", f)
	}
	text := failed.Failure().Error()
	for _, secret := range []string{"HUSH", "SK"} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret is shown: %s", text)
		}
	}
	return text
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// answering is the URL of a service that gives one answer.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if typ := "application/json"; strings.HasPrefix(body, "{") {
			w.Header().Set("Content-Type", typ)
			var says struct {
				Type string `json:"__type"`
			}
			_ = json.Unmarshal([]byte(body), &says)
			w.Header().Set("X-Amzn-Errortype", says.Type)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// silent is the URL of a service that takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

// nobody is a URL where nothing listens.
const nobody = "http://127.0.0.1:1"

func stsError(code, message string) string {
	return fmt.Sprintf(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>`, code, message)
}

// TestServicesThatFail: a failure says which service failed and why, and ends in time.
func TestServicesThatFail(t *testing.T) {
	const (
		assume = "[profile p]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\nservices = s\n[profile base]\nregion = us-east-1\n[services s]\nsts =\n  endpoint_url = %s\n"
		web    = "[profile p]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/r\nweb_identity_token_file = %s\nservices = s\n[services s]\nsts =\n  endpoint_url = %s\n"
		imds   = "[profile p]\nregion = us-east-1\nec2_metadata_service_endpoint = %s\n"
		none   = "no credentials: give keys or a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
		denied = "User: u is not authorized to perform: sts:AssumeRole on resource: r"
	)
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, "HUSH")
	for name, tt := range map[string]struct{ configuration, want string }{
		"role, denied":     {fmt.Sprintf(assume, answering(t, 403, stsError("AccessDenied", denied))), `no usable credentials of profile "p": STS answers to AssumeRole with status 403: AccessDenied: ` + denied + " (allow sts:AssumeRole to who asks, and let the role trust it)"},
		"role, page":       {fmt.Sprintf(assume, answering(t, 400, "<html>no</html>")), `no usable credentials of profile "p": STS answers to AssumeRole with status 400`},
		"role, other page": {fmt.Sprintf(assume, answering(t, 200, "<html>welcome</html>")), `no usable credentials of profile "p": STS answers to AssumeRole with something else than credentials (check its endpoint)`},
		"role, silence":    {fmt.Sprintf(assume, silent(t)), `no usable credentials of profile "p": STS did not answer within 2s (check the network and the proxy)`},
		"role, nobody":     {fmt.Sprintf(assume, nobody), `no usable credentials of profile "p": STS cannot be reached: dial tcp 127.0.0.1:1: connect`},
		"token, ended":     {fmt.Sprintf(web, token, answering(t, 400, stsError("ExpiredTokenException", "Token expired."))), `no usable credentials of profile "p": STS answers to AssumeRoleWithWebIdentity with status 400: ExpiredTokenException: Token expired (get a new token for the file of web_identity_token_file)`},
		"token, unknown":   {fmt.Sprintf(web, token, answering(t, 403, stsError("AccessDenied", "Not authorized"))), `AccessDenied: Not authorized (let the role trust who issued the token)`},
		"token, silence":   {fmt.Sprintf(web, token, silent(t)), `no usable credentials of profile "p": STS did not answer within 2s (check the network and the proxy)`},
		"token, no file":   {fmt.Sprintf(web, token+"x", nobody), `no usable credentials of profile "p": the token of web identity cannot be read: open ` + token + "x: "},
		"machine, silence": {fmt.Sprintf(imds, silent(t)), none + " (the metadata service of this machine did not answer within 2s; attach a role to the machine if it is to give them)"},
		"machine, 500":     {fmt.Sprintf(imds, answering(t, 500, "no")), none + " (the metadata service of this machine answers with status 500; attach a role to the machine if it is to give them)"},
		"machine, 404":     {fmt.Sprintf(imds, answering(t, 404, "no")), none + " (the metadata service of this machine answers to GetMetadata with status 404; attach a role to the machine if it is to give them)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := said(t, "p", tt.configuration); !strings.HasPrefix(got, tt.want) && !strings.HasSuffix(got, tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestConfigurationThatCannotBeUsed: the words are not those of the SDK.
func TestConfigurationThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	file, bundle := filepath.Join(dir, "config"), filepath.Join(dir, "none.pem")
	write(t, file, "[profile half]\naws_access_key_id = AK\n[profile code]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n"+
		"mfa_serial = arn:aws:iam::123456789012:mfa/u\n[profile base]\naws_access_key_id = AK\naws_secret_access_key = SK\n")
	for name, tt := range map[string]struct{ profile, bundle, want string }{
		"unknown":   {"no", "", `profile "no" is not in the AWS configuration files`},
		"one key":   {"half", "", `profile "half" has only one of aws_access_key_id and aws_secret_access_key`},
		"MFA":       {"code", "", `the profile has an mfa_serial, and nobody is asked for its code here (use the keys that this prints, in place of the profile: aws configure export-credentials --format env --profile code)`},
		"no bundle": {"base", bundle, "the file of AWS_CA_BUNDLE or ca_bundle cannot be read: open " + bundle + ": "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_CA_BUNDLE", tt.bundle)
			o := Options{Profile: tt.profile, ConfigFile: file, CredentialsFile: file}
			_, err := o.Load(t.Context(), awshttp.NewBuildableClient(), func(string, string) {})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !errors.Is(err, storage.ErrUnusable) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestContainersThatFail: their service is named by the environment only.
func TestContainersThatFail(t *testing.T) {
	for name, tt := range map[string]struct{ url, want string }{
		"denied":  {answering(t, 403, `{"code":"Denied","message":"not you"}`), "the container's service of credentials answers with status 403: Denied: not you"},
		"silence": {silent(t), "the container's service of credentials did not answer within 2s (check the network and the proxy)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", tt.url+"/c")
			want := `no usable credentials of profile "p": ` + tt.want
			if got := said(t, "p", "[profile p]\nregion = us-east-1\n"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestLogin: whoever has to log in again reads the command with the very profile.
func TestLogin(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	const (
		session = "sso_session = my\nsso_account_id = 123456789012\nsso_role_name = r\nregion = us-east-1\n[sso-session my]\nsso_region = us-east-1\nsso_start_url = https://x.example/start\n"
		legacy  = "sso_start_url = https://x.example/start\nsso_account_id = 123456789012\nsso_role_name = r\nregion = us-east-1\nsso_region = us-east-1\n"
	)
	const role = "[profile r]\nrole_arn = arn:aws:iam::123456789012:role/r\nregion = us-east-1\nsource_profile = p\n"
	revoked := answering(t, 401, `{"__type":"UnauthorizedException","message":"Session token not found or invalid"}`)
	forbidden := answering(t, 403, `{"__type":"ForbiddenException","message":"No access"}`)
	portal := func(url string) string {
		return "[profile p]\nservices = s\n" + session + "[services s]\nsso =\n  endpoint_url = " + url + "\n"
	}
	for name, tt := range map[string]struct {
		profile, configuration string
		expires                string // of the session; empty is none
		want                   string
	}{
		"none":         {"p", "[profile p]\n" + session, "", `the session of profile "p" does not exist (run: aws sso login --profile p)`},
		"none, legacy": {"p", "[profile p]\n" + legacy, "", `the session of profile "p" does not exist (run: aws sso login --profile p)`},
		"ended":        {"p", "[profile p]\n" + session, "2020-01-01T00:00:00Z", `the session of profile "p" has expired (run: aws sso login --profile p)`},
		"ended, legacy": {
			"p", "[profile p]\n" + legacy, "2020-01-01T00:00:00Z",
			`the session of profile "p" has expired (run: aws sso login --profile p)`,
		},
		"behind a role": {"r", role + "[profile p]\n" + session, "", `the session of profile "p" does not exist (run: aws sso login --profile p)`},
		"odd name":      {"it's me", "[profile it's me]\n" + session, "", `the session of profile "it's me" does not exist (run: aws sso login --profile 'it'\''s me')`},
		"revoked":       {"p", portal(revoked), "2099-01-01T00:00:00Z", `the session of profile "p" has expired (run: aws sso login --profile p)`},
		// A login does not help these.
		"no such role": {"p", portal(forbidden), "2099-01-01T00:00:00Z", `the SSO portal answers to GetRoleCredentials with status 403: ForbiddenException: No access`},
		"silence":      {"p", portal(silent(t)), "2099-01-01T00:00:00Z", `the SSO portal did not answer within 2s (check the network and the proxy)`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, of := range []string{"my", "https://x.example/start"} {
				sum := sha1.Sum([]byte(of))
				file := filepath.Join(home, ".aws", "sso", "cache", hex.EncodeToString(sum[:])+".json")
				_ = os.Remove(file)
				if tt.expires != "" {
					write(t, file, fmt.Sprintf(`{"accessToken":"HUSH","expiresAt":%q,"region":"us-east-1","startUrl":"https://x.example/start"}`, tt.expires))
				}
			}
			if got := said(t, tt.profile, tt.configuration); !strings.HasSuffix(got, ": "+tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestPatience: a long run has more time to get new credentials than one that begins.
func TestPatience(t *testing.T) {
	var o origin
	if got := o.patience(); got != 5*time.Second {
		t.Errorf("%v at the start", got)
	}
	o.found.Store(true)
	if got := o.patience(); got != time.Minute {
		t.Errorf("%v later", got)
	}
	ctx, cancel := o.limit(t.Context())
	defer cancel()
	if _, limited := ctx.Deadline(); !limited || errors.Is(ctx.Err(), context.Canceled) {
		t.Error("there is no limit")
	}
}
