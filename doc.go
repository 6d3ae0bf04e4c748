// Package s3sync keeps a local directory and an S3 bucket, or two buckets, in
// sync, and proves that what arrived is what was sent.
package s3sync
