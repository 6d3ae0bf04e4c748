package bucket

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
		if err := parseARN(bucket).check(); err != nil {
			return "", "", fmt.Errorf("%q is not the ARN of an access point (arn:aws:s3:region:account:accesspoint/name): %w", bucket, err)
		}
	} else if err := checkBucket(bucket); err != nil {
		return "", "", fmt.Errorf("%q does not name a bucket: %w", url, err)
	}
	if !utf8.ValidString(prefix) {
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
		return "", "", fmt.Errorf("%q is not UTF-8, as keys of S3 are", url)
	}
	return bucket, prefix, nil
}

// An arn names an access point.
type arn struct{ partition, service, region, account, kind, name string }

// parseARN takes an ARN apart. Fields that it does not have are empty.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func parseARN(text string) arn {
	fields := append(strings.SplitN(text, ":", 6), make([]string, 6)...)
	a := arn{partition: fields[1], service: fields[2], region: fields[3], account: fields[4]}
	a.kind, a.name, _ = strings.Cut(fields[5], "/")
	return a
}

// multiRegion: the access point is for buckets in several regions.
func (a arn) multiRegion() bool { return a.region == "" }

func (a arn) check() error {
	switch {
	case !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov"}, a.partition):
		return fmt.Errorf("there is no partition %q", a.partition)
	case a.service != "s3" || a.kind != "accesspoint":
		return errors.New("it is of another kind")
	case a.account == "" || strings.Trim(a.account, "0123456789") != "":
		return fmt.Errorf("%q is not the number of an account", a.account)
	case strings.Trim(a.region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("%q is not a region", a.region)
	case a.multiRegion() != strings.HasSuffix(a.name, ".mrap"):
		return errors.New("only access points for several regions, whose names end in .mrap, name no region")
	}
	return checkBucket(a.name)
}

// checkBucket refuses what no bucket was ever called. The rules of today are
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
