package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/cli/options"
)

// The actions that runs need.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
var policyActions = []string{
	"kms:Decrypt", "kms:GenerateDataKey", "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectTagging", "s3:GetBucketVersioning",
	"s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging", "s3:ListBucket", "s3:ListBucketVersions",
	"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3express:CreateSession",
}

// A policy is an IAM policy, as docs/permissions.md shows it.
type policy struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource []string
		Condition        map[string]map[string][]string
	}
}

// policiesIn parses what the page shows of a command line: one policy, or one of each side.
func policiesIn(t *testing.T, text string) []policy {
	t.Helper()
	var both struct{ Source, Target policy }
	var one policy
	decode := func(to any) error {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.DisallowUnknownFields()
		return d.Decode(to)
	}
	if decode(&both) == nil {
		return []policy{both.Source, both.Target}
	}
	if err := decode(&one); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
	return []policy{one}
}

// TestPermissions: the command lines of docs/permissions.md are valid, and the policy below
// each is one, of actions that exist.
func TestPermissions(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "permissions.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(data), "\r\n", "\n")
	t.Chdir(t.TempDir())
	if err := os.Mkdir("photos", 0o755); err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```sh\n(s3sync [^\n]+)\n```\n\n```json\n(.*?)```\n").FindAllStringSubmatch(page, -1)
	if all := strings.Count(page, "```json\n"); len(found) < 8 || len(found) != all {
		t.Errorf("%d of %d policies are below a command line", len(found), all)
	}
	for _, m := range found {
		c := &call{args: strings.Fields(m[1])[1:]}
		if code := c.main(t); code != options.ExitDone || c.cfg == nil {
			t.Errorf("%s: exit code %d, %s", m[1], code, c.stderr.String())
		}
		for _, p := range policiesIn(t, m[2]) {
			if p.Version != "2012-10-17" || len(p.Statement) == 0 {
				t.Errorf("%s: %+v", m[1], p)
			}
			for _, s := range p.Statement {
				if s.Sid == "" || s.Effect != "Allow" || len(s.Action) == 0 || len(s.Resource) == 0 {
					t.Errorf("%s: %+v", m[1], s)
				}
			}
		}
	}
	for _, name := range regexp.MustCompile(`\b(s3|s3express|kms):[A-Z]\w+`).FindAllString(page, -1) {
		if !slices.Contains(policyActions, name) && name != "s3:DeleteObjectVersion" && name != "kms:ViaService" {
			t.Errorf("no run needs %s", name)
		}
	}
}
