package s3sync

import (
	"crypto/md5"
	"encoding/base64"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"s3sync/internal/checksum"
	"s3sync/internal/fields"
	"s3sync/internal/tagset"
)

// Choices returns the values that the text field at a path takes, and nil for
// every other field. They are case-sensitive.
func Choices(field string) []string {
	switch field {
	case "Check.Algorithm", "Verify.Algorithm":
		var names []string
		for _, a := range checksum.Algorithms() {
			names = append(names, string(a))
		}
		return names
	case "Metadata.StorageClass":
		// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
		return []string{
			"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
			"GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "EXPRESS_ONEZONE", "OUTPOSTS", "SNOW",
			"FSX_OPENZFS", "FSX_ONTAP",
		}
	case "Metadata.ACL":
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
		return []string{
			"private", "public-read", "public-read-write", "authenticated-read",
			"aws-exec-read", "bucket-owner-read", "bucket-owner-full-control",
		}
	case "Encryption.SSE":
		return []string{"AES256", "aws:kms", "aws:kms:dsse"}
	case "Encryption.SourceCustomer.Algorithm", "Encryption.TargetCustomer.Algorithm":
		return []string{"AES256"}
	}
	return nil
}

// tagSet is the URL-encoded form of x-amz-tagging.
var tagSet = regexp.MustCompile(`^[\w+%.~-]+=[\w+%.~-]*(&[\w+%.~-]+=[\w+%.~-]*)*$`)

// texts checks fields that hold text of some grammar.
func (v *validator) texts() {
	for f := range fields.Of(v.Config) {
		if f.Value.Kind() == reflect.String {
			v.choice(f)
		}
	}
	for _, path := range []string{"Source.EndpointURL", "Target.EndpointURL"} {
		if text := v.text(path); text != "" && !isEndpoint(text) {
			v.add(path, "must be http(s)://host[:port][/path] without a user name, a query or a fragment")
		}
	}
	if v.AWS.HTTPSProxy != "" && !isProxy(v.AWS.HTTPSProxy) {
		v.add("AWS.HTTPSProxy", "must be http(s)://[user:password@]host[:port]")
	}
	if tags := v.Tagging.Set; tags != "" && !tagSet.MatchString(tags) {
		v.add("Tagging.Set", "must be name=value[&name=value]... in URL encoding, not %q", tags)
	} else if tags != "" {
		if _, err := tagset.Parse(tags); err != nil {
			v.add("Tagging.Set", "cannot be set by S3: %v", err)
		}
	}
	v.userMetadata()
	v.headerValues()
	v.customerKey("Encryption.SourceCustomer", &v.Encryption.SourceCustomer)
	v.customerKey("Encryption.TargetCustomer", &v.Encryption.TargetCustomer)
}

func (v *validator) text(path string) string { return fields.At(v.Config, path).Value.String() }

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
func (v *validator) customerKey(path string, key *CustomerKey) {
	if key.Key != "" && !isBase64(key.Key, 32) {
		v.add(path+".Key", "must be 32 bytes in base64")
	}
	if key.KeyMD5 != "" && !isBase64(key.KeyMD5, 16) {
		v.add(path+".KeyMD5", "must be 16 bytes in base64")
	} else if key.Key != "" && key.KeyMD5 != "" && !isDigestOf(key.KeyMD5, key.Key) {
		v.add2(path+".KeyMD5", "is not the MD5 digest of the bytes of", path+".Key")
	}
}

// metadataName is a name that a header can have. RFC 9110, 5.6.2.
var metadataName = regexp.MustCompile("^[\\w!#$%&'*+.^`|~-]+$")

// userMetadata checks names, which S3 writes in lower case.
func (v *validator) userMetadata() {
	lower := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(v.Metadata.User)) {
		low := strings.ToLower(name)
		switch {
		case !metadataName.MatchString(name):
			v.add("Metadata.User", "cannot have the name %q, which is no name of a header", name)
		case lower[low]:
			v.add("Metadata.User", "has the name %q twice, since case does not matter", low)
		}
		if c, ok := unsendable(v.Metadata.User[name]); ok {
			v.add("Metadata.User", "must not hold %q in the value of %q: no header can carry it", c, name)
		}
		lower[low] = true
	}
}

// headerFields go into headers as they stand.
func headerFields() []string {
	return []string{
		"Metadata.CacheControl", "Metadata.ContentDisposition", "Metadata.ContentEncoding", "Metadata.ContentLanguage",
		"Metadata.ContentType", "Metadata.WebsiteRedirect", "Encryption.KMSKeyID",
		"Encryption.SourceCustomer.Key", "Encryption.SourceCustomer.KeyMD5", "Encryption.TargetCustomer.Key", "Encryption.TargetCustomer.KeyMD5",
		"Source.AccessKey", "Source.SessionToken", "Source.Region", "Target.AccessKey", "Target.SessionToken", "Target.Region",
	}
}

// headerValues checks headerFields. Their texts are not repeated: some are secret.
func (v *validator) headerValues() {
	for _, path := range headerFields() {
		if c, ok := unsendable(v.text(path)); ok {
			v.add(path, "must not hold %q: no header can carry it", c)
		}
	}
}

// unsendable finds a character that net/http refuses in the value of a header.
// RFC 9110, 5.5.
func unsendable(value string) (c rune, found bool) {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return c, true
		}
	}
	return 0, false
}

func (v *validator) choice(f fields.Field) {
	choices, text := Choices(f.Path), f.Value.String()
	if choices == nil || text == "" || slices.Contains(choices, text) {
		return
	}
	for _, choice := range choices {
		if plain(choice) == plain(text) {
			v.add(f.Path, "must be one of %s, not %q: did you mean %s?", strings.Join(choices, ", "), text, choice)
			return
		}
	}
	v.add(f.Path, "must be one of %s, not %q", strings.Join(choices, ", "), text)
}

// plain is what is left of a misspelt choice: ONE-ZONE_IA is ONEZONE_IA.
func plain(choice string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(choice))
}

func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

func isProxy(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

// isDigestOf reports whether sum is the MD5 of key, both in base64.
func isDigestOf(sum, key string) bool {
	data, err := base64.StdEncoding.DecodeString(key)
	digest := md5.Sum(data)
	return err != nil || sum == base64.StdEncoding.EncodeToString(digest[:]) // no key: that is told already
}

func isBase64(text string, size int) bool {
	data, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(data) == size
}
