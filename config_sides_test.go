package s3sync

import (
	"slices"
	"strings"
	"testing"
)

func TestValidateDirectoryBuckets(t *testing.T) {
	const directory, other = "s3://b--usw2-az1--x-s3/p/", "s3://b/p/"
	for want, change := range map[string]func(*Config){
		"Check.Mode=etag cannot be used with a directory bucket, whose ETags are not digests":              func(c *Config) { c.Check.Mode = CheckETag },
		"Check.Mode=mtime-and-etag cannot be used with a directory bucket, whose ETags are not digests":    func(c *Config) { c.Check.Mode = CheckMtimeAndETag },
		"Report.Status with a directory bucket, whose ETags are not digests, requires Check.Mode=checksum": func(c *Config) { c.Report.Status = true },
		"Versioning.Enable cannot be used with a directory bucket, which has neither versions":             func(c *Config) { c.Versioning.Enable = true },
		"Tagging.SyncLatest cannot be used with a directory bucket, which has neither versions":            func(c *Config) { c.Tagging.SyncLatest = true },
		"Source.Accelerate cannot be used with a directory bucket, which does not have that":               func(c *Config) { c.Source.Accelerate = true },
		"AWS.AnonymousSource cannot be used with a directory bucket, which does not have that":             func(c *Config) { c.AWS.AnonymousSource = true },
		"Target.RequestPayer cannot be used with a directory bucket, which does not have that":             func(c *Config) { c.Target.RequestPayer = true },
		"Target.PathStyle cannot be used with a directory bucket, which does not have that":                func(c *Config) { c.Target.PathStyle = true },
		"Tagging.Set cannot be used with a directory bucket, which does not have that":                     func(c *Config) { c.Tagging.Set = "a=b" },
		"Encryption.SourceCustomer.Key cannot be used with a directory bucket, which does not have":        func(c *Config) { c.Encryption.SourceCustomer.Key = "hidden" },
		"Encryption.TargetCustomer.Key cannot be used with a directory bucket, which does not have":        func(c *Config) { c.Encryption.TargetCustomer.Key = "hidden" },
		"Encryption.SSE cannot be aws:kms:dsse for a directory bucket, which does not have that":           func(c *Config) { c.Encryption.SSE = "aws:kms:dsse" },
		"Metadata.WebsiteRedirect cannot be used with a directory bucket, which does not":                  func(c *Config) { c.Metadata.WebsiteRedirect = "/x" },
	} {
		t.Run(want, func(t *testing.T) {
			refused := func(source, target string) bool {
				c := DefaultConfig()
				c.Source.URL, c.Target.URL = source, target
				change(c)
				got := faults(c.Validate())
				n := 0
				for _, text := range got {
					if strings.Contains(text, "directory bucket") {
						n++
					}
				}
				if n > 1 {
					t.Errorf("told %d times: %q", n, got)
				}
				return slices.ContainsFunc(got, func(text string) bool { return strings.HasPrefix(text, want) })
			}
			field, _, _ := strings.Cut(want, " ")
			ofSource := !slices.Contains([]string{
				"Target.RequestPayer", "Target.PathStyle", "Tagging.Set", "Metadata.WebsiteRedirect", "Encryption.TargetCustomer.Key", "Encryption.SSE",
			}, field)
			ofTarget := field != "Source.Accelerate" && field != "AWS.AnonymousSource" && field != "Encryption.SourceCustomer.Key"
			for _, tt := range []struct {
				source, target string
				want           bool
			}{
				{other, other + "q", false},
				{directory, other, ofSource},
				{other, directory, ofTarget},
				{directory, strings.Replace(directory, "b", "c", 1), true},
			} {
				if got := refused(tt.source, tt.target); got != tt.want {
					t.Errorf("%s to %s: refused %v, want %v", tt.source, tt.target, got, tt.want)
				}
			}
		})
	}
}

// Directory buckets are valid with all other settings.
func TestValidateAcceptsDirectoryBuckets(t *testing.T) {
	c := DefaultConfig()
	c.Source.URL, c.Target.URL = "s3://a--usw2-az1--x-s3", "s3://b--usw2-az1--x-s3/p"
	c.Delete.Enable, c.Verify.NoExpressChecksum, c.Check.Mode = true, true, CheckSize
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
