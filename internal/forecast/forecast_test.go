package forecast

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/plan"
	"s3sync/storage"
)

func transfer(key string, size int64) *plan.Action {
	return &plan.Action{Kind: plan.Transfer, Reason: plan.ReasonNew, Pair: plan.Pair{Source: storage.Object{Key: key, Size: size}}}
}

func overwrite(key string, size, old int64) *plan.Action {
	a := transfer(key, size)
	a.Exists, a.Target.Size, a.Reason = true, old, plan.ReasonSize
	return a
}

func deletion(key string, size int64) *plan.Action {
	return &plan.Action{Kind: plan.Delete, Pair: plan.Pair{Source: storage.Object{Key: key}, Target: storage.Object{Key: key, Size: size}, Exists: true}}
}

func TestChanges(t *testing.T) {
	s := New(Options{})
	for i, size := range []int64{5, 1, 9, 9, 7, 2} {
		s.Add(plan.ChangeUpload, transfer(fmt.Sprint("k", i), size))
	}
	s.Add(plan.ChangeDelete, deletion("old", 4))
	want := []Change{
		{
			Change: plan.ChangeUpload, Objects: 6, Bytes: 33, Reasons: map[plan.Reason]int64{plan.ReasonNew: 6},
			First: []Object{{"k0", 5}, {"k1", 1}, {"k2", 9}}, Largest: []Object{{"k2", 9}, {"k3", 9}, {"k4", 7}},
		},
		{
			Change: plan.ChangeDelete, Objects: 1, Bytes: 4, Reasons: map[plan.Reason]int64{"": 1},
			First: []Object{{"old", 4}}, Largest: []Object{{"old", 4}},
		},
	}
	if diff := cmp.Diff(want, s.Changes()); diff != "" {
		t.Errorf("(-want +got): %s", diff)
	}
}

func TestDirectories(t *testing.T) {
	for name, tt := range map[string]struct {
		keys []string
		most int
		want []Directory
	}{
		"several": {[]string{"a/1", "a/b/2", "c", "d/e/f/3"}, 9, []Directory{{Written: 1, Bytes: 1}, {Prefix: "a/", Written: 2, Bytes: 2}, {Prefix: "d/", Written: 1, Bytes: 1}}},
		"one":     {[]string{"a/1", "a/b/2", "a/b/c/3"}, 9, []Directory{{Prefix: "a/", Written: 1, Bytes: 1}, {Prefix: "a/b/", Written: 2, Bytes: 2}}},
		"many":    {[]string{"a/1", "b/1", "b/2", "c/1"}, 2, []Directory{{Prefix: "a/", Written: 1, Bytes: 1}, {Prefix: "b/", Written: 2, Bytes: 2}, {Rest: true, Written: 1, Bytes: 1}}},
		"slashes": {[]string{"/x", "//y"}, 9, []Directory{{Prefix: "/", Written: 1, Bytes: 1}, {Prefix: "//", Written: 1, Bytes: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(Options{})
			for _, key := range tt.keys {
				s.Add(plan.ChangeUpload, transfer(key, 1))
			}
			if diff := cmp.Diff(tt.want, s.Directories(tt.most)); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
		})
	}
}

// Memory does not depend on the number of directories, and no object is left out.
func TestManyDirectories(t *testing.T) {
	s := New(Options{})
	for i := range 5 * mostDirectories {
		s.Add(plan.ChangeDelete, deletion(fmt.Sprintf("%d/x", i), 1))
	}
	if len(s.directories) != mostDirectories {
		t.Errorf("%d directories are kept", len(s.directories))
	}
	var n int64
	for _, d := range s.Directories(10) {
		n += d.Objects()
	}
	if n != 5*mostDirectories {
		t.Errorf("%d objects are counted", n)
	}
}

func TestCost(t *testing.T) {
	prices := Prices{Writes: 1000, Reads: 1, Deletions: 10, TransferOut: 1 << 30, Storage: 1 << 30}
	actions := []*plan.Action{
		transfer("small", 5), overwrite("parts", 25, 10), deletion("old", 7), deletion("older", 7),
		{Kind: plan.Tag, Pair: plan.Pair{Exists: true}},
	}
	for name, tt := range map[string]struct {
		o    Options
		want Cost
	}{
		"up": {
			Options{TargetBucket: true, Threshold: 10, ChunkSize: 10},
			Cost{
				Requests: []Requests{
					{"target", Reads, 6, 0.006}, {"target", Writes, 7, 7}, {"target", Deletions, 1, 0.01},
				},
				RequestDollars: 7.016, Stored: 6, StoredDollars: 6,
			},
		},
		"down": {
			Options{SourceBucket: true, Threshold: 10, ChunkSize: 10},
			Cost{Requests: []Requests{{"source", Reads, 7, 0.007}}, RequestDollars: 0.007, Read: 30, ReadDollars: 30},
		},
		"copy": {
			Options{SourceBucket: true, TargetBucket: true, Copy: true, Threshold: 10, ChunkSize: 10},
			Cost{
				Requests: []Requests{
					{"source", Reads, 5, 0.005}, {"target", Reads, 8, 0.008}, {"target", Writes, 3, 3}, {"target", Deletions, 1, 0.01},
				},
				RequestDollars: 3.023, Stored: 6, StoredDollars: 6,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Prices = prices
			s := New(tt.o)
			for _, a := range actions {
				s.Add("", a)
			}
			near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })
			if diff := cmp.Diff(tt.want, s.Cost(), near); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
		})
	}
}

func TestReadPrices(t *testing.T) {
	for text, want := range map[string]string{
		`{"name": "n", "writes_per_1000": 0.1}`: "",
		``:                                      "no price list",
		`[]`:                                    "no price list",
		`{"name": "n", "put": 1}`:               "unknown field",
		`{"writes_per_1000": 1}`:                `has no "name"`,
		`{"name": "n", "reads_per_1000": -1}`:   "negative price",
		`{"name": "n"} {}`:                      "something follows",
	} {
		p, err := ReadPrices(strings.NewReader(text))
		switch {
		case want == "" && (err != nil || p.Writes != 0.1 || p.Name != "n"):
			t.Errorf("%s: %+v, %v", text, p, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
}
