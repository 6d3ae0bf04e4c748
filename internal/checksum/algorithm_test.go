package checksum_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/cespare/xxhash/v2"
	"github.com/zeebo/xxh3"

	"s3sync/internal/checksum"
)

// An algorithm that a new version of the SDK knows is missed here.
func TestAlgorithmsAreThoseOfS3(t *testing.T) {
	var want []checksum.Algorithm
	for _, a := range types.ChecksumAlgorithm("").Values() {
		want = append(want, checksum.Algorithm(a))
	}
	got := checksum.Algorithms()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, typ := range types.ChecksumType("").Values() {
		if typ := checksum.Type(typ); typ != checksum.Composite && typ != checksum.FullObject {
			t.Errorf("type %s is not known", typ)
		}
	}
}

func TestAlgorithm(t *testing.T) {
	tests := map[checksum.Algorithm]struct {
		header                string
		size                  int
		composite, fullObject bool
	}{
		checksum.CRC32:     {"x-amz-checksum-crc32", 4, true, true},
		checksum.CRC32C:    {"x-amz-checksum-crc32c", 4, true, true},
		checksum.CRC64NVME: {"x-amz-checksum-crc64nvme", 8, false, true},
		checksum.SHA1:      {"x-amz-checksum-sha1", 20, true, false},
		checksum.SHA256:    {"x-amz-checksum-sha256", 32, true, false},
		checksum.SHA512:    {"x-amz-checksum-sha512", 64, true, false},
		checksum.MD5:       {"x-amz-checksum-md5", 16, true, false},
		checksum.XXHASH64:  {"x-amz-checksum-xxhash64", 8, true, false},
		checksum.XXHASH3:   {"x-amz-checksum-xxhash3", 8, true, false},
		checksum.XXHASH128: {"x-amz-checksum-xxhash128", 16, true, false},
	}
	for _, alg := range checksum.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			tt := tests[alg]
			if got := checksum.Header(alg); got != tt.header {
				t.Errorf("got header %s, want %s", got, tt.header)
			}
			if got := checksum.Size(alg); got != tt.size || len(checksum.Digest(alg, nil)) != got {
				t.Errorf("got size %d of %x, want %d", got, checksum.Digest(alg, nil), tt.size)
			}
			if composite, full := checksum.Allows(alg, checksum.Composite), checksum.Allows(alg, checksum.FullObject); composite != tt.composite || full != tt.fullObject {
				t.Errorf("allows composite %v, full object %v", composite, full)
			}
			if checksum.Allows(alg, "") {
				t.Error("allows no type")
			}
			if got, ok := checksum.ParseAlgorithm(string(alg)); got != alg || !ok {
				t.Errorf("is read as %s, %v", got, ok)
			}
			if got, ok := checksum.ParseAlgorithm(strings.ToLower(string(alg))); ok {
				t.Errorf("small letters are read as %s", got)
			}
		})
	}
	t.Run("unknown", func(t *testing.T) {
		alg, ok := checksum.ParseAlgorithm("CRC16")
		if ok || checksum.Size(alg) != 0 || checksum.Digest(alg, nil) != nil || checksum.Allows(alg, checksum.Composite) || checksum.Allows(alg, checksum.FullObject) {
			t.Errorf("%s is known", alg)
		}
	})
}

// ascending returns n bytes 0, 1, 2, …
func ascending(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i)
	}
	return p
}

func descending(n int) []byte {
	p := ascending(n)
	slices.Reverse(p)
	return p
}

// TestDigestVectors holds values that others published.
func TestDigestVectors(t *testing.T) {
	const (
		digits   = "123456789"
		alphabet = "abcdefghijklmnopqrstuvwxyz"
		hello    = "Hello world"
	)
	ones := func(n int) string { return strings.Repeat("\xFF", n) }
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	// A SCSI read command, https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
	iscsi := "\x01\xc0\x00\x00" + zeros(12) + "\x14\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x14\x00\x00\x00\x18\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00" + zeros(4)

	tests := map[checksum.Algorithm]map[string]string{
		// https://reveng.sourceforge.io/crc-catalogue/
		checksum.CRC32: {"": "00000000", digits: "cbf43926"},
		// RFC 3720 writes the bytes in their order on the wire, the lowest first.
		checksum.CRC32C: {
			"":                     "00000000",
			digits:                 "e3069283",
			zeros(32):              "8a9136aa",
			ones(32):               "62a8ab43",
			string(ascending(32)):  "46dd794e",
			string(descending(32)): "113fdb5c",
			iscsi:                  "d9963a56",
		},
		// NVM Express NVM Command Set Specification, test cases of the 64b CRC
		checksum.CRC64NVME: {
			"":                       "0000000000000000",
			digits:                   "ae8b14860a799888",
			zeros(4096):              "6482d367eb22b64e",
			ones(4096):               "c0ddba7302eca3ac",
			string(ascending(4096)):  "3e729f5f6750449c",
			string(descending(4096)): "9a2df64b8e9e517e",
		},
		// https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values
		checksum.SHA1:   {"abc": "a9993e364706816aba3e25717850c26c9cd0d89d"},
		checksum.SHA256: {"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		checksum.SHA512: {"abc": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
		// https://www.rfc-editor.org/rfc/rfc1321#appendix-A.5
		checksum.MD5: {"abc": "900150983cd24fb0d6963f7d28e17f72"},
		// The tests of the library that the SDKs of AWS use,
		// https://github.com/awslabs/aws-checksums
		checksum.XXHASH64:  {"": "ef46db3751d8e999", hello: "c500b0c912b376d8", alphabet: "cfe1f278fa89835c"},
		checksum.XXHASH3:   {"": "2d06800538d394c2", hello: "b6acb9d84a38ff74", alphabet: "810f9ca067fbb90c"},
		checksum.XXHASH128: {"": "99aa06d3014798d86001c324468d497f", hello: "7351f89812f97382b91d05b31e04dd7f", alphabet: "db7ca44e84843d67ebe162220154e1e6"},
	}
	for _, alg := range checksum.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			if len(tests[alg]) == 0 {
				t.Fatal("no vector")
			}
			for data, want := range tests[alg] {
				if got := hex.EncodeToString(checksum.Digest(alg, []byte(data))); got != want {
					t.Errorf("%.20q of %d bytes: got %s, want %s", data, len(data), got, want)
				}
			}
		})
	}
}

// xxHashes have different code for many lengths. The digests of the first n
// bytes, for each n, were computed with the reference implementation, libxxhash
// 0.8.1; here is the SHA-256 of all of them.
func TestXXHashLengths(t *testing.T) {
	data := make([]byte, 2500)
	for i := range data {
		data[i] = byte(i*i>>3 ^ i*7)
	}
	for alg, want := range map[checksum.Algorithm]string{
		checksum.XXHASH64:  "85fd9b3f87159f852c5acd9e24767c59a2be480c7f4225abd92e309f04390775",
		checksum.XXHASH3:   "2a73e2a89b838bdfbcb62bc58577e6529220bdea1fabeef9d90a26aac7e7d187",
		checksum.XXHASH128: "2a2ec8ea045dda425bdc82bba10c014514c67386b08ee5696569bdd460a7e834",
	} {
		all := sha256.New()
		for n := range data {
			all.Write(checksum.Digest(alg, data[:n]))
		}
		if got := hex.EncodeToString(all.Sum(nil)); got != want {
			t.Errorf("%s: got %s, want %s", alg, got, want)
		}
	}
}

// digest computes a digest of p by other means than the package where there are
// any.
func digest(alg checksum.Algorithm, p []byte) []byte {
	var h hash.Hash
	switch alg {
	case checksum.CRC32:
		h = crc32.NewIEEE()
	case checksum.CRC32C:
		h = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case checksum.CRC64NVME:
		h = crc64.New(crc64.MakeTable(0x9A6C9329AC4BC9B5))
	case checksum.XXHASH64:
		return binary.BigEndian.AppendUint64(nil, xxhash.Sum64(p))
	case checksum.XXHASH3:
		return binary.BigEndian.AppendUint64(nil, xxh3.Hash(p))
	case checksum.XXHASH128:
		u := xxh3.Hash128(p)
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, u.Hi), u.Lo)
	default:
		return checksum.Digest(alg, p)
	}
	h.Write(p)
	return h.Sum(nil)
}

// referenceValue computes a checksum in the plainest way.
func referenceValue(alg checksum.Algorithm, typ checksum.Type, data []byte, layout checksum.Layout) string {
	if !layout.Multipart() || typ == checksum.FullObject {
		return base64.StdEncoding.EncodeToString(digest(alg, data))
	}
	var all bytes.Buffer
	for _, n := range layout.Sizes() {
		all.Write(digest(alg, data[:n]))
		data = data[n:]
	}
	return compositeValue(digest(alg, all.Bytes()), layout.Len())
}

// A CRC takes no memory but that of its result.
func TestDigestAllocates(t *testing.T) {
	data := make([]byte, 10<<10)
	for _, alg := range []checksum.Algorithm{checksum.CRC32, checksum.CRC32C, checksum.CRC64NVME} {
		if n := testing.AllocsPerRun(100, func() { checksum.Digest(alg, data) }); n > 1 {
			t.Errorf("%s: %v allocations", alg, n)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 8*mib/16)
	for _, alg := range checksum.Algorithms() {
		b.Run(string(alg), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				checksum.Digest(alg, data)
			}
		})
	}
}
