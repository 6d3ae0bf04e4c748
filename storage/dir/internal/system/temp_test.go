package system

import "testing"

func TestTempName(t *testing.T) {
	for range 100 {
		mark := NewMark()
		name, other := TempName(mark), TempName(mark)
		if !IsTemp(name) || MarkOf(name) != mark || name == other {
			t.Errorf("IsTemp(%q) = %v, its mark is %q; want %q; another one is %q", name, IsTemp(name), MarkOf(name), mark, other)
		}
	}
}
