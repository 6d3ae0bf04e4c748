package checksum_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"s3sync/internal/checksum"
)

const mib = 1 << 20

func mustParts(t testing.TB, sizes ...int64) checksum.Layout {
	t.Helper()
	l, err := checksum.Parts(sizes)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLayoutSizes(t *testing.T) {
	tests := map[string]struct {
		layout    checksum.Layout
		want      []int64
		multipart bool
	}{
		"whole":               {checksum.Whole(10), []int64{10}, false},
		"whole, empty":        {checksum.Whole(0), []int64{0}, false},
		"zero value":          {checksum.Layout{}, []int64{0}, false},
		"uniform, fits":       {checksum.Uniform(10, 5), []int64{5, 5}, true},
		"uniform, rest":       {checksum.Uniform(11, 5), []int64{5, 5, 1}, true},
		"uniform, one":        {checksum.Uniform(4, 5), []int64{4}, true},
		"uniform, exact one":  {checksum.Uniform(5, 5), []int64{5}, true},
		"uniform, empty":      {checksum.Uniform(0, 5), []int64{0}, true},
		"uniform, no size":    {checksum.Uniform(5, 0), []int64{5}, true},
		"parts, uniform":      {mustParts(t, 5, 5, 1), []int64{5, 5, 1}, true},
		"parts, last is more": {mustParts(t, 5, 6), []int64{5, 6}, true},
		"parts, uneven":       {mustParts(t, 5, 7, 5), []int64{5, 7, 5}, true},
		"parts, empty ones":   {mustParts(t, 0, 5, 0, 5, 0), []int64{0, 5, 0, 5, 0}, true},
		"parts, one":          {mustParts(t, 7), []int64{7}, true},
		"parts, only empty":   {mustParts(t, 0, 0), []int64{0, 0}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.layout.Sizes(); !slices.Equal(got, tt.want) || tt.layout.Len() != len(tt.want) {
				t.Errorf("got sizes %v, len %d, want %v", got, tt.layout.Len(), tt.want)
			}
			if got := tt.layout.Multipart(); got != tt.multipart {
				t.Errorf("got multipart %v", got)
			}
		})
	}
}

func TestPartsRefused(t *testing.T) {
	for name, sizes := range map[string][]int64{
		"none":      {},
		"negative":  {5, -1},
		"too large": {math.MaxInt64, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if l, err := checksum.Parts(sizes); err == nil {
				t.Errorf("got %v, want an error", l)
			}
		})
	}
}

func TestLayoutEqual(t *testing.T) {
	groups := [][]checksum.Layout{
		{checksum.Whole(10)},
		{checksum.Whole(11)},
		{checksum.Uniform(10, 5), mustParts(t, 5, 5)},
		{checksum.Uniform(10, 10), checksum.Uniform(10, 11), mustParts(t, 10)},
		{checksum.Uniform(10, 6), mustParts(t, 6, 4)},
		{mustParts(t, 4, 6)},
		{mustParts(t, 5, 5, 0)},
		{mustParts(t, 5, 0, 5)},
	}
	for i, a := range groups {
		for j, b := range groups {
			for _, x := range a {
				for _, y := range b {
					if got := x.Equal(y); got != (i == j) {
						t.Errorf("%v %v multipart %v, %v: Equal is %v", x.Sizes(), y.Sizes(), x.Multipart(), y.Multipart(), got)
					}
				}
			}
		}
	}
}

// Bounds and Index are inverse, and the parts cover the object without a gap.
func TestLayoutBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.Int64Range(0, 4), 1, 8).Draw(t, "sizes")
		layout, err := checksum.Parts(sizes)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(layout.Sizes(), sizes) {
			t.Fatalf("got sizes %v", layout.Sizes())
		}
		var end int64
		for i := range layout.Len() {
			off, n := layout.Bounds(i)
			if off != end {
				t.Fatalf("part %d begins at %d, want %d", i, off, end)
			}
			for at := off; at < off+n; at++ {
				if got := layout.Index(at); got != i {
					t.Fatalf("byte %d is in part %d, want %d", at, got, i)
				}
			}
			end = off + n
		}
		if end != layout.Total() {
			t.Fatalf("parts end at %d of %d", end, layout.Total())
		}
	})
}

func TestPlan(t *testing.T) {
	const tib = 1 << 40
	tests := map[string]struct {
		size, chunk int64
		maxParts    int
		want        int64
	}{
		"fits":                {100 * mib, 8 * mib, 10000, 8 * mib},
		"empty":               {0, 8 * mib, 10000, 8 * mib},
		"last that fits":      {80000 * mib, 8 * mib, 10000, 8 * mib},
		"first that does not": {80000*mib + 1, 8 * mib, 10000, 9 * mib},
		"odd chunk is kept":   {100 * mib, 8*mib + 1, 10000, 8*mib + 1},
		"5 TiB":               {5 * tib, 8 * mib, 10000, 525 * mib},
		"50 TiB":              {50 * tib, 8 * mib, 10000, 5243 * mib},
		"no bound":            {5 * tib, 8 * mib, 0, 8 * mib},
		"no chunk":            {5 * tib, 0, 10000, 525 * mib},
		"largest size":        {math.MaxInt64, 8 * mib, 10000, 879609303 * mib},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := checksum.Plan(tt.size, tt.chunk, tt.maxParts)
			if got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
			if parts := checksum.Uniform(tt.size, got).Len(); tt.maxParts > 0 && parts > tt.maxParts {
				t.Errorf("gives %d parts", parts)
			}
		})
	}
}

func TestGuessLayouts(t *testing.T) {
	tests := map[string]struct {
		size       int64
		parts      int
		configured int64
		first      []int64 // what the result begins with
	}{
		"configured first":          {12 * mib, 2, 7 * mib, []int64{7 * mib, 8 * mib, 10 * mib, 6 * mib}},
		"configured does not fit":   {12 * mib, 3, 8 * mib, []int64{5 * mib, 4 * mib}},
		"common":                    {1000 * mib, 125, 5 * mib, []int64{8 * mib}},
		"console":                   {50 * mib, 4, 8 * mib, []int64{16 * mib, 15 * mib, 17_179_870, 13 * mib, 25 * mib / 2}},
		"raised by this program":    {80000*mib + 1, 8889, 8 * mib, []int64{9 * mib}},
		"divided evenly":            {25 * mib, 2, 8 * mib, []int64{16 * mib, 15 * mib, 20 * mib, 24 * mib, 17_179_870, 13 * mib, 25*mib/2 + 0}},
		"even, odd size":            {10*mib + 1, 2, 0, []int64{8 * mib, 10 * mib, 6 * mib, 5*mib + 1}},
		"one part":                  {12 * mib, 1, 8 * mib, []int64{12 * mib}},
		"one empty part":            {0, 1, 8 * mib, []int64{0}},
		"more parts than bytes":     {3, 4, 8 * mib, nil},
		"empty in several parts":    {0, 2, 8 * mib, nil},
		"no part":                   {3, 0, 8 * mib, nil},
		"negative":                  {-1, 1, 8 * mib, nil},
		"part count of no division": {10, 7, 8 * mib, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := checksum.GuessLayouts(tt.size, tt.parts, tt.configured)
			if len(got) < len(tt.first) || !slices.Equal(got[:len(tt.first)], tt.first) || tt.first == nil && len(got) > 0 {
				t.Errorf("got %v, want %v first", got, tt.first)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 1<<45).Draw(t, "size")
		parts := rapid.IntRange(1, 10000).Draw(t, "parts")
		got := checksum.GuessLayouts(size, parts, rapid.Int64Range(-1, 1<<33).Draw(t, "configured"))
		for i, c := range got {
			if n := checksum.Uniform(size, c).Len(); n != parts {
				t.Fatalf("%d gives %d parts", c, n)
			}
			if slices.Contains(got[:i], c) {
				t.Fatalf("%d twice in %v", c, got)
			}
		}
	})
}

func TestParseETag(t *testing.T) {
	const digest = "d41d8cd98f00b204e9800998ecf8427e"
	tests := map[string]struct {
		parts int
		ok    bool
	}{
		digest:                                   {0, true},
		"D41D8CD98F00B204E9800998ECF8427E":       {0, true},
		digest + "-1":                            {1, true},
		digest + "-10000":                        {10000, true},
		digest + "-10001":                        {0, false},
		digest + "-99999999999999999999999":      {0, false},
		digest + "-0":                            {0, false},
		digest + "-01":                           {0, false},
		digest + "-":                             {0, false},
		digest + "--1":                           {0, false},
		digest + "-+1":                           {0, false},
		digest + "-1 ":                           {0, false},
		digest + "1":                             {0, false},
		digest[1:]:                               {0, false},
		"g" + digest[1:]:                         {0, false},
		`"` + digest + `"`:                       {0, false},
		"":                                       {0, false},
		digest[:31] + "-1":                       {0, false},
		"0123456789abcdef0123456789abcdef012345": {0, false},
	}
	for etag, want := range tests {
		t.Run(etag, func(t *testing.T) {
			if parts, ok := checksum.ParseETag(etag); parts != want.parts || ok != want.ok {
				t.Errorf("got %d, %v, want %d, %v", parts, ok, want.parts, want.ok)
			}
		})
	}
}

func FuzzParseETag(f *testing.F) {
	f.Add("d41d8cd98f00b204e9800998ecf8427e-17")
	f.Fuzz(func(t *testing.T, s string) {
		parts, ok := checksum.ParseETag(s)
		if !ok {
			return
		}
		want := s[:32]
		if parts > 0 {
			want += fmt.Sprint("-", parts)
		}
		if s != want || parts > checksum.MaxParts {
			t.Errorf("%q is taken for %q", s, want)
		}
	})
}
