package leftovers

import (
	"fmt"
	"slices"
	"strings"

	"s3sync/internal/resume"
	"s3sync/internal/state"
	"s3sync/storage/bucket"
)

// known are the uploads that the state of this machine knows.
type known struct {
	uploads map[string]bool // by id
	keys    map[string]bool // of the bucket; their ids are not known
	ends    []string        // of keys of a place that is not known, such as a trash
	used    []string        // where a run writes now: what keys of the bucket begin with
}

func (k *known) has(u *Upload) bool {
	if k.uploads[u.ID] || k.keys[u.Key] {
		return true
	}
	for _, prefix := range k.used {
		if strings.HasPrefix(u.Key, prefix) {
			return true
		}
	}
	return slices.ContainsFunc(k.ends, func(end string) bool { return strings.HasSuffix(u.Key, end) })
}

// knownUploads reads what the state in a directory knows of a bucket: url is s3://bucket/.
// What a run uses now cannot be read, so each key that it may write counts as known.
func knownUploads(dir, url string) (*known, error) {
	k := &known{uploads: map[string]bool{}, keys: map[string]bool{}}
	prefixOf := func(place string) (string, bool) {
		at := strings.LastIndex(place, " at ")
		if at < 0 {
			return "", place == "" // perhaps
		}
		return strings.CutPrefix(place[:at], url)
	}
	if dir == "" {
		return k, nil
	}
	surveys, err := state.Surveys(dir, func(s *state.Survey, name string, record []byte) {
		o, besides, ok := resume.ObjectOf(name, record)
		prefix, here := prefixOf(s.Pair.Target)
		switch {
		case !ok:
		case o.Token == "" && besides:
			k.ends = append(k.ends, o.Key)
		case o.Token == "" && here:
			k.keys[prefix+o.Key] = true
		default:
			k.uploads[bucket.UploadID(o.Token)] = true
		}
	})
	for i := range surveys {
		s := &surveys[i]
		for _, place := range append(s.Besides, s.Pair.Target) {
			if prefix, here := prefixOf(place); here && (s.InUse || s.Damage != "") {
				k.used = append(k.used, prefix)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the state of this machine cannot be read: %w", err)
	}
	return k, nil
}
