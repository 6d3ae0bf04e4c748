package main

import (
	"s3sync/internal/bench/internal/madeup"
	"s3sync/internal/bench/internal/server"
)

// deletions compare a million and ten million objects in two buckets and delete what only
// the target has.
func deletions(z sizes) (all []scenario) {
	for i, suffix := range []string{"", "-large"} {
		l := madeup.Layout{Objects: []int{5, 50}[i] * z.pairs, Folder: 1000, Size: 100}
		title := thousands(int64(l.Objects)) + " objects in the target, 1,000 in each prefix, "
		all = append(all,
			scenario{name: "mirror" + suffix, title: title + "all in the source, with deletion", work: mirror, layout: l, rounds: 1},
			scenario{name: "mirror-half" + suffix, title: title + "of which the source has half, with deletion", work: mirror, layout: l, every: 2, rounds: 1})
	}
	return all
}

// prunes are the deletions of syq's S3 benchmark. Exactly the keys of the source must be
// left.
func prunes() (all []scenario) {
	l := madeup.Layout{Objects: 100_000, Folder: 1000, Size: 1 << 10}
	title := "100,000 × 1 KiB in the target, "
	for _, p := range []struct {
		name, title string
		every       int
	}{
		{"delete", "of which the source has 100", 1000},
		{"noop", "all in the source, with deletion", 1},
		{"mixed", "of which the source has half", 2},
	} {
		for _, d := range delays() {
			all = append(all, scenario{
				name: "prune-" + p.name + "@" + millis(d), title: title + p.title + ", " + millis(d) + " per request, defaults",
				work: prune, layout: l, every: p.every, traffic: server.Traffic{Delay: d}, rounds: 1, usual: d == 0,
			})
		}
	}
	return all
}
