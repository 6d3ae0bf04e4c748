// Package trash keeps what a sync replaces and deletes, and a journal of it, so that the
// run can be undone from any machine. A trash is a store: a prefix of a bucket, or a
// directory. Each run has a folder of its own there, whose name is the id of the run:
//
//	RUN/objects/KEY          an object as it was before the run replaced or deleted it
//	RUN/journal/00000001.jsonl, …   the journal, in segments (a bucket cannot append)
//	RUN/journal.jsonl        the journal, as one file (in a directory)
//	RUN/undone.json          the run was undone
//
// This package knows the names and the journal. It neither moves nor compares objects.
package trash

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"runtime/debug"
	"strings"
	"time"

	"s3sync/storage"
)

// An id is the time of a run in UTC, and six random characters. So ids sort by time.
const (
	idTime   = "20060102T150405Z"
	idRandom = 6
	idLength = len(idTime) + 1 + idRandom
	letters  = "abcdefghijklmnopqrstuvwxyz234567"
)

// NewID returns the id of a run that begins now.
func NewID(now time.Time) string {
	return now.UTC().Format(idTime) + "-" + strings.ToLower(rand.Text()[:idRandom])
}

// IDTime returns the time in an id. ok is false if the text is no id.
func IDTime(id string) (t time.Time, ok bool) {
	if len(id) != idLength || id[len(idTime)] != '-' || strings.Trim(id[len(idTime)+1:], letters) != "" {
		return time.Time{}, false
	}
	t, err := time.Parse(idTime, id[:len(idTime)])
	return t, err == nil
}

// NewHeader returns the header of a run that begins now.
func NewHeader(target storage.Store) Header {
	now := time.Now().UTC()
	h := Header{ID: NewID(now), Began: now, Program: "s3sync"}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		h.Program += " " + info.Main.Version
	}
	if l, ok := storage.As[storage.Locator](target); ok {
		at := l.Location()
		if h.Target = at.Directory; h.Target == "" {
			h.Target = "s3://" + at.Container + "/" + at.Prefix
		}
	}
	return h
}

// Folder returns the URL or path of a trash, whose prefix in a bucket ends in a slash.
func Folder(url string) string {
	rest, ok := strings.CutPrefix(url, "s3://")
	if _, prefix, found := strings.Cut(rest, "/"); ok && found && prefix != "" && !strings.HasSuffix(prefix, "/") {
		return url + "/"
	}
	return url
}

// maxKey bounds the keys of the trash, which S3 allows 1,024 bytes together with the prefix
// of the trash. A longer key is replaced by its digest.
const maxKey = 700

// ObjectKey returns the place in the folder of a run for the object of a key.
func ObjectKey(key string) string {
	if len(key) <= maxKey {
		return "objects/" + key
	}
	sum := sha256.Sum256([]byte(key))
	return "long/" + hex.EncodeToString(sum[:])
}

// Within reports whether a key of a target lies in the trash. inside is the place of the
// trash in the target; it ends in a slash, and is empty if the trash is elsewhere.
func Within(key, inside string) bool {
	return inside != "" && strings.HasPrefix(key, inside)
}

// below returns the range of the keys that begin with a prefix that ends in a slash.
func below(prefix string) storage.Range {
	return storage.Range{From: prefix, To: strings.TrimSuffix(prefix, "/") + "0"} // '0' follows '/'
}

// IDs yields the ids of the runs in a trash, from the oldest to the newest. Each takes one
// request of a listing, however much the run holds. It returns a single-use iterator.
func IDs(ctx context.Context, store storage.Store) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		from := ""
		for {
			key, err := firstKey(ctx, store, storage.Range{From: from})
			if err != nil || key == "" {
				if err != nil {
					yield("", fmt.Errorf("trash: %w", err))
				}
				return
			}
			folder, _, found := strings.Cut(key, "/")
			if from = key + "\x00"; found {
				from = folder + "0"
			}
			if _, ok := IDTime(folder); found && ok && !yield(folder, nil) {
				return
			}
		}
	}
}

// firstKey returns the first key of a range; empty if there is none.
func firstKey(ctx context.Context, store storage.Store, r storage.Range) (string, error) {
	for o, err := range store.List(ctx, storage.ListOptions{Range: r}) {
		if err != nil || o.Key != "" {
			return o.Key, err
		}
	}
	return "", ctx.Err()
}
