package request

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"s3sync/internal/checksum"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

// Headers of additional checksums. Those of their values are made of the names
// of the algorithms.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonRequestHeaders.html
const (
	checksumPrefix    = "X-Amz-Checksum-" // as package http writes it
	ChecksumType      = "X-Amz-Checksum-Type"
	checksumAlgorithm = "X-Amz-Checksum-Algorithm"     // of a multipart upload
	checksumSent      = "X-Amz-Sdk-Checksum-Algorithm" // of the value that comes along
	ChecksumMode      = "X-Amz-Checksum-Mode"
)

// ChecksumsIn returns the additional checksums in the headers of an answer, in
// the order of their names. What has not the form of a checksum is left out, and
// so is a type of another name than those of S3.
func ChecksumsIn(h http.Header) []storage.Checksum {
	typ := checksum.Type(h.Get(ChecksumType))
	if typ != checksum.Composite && typ != checksum.FullObject {
		typ = ""
	}
	var sums []storage.Checksum
	for name, values := range h {
		suffix, ok := strings.CutPrefix(name, checksumPrefix)
		if !ok || len(values) == 0 {
			continue
		}
		alg, ok := checksum.ParseAlgorithm(strings.ToUpper(suffix))
		if !ok {
			continue
		}
		if _, ok := checksum.ParseValue(alg, values[0]); ok {
			sums = append(sums, storage.Checksum{Algorithm: alg, Value: values[0], Type: typ})
		}
	}
	slices.SortFunc(sums, func(a, b storage.Checksum) int { return cmp.Compare(a.Algorithm, b.Algorithm) })
	return sums
}

// CheckAlgorithm refuses checksums that S3 does not have.
func CheckAlgorithm(c storage.Checksum) error {
	if _, ok := checksum.ParseAlgorithm(string(c.Algorithm)); c.Algorithm != "" && !ok {
		return fmt.Errorf("unknown checksum algorithm %q", c.Algorithm)
	}
	return nil
}

// A Digest is the additional checksum of a block; the zero Digest is none.
type Digest struct {
	Algorithm storage.ChecksumAlgorithm
	Sum       []byte
}

// DigestOf returns the checksum of b that the server is to keep. If the caller has not
// computed it, DigestOf does, but not for a stream: the checksum is sent before the bytes.
func DigestOf(b storage.Block, want storage.Checksum) (Digest, error) {
	if want.Algorithm == "" {
		return Digest{}, nil
	}
	d := Digest{Algorithm: want.Algorithm, Sum: slices.Clone(b.Checksum)}
	switch {
	case d.Sum != nil:
	case b.Stream != nil:
		return Digest{}, fmt.Errorf("the %s checksum of a stream must be known", d.Algorithm)
	default:
		d.Sum = checksum.Digest(d.Algorithm, b.Data)
	}
	return d, nil
}

// String is the digest as it is sent.
func (d Digest) String() string { return inBase64(d.Sum) }

// Headers make the server compare the body with the digest, and keep it.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func (d Digest) Headers() []Header {
	if d.Algorithm == "" {
		return nil
	}
	return []Header{{checksum.Header(d.Algorithm), d.String()}, {checksumSent, string(d.Algorithm)}}
}

// Check compares the digest with that in an answer, if there is one. A value of
// another form is another value.
func (d Digest) Check(h http.Header) error {
	if d.Algorithm == "" {
		return nil
	}
	if got := h.Get(checksum.Header(d.Algorithm)); got != "" && got != d.String() {
		return &failure.Error{Kind: storage.ErrMismatch, Text: fmt.Sprintf(
			"the server has the %s checksum %s, that of what was sent is %s", d.Algorithm, failure.OneLine(got), d)}
	}
	return nil
}

// UploadHeaders returns the headers that begin a multipart upload with a checksum. The
// default of S3 is a composite checksum, unless the algorithm allows only one type.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
func UploadHeaders(want storage.Checksum) []Header {
	if want.Algorithm == "" {
		return nil
	}
	headers := []Header{{checksumAlgorithm, string(want.Algorithm)}}
	if want.Type == checksum.FullObject {
		headers = append(headers, Header{ChecksumType, string(want.Type)})
	}
	return headers
}

// CompleteHeaders let the server refuse to complete an upload whose bytes are not
// those that were sent.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func CompleteHeaders(want storage.Checksum, parts []Part) ([]Header, error) {
	sum, err := WholeChecksum(want, parts)
	if err != nil || sum.Value == "" {
		return nil, err
	}
	return []Header{{ChecksumType, string(sum.Type)}, {checksum.Header(sum.Algorithm), sum.Value}}, nil
}

// WholeChecksum is the checksum of an object of the given parts. Its value is empty
// unless it follows from those of the parts, as those of whole objects do.
func WholeChecksum(want storage.Checksum, parts []Part) (storage.Checksum, error) {
	if want.Algorithm == "" || want.Type != checksum.FullObject {
		return storage.Checksum{}, nil
	}
	sizes := make([]int64, len(parts))
	for i, p := range parts {
		sizes[i] = p.Size
	}
	layout, err := checksum.Parts(sizes)
	if err != nil {
		return storage.Checksum{}, err
	}
	sum, err := checksum.NewSum(want.Algorithm, layout, checksum.FullObject)
	if err != nil {
		return storage.Checksum{}, err
	}
	for i, p := range parts {
		if err := sum.SetPart(i, p.Digest.Sum); err != nil {
			return storage.Checksum{}, err
		}
	}
	want.Value, err = sum.Value()
	return want, err
}
