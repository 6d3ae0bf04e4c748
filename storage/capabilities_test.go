package storage_test

import (
	"context"
	"errors"
	"testing"

	"s3sync/storage"
	"s3sync/storage/mem"
)

// A plain decorator adds nothing.
type plain struct{ storage.Store }

func (p plain) Unwrap() storage.Store { return p.Store }

// A tagging decorator answers questions for tags by itself.
type tagging struct{ plain }

func (tagging) Tags(context.Context, string, string) (map[string]string, error) {
	return map[string]string{"by": "decorator"}, nil
}

func (tagging) SetTags(context.Context, string, map[string]string) error {
	return errors.ErrUnsupported
}

// A closed decorator does not tell what it holds.
type closed struct{ storage.Store }

func TestAs(t *testing.T) {
	inside := mem.New()
	if _, err := inside.Put(t.Context(), "k", storage.Block{}, storage.WriteOptions{Tags: map[string]string{"by": "store"}}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		store storage.Store
		want  string // who answers
	}{
		"the store itself":             {inside, "store"},
		"decorated":                    {plain{inside}, "store"},
		"decorated twice":              {plain{plain{inside}}, "store"},
		"the outer one wins":           {plain{tagging{plain{inside}}}, "decorator"},
		"of two outer ones":            {tagging{plain{tagging{plain{inside}}}}, "decorator"},
		"what is not told is not seen": {closed{inside}, ""},
		"nor behind a decorator":       {plain{closed{inside}}, ""},
		"nothing":                      {nil, ""},
		"nothing, decorated":           {plain{nil}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tagger, ok := storage.As[storage.Tagger](tt.store)
			if ok != (tt.want != "") {
				t.Fatalf("As = %v, %t", tagger, ok)
			}
			if !ok {
				return
			}
			if tags, err := tagger.Tags(t.Context(), "k", ""); err != nil || tags["by"] != tt.want {
				t.Errorf("tags %v, %v, want those of the %s", tags, err, tt.want)
			}
		})
	}
	if got, ok := storage.As[*mem.Store](plain{inside}); !ok || got != inside {
		t.Errorf("As of the type of a store = %p, %t, want %p", got, ok, inside)
	}
}

func TestInfoChecksum(t *testing.T) {
	info := storage.Info{Checksums: []storage.Checksum{{Algorithm: storage.SHA1, Value: "x"}, {Algorithm: storage.CRC32, Value: "y"}}}
	for a, want := range map[storage.ChecksumAlgorithm]string{storage.SHA1: "x", storage.CRC32: "y", storage.MD5: "", "": ""} {
		if sum, ok := info.Checksum(a); sum.Value != want || ok != (want != "") {
			t.Errorf("%q: %+v, %t", a, sum, ok)
		}
	}
}
