package report

import (
	"testing"

	"s3sync/storage"
	"s3sync/storage/mem"
)

func TestPlaceOf(t *testing.T) {
	for name, tt := range map[string]struct {
		store storage.Store
		url   string
		want  Place
	}{
		"a path":                  {nil, "d", Place{Local: true, Root: "d"}},
		"a bucket":                {nil, "s3://b/p/", Place{Bucket: "b", Root: "p/"}},
		"nothing":                 {nil, "", Place{}},
		"a store without a place": {mem.New(), "s3://b/p/", Place{}},
		"a mistake":               {nil, "ftp://b/p/", Place{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := PlaceOf(tt.store, tt.url); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
