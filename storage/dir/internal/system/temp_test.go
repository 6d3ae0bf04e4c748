package system

import "testing"

func TestTempName(t *testing.T) {
	for range 100 {
		if name := TempName(); !IsTemp(name) {
			t.Errorf("IsTemp(%q) = false", name)
		}
	}
}
