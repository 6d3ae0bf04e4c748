package s3sync_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/settingtest"
	"s3sync/storage"
)

// The tests here run whole syncs between stores in memory, with injected failures.
// Package integration tests real servers.

var errInjected = errors.New("injected")

// config returns a run between two stores, without pauses between attempts.
func config(source, target storage.Store) *s3sync.Config {
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = source, target
	cfg.Retry.ForceInterval = 0
	return cfg
}

// put fills a store.
func put(t *testing.T, s storage.Store, objects map[string]string) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		data := []byte(objects[key])
		if _, err := s.Put(t.Context(), key, storage.Block{Data: data}, storage.WriteOptions{Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns the contents of all objects in a store.
func contents(t *testing.T, s storage.Store) map[string]string {
	t.Helper()
	got := map[string]string{}
	for o, err := range s.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(t.Context(), o.Key, storage.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, r.Info().Size)
		if err := r.ReadAt(t.Context(), p, 0); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		got[o.Key] = string(p)
	}
	return got
}

func equal(t *testing.T, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
}

// run syncs and fails the test on an error.
func run(t *testing.T, cfg *s3sync.Config) *s3sync.Report {
	t.Helper()
	report, err := try(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// try syncs, and the test looks at the error. What the run tells must name settings so
// that the command can put options in place of them.
func try(t *testing.T, cfg *s3sync.Config) (*s3sync.Report, error) {
	t.Helper()
	end := settingtest.Watch(t, cfg)
	report, err := s3sync.Sync(t.Context(), cfg)
	end(report, err)
	return report, err
}

// runSmall is run with part sizes and memory divided by 1,024, which no valid Config
// may have, so that a test of parts takes milliseconds.
func runSmall(t *testing.T, cfg *s3sync.Config) *s3sync.Report {
	t.Helper()
	report, err := syncSmall(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func syncSmall(t *testing.T, cfg *s3sync.Config) (*s3sync.Report, error) {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	small := *cfg
	small.Transfer.Threshold >>= 10
	small.Transfer.ChunkSize >>= 10
	small.Transfer.MaxMemory >>= 10
	end := settingtest.Watch(t, &small)
	report, err := s3sync.SyncUnchecked(t.Context(), &small, "")
	end(report, err)
	return report, err
}

// randomTrees returns two random sets of objects that have some keys in common.
func randomTrees(r *rand.Rand) (source, target map[string]string) {
	source, target = map[string]string{}, map[string]string{}
	for range r.IntN(60) {
		key := randomKey(r)
		switch r.IntN(4) {
		case 0:
			target[key] = "old " + key
		case 1:
			source[key], target[key] = "new "+key, "old "+key
		default:
			source[key] = strings.Repeat("x", r.IntN(50)) + key
		}
	}
	return source, target
}

func randomKey(r *rand.Rand) string {
	const alphabet = "ab/.- éz0"
	runes := []rune(alphabet)
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteRune(runes[r.IntN(len(runes))])
	}
	return b.String()
}

// eachSeed tests a property with many seeds. A failure names the seed.
func eachSeed(t *testing.T, n uint64, property func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range n {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			property(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}
