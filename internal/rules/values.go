package rules

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"s3sync/internal/attributes"
	"s3sync/internal/checksum"
	"s3sync/internal/fields"
	"s3sync/internal/glob"
	"s3sync/internal/tagset"
	"s3sync/internal/values"
)

// Choices returns the valid values of the text field at a path, and nil for every other
// field. Values are case-sensitive.
func Choices(field string) []string {
	switch field {
	case "Check.Algorithm", "Verify.Algorithm":
		var names []string
		for _, a := range checksum.Algorithms() {
			names = append(names, string(a))
		}
		return names
	case "Metadata.StorageClass":
		return attributes.StorageClasses()
	case "Metadata.ACL":
		return attributes.ACLs()
	case "Encryption.SSE":
		return []string{"AES256", "aws:kms", "aws:kms:dsse"}
	case "Encryption.SourceCustomer.Algorithm", "Encryption.TargetCustomer.Algorithm":
		return []string{"AES256"}
	}
	return nil
}

// globs checks rules of keys and the name of ignore files.
func (v *validator) globs() {
	globs := get[[]glob.Rule](v, "Filter.Globs")
	for _, rule := range globs {
		if err := glob.Check(rule.Pattern); err != nil {
			v.add("Filter.Globs", "has no pattern that can be read: %q: %v", rule.Pattern, err)
		}
	}
	if len(globs) > 0 && globs[0].Include {
		v.add("Filter.Globs", "must begin by excluding something: until then everything is included, and %q changes nothing", globs[0].Pattern)
	}
	if name := v.text("Filter.IgnoreFile"); name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
		v.add("Filter.IgnoreFile", "must be the name of a file without a directory, not %q", name)
	}
}

// texts checks text fields that have a grammar.
func (v *validator) texts() {
	for f := range fields.Of(v.settings) {
		if f.Value.Kind() == reflect.String {
			v.choice(f)
		}
	}
	for _, path := range []string{"Source.EndpointURL", "Target.EndpointURL"} {
		if text := v.text(path); text != "" && !values.IsEndpoint(text) {
			v.add(path, "must be http(s)://host[:port][/path] without a user name, a query or a fragment")
		}
	}
	if proxy := v.text("AWS.HTTPSProxy"); proxy != "" && !values.IsProxy(proxy) {
		v.add("AWS.HTTPSProxy", "must be http(s)://[user:password@]host[:port]")
	}
	if tags := v.text("Tagging.Set"); tags != "" && !values.IsTagSet(tags) {
		v.add("Tagging.Set", "must be name=value[&name=value]... in URL encoding, not %q", tags)
	} else if tags != "" {
		if _, err := tagset.Parse(tags); err != nil {
			v.add("Tagging.Set", "cannot be set by S3: %v", err)
		}
	}
	v.userMetadata()
	v.headerValues()
	v.customerKey("Encryption.SourceCustomer")
	v.customerKey("Encryption.TargetCustomer")
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
func (v *validator) customerKey(path string) {
	key, sum := v.text(path+".Key"), v.text(path+".KeyMD5")
	if key != "" && !values.IsBase64(key, 32) {
		v.add(path+".Key", "must be 32 bytes in base64")
	}
	if sum != "" && !values.IsBase64(sum, 16) {
		v.add(path+".KeyMD5", "must be 16 bytes in base64")
	} else if key != "" && sum != "" && !values.IsMD5Of(sum, key) {
		v.add2(path+".KeyMD5", "is not the MD5 digest of the bytes of", path+".Key")
	}
}

// userMetadata checks names, which S3 stores in lower case.
func (v *validator) userMetadata() {
	user, lower := get[map[string]string](v, "Metadata.User"), map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(user)) {
		low := strings.ToLower(name)
		switch {
		case !values.IsHeaderName(name):
			v.add("Metadata.User", "cannot have the name %q, which is no name of a header", name)
		case lower[low]:
			v.add("Metadata.User", "has the name %q twice, since case does not matter", low)
		}
		if c, ok := values.Unsendable(user[name]); ok {
			v.add("Metadata.User", "must not hold %q in the value of %q: no header can carry it", c, name)
		}
		lower[low] = true
	}
}

// headerFields lists the fields that are sent unchanged in headers.
func headerFields() []string {
	return []string{
		"Metadata.CacheControl", "Metadata.ContentDisposition", "Metadata.ContentEncoding", "Metadata.ContentLanguage",
		"Metadata.ContentType", "Metadata.WebsiteRedirect", "Encryption.KMSKeyID",
		"Encryption.SourceCustomer.Key", "Encryption.SourceCustomer.KeyMD5", "Encryption.TargetCustomer.Key", "Encryption.TargetCustomer.KeyMD5",
		"Source.AccessKey", "Source.SessionToken", "Source.Region", "Target.AccessKey", "Target.SessionToken", "Target.Region",
	}
}

// headerValues checks headerFields. Errors do not repeat their texts: some are secret.
func (v *validator) headerValues() {
	for _, path := range headerFields() {
		if c, ok := values.Unsendable(v.text(path)); ok {
			v.add(path, "must not hold %q: no header can carry it", c)
		}
	}
}

func (v *validator) choice(f fields.Field) {
	choices, text := Choices(f.Path), f.Value.String()
	if choices == nil || text == "" || slices.Contains(choices, text) {
		return
	}
	if meant := values.Meant(text, choices); meant != "" {
		v.add(f.Path, "must be one of %s, not %q: did you mean %s?", strings.Join(choices, ", "), text, meant)
		return
	}
	v.add(f.Path, "must be one of %s, not %q", strings.Join(choices, ", "), text)
}
