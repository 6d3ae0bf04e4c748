// Package address interprets the names of buckets and servers: URLs, ARNs, kinds of
// buckets, and which names are of one server. It makes no requests. It only asks the
// system for the addresses of this machine.
package address

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const scheme = "s3://"

// IsDirectory reports whether a name is that of a directory bucket (S3 Express
// One Zone), or of an access point for one.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-bucket-naming-rules.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-directory-buckets.html
func IsDirectory(name string) bool {
	return strings.HasSuffix(name, "--x-s3") || strings.HasSuffix(name, "--xa-s3")
}

// IsAccessPoint reports whether what names a bucket is the ARN of an access point:
// it has a host name of its own, at AWS.
func IsAccessPoint(name string) bool { return strings.HasPrefix(name, "arn:") }

// ParseURL splits s3://bucket[/prefix]. The prefix is everything behind the
// slash after the bucket, as it stands: nothing is decoded or cleaned, and a
// slash at its end means something.
//
// The bucket may be the ARN of an access point, also of one for several regions:
// s3://arn:aws:s3:region:account:accesspoint/name[/prefix], or
// s3://arn:aws:s3::account:accesspoint/alias.mrap[/prefix].
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiRegionAccessPointRequests.html
func ParseURL(url string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(url, scheme)
	if !ok {
		return "", "", fmt.Errorf("%q does not begin with %s", url, scheme)
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	if IsAccessPoint(bucket) {
		var name string
		name, prefix, _ = strings.Cut(prefix, "/")
		bucket += "/" + name
		if err := ParseARN(bucket).check(); err != nil {
			return "", "", fmt.Errorf("%q is not the ARN of an access point (arn:aws:s3:region:account:accesspoint/name): %w", bucket, err)
		}
	} else if err := checkBucket(bucket); err != nil {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			url = scheme + "…" + rest[at:] // credentials may stand before it
		}
		return "", "", fmt.Errorf("%q does not name a bucket: %w", url, err)
	}
	if !utf8.ValidString(prefix) {
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
		return "", "", fmt.Errorf("%q is not UTF-8, as keys of S3 are", url)
	}
	return bucket, prefix, nil
}

// An ARN names an access point.
type ARN struct {
	Partition, Service, Region, Account string
	Kind, Name                          string // of the resource
}

// ParseARN takes an ARN apart. Fields that it does not have are empty.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func ParseARN(text string) ARN {
	fields := append(strings.SplitN(text, ":", 6), make([]string, 6)...)
	a := ARN{Partition: fields[1], Service: fields[2], Region: fields[3], Account: fields[4]}
	a.Kind, a.Name, _ = strings.Cut(fields[5], "/")
	return a
}

// MultiRegion reports whether the access point is for buckets in several regions.
func (a ARN) MultiRegion() bool { return a.Region == "" }

func (a ARN) check() error {
	switch {
	case !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov"}, a.Partition):
		return fmt.Errorf("there is no partition %q", a.Partition)
	case a.Service != "s3" || a.Kind != "accesspoint":
		return errors.New("it is of another kind")
	case a.Account == "" || strings.Trim(a.Account, "0123456789") != "":
		return fmt.Errorf("%q is not the number of an account", a.Account)
	case strings.Trim(a.Region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("%q is not a region", a.Region)
	case a.MultiRegion() != strings.HasSuffix(a.Name, ".mrap"):
		return errors.New("only access points for several regions, whose names end in .mrap, name no region")
	}
	return checkBucket(a.Name)
}

// checkBucket refuses names that no bucket can have. The current rules of S3 are
// stricter, but there are older buckets and other servers.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func checkBucket(name string) error {
	if name == "" {
		return errors.New("the name is missing")
	}
	if !utf8.ValidString(name) {
		return errors.New("the name is not UTF-8")
	}
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return fmt.Errorf("the name holds %q", c)
		}
	}
	if name == "." || name == ".." || len(name) > 255 {
		return fmt.Errorf("%q cannot be a name", name)
	}
	return nil
}

// IsAlias reports whether a name is the ARN or the alias of an access point. Such a name
// does not show the bucket behind it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
func IsAlias(name string) bool {
	return IsAccessPoint(name) || strings.HasSuffix(name, "-s3alias") ||
		strings.HasSuffix(name, "--ol-s3") || strings.HasSuffix(name, "--xa-s3")
}
