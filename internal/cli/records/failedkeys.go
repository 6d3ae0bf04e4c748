package records

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"unicode/utf8"

	"s3sync/internal/cli/logformat"
	"s3sync/internal/report"
	"s3sync/internal/side"
	"s3sync/storage"
)

// failedKeys writes a line of JSON for each object that failed. Its methods are called from
// one goroutine at a time.
type failedKeys struct {
	file *os.File
	line []byte
	err  error // the first one; nothing is written after it
}

// openFailedKeys empties the file, or makes it.
func openFailedKeys(name string) (*failedKeys, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666) //nolint:gosec // the user names it, and the umask is the user's
	if err != nil {
		return nil, err
	}
	return &failedKeys{file: f}, nil
}

// event writes the line of an object, if the event tells of one that failed.
func (f *failedKeys) event(ev *report.Event) {
	if ev.Type != report.EventFailed || ev.Key == "" || f.err != nil {
		return
	}
	f.line = appendFailed(f.line[:0], ev.Key, ev.Err)
	_, f.err = f.file.Write(f.line)
}

// close returns the first failure.
func (f *failedKeys) close() error { return errors.Join(f.err, f.file.Close()) }

// appendFailed appends the line of an object. JSON holds only text, so a key that is none
// is also given as base64.
func appendFailed(buf []byte, key string, err error) []byte {
	field := func(name, text string) {
		buf = append(append(append(buf, '"'), name...), `":`...)
		buf = logformat.AppendJSON(buf, text)
	}
	if err == nil {
		err = errors.New("unknown")
	}
	buf = append(buf, '{')
	field("key", key)
	if !utf8.ValidString(key) {
		buf = append(buf, ',')
		field("key_base64", base64.StdEncoding.EncodeToString([]byte(key)))
	}
	if s := side.Of(err); s != "" {
		buf = append(buf, ',')
		field("side", s)
	}
	buf = append(buf, ',')
	field("error", kindOf(err))
	buf = append(buf, ',')
	field("message", err.Error())
	return append(buf, "}\n"...)
}

// kindOf returns the kind of an error in one word, for programs.
func kindOf(err error) string {
	for _, kind := range []struct {
		is   error
		name string
	}{
		{storage.ErrCredentials, "credentials"},
		{storage.ErrNoBucket, "no-bucket"},
		{storage.ErrFull, "full"},
		{storage.ErrUnusable, "unusable"},
		{fs.ErrNotExist, "not-found"},
		{fs.ErrPermission, "permission"},
		{storage.ErrPrecondition, "precondition"},
		{storage.ErrArchived, "archived"},
		{storage.ErrThrottled, "throttled"},
		{storage.ErrChanged, "changed"},
		{storage.ErrMismatch, "mismatch"},
		{storage.ErrUnstorable, "unstorable"},
		{storage.ErrTransient, "temporary"},
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "interrupted"},
	} {
		if errors.Is(err, kind.is) {
			return kind.name
		}
	}
	return "other"
}
