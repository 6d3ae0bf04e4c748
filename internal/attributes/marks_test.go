package attributes_test

import (
	"maps"
	"testing"

	"s3sync/internal/attributes"
)

func TestMarks(t *testing.T) {
	for name, want := range map[string]bool{
		"s3sync_origin_version_id": true, "s3sync-origin-last-modified": true, "s3sync_origin-other": true,
		"s3sync_origin": false, "s3sync": false, "": false, "x-s3sync_origin_version_id": false,
	} {
		if got := attributes.IsMark(name); got != want {
			t.Errorf("%q is a mark: %t", name, got)
		}
	}
	metadata := map[string]string{"s3sync-origin-version-id": "old", "s3sync-origin-last-modified": "then"}
	if got := attributes.Mark(metadata, attributes.OriginVersionID); got != "old" {
		t.Errorf("got %q", got)
	}
	attributes.SetMark(metadata, attributes.OriginVersionID, "new")
	want := map[string]string{"s3sync_origin_version_id": "new", "s3sync-origin-last-modified": "then"}
	if !maps.Equal(metadata, want) || attributes.Mark(metadata, attributes.OriginVersionID) != "new" {
		t.Errorf("got %v", metadata)
	}
	if got := attributes.Mark(nil, attributes.OriginVersionID); got != "" {
		t.Errorf("got %q of nothing", got)
	}
}

func TestSameMetadata(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target map[string]string
		want           bool
	}{
		"the same":            {map[string]string{"a_b": "1", "c-d": "2"}, map[string]string{"a_b": "1", "c-d": "2"}, true},
		"none":                {nil, map[string]string{}, true},
		"hyphens":             {map[string]string{"a_b": "1", "c-d": "2"}, map[string]string{"a-b": "1", "c-d": "2"}, true},
		"hyphens at the left": {map[string]string{"a-b": "1"}, map[string]string{"a_b": "1"}, true},
		"another value":       {map[string]string{"a_b": "1"}, map[string]string{"a-b": "2"}, false},
		"another name":        {map[string]string{"a_b": "1"}, map[string]string{"ab": "1"}, false},
		"two names in one":    {map[string]string{"a_b": "1", "a-b": "1"}, map[string]string{"a-b": "1"}, false},
		"two names, swapped":  {map[string]string{"a_b": "1", "a-b": "2"}, map[string]string{"a_b": "2", "a-b": "1"}, false},
	} {
		if got := attributes.SameMetadata(tt.source, tt.target); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
