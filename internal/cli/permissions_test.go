package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/doctor"
)

//go:generate go test -run ^TestPermissions$ . -update

// configOf returns what a command line of the documentation asks for.
func configOf(t *testing.T, line string) *s3sync.Config {
	t.Helper()
	words := strings.Fields(line)
	c := &call{args: words[1:]}
	if code := c.main(t); words[0] != "s3sync" || code != options.ExitDone || c.cfg == nil {
		t.Fatalf("%s: exit code %d, %s", line, code, c.stderr.String())
	}
	return c.cfg
}

// policies are the policies that a command line needs.
func policies(t *testing.T, line string) doctor.Policies {
	t.Helper()
	p, err := doctor.PoliciesOf(configOf(t, line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return p
}

// policyText is the policy of a command line as docs/permissions.md shows it.
func policyText(t *testing.T, line string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(policies(t, line).Document()); err != nil {
		t.Fatal(err)
	}
	return lists.ReplaceAllStringFunc(b.String(), func(list string) string {
		return strings.ReplaceAll(strings.Join(strings.Fields(list), ""), ",", ", ")
	})
}

// lists are those of texts, which are on one line.
var lists = regexp.MustCompile(`\[\s+"[^\[\]{}]*\]`)

// actions are what the credentials of one side are allowed.
func actions(p doctor.Policies, side string) []string {
	policy := p.Source
	if side == "Target" {
		policy = p.Target
	}
	var all []string
	if policy == nil {
		return nil
	}
	for _, s := range policy.Statement {
		if strings.HasPrefix(s.Sid, side) {
			all = append(all, s.Action...)
		}
	}
	slices.Sort(all)
	return all
}

// difference says what a side needs more (+) and less (−) than another time.
func difference(before, after []string) string {
	var out []string
	for _, a := range after {
		if !slices.Contains(before, a) {
			out = append(out, "+ `"+a+"`")
		}
	}
	for _, a := range before {
		if !slices.Contains(after, a) {
			out = append(out, "− `"+a+"`")
		}
	}
	return strings.Join(out, "<br>")
}

// optionTable is the table of what options change, each on two buckets.
func optionTable(t *testing.T) string {
	t.Helper()
	const sides = " s3://source-bucket s3://target-bucket"
	base := policies(t, "s3sync"+sides)
	join := func(side string) string { return "`" + strings.Join(actions(base, side), "`<br>`") + "`" }
	var b strings.Builder
	b.WriteString("| option | source | target |\n|---|---|---|\n")
	fmt.Fprintf(&b, "| no option | %s | %s |\n", join("Source"), join("Target"))
	for _, option := range []string{
		"--delete", "--dry-run", "--report-sync-status", "--report-sync-status --report-metadata-sync-status", "--report-sync-status --report-tagging-sync-status",
		"--check-size", "--check-etag", "--check-additional-checksum SHA256", "--head-each-target", "--remove-modified-filter",
		"--disable-tagging", "--tagging team=a", "--sync-latest-tagging", "--filter-include-tag-regex stage=live",
		"--enable-versioning", "--point-in-time 2026-01-31", "--acl bucket-owner-full-control", "--sse AES256", "--sse aws:kms",
		"--if-match", "--if-none-match", "--server-side-copy",
	} {
		p := policies(t, "s3sync "+option+sides)
		source, target := difference(actions(base, "Source"), actions(p, "Source")), difference(actions(base, "Target"), actions(p, "Target"))
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", option, source, target)
	}
	return strings.ReplaceAll(b.String(), "  |", " |")
}

// TestPermissions: docs/permissions.md has below each command line the policy that it
// needs, and the table of what options change.
func TestPermissions(t *testing.T) {
	name, err := filepath.Abs(filepath.Join("..", "..", "docs", "permissions.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("photos", 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(data), "\r\n", "\n")
	found := 0
	blocks := regexp.MustCompile("(?s)```sh\n(s3sync [^\n]+)\n```\n\n```json\n.*?```\n")
	want := blocks.ReplaceAllStringFunc(page, func(block string) string {
		found++
		line := blocks.FindStringSubmatch(block)[1]
		return "```sh\n" + line + "\n```\n\n```json\n" + policyText(t, line) + "```\n"
	})
	if all := strings.Count(page, "```json\n"); found < 8 || found != all {
		t.Errorf("%d of %d policies are below a command line", found, all)
	}
	before, rest, ok := strings.Cut(want, "<!-- options:begin -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- options:end -->")
	if !ok || !ok2 {
		t.Fatal("the marks of the table are missing")
	}
	want = before + "<!-- options:begin -->\n" + optionTable(t) + "<!-- options:end -->" + after
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(page, want); diff != "" {
		t.Errorf("docs/permissions.md is stale; run `go generate ./...`:\n%s", diff)
	}
}
