package report

import (
	"testing"

	"s3sync/internal/location"
	"s3sync/storage"
	"s3sync/storage/mem"
)

func TestPlaceOf(t *testing.T) {
	local, bucket := location.Location{Path: "d"}, location.Location{Bucket: "b", Prefix: "p/"}
	for name, tt := range map[string]struct {
		store storage.Store
		l     location.Location
		want  Place
	}{
		"a path":                  {nil, local, Place{Local: true, Root: "d"}},
		"a bucket":                {nil, bucket, Place{Root: "p/"}},
		"nothing":                 {nil, location.Location{}, Place{}},
		"a store without a place": {mem.New(), bucket, Place{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := PlaceOf(tt.store, tt.l); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
