package integration_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/s3server"
)

// updateMatrix is the environment variable that lets TestVerificationMatrix rewrite the
// table. It is not an -update flag with a go:generate line, because the table needs
// servers and a minute.
const updateMatrix = "S3SYNC_UPDATE_MATRIX"

// matrixChunk is the threshold and the part size of written objects, and matrixForeign
// the part size of sources that others wrote.
const (
	matrixChunk   = 6 * s3sync.MiB
	matrixForeign = 5 * s3sync.MiB
)

// A matrixStore is a place of objects, and how they are encrypted there.
type matrixStore struct {
	name   string
	kind   s3server.Kind
	sse    string
	kmsKey string
	// customer: the user has the keys, one for each side.
	customer      bool
	etagNotDigest bool // ETags are no digests
	short         bool // also in a short run: the simplest one, and the one that differs most
}

func matrixStores() []matrixStore {
	return []matrixStore{
		{name: "none", kind: s3server.MinIO},
		{name: "none (versitygw)", kind: s3server.VersityGW, short: true},
		{name: "SSE-S3", kind: s3server.MinIO, sse: "AES256"},
		{name: "SSE-KMS", kind: s3server.MinIO, sse: "aws:kms", kmsKey: "test-key", etagNotDigest: true},
		{name: "SSE-C", kind: s3server.MinIO, customer: true, etagNotDigest: true, short: true},
	}
}

// A matrixSum is an additional checksum; without an algorithm, none.
type matrixSum struct {
	algorithm types.ChecksumAlgorithm
	typ       types.ChecksumType
	refused   bool // S3 does not support it for objects in parts
}

func matrixSums() []matrixSum {
	const composite, full = types.ChecksumTypeComposite, types.ChecksumTypeFullObject
	return []matrixSum{
		{},
		{algorithm: types.ChecksumAlgorithmCrc32, typ: composite},
		{algorithm: types.ChecksumAlgorithmCrc32, typ: full},
		{algorithm: types.ChecksumAlgorithmCrc32c, typ: composite},
		{algorithm: types.ChecksumAlgorithmCrc32c, typ: full},
		{algorithm: types.ChecksumAlgorithmCrc64nvme, typ: full},
		{algorithm: types.ChecksumAlgorithmSha1, typ: composite},
		{algorithm: types.ChecksumAlgorithmSha1, typ: full, refused: true},
		{algorithm: types.ChecksumAlgorithmSha256, typ: composite},
		{algorithm: types.ChecksumAlgorithmSha256, typ: full, refused: true},
	}
}

func (c matrixSum) String() string {
	switch c.typ {
	case types.ChecksumTypeComposite:
		return string(c.algorithm) + " of parts"
	case types.ChecksumTypeFullObject:
		return string(c.algorithm) + " of all bytes"
	}
	return "no checksum"
}

// A matrixSize is a class of objects.
type matrixSize struct {
	name    string
	data    []byte
	onePart bool // a source in one part although it is small
}

func matrixSizes() []matrixSize {
	return []matrixSize{
		{name: "single", data: random(1, 1000)},
		{name: "threshold", data: random(2, matrixChunk)}, // in one part if s3sync writes it
		{name: "two-parts", data: random(3, matrixChunk+1)},
		{name: "odd-last-part", data: random(4, 7*s3sync.MiB+7)},
		{name: "one-part", data: random(5, 1000), onePart: true},
	}
}

const (
	matrixUp   = "local → S3"
	matrixDown = "S3 → local"
	matrixCopy = "S3 → S3"

	matrixSame  = "same parts"
	matrixOther = "other parts"
)

// A matrixCell is one object in one direction.
type matrixCell struct{ store, direction, layout, size, sum string }

// wantVerification returns the expected verification, whatever the runs report.
func (s matrixStore) wantVerification(c matrixSum) string {
	switch {
	case c.refused:
		return "refused"
	case s.etagNotDigest && c.algorithm == "":
		return "unverified"
	case s.etagNotDigest:
		return "checksum"
	case c.algorithm == "":
		return "ETag"
	}
	return "both"
}

// TestVerificationMatrix: how every kind of object is verified, with every checksum, in
// every direction, under every encryption. docs/integrity.md has the table.
func TestVerificationMatrix(t *testing.T) {
	t.Parallel()
	root, sizes := t.TempDir(), matrixSizes()
	for _, size := range sizes {
		if !size.onePart {
			write(t, root, size.name, size.data)
		}
	}
	cells, want, ran := map[matrixCell]string{}, 0, true
	for _, s := range matrixStores() {
		want += len(matrixSums()) * (5*len(sizes) - 1) // a file has no parts
		done := false
		t.Run(s.name, func(t *testing.T) {
			if testing.Short() && !s.short {
				t.Skip("in the whole run only")
			}
			m := newMatrixRun(t, s, root, sizes)
			m.cells = cells
			for _, c := range matrixSums() {
				t.Run(c.String(), func(t *testing.T) { m.ways(t, c) })
			}
			done = true
		})
		ran = ran && done
	}
	switch {
	case !ran:
		t.Log("not everything ran: the table is not compared")
	case t.Failed():
		t.Log("the table is not compared")
	case len(cells) != want:
		t.Logf("%d of %d cells were looked at: the table is not compared", len(cells), want)
	default:
		compareMatrix(t, sizes, cells)
	}
}

// A matrixRun fills in the cells of one store.
type matrixRun struct {
	matrixStore

	root                   string
	sizes                  []matrixSize
	uploaded, from, copied bucket
	transport              http.RoundTripper // nil is the usual one
	cells                  map[matrixCell]string
}

func newMatrixRun(t *testing.T, s matrixStore, root string, sizes []matrixSize) *matrixRun {
	t.Helper()
	var srv *s3server.Server
	var transport http.RoundTripper
	if s.customer {
		srv = s3server.Start(t, s.kind, s3server.Options{TLS: true})
		transport = trusting(t, srv.CAFile) // instead of AWS_CA_BUNDLE: other tests run at the same time
	} else {
		srv = s3server.Shared(t, s.kind)
	}
	return &matrixRun{
		matrixStore: s, root: root, sizes: sizes, transport: transport,
		uploaded: newBucket(t, srv), from: newBucket(t, srv), copied: newBucket(t, srv),
	}
}

// trusting returns a transport that trusts only the certificates of a file.
func trusting(t *testing.T, file string) http.RoundTripper {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", file)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// ways tests a checksum in all directions.
func (m *matrixRun) ways(t *testing.T, c matrixSum) {
	m.sync(t, matrixUp, "", c, local(m.root), m.uploaded.at(""))
	for _, layout := range []string{matrixSame, matrixOther} {
		part := matrixChunk
		if layout == matrixOther {
			part = matrixForeign
		}
		if !m.sources(t, c, part) {
			for _, size := range m.sizes {
				m.note(t, matrixCell{m.name, matrixDown, layout, size.name, c.String()}, c, "refused")
			}
		} else {
			target := t.TempDir()
			m.sync(t, matrixDown, layout, c, m.from.at(""), local(target))
			for _, size := range m.sizes {
				data, err := os.ReadFile(filepath.Join(target, size.name))
				if err != nil || !bytes.Equal(data, size.data) {
					t.Errorf("%s, %s: %v, or other content", size.name, layout, err)
				}
			}
		}
		m.sync(t, matrixCopy, layout, c, m.from.at(""), m.copied.at(""))
	}
}

// sync runs and records how each object is verified.
func (m *matrixRun) sync(t *testing.T, direction, layout string, c matrixSum, from, to s3sync.Endpoint) {
	t.Helper()
	cfg := config(from, to)
	for _, side := range []*s3sync.Endpoint{&cfg.Source, &cfg.Target} {
		if side.EndpointURL != "" {
			side.Transport = m.transport
		}
	}
	cfg.Check.Mode = s3sync.CheckOverwrite
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = matrixChunk, matrixChunk
	if direction != matrixUp {
		cfg.Verify.ReadChecksum = c.algorithm != ""
		if m.customer {
			cfg.Encryption.SourceCustomer = customerKey(1)
		}
	}
	if direction != matrixDown {
		cfg.Verify.Algorithm, cfg.Verify.FullObject = string(c.algorithm), c.typ == types.ChecksumTypeFullObject
		cfg.Encryption.SSE, cfg.Encryption.KMSKeyID = m.sse, m.kmsKey
		if m.customer {
			cfg.Encryption.TargetCustomer = customerKey(2)
		}
	}
	o := run(t, cfg)
	refused := o.err != nil && len(o.events) == 0
	if c.refused != refused || !refused && (o.err != nil || o.Warnings+o.Failed != 0) {
		t.Errorf("%s, %s: %v, %+v\n%s", direction, layout, o.err, o.Report, o.log)
	}
	for _, size := range m.sizes {
		if size.onePart && direction == matrixUp {
			continue
		}
		verification := "refused"
		if !refused {
			verification = o.verificationOf(size.name)
		}
		m.note(t, matrixCell{m.name, direction, layout, size.name, c.String()}, c, verification)
	}
}

// verificationOf returns what the events say about a transferred object.
func (o *outcome) verificationOf(key string) string {
	var proofs []string
	for _, ev := range o.events {
		if ev.Key != key {
			continue
		}
		switch ev.Type {
		case s3sync.EventVerified:
			proofs = append(proofs, "ETag")
		case s3sync.EventChecksumVerified:
			proofs = append(proofs, "checksum")
		case s3sync.EventUnverified:
			proofs = append(proofs, "unverified")
		case s3sync.EventTransferred:
			if slices.Equal(proofs, []string{"ETag", "checksum"}) {
				return "both"
			}
			return strings.Join(proofs, " and ")
		}
	}
	return "not transferred"
}

func (m *matrixRun) note(t *testing.T, cell matrixCell, c matrixSum, verification string) {
	t.Helper()
	if want := m.wantVerification(c); verification != want {
		t.Errorf("%+v: %s, must be %s", cell, verification, want)
	}
	m.cells[cell] = verification
}

// sources writes the objects as others would, in parts of that size. It returns false
// if the server refuses, as it must if S3 does not support the checksum.
func (m *matrixRun) sources(t *testing.T, c matrixSum, part int) bool {
	t.Helper()
	for _, size := range m.sizes {
		var err error
		if size.onePart || len(size.data) >= matrixChunk {
			err = m.putParts(t, size.name, size.data, c, part)
		} else if !c.refused {
			err = m.putWhole(t, size.name, size.data, c)
		}
		if err != nil && c.refused {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if c.refused {
		t.Errorf("the server has %s", c)
	}
	return true
}

func (m *matrixRun) putWhole(t *testing.T, key string, data []byte, c matrixSum) error {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &m.from.name, Key: &key, Body: bytes.NewReader(data), ChecksumAlgorithm: c.algorithm}
	in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryption(m.sse), m.kms()
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = m.key()
	_, err := m.from.Client().PutObject(t.Context(), in)
	return err
}

func (m *matrixRun) putParts(t *testing.T, key string, data []byte, c matrixSum, part int) error {
	t.Helper()
	client := m.from.Client()
	algorithm, customer, sum := m.key()
	upload, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: &m.from.name, Key: &key, ChecksumAlgorithm: c.algorithm, ChecksumType: c.typ,
		ServerSideEncryption: types.ServerSideEncryption(m.sse), SSEKMSKeyId: m.kms(),
		SSECustomerAlgorithm: algorithm, SSECustomerKey: customer, SSECustomerKeyMD5: sum,
	})
	if err != nil {
		return err
	}
	var done types.CompletedMultipartUpload
	for piece := range slices.Chunk(data, part) {
		n := aws.Int32(int32(len(done.Parts)) + 1)
		out, err := client.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: &m.from.name, Key: &key, UploadId: upload.UploadId, PartNumber: n,
			Body: bytes.NewReader(piece), ChecksumAlgorithm: c.algorithm,
			SSECustomerAlgorithm: algorithm, SSECustomerKey: customer, SSECustomerKeyMD5: sum,
		})
		if err != nil {
			return err
		}
		done.Parts = append(done.Parts, types.CompletedPart{
			PartNumber: n, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C,
			ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumSHA1: out.ChecksumSHA1, ChecksumSHA256: out.ChecksumSHA256,
		})
	}
	_, err = client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &m.from.name, Key: &key, UploadId: upload.UploadId, MultipartUpload: &done, ChecksumType: c.typ,
		SSECustomerAlgorithm: algorithm, SSECustomerKey: customer, SSECustomerKeyMD5: sum,
	})
	return err
}

func (m *matrixRun) kms() *string {
	if m.kmsKey == "" {
		return nil
	}
	return &m.kmsKey
}

// key returns the user's key of the sources, if there is one.
func (m *matrixRun) key() (algorithm, key, sum *string) {
	if !m.customer {
		return nil, nil, nil
	}
	k := customerKey(1)
	return &k.Algorithm, &k.Key, &k.KeyMD5
}
