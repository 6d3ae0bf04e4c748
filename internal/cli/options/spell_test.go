package options

import "testing"

func TestSpellSettings(t *testing.T) {
	c, err := parse(t, "--check-mtime-and-etag", "--remove-modified-filter", "--head-each-target", "s3://a", "s3://b")
	if err == nil {
		t.Error("no refusal")
	}
	for name, want := range map[string]string{
		"Check.ReadBoth":            "--read-both",
		"Delete.MaxPercent=100":     "--max-delete-percent 100",
		"Check.Mode=mtime-and-size": "--check-mtime-and-size",
		"Check.Mode=checksum":       "--check-additional-checksum",
		"Check.Mode=overwrite":      "--remove-modified-filter",
		"Check.NoTargetListing":     "--remove-modified-filter",
		"Check.Mode":                "--check-mtime-and-etag", // as it was given
		"Verify.Algorithm=SHA256":   "--additional-checksum-algorithm SHA256",
		"Verify.Checksum":           "--disable-additional-checksum-verify",
		"Source.URL":                "SOURCE",
		"Range.From":                "Range.From",
	} {
		if got := c.Spell(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
