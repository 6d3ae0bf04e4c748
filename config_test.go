package s3sync

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/fields"
	"s3sync/internal/report"
	"s3sync/internal/rules"
	"s3sync/storage"
)

// validConfig has an existing directory as source and a bucket as target.
func validConfig(t *testing.T) *Config {
	t.Helper()
	c := DefaultConfig()
	c.Source.URL, c.Target.URL = t.TempDir(), "s3://b/p"
	return c
}

// faults returns the texts of the errors that err joins.
func faults(err error) []string {
	var texts []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			texts = append(texts, err.Error())
		}
	}
	return texts
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"defaults":      func(*Config) {},
		"to a new path": func(c *Config) { c.Source.URL, c.Target.URL = "s3://b", filepath.Join(c.Source.URL, "x", "y") },
		"to a path":     func(c *Config) { c.Source.URL, c.Target.URL = "s3://b", c.Source.URL },
		"S3 to S3":      func(c *Config) { c.Source.URL = "s3://b/q" },
		"single file": func(c *Config) {
			c.Source.URL = filepath.Join(c.Source.URL, "f")
			if err := os.WriteFile(c.Source.URL, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"smallest numbers": func(c *Config) {
			c.AWS.MaxKeys, c.AWS.ParallelListings, c.Transfer.Workers, c.Transfer.ParallelParts = 1, 1, 1, 1
			c.Transfer.Threshold, c.Transfer.ChunkSize = 5*MiB, 5*MiB
			c.Transfer.MaxMemory = 10 * MiB
			c.Transfer.ObjectsPerSecond, c.Transfer.BytesPerSecond = 10, MiB
			c.Retry = Retry{MaxAttempts: 1}
			c.Filter.LargerThan = new(int64)
			c.Delete = Delete{Enable: true, Max: 1}
		},
		"largest numbers": func(c *Config) {
			c.AWS.MaxKeys, c.AWS.ParallelListings, c.Transfer.Workers, c.Transfer.ParallelParts = 32767, 65535, 65535, 65535
			c.Transfer.Threshold, c.Transfer.ChunkSize = 5*GiB, 5*GiB
			c.Transfer.BytesPerSecond = 100 * GiB
		},
		"credentials and a transport of its own": func(c *Config) {
			c.Target.Credentials, c.Target.Transport = noCredentials, &http.Transport{}
		},
		"static keys": func(c *Config) {
			c.Target.AccessKey, c.Target.SecretKey, c.Target.SessionToken = "a", "s", "t"
		},
		"endpoint with a path": func(c *Config) { c.Target.EndpointURL = "http://h:9000/path" },
		"proxy":                func(c *Config) { c.AWS.HTTPSProxy = "http://u:p@h:1/" },
		// FullObject says how to compute a checksum, not whether.
		"full object without algorithm": func(c *Config) { c.Verify.FullObject = true },
		"empty map":                     func(c *Config) { c.Metadata.User = map[string]string{} },
		"delete beside":                 func(c *Config) { c.Source.URL, c.Delete.Enable = "s3://b/q", true },
		"delete beside the source": func(c *Config) {
			c.Source.URL, c.Delete.Enable = "s3://b/other/", true
		},
		"report":             func(c *Config) { c.Report.Status = true },
		"report by ETag":     func(c *Config) { c.Report.Status, c.Check.Mode = true, CheckETag },
		"report by checksum": func(c *Config) { c.Report.Status, c.Check.Mode, c.Check.Algorithm = true, CheckChecksum, "SHA1" },
		"report of metadata": func(c *Config) {
			c.Source.URL, c.Report.Status, c.Report.Metadata = "s3://b/q", true, true
		},
		"overwrite what was looked at": func(c *Config) {
			c.Check.Mode, c.Check.HeadEachTarget, c.Condition.IfMatch = CheckOverwrite, true, true
		},
		"checksums without a listing": func(c *Config) {
			c.Check = Check{Mode: CheckChecksum, Algorithm: "SHA1", NoTargetListing: true}
		},
		"comparing each": func(c *Config) {
			c.Check.Mode, c.Check.NoTargetListing, c.Check.HeadEachTarget = CheckSize, true, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := validConfig(t)
			change(c)
			if err := c.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Every row breaks the rule that it names. Some rows break other rules as well.
func TestValidateRefuses(t *testing.T) {
	local := func(c *Config) { c.Source.URL, c.Target.URL = "s3://b", c.Source.URL }
	buckets := func(c *Config) { c.Source.URL = "s3://b/q" }
	both := func(changes ...func(*Config)) func(*Config) {
		return func(c *Config) {
			for _, change := range changes {
				change(c)
			}
		}
	}
	file := func(t *testing.T) string {
		t.Helper()
		name := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	aFile := file(t)
	for want, change := range map[string]func(c *Config){
		"Source.URL is missing":                                             func(c *Config) { c.Source.URL = "" },
		"Target.URL is missing":                                             func(c *Config) { c.Target.URL = "" },
		`Target.URL "s3://" does not name a bucket`:                         func(c *Config) { c.Target.URL = "s3://" },
		"Source.URL is not s3://bucket[/prefix], and neither is Target.URL": func(c *Config) { c.Target.URL = "x" },
		`Source.URL "nowhere" does not exist`:                               func(c *Config) { c.Source.URL = "nowhere" },
		"Target.URL " + strconv.Quote(aFile) + " is not a directory":        both(local, func(c *Config) { c.Target.URL = aFile }),
		"Source.URL must be a directory to be combined with De":             func(c *Config) { c.Source.URL, c.Delete.Enable = aFile, true },
		"Delete.Enable would delete the source, which lies inside Target.URL": func(c *Config) {
			c.Source.URL, c.Target.URL, c.Delete.Enable = "s3://b/p/", "s3://b", true
		},
		"Target.URL lies inside Source.URL": func(c *Config) { c.Source.URL, c.Target.URL = "s3://b/", "s3://b/copy/" },

		"AWS.MaxKeys must be between 1 and 32767, not 0":                               func(c *Config) { c.AWS.MaxKeys = 0 },
		"AWS.MaxKeys must be between 1 and 32767, not 32768":                           func(c *Config) { c.AWS.MaxKeys = 32768 },
		"AWS.ParallelListings must be between 1 and 65535, not 0":                      func(c *Config) { c.AWS.ParallelListings = 0 },
		"Transfer.Workers must be between 1 and 65535, not auto:65536":                 func(c *Config) { c.Transfer.Workers = AutoUpTo(65536) },
		"Transfer.Workers must be between 1 and 65535, not 65536":                      func(c *Config) { c.Transfer.Workers = 65536 },
		"Transfer.ParallelParts must be between 1 and 65535, not 99999":                func(c *Config) { c.Transfer.ParallelParts = 99999 },
		"Transfer.Threshold must be between 5MiB and 5GiB, not 5242879B":               func(c *Config) { c.Transfer.Threshold = 5*MiB - 1 },
		"Transfer.ChunkSize must be between 5MiB and 5GiB, not 1MiB":                   func(c *Config) { c.Transfer.ChunkSize = MiB },
		"Transfer.ChunkSize must be between 5MiB and 5GiB, not 6GiB":                   func(c *Config) { c.Transfer.ChunkSize = 6 * GiB },
		"Transfer.MaxMemory must be at least 16MiB, which is two parts or an object":   func(c *Config) { c.Transfer.MaxMemory = 16*MiB - 1 },
		"Transfer.MaxMemory must be at least 100MiB, which is two parts or an object ": func(c *Config) { c.Transfer.MaxMemory, c.Transfer.Threshold = 20*MiB, 100*MiB },
		"Transfer.ObjectsPerSecond must be at least 10, not 9":                         func(c *Config) { c.Transfer.ObjectsPerSecond = 9 },
		"Transfer.ObjectsPerSecond must be at least 10, not -1":                        func(c *Config) { c.Transfer.ObjectsPerSecond = -1 },
		"Transfer.BytesPerSecond must be between 1MiB and 100GiB, not 1KiB":            func(c *Config) { c.Transfer.BytesPerSecond = KiB },
		"Delete.Max must be at least 1, not -1":                                        func(c *Config) { c.Delete = Delete{Enable: true, Max: -1} },
		"Retry.MaxAttempts must be at least 1, not 0":                                  func(c *Config) { c.Retry.MaxAttempts = 0 },
		"Retry.ForceCount must be at least 0, not -1":                                  func(c *Config) { c.Retry.ForceCount = -1 },
		"Timeout.Read must be at least 0s, not -1ns":                                   func(c *Config) { c.Timeout.Read = -1 },
		"Filter.LargerThan must be at least 0B, not -1B":                               func(c *Config) { c.Filter.LargerThan = new(int64(-1)) },

		`must be one of STANDARD, REDUCED_REDUNDANCY, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER, DEEP_ARCHIVE, GLACIER_IR, EXPRESS_ONEZONE, OUTPOSTS, SNOW, FSX_OPENZFS, FSX_ONTAP, not "ONE-ZONE_IA": did you mean ONEZONE_IA?`: func(c *Config) { c.Metadata.StorageClass = "ONE-ZONE_IA" },
		`Verify.Algorithm must be one of CRC32, CRC32C, CRC64NVME, SHA1`:                func(c *Config) { c.Verify.Algorithm = "MD4" },
		`Encryption.SSE must be one of AES256, aws:kms, aws:kms:dsse, not "x"`:          func(c *Config) { c.Encryption.SSE = "x" },
		`Metadata.ACL must be one of private`:                                           func(c *Config) { c.Metadata.ACL = "Public" },
		`Encryption.TargetCustomer.Algorithm must be one of AES256, not "aes"`:          func(c *Config) { c.Encryption.TargetCustomer.Algorithm = "aes" },
		`Tagging.Set must be name=value[&name=value]... in URL encoding, not "a=b,c=d"`: func(c *Config) { c.Tagging.Set = "a=b,c=d" },
		`Target.EndpointURL must be http(s)://host[:port][/path] without a user name`:   func(c *Config) { c.Target.EndpointURL = "https://u:p@host" },
		`AWS.HTTPSProxy must be http(s)://[user:password@]host[:port]`:                  func(c *Config) { c.AWS.HTTPSProxy = "socks5://u:hidden@h:1" },
		`Encryption.SourceCustomer.Key must be 32 bytes in base64`:                      func(c *Config) { c.Encryption.SourceCustomer.Key = "hidden" },
		`Encryption.TargetCustomer.KeyMD5 must be 16 bytes in base64`:                   func(c *Config) { c.Encryption.TargetCustomer.KeyMD5 = "hidden" },
		"Transfer.PartsOf cannot be combined with FailFast": func(c *Config) {
			c.Transfer.PartsOf, c.FailFast = func(storage.Object) *PartRange { return nil }, true
		},
		"Resume.Records cannot be combined with State.Dir":                           func(c *Config) { c.Resume.Records, c.State.Dir = struct{ UnfinishedRecords }{}, "d" },
		"Target.Profile cannot be combined with Target.AccessKey":                    func(c *Config) { c.Target.Profile, c.Target.AccessKey = "p", "hidden" },
		"Target.Profile cannot be combined with Target.SecretKey":                    func(c *Config) { c.Target.Profile, c.Target.SecretKey = "p", "hidden" },
		"Target.Profile cannot be combined with Target.SessionToken":                 func(c *Config) { c.Target.Profile, c.Target.SessionToken = "p", "hidden" },
		"Target.AccessKey requires Target.SecretKey":                                 func(c *Config) { c.Target.AccessKey = "a" },
		"Target.SecretKey requires Target.AccessKey":                                 func(c *Config) { c.Target.SecretKey = "hidden" },
		"Target.SessionToken requires Target.AccessKey":                              func(c *Config) { c.Target.SessionToken = "hidden" },
		"Source.AccessKey requires Source.SecretKey":                                 both(local, func(c *Config) { c.Source.AccessKey = "a" }),
		"Target.Accelerate cannot be combined with Target.EndpointURL":               func(c *Config) { c.Target.Accelerate, c.Target.EndpointURL = true, "http://h" },
		"Target.Accelerate cannot be combined with Target.PathStyle":                 func(c *Config) { c.Target.Accelerate, c.Target.PathStyle = true, true },
		"Check.Mode=etag cannot be combined with Encryption.TargetCustomer.Key":      func(c *Config) { c.Check.Mode, c.Encryption.TargetCustomer.Key = CheckETag, "hidden" },
		"Check.NoTargetListing cannot be combined with Check.Mode=mtime-and-etag":    func(c *Config) { c.Check.Mode, c.Check.NoTargetListing = CheckMtimeAndETag, true },
		"Check.NoTargetListing cannot be combined with Check.Mode=overwrite":         func(c *Config) { c.Check.Mode, c.Check.NoTargetListing = CheckOverwrite, true },
		"Check.Mode=checksum requires Check.Algorithm":                               func(c *Config) { c.Check.Mode = CheckChecksum },
		"Check.Algorithm needs a comparison of checksums, as by Check.Mode=checksum": func(c *Config) { c.Check.Algorithm = "SHA1" },
		"Check.Mode must be one of the modes there are, not Mode(8)":                 func(c *Config) { c.Check.Mode = 8 },
		"Check.ReadBoth needs a comparison of contents, as by Check.Mode=etag":       func(c *Config) { c.Check.ReadBoth = true },
		"Condition.IfMatch needs an ETag to compare with, so that without a listing of the target it requires Check.HeadEachTarget": func(c *Config) {
			c.Check.Mode, c.Condition.IfMatch = CheckOverwrite, true
		},
		"Versioning.Enable cannot be combined with Check.Mode":                           both(buckets, func(c *Config) { c.Versioning.Enable, c.Check.Mode = true, CheckSize }),
		"Check.NoTargetListing together with a comparison requires Check.HeadEachTarget": func(c *Config) { c.Check.Mode, c.Check.NoTargetListing = CheckSize, true },
		"Versioning.Enable cannot be combined with Delete.Enable":                        both(buckets, func(c *Config) { c.Versioning.Enable, c.Delete.Enable = true, true }),
		"Transfer.AutoChunkSize cannot be combined with Transfer.ChunkSize":              func(c *Config) { c.Transfer.AutoChunkSize, c.Transfer.ChunkSize = true, 9*MiB },
		"Tagging.Set cannot be combined with Tagging.Disable":                            func(c *Config) { c.Tagging.Set, c.Tagging.Disable = "a=b", true },
		"Tagging.SyncLatest cannot be combined with Tagging.Disable":                     func(c *Config) { c.Tagging.SyncLatest, c.Tagging.Disable = true, true },
		"Encryption.TargetCustomer.Algorithm cannot be combined with Encryption.SSE":     func(c *Config) { c.Encryption.TargetCustomer.Algorithm, c.Encryption.SSE = "AES256", "aws:kms" },
		"Encryption.TargetCustomer.Algorithm requires Encryption.TargetCustomer.Key":     func(c *Config) { c.Encryption.TargetCustomer.Algorithm = "AES256" },
		"Encryption.TargetCustomer.KeyMD5 is not the MD5 digest of the bytes of Encryption.TargetCustomer.Key": func(c *Config) {
			c.Encryption.TargetCustomer = CustomerKey{"AES256", "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=", "AAAAAAAAAAAAAAAAAAAAAA=="}
		},
		"Encryption.TargetCustomer.Key requires Encryption.TargetCustomer.KeyMD5":                                          func(c *Config) { c.Encryption.TargetCustomer.Key = "hidden" },
		"Encryption.TargetCustomer.KeyMD5 requires Encryption.TargetCustomer.Algorithm":                                    func(c *Config) { c.Encryption.TargetCustomer.KeyMD5 = "hidden" },
		"Encryption.KMSKeyID requires aws:kms or aws:kms:dsse as Encryption.SSE":                                           func(c *Config) { c.Encryption.KMSKeyID, c.Encryption.SSE = "hidden", "AES256" },
		"Check.Mode=mtime-and-etag cannot be used if KMS encrypts the target, because its ETags are not digests: see Encr": func(c *Config) { c.Check.Mode, c.Encryption.SSE = CheckMtimeAndETag, "aws:kms:dsse" },
		"Verify.FullObject needs CRC32, CRC32C or CRC64NVME as Verify.Algorithm":                                           func(c *Config) { c.Verify.FullObject, c.Verify.Algorithm = true, "SHA1" },
		"Report.Status cannot be combined with DryRun":                                                                     func(c *Config) { c.Report.Status, c.DryRun = true, true },
		"Report.Status cannot be combined with Delete":                                                                     func(c *Config) { c.Report.Status, c.Delete.Enable = true, true },
		"Report.Status cannot be combined with Check.HeadEa":                                                               func(c *Config) { c.Report.Status, c.Check.HeadEachTarget = true, true },
		"Report.Status cannot be combined with Check.Mode=size":                                                            func(c *Config) { c.Report.Status, c.Check.Mode = true, CheckSize },
		"Report.Status cannot be combined with Check.Mode=mtime-and-etag":                                                  func(c *Config) { c.Report.Status, c.Check.Mode = true, CheckMtimeAndETag },
		"Report.Metadata requires Report.Status":                                                                           both(buckets, func(c *Config) { c.Report.Metadata = true }),
		"Report.Tagging requires Report.Status":                                                                            both(buckets, func(c *Config) { c.Report.Tagging = true }),
		"Report.Metadata cannot be used with a local source":                                                               func(c *Config) { c.Report.Status, c.Report.Metadata = true, true },
		"Report.Tagging cannot be used with a local target":                                                                both(local, func(c *Config) { c.Report.Status, c.Report.Tagging = true, true }),

		"Target.Credentials cannot be combined with Target.AccessKey":                     func(c *Config) { c.Target.Credentials, c.Target.AccessKey = noCredentials, "a" },
		"Source.Credentials cannot be used with a local source":                           func(c *Config) { c.Source.Credentials = noCredentials },
		"AWS.AnonymousSource cannot be combined with Source.Credentials":                  both(buckets, func(c *Config) { c.AWS.AnonymousSource, c.Source.Credentials = true, noCredentials }),
		"Target.Transport cannot be combined with AWS.HTTPSProxy":                         func(c *Config) { c.Target.Transport, c.AWS.HTTPSProxy = &http.Transport{}, "http://h" },
		"Target.Transport cannot be combined with Timeout.Connect":                        func(c *Config) { c.Target.Transport, c.Timeout.Connect = &http.Transport{}, 1 },
		"Target.Transport is a nil pointer of type *http.Transport: leave it out instead": func(c *Config) { c.Target.Transport = (*http.Transport)(nil) },
		"Filter.Include is a nil pointer of type *pattern.Regexp: leave it out instead":   func(c *Config) { c.Filter.Include = (*Regexp)(nil) },
		"Delete.Excluded requires Delete.Enable":                                          func(c *Config) { c.Delete.Excluded = true },
		"Delete.Max requires Delete.Enable":                                               func(c *Config) { c.Delete.Max = 3 },

		"Source.Profile cannot be used with a local source":                            func(c *Config) { c.Source.Profile = "p" },
		"Source.AccessKey cannot be used with a local source":                          func(c *Config) { c.Source.AccessKey, c.Source.SecretKey = "a", "hidden" },
		"Source.EndpointURL cannot be used with a local source":                        func(c *Config) { c.Source.EndpointURL = "http://h" },
		"Source.Accelerate cannot be used with a local source":                         func(c *Config) { c.Source.Accelerate = true },
		"Source.RequestPayer cannot be used with a local source":                       func(c *Config) { c.Source.RequestPayer = true },
		"Verify.ReadChecksum cannot be used with a local source":                       func(c *Config) { c.Verify.ReadChecksum = true },
		"ServerSideCopy cannot be used with a local source":                            func(c *Config) { c.ServerSideCopy = true },
		"Versioning.Enable cannot be used with a local source":                         func(c *Config) { c.Versioning.Enable = true },
		"Tagging.SyncLatest cannot be used with a local target":                        both(local, func(c *Config) { c.Tagging.SyncLatest = true }),
		"Encryption.SourceCustomer.Algorithm cannot be used with a local source":       func(c *Config) { c.Encryption.SourceCustomer.Algorithm = "AES256" },
		"Transfer.AutoChunkSize cannot be used with a local source, whose files are i": func(c *Config) { c.Transfer.AutoChunkSize = true },
		"Local.IgnoreSymlinks cannot be used with an S3 source":                        both(buckets, func(c *Config) { c.Local.IgnoreSymlinks = true }),
		"Metadata.NoGuessType cannot be used with an S3 source":                        both(buckets, func(c *Config) { c.Metadata.NoGuessType = true }),
		"Target.Profile cannot be used with a local target":                            both(local, func(c *Config) { c.Target.Profile = "p" }),
		"Metadata.StorageClass cannot be used with a local target":                     both(local, func(c *Config) { c.Metadata.StorageClass = "STANDARD" }),
		"Metadata.User cannot be used with a local target":                             both(local, func(c *Config) { c.Metadata.User = map[string]string{"a": "b"} }),
		"Metadata.Expires cannot be used with a local target":                          both(local, func(c *Config) { c.Metadata.Expires = time.Now() }),
		"Tagging.Disable cannot be used with a local target":                           both(local, func(c *Config) { c.Tagging.Disable = true }),
		"Encryption.SSE cannot be used with a local target":                            both(local, func(c *Config) { c.Encryption.SSE = "AES256" }),
		"Verify.Algorithm cannot be used with a local target":                          both(local, func(c *Config) { c.Verify.Algorithm = "SHA1" }),
		"AWS.UnsignedPayload cannot be used with a local target":                       both(local, func(c *Config) { c.AWS.UnsignedPayload = true }),
		"AWS.NoContentMD5 cannot be used with a local target":                          both(local, func(c *Config) { c.AWS.NoContentMD5 = true }),
		"Local.Fsync cannot be used with an S3 target":                                 func(c *Config) { c.Local.Fsync = true },

		"Target.EndpointURL cannot be used with the ARN of an access point, which has a host name of its own": func(c *Config) {
			c.Target.URL, c.Target.EndpointURL = "s3://arn:aws:s3:us-west-2:12:accesspoint/ap/p", "https://h"
		},
		"Target.PathStyle cannot be used with the ARN of an access point": func(c *Config) {
			c.Target.URL, c.Target.PathStyle = "s3://arn:aws:s3::12:accesspoint/x.mrap", true
		},
		"Target.Accelerate cannot be used with the ARN of an access point": func(c *Config) {
			c.Target.URL, c.Target.Accelerate = "s3://arn:aws:s3::12:accesspoint/x.mrap", true
		},
	} {
		t.Run(want, func(t *testing.T) {
			c := validConfig(t)
			change(c)
			err := c.Validate()
			got := faults(err)
			if !slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, want) }) {
				t.Errorf("got %q", got)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("a secret in %q", err)
			}
		})
	}
}

func TestValidateReportsAllFaults(t *testing.T) {
	c := validConfig(t)
	c.Transfer.Workers, c.Delete.Max, c.Versioning.Enable = 65536, 5, true
	want := []string{
		"Transfer.Workers must be between 1 and 65535, not 65536",
		"Delete.Max requires Delete.Enable",
		"Versioning.Enable cannot be used with a local source",
	}
	if diff := cmp.Diff(want, faults(c.Validate())); diff != "" {
		t.Error(diff)
	}
}

func TestConfigErrorNamesFields(t *testing.T) {
	c := validConfig(t)
	c.Delete.Excluded = true
	fault, ok := errors.AsType[*ConfigError](c.Validate())
	if !ok || fault.Field != "Delete.Excluded" || fault.Other != "Delete.Enable" {
		t.Errorf("got %+v", fault)
	}
}

// A header contains no line break, whichever option it comes from.
func TestValidateHeaderValues(t *testing.T) {
	c := validConfig(t)
	m, e := &c.Metadata, &c.Encryption
	fields := map[string]*string{
		"Metadata.CacheControl": &m.CacheControl, "Metadata.ContentDisposition": &m.ContentDisposition,
		"Metadata.ContentEncoding": &m.ContentEncoding, "Metadata.ContentLanguage": &m.ContentLanguage,
		"Metadata.ContentType": &m.ContentType, "Metadata.WebsiteRedirect": &m.WebsiteRedirect,
		"Metadata.StorageClass": &m.StorageClass, "Metadata.ACL": &m.ACL, "Tagging.Set": &c.Tagging.Set,
		"Encryption.SSE": &e.SSE, "Encryption.KMSKeyID": &e.KMSKeyID,
		"Encryption.SourceCustomer.Key": &e.SourceCustomer.Key, "Encryption.TargetCustomer.KeyMD5": &e.TargetCustomer.KeyMD5,
		"Source.Region": &c.Source.Region, "Target.AccessKey": &c.Target.AccessKey, "Target.SessionToken": &c.Target.SessionToken,
	}
	for name, field := range fields {
		for _, bad := range []string{"\r", "\n", "\x00", "\x1f", "\x7f"} {
			*field = "hunter2" + bad + "x"
			for _, fault := range faults(c.Validate()) {
				if strings.HasPrefix(fault, name+" must") {
					*field = ""
				}
				if strings.Contains(name, "Token") && strings.Contains(fault, "hunter2") {
					t.Errorf("the secret is in %q", fault)
				}
			}
			if *field != "" {
				t.Errorf("%s may hold %q", name, bad)
			}
		}
	}
	m.User = map[string]string{"a": "x\ny"}
	if got := strings.Join(faults(c.Validate()), "; "); !strings.Contains(got, `Metadata.User must not hold '\n' in the value of "a"`) {
		t.Errorf("faults of user metadata: %q", got)
	}
	m.User, m.CacheControl = nil, "max-age=1,\tprivate; x=\"ü\""
	for _, fault := range faults(c.Validate()) {
		if strings.Contains(fault, "header") {
			t.Errorf("what a header can hold is refused: %s", fault)
		}
	}
}

// ValidateGiven uses the given fields, not the difference from the default.
func TestValidateGiven(t *testing.T) {
	c := validConfig(t)
	given := func(path string) bool {
		return slices.Contains([]string{"Transfer.ObjectsPerSecond", "Transfer.Threshold", "Transfer.AutoChunkSize"}, path)
	}
	want := []string{
		"Transfer.ObjectsPerSecond must be at least 10, not 0",
		"Transfer.AutoChunkSize cannot be combined with Transfer.Threshold",
	}
	if diff := cmp.Diff(want, faults(c.ValidateGiven(given))[:2]); diff != "" {
		t.Error(diff)
	}
}

// A Store replaces a URL and all settings that depend on it.
func TestValidateStore(t *testing.T) {
	c := DefaultConfig()
	c.Source = Endpoint{Store: someStore{}}
	c.Target = Endpoint{Store: someStore{}, URL: "no matter://"}
	c.Local.Fsync = true
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateUnreadablePath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file in place of a directory is not found there")
	}
	c := validConfig(t)
	name := filepath.Join(c.Source.URL, "f")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Source.URL = filepath.Join(name, "below")
	want := []string{"Source.URL " + strconv.Quote(c.Source.URL) + " cannot be looked at: not a directory"}
	if diff := cmp.Diff(want, faults(c.Validate())); diff != "" {
		t.Error(diff)
	}
}

func TestMemory(t *testing.T) {
	for name, tt := range map[string]struct {
		max, threshold, chunk, want int64
	}{
		"default":         {0, 8 * MiB, 8 * MiB, 256 * MiB},
		"large parts":     {0, 8 * MiB, 200 * MiB, 400 * MiB},
		"large threshold": {0, 1 * GiB, 8 * MiB, 1 * GiB},
		"given":           {20 * MiB, 8 * MiB, 8 * MiB, 20 * MiB},
	} {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			c.Transfer.MaxMemory, c.Transfer.Threshold, c.Transfer.ChunkSize = tt.max, tt.threshold, tt.chunk
			if got := c.engineOptions(report.Place{}).Limits.Memory; got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// A misspelled path would match no fault and no option.
func TestPathsExist(t *testing.T) {
	known := map[string]bool{}
	groups := map[string]bool{}
	for f := range fields.Of(new(Config)) {
		known[f.Path] = true
		group, _, ok := strings.Cut(f.Path, ".")
		groups[group] = ok
		known[f.Path[:max(0, strings.LastIndex(f.Path, "."))]] = true
	}
	literal := regexp.MustCompile(`"([A-Z]\w*)((?:\.[A-Z]\w*)+)(=[\w-]+)?"`)
	var files, found int
	for _, top := range []string{".", "internal", "storage"} {
		err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && top == "." && name != ".":
				return fs.SkipDir
			case filepath.Ext(name) != ".go" || name == "config_json_test.go": // it names fields that do not exist
				return nil
			}
			data, err := os.ReadFile(name)
			files++
			for _, match := range literal.FindAllStringSubmatch(string(data), -1) {
				if path := match[1] + match[2]; groups[match[1]] && !known[path] {
					t.Errorf("%s: the Config has no field %q", name, path)
				} else if groups[match[1]] {
					found++
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 || found < 300 {
		t.Errorf("%d paths in %d files", found, files)
	}
	for _, path := range []string{"Nothing", "Check." + "Size", "Check"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken for a field", path)
				}
			}()
			_ = fault(&rules.Fault{Field: path})
		}()
	}
}

func noCredentials(context.Context) (Credentials, error) { return Credentials{}, nil }

type someStore struct{ storage.Store }
