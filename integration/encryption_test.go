package integration_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// customerKey returns a customer key that repeats one byte.
func customerKey(b byte) s3sync.CustomerKey {
	key := bytes.Repeat([]byte{b}, 32)
	sum := md5.Sum(key)
	return s3sync.CustomerKey{
		Algorithm: "AES256",
		Key:       base64.StdEncoding.EncodeToString(key),
		KeyMD5:    base64.StdEncoding.EncodeToString(sum[:]),
	}
}

// secretTree returns a directory of an empty file, a small one, and two that are sent
// in parts, and their number.
func secretTree(t *testing.T) (root string, objects int) {
	t.Helper()
	root = t.TempDir()
	for name, size := range map[string]int{"empty": 0, "small": 1000, "dir/parts": 9 * s3sync.MiB, "even": 10 * s3sync.MiB} {
		write(t, root, name, random(7, size))
	}
	return root, 4
}

// verified checks that a run without failures transferred n objects, and how many of
// them were verified by ETags and by checksums.
func (o *outcome) verified(t *testing.T, n, etags, checksums, unverified int) {
	t.Helper()
	st := o.Stats
	if o.err != nil || st.Transferred != int64(n) || st.ETagVerified != int64(etags) ||
		st.ChecksumVerified != int64(checksums) || st.Unverified != int64(unverified) || st.Warnings+st.Failed != 0 {
		t.Errorf("want %d transferred, %d verified by ETags, %d by checksums, %d not; got %v, %+v\n%s",
			n, etags, checksums, unverified, o.err, st, o.log)
	}
}

// withoutKeys checks that no output contains a key.
func (o *outcome) withoutKeys(t *testing.T) {
	t.Helper()
	text := o.log
	for _, ev := range o.events {
		if ev.Err != nil {
			text += ev.Err.Error()
		}
	}
	if o.err != nil {
		text += o.err.Error()
	}
	for b := range byte(4) {
		if k := customerKey(b); strings.Contains(text, k.Key) || strings.Contains(text, k.KeyMD5) {
			t.Errorf("a key is in %s", text)
		}
	}
}

// TestCustomerKeys: objects are uploaded with one key, copied with another one and
// without any, and downloaded. Checksums verify them, because their ETags are not
// digests.
func TestCustomerKeys(t *testing.T) {
	srv := s3server.Start(t, s3server.MinIO, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", srv.CAFile)
	root, n := secretTree(t)
	first, second, plain := at(srv, "", "s3://"+srv.Bucket(t)), at(srv, "", "s3://"+srv.Bucket(t)), at(srv, "", "s3://"+srv.Bucket(t))
	none := s3sync.CustomerKey{}
	back, fromPlain := t.TempDir(), t.TempDir()
	for _, step := range []struct {
		name                             string
		from, to                         s3sync.Endpoint
		reads, writes                    s3sync.CustomerKey
		algorithm                        string
		read                             bool
		etags, checksums, unverified, of int
	}{
		{"up", local(root), first, none, customerKey(1), "CRC64NVME", false, 0, n, 0, n},
		{"again", local(root), first, none, customerKey(1), "CRC64NVME", false, 0, 0, 0, 0},
		{"another key", first, second, customerKey(1), customerKey(2), "SHA256", true, 0, n, 0, n},
		{"no key any more", second, plain, customerKey(2), none, "CRC32", true, 0, n, 0, n},
		{"down", first, local(back), customerKey(1), none, "", true, 0, n, 0, n},
		{"down from plain", plain, local(fromPlain), none, none, "", true, n, n, 0, n},
		{"down without checksums", second, local(t.TempDir()), customerKey(2), none, "", false, 0, 0, n, n},
	} {
		cfg := config(step.from, step.to)
		cfg.Encryption.SourceCustomer, cfg.Encryption.TargetCustomer = step.reads, step.writes
		cfg.Verify.Algorithm, cfg.Verify.ReadChecksum = step.algorithm, step.read
		cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5*s3sync.MiB, 5*s3sync.MiB
		t.Run(step.name, func(t *testing.T) {
			o := run(t, cfg)
			o.verified(t, step.of, step.etags, step.checksums, step.unverified)
			o.withoutKeys(t)
		})
	}
	for _, copied := range []string{back, fromPlain} {
		if got := sameTree(t, root, copied); got != n {
			t.Errorf("%d files", got)
		}
	}
}

// TestWrongCustomerKey: nothing is read with the wrong key, which the server denies, or
// without a key.
func TestWrongCustomerKey(t *testing.T) {
	srv := s3server.Start(t, s3server.MinIO, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", srv.CAFile)
	root, side := t.TempDir(), at(srv, "", "s3://"+srv.Bucket(t))
	write(t, root, "a", random(1, 10))
	cfg := config(local(root), side)
	cfg.Encryption.TargetCustomer = customerKey(1)
	run(t, cfg).verified(t, 1, 0, 0, 1)
	for cause, k := range map[string]s3sync.CustomerKey{"AccessDenied": customerKey(2), "InvalidRequest": {}} {
		target := t.TempDir()
		cfg := config(side, local(target))
		cfg.Encryption.SourceCustomer = k
		o := run(t, cfg)
		if o.Failed+o.Warnings != 1 || !strings.Contains(o.log, cause) {
			t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
		}
		o.withoutKeys(t)
		if got := names(t, target); len(got) != 0 {
			t.Errorf("files %q", got)
		}
	}
}

// TestServerKeys: objects that are encrypted with keys of the server are verified by
// their ETags if those are digests, and are downloaded unchanged.
func TestServerKeys(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO)
	root, n := secretTree(t)
	for name, tt := range map[string]struct {
		encryption s3sync.Encryption
		etags      int
	}{
		"SSE-S3":       {s3sync.Encryption{SSE: "AES256"}, n},
		"KMS":          {s3sync.Encryption{SSE: "aws:kms"}, 0},
		"KMS with key": {s3sync.Encryption{SSE: "aws:kms", KMSKeyID: "test-key"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			side := at(srv, "", "s3://"+srv.Bucket(t))
			cfg := config(local(root), side)
			cfg.Encryption = tt.encryption
			cfg.Verify.Algorithm = "CRC32C"
			run(t, cfg).verified(t, n, tt.etags, n, 0)
			target := t.TempDir()
			down := config(side, local(target))
			down.Verify.ReadChecksum = true
			run(t, down).verified(t, n, tt.etags, n, 0)
			sameTree(t, root, target)
		})
	}
}

// TestNotEncrypted: a server that ignores the requested encryption does not receive all
// the objects.
func TestNotEncrypted(t *testing.T) {
	srv := s3server.Start(t, s3server.VersityGW, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", srv.CAFile)
	root, _ := secretTree(t)
	for name, encryption := range map[string]s3sync.Encryption{
		"customer key": {TargetCustomer: customerKey(1)},
		"KMS":          {SSE: "aws:kms", KMSKeyID: "hidden"},
		"SSE-S3":       {SSE: "AES256"},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := srv.Bucket(t)
			cfg := config(local(root), at(srv, "", "s3://"+bucket))
			cfg.Encryption = encryption
			o := run(t, cfg)
			if !errors.Is(o.err, storage.ErrUnusable) || !strings.Contains(o.err.Error(), "does not encrypt") || o.Transferred != 0 {
				t.Errorf("%v, %+v", o.err, o.Stats)
			}
			o.withoutKeys(t)
			if strings.Contains(o.log, "hidden") {
				t.Errorf("the key ID is in %s", o.log)
			}
			if got := srv.OpenUploads(t, bucket, ""); len(got) != 0 {
				t.Errorf("open uploads %q", got)
			}
		})
	}
}

// TestCustomerKeyWithoutTLS: a key is never sent in plain text.
func TestCustomerKeyWithoutTLS(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	cfg := config(at(srv, "", "s3://"+srv.Bucket(t)), local(t.TempDir()))
	cfg.Encryption.SourceCustomer = customerKey(1)
	o := run(t, cfg)
	o.withoutKeys(t)
	if !errors.Is(o.err, storage.ErrUnusable) || !strings.Contains(o.err.Error(), "without TLS") {
		t.Errorf("%v", o.err)
	}
}
