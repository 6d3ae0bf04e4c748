package bucket

import (
	"errors"
	"fmt"
	"strings"
)

const scheme = "s3://"

// IsDirectory reports whether a name is that of a directory bucket (S3 Express
// One Zone), or of an access point for one.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-bucket-naming-rules.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-directory-buckets.html
func IsDirectory(name string) bool {
	return strings.HasSuffix(name, "--x-s3") || strings.HasSuffix(name, "--xa-s3")
}

// ParseURL splits s3://bucket[/prefix]. The prefix is everything behind the
// slash after the bucket, as it stands: nothing is decoded or cleaned, and a
// slash at its end means something.
//
// The bucket may be the ARN of an access point:
// s3://arn:aws:s3:region:account:accesspoint/name[/prefix].
func ParseURL(url string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(url, scheme)
	if !ok {
		return "", "", fmt.Errorf("%q does not begin with %s", url, scheme)
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	if strings.HasPrefix(bucket, "arn:") {
		if !strings.HasPrefix(bucket, "arn:aws") || !strings.Contains(bucket, ":s3:") || !strings.HasSuffix(bucket, ":accesspoint") {
			return "", "", fmt.Errorf("%q is not the ARN of an access point (arn:aws:s3:region:account:accesspoint/name)", rest)
		}
		var name string
		name, prefix, _ = strings.Cut(prefix, "/")
		if err := checkBucket(name); err != nil {
			return "", "", fmt.Errorf("access point of %q: %w", url, err)
		}
		return bucket + "/" + name, prefix, nil
	}
	if err := checkBucket(bucket); err != nil {
		return "", "", fmt.Errorf("bucket of %q: %w", url, err)
	}
	return bucket, prefix, nil
}

// checkBucket refuses what no bucket was ever called. The rules of today are
// stricter, but there are older buckets and other servers.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func checkBucket(name string) error {
	if name == "" {
		return errors.New("the name is missing")
	}
	for _, c := range []byte(name) {
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
