package checksum

import "testing"

// While bytes are being hashed, nobody else gets them.
func TestClaimIsExclusive(t *testing.T) {
	e := NewETag(Whole(10))
	if run, err := e.claim(t.Context(), 0, 4, 0); run == nil || err != nil {
		t.Fatalf("got %v, %v", run, err)
	}
	for _, at := range []int64{0, 3} {
		if run, moved, err := e.tryClaim(0, 2, at); run != nil || moved != nil || err == nil {
			t.Errorf("byte %d: got %v, %v, %v, want an error", at, run, moved, err)
		}
	}
	if run, moved, err := e.tryClaim(0, 2, 4); run != nil || moved == nil || err != nil {
		t.Errorf("byte 4: got %v, %v, %v, want to wait", run, moved, err)
	}
}
