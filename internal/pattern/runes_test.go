package pattern

import (
	"slices"
	"testing"
	"unicode"
)

// Sets are compared with the plain reading of what their operations mean.
func TestRuneSets(t *testing.T) {
	sets := map[string]runeSet{
		"empty":    nil,
		"all":      allRunes(),
		"one":      single('k'),
		"letters":  newSet(span{'x', 'z'}, span{'a', 'k'}, span{'l', 'm'}),
		"the last": {{unicode.MaxRune, unicode.MaxRune}},
		"the rest": single(0).negate(),
		"words":    words(false),
	}
	probes := []rune{0, 1, '0', 'a', 'k', 'l', 'm', 'n', 'w', 'x', 'z', '{', 0xe9, 0x212a, 0x10fffe, unicode.MaxRune}
	for nameA, a := range sets {
		for nameB, b := range sets {
			for _, r := range probes {
				inA, inB := a.contains(r), b.contains(r)
				for operation, got := range map[string]struct {
					set  runeSet
					want bool
				}{
					"union":     {a.union(b), inA || inB},
					"intersect": {a.intersect(b), inA && inB},
					"without":   {a.without(b), inA && !inB},
					"either":    {a.either(b), inA != inB},
					"negate":    {a.negate(), !inA},
				} {
					if got.set.contains(r) != got.want {
						t.Errorf("%s %s %s has %U: %v", nameA, operation, nameB, r, !got.want)
					}
					if !slices.Equal(got.set, newSet(slices.Clone(got.set)...)) {
						t.Errorf("%s %s %s is out of order", nameA, operation, nameB)
					}
				}
			}
		}
	}
}

// Everything that has another case is found by what looks at the cased alone.
func TestFold(t *testing.T) {
	all := cased()
	for r := range rune(unicode.MaxRune + 1) {
		if unicode.SimpleFold(r) != r && !all.contains(r) {
			t.Errorf("%U has another case, but is not cased", r)
		}
	}
	for _, r := range []rune{'k', 'K', 0x212a} {
		for name, s := range map[string]runeSet{"small": single(r), "large": newSet(span{r, r}, span{0x4e00, 0x9fff})} {
			if f := s.fold(); !f.contains('k') || !f.contains('K') || !f.contains(0x212a) || f.contains('j') {
				t.Errorf("%s set of %c: %v", name, r, f)
			}
		}
	}
	if f := newSet(span{'K', 'K'}, span{'x', 'z'}).foldASCII(); !f.contains('k') || !f.contains('X') || f.contains(0x212a) {
		t.Errorf("in ASCII: %v", f)
	}
}

// wordClass and \w are the same, by what it says and as its reader takes it.
func TestWordClass(t *testing.T) {
	more := newSet(span{0x200c, 0x200d}, span{0x24b6, 0x24e9}, span{0x1f130, 0x1f149}, span{0x1f150, 0x1f169}, span{0x1f170, 0x1f189})
	if got := setOf(unicode.L, unicode.Nl, unicode.M, unicode.Nd, unicode.Pc).union(more); !slices.Equal(got, words(false)) {
		t.Errorf("without %v, and with %v", words(false).without(got), got.without(words(false)))
	}
	all := words(false)
	for _, expression := range []string{`(?=.)^\w$`, `(?=.)^[^\W]$`, `(?!\W)^.$`} {
		re, err := Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(re.back.String()); n > 200 {
			t.Errorf("%s is written in %d bytes", expression, n)
		}
		for _, x := range slices.Concat(all, all.negate()) {
			for _, r := range []rune{x.lo, x.hi} {
				if got, err := re.Match(string(r)); got != all.contains(r) && r != '\n' || err != nil {
					t.Errorf("%s in %U: %v, %v", expression, r, got, err)
				}
			}
			if testing.Short() {
				break
			}
		}
	}
}
