package fields

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// settings are a struct as rules and bounds see it.
type settings struct {
	Mode  string
	On    bool
	Count int
	Inner struct {
		Size  int64  `unit:"bytes"`
		Least *int64 `unit:"bytes"`
		Wait  time.Duration
	}
}

// given reports what is in a list of paths.
func given(list ...string) func(string) bool {
	return func(path string) bool { return slices.Contains(list, path) }
}

func TestBroken(t *testing.T) {
	rules := slices.Concat(
		[]Rule{Excludes("Mode=fast", "On", "Inner.Size"), Excludes("Count", "Mode=slow"), Requires("On", "Count", "Inner.Wait")},
		AllRequire("Mode", "Inner.Size", "Inner.Wait"),
	)
	for name, tt := range map[string]struct {
		mode  string
		given []string
		want  []string
	}{
		"nothing is given":        {mode: "fast"},
		"excluded":                {mode: "fast", given: []string{"Mode", "Inner.Size"}, want: []string{"Mode=fast cannot be combined with Inner.Size"}},
		"another value":           {mode: "slow", given: []string{"Mode", "Inner.Size"}},
		"a value that is default": {mode: "fast", given: []string{"On", "Count", "Inner.Wait"}, want: []string{"Inner.Wait requires Mode"}},
		"excluded by its value":   {mode: "slow", given: []string{"Count", "Mode"}, want: []string{"Count cannot be combined with Mode=slow"}},
		"not by another value":    {mode: "fast", given: []string{"Count", "Mode"}},
		"all of what is required": {given: []string{"On"}, want: []string{"On requires Count", "On requires Inner.Wait"}},
		"several rules": {
			mode: "fast", given: []string{"Mode", "On", "Count"},
			want: []string{"Mode=fast cannot be combined with On", "On requires Inner.Wait"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for r, other := range Broken(&settings{Mode: tt.mode}, rules, given(tt.given...)) {
				got = append(got, strings.Join([]string{r.Setting, r.Verb, other}, " "))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for range Broken(&settings{}, rules, given("On")) { // it can be left
		break
	}
}

func TestBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		bound Bound
		set   func(*settings)
		given bool
		want  string
	}{
		"the least":            {bound: Bound{Field: "Count", Min: 2, Max: 5}, set: func(s *settings) { s.Count = 2 }},
		"the most":             {bound: Bound{Field: "Count", Min: 2, Max: 5}, set: func(s *settings) { s.Count = 5 }},
		"too little":           {bound: Bound{Field: "Count", Min: 2, Max: 5}, set: func(s *settings) { s.Count = 1 }, want: "must be between 2 and 5, not 1"},
		"too much":             {bound: Bound{Field: "Count", Min: 2, Max: 5}, set: func(s *settings) { s.Count = 6 }, want: "must be between 2 and 5, not 6"},
		"no most":              {bound: Bound{Field: "Count", Min: 2}, set: func(s *settings) { s.Count = 1 << 40 }},
		"too little, no most":  {bound: Bound{Field: "Count", Min: 2}, want: "must be at least 2, not 0"},
		"negative":             {bound: Bound{Field: "Count"}, set: func(s *settings) { s.Count = -1 }, want: "must be at least 0, not -1"},
		"no limit":             {bound: Bound{Field: "Count", Min: 2, Zero: true}},
		"no limit, but given":  {bound: Bound{Field: "Count", Min: 2, Zero: true}, given: true, want: "must be at least 2, not 0"},
		"zero is one of them":  {bound: Bound{Field: "Count", Max: 5, Zero: true}, given: true},
		"size":                 {bound: Bound{Field: "Inner.Size", Min: 5 << 20, Max: 5 << 30}, set: func(s *settings) { s.Inner.Size = 3 << 20 }, want: "must be between 5MiB and 5GiB, not 3MiB"},
		"duration":             {bound: Bound{Field: "Inner.Wait"}, set: func(s *settings) { s.Inner.Wait = -time.Minute }, want: "must be at least 0s, not -1m0s"},
		"absent":               {bound: Bound{Field: "Inner.Least", Min: 1}},
		"present":              {bound: Bound{Field: "Inner.Least", Min: 1}, set: func(s *settings) { s.Inner.Least = new(int64(1)) }},
		"present, too little":  {bound: Bound{Field: "Inner.Least"}, set: func(s *settings) { s.Inner.Least = new(int64(-1024)) }, want: "must be at least 0B, not -1KiB"},
		"present, zero, given": {bound: Bound{Field: "Inner.Least", Min: 1, Zero: true}, set: func(s *settings) { s.Inner.Least = new(int64) }, given: true, want: "must be at least 1B, not 0B"},
	} {
		t.Run(name, func(t *testing.T) {
			var s settings
			if tt.set != nil {
				tt.set(&s)
			}
			if got := tt.bound.Fault(&s, func(string) bool { return tt.given }); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
