package madeup

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
)

// TestETags: they are the MD5 of small objects, and that of the parts of large ones.
func TestETags(t *testing.T) {
	var etags ETags
	for _, size := range []int64{0, 10, PartSize, 2*PartSize + 1} {
		var data bytes.Buffer
		if err := writeContent(&data, 300, 0, size); err != nil || int64(data.Len()) != size {
			t.Fatalf("%d bytes, error %v", data.Len(), err)
		}
		sum := md5.Sum(data.Bytes())
		want := hex.EncodeToString(sum[:])
		if size > PartSize {
			digest, parts := md5.New(), 0
			for part := range slices.Chunk(data.Bytes(), PartSize) {
				sum := md5.Sum(part)
				digest.Write(sum[:])
				parts++
			}
			want = fmt.Sprintf("%x-%d", digest.Sum(nil), parts)
		}
		if got := etags.Of(300, size); got != want {
			t.Errorf("%d bytes: %s, want %s", size, got, want)
		}
	}
}
