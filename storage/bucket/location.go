package bucket

import (
	"context"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/page"
)

var _ storage.Locator = (*Store)(nil)

// Location is where the store's requests go, wherever the endpoint was configured.
func (s *Store) Location() storage.Location {
	name := s.access.Bucket
	return storage.Location{
		Server:    s.access.Wire.Server(),
		Container: name,
		Alias:     address.IsAlias(name),
		Prefix:    s.access.Prefix,
	}
}

// FullKey is the key in the bucket.
func (s *Store) FullKey(key string) string { return s.access.Full(key) }

// StatFull describes an object of the bucket, also of another prefix.
func (s *Store) StatFull(ctx context.Context, full string) (storage.Object, error) {
	info, err := s.below("").Stat(ctx, full, storage.StatOptions{})
	return info.Object, err
}

// IsDirectory reports whether a name is that of a directory bucket (S3 Express
// One Zone), or of an access point for one.
func IsDirectory(name string) bool { return address.IsDirectory(name) }

// IsAccessPoint reports whether what names a bucket is the ARN of an access point:
// it has a host name of its own, at AWS.
func IsAccessPoint(name string) bool { return address.IsAccessPoint(name) }

// ParseURL splits s3://bucket[/prefix]. The prefix is everything behind the slash
// after the bucket, as it stands. The bucket may be the ARN of an access point.
func ParseURL(url string) (bucket, prefix string, err error) { return address.ParseURL(url) }

// ServerOf names the server behind the URL of an endpoint in one form: equal names
// are one server. It asks nobody; see SameServer.
func ServerOf(endpoint string) string { return address.ServerOf(endpoint) }

// SameServer reports whether two names of ServerOf are known to be one server: they
// are equal, or both lead to the same port of this machine.
func SameServer(ctx context.Context, a, b string) bool { return address.SameServer(ctx, a, b) }

// IsArchive reports whether objects of a storage class must mostly be restored to be read.
func IsArchive(class string) bool { return page.IsArchive(class) }
