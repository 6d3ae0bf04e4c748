// Package objects describes and reads single objects of a bucket. If the server lacks
// something that a request asks for, the request is repeated without it. Answers are
// compared with what was opened or listed. All keys are relative to a prefix.
package objects

import (
	"context"
	"fmt"
	"io/fs"
	"unicode/utf8"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/server"
	"s3sync/storage/bucket/internal/wire"
)

// Access is how the objects of a store are reached.
type Access struct {
	Wire      *wire.Client
	Server    *server.Server // what is known of it
	Bucket    string         // for messages
	Directory bool           // it is a directory bucket
	Prefix    string         // what all keys begin with
	// Single, if set, is the name of the only object. The key of that object is Prefix.
	Single string
}

// Full is the key in the bucket.
func (a *Access) Full(key string) string {
	if a.Single != "" {
		return a.Prefix // see CheckSingle
	}
	return a.Prefix + key
}

// CheckKey refuses keys that S3 cannot hold before they are sent, because the
// answers of servers differ.
func (a *Access) CheckKey(key string) error {
	if err := a.CheckSingle(key); err != nil {
		return err
	}
	full := a.Full(key)
	var why string
	switch {
	case full == "":
		why = "it is empty"
	case len(full) > request.MaxKey:
		why = fmt.Sprintf("with the prefix it has %d bytes, and S3 allows %d", len(full), request.MaxKey)
	case !utf8.ValidString(full):
		why = "it is not valid UTF-8"
	default:
		return nil
	}
	return &failure.Error{Kind: storage.ErrUnstorable, Text: "key cannot be stored in S3: " + why}
}

// CheckSingle fails if a key is not that of the only object.
func (a *Access) CheckSingle(key string) error {
	if a.Single != "" && key != a.Single {
		return Missing()
	}
	return nil
}

// Fail makes the error of a method.
func (a *Access) Fail(ctx context.Context, op, key string, err error) error {
	return a.Wire.Fail(ctx, op, key, err)
}

// Missing is the failure of an object that is not there.
func Missing() error { return &failure.Error{Kind: fs.ErrNotExist, Text: "there is no such object"} }
