// Package failure holds the errors of a bucket in the words of this program: what a
// server, the network or the SDK said, in one line and without secrets. Callers
// decide by their kind, code and status.
package failure

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// An Error is a failure of the server, the network or the SDK in the words of
// this program: one line, with nothing secret in it. It does not unwrap to what
// the SDK returned, so that nobody else can come to depend on that.
type Error struct {
	Kind    error  // one of the sentinels of package storage, or nil
	Code    string // of S3; empty if the server did not answer
	Status  int    // of HTTP; 0 likewise
	Text    string
	Foreign bool // the answer was none of an S3 server
	NoETag  bool // for it had no ETag
	// Unanswered: the server did not answer. Repeatable is set of such a failure if the same
	// request may be made once more, although no further attempt was made.
	Unanswered, Repeatable bool
	// Names are the settings that Text names.
	Names []string
}

// Naming is a failure whose text names settings.
func Naming(kind error, text setting.Text) *Error {
	return &Error{Kind: kind, Text: text.String(), Names: text.Settings()}
}

// Settings returns the settings that the text names: see package setting.
func (f *Error) Settings() []string { return f.Names }

func (f *Error) Error() string { return f.Text }

func (f *Error) Unwrap() error { return f.Kind }

// maxText bounds what a server can make this program print, in bytes.
const maxText = 500

// OneLine makes one short line of a text.
func OneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// IsRange reports whether err says that an object has no such bytes.
func IsRange(err error) bool {
	f, ok := errors.AsType[*Error](err)
	return ok && f.Status == http.StatusRequestedRangeNotSatisfiable
}

// HasCode reports whether err is a failure with that S3 code.
func HasCode(err error, code string) bool {
	f, ok := errors.AsType[*Error](err)
	return ok && f.Code == code
}

// IsUnsupported reports whether err says that the server does not know a call.
func IsUnsupported(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// IsUnknownHeader reports whether err says that the server does not know a header.
// 405 is about calls only.
func IsUnknownHeader(err error) bool {
	f, ok := errors.AsType[*Error](err)
	return ok && IsUnsupported(f) && f.Status != http.StatusMethodNotAllowed
}

// MayBeUnknown reports whether the server may not know a header or a call of the request:
// it refused the request, and the failure has no kind. Callers then try another request.
func MayBeUnknown(err error) bool {
	f, ok := errors.AsType[*Error](err)
	return ok && (IsUnsupported(f) || f.Kind == nil && f.Status >= 400 && f.Status < 500)
}

// IsUnknownClass reports whether err says that the server does not know a storage
// class. Not every server has a code for that.
func IsUnknownClass(err error) bool {
	return IsUnknownHeader(err) || HasCode(err, "InvalidStorageClass") || HasCode(err, "InvalidArgument")
}

// Reason is what the server answered, in a few words that are the same for all
// objects.
func Reason(err error) string {
	f, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return "an answer that makes no sense"
	case f.Code != "" && f.Code != "UnknownError":
		return OneLine(f.Code)
	case f.Status != 0:
		return fmt.Sprintf("status %d", f.Status)
	}
	return f.Text
}

// Garbled is the failure of an answer that cannot be used.
func Garbled(format string, args ...any) error {
	return &Error{Kind: storage.ErrTransient, Text: "the server's answer cannot be used: " + fmt.Sprintf(format, args...)}
}

// Changed is the failure of an object that is not the one that was opened.
func Changed(format string, args ...any) error {
	return &Error{Kind: storage.ErrChanged, Text: storage.ErrChanged.Error() + ": " + fmt.Sprintf(format, args...)}
}

// Unusable is the failure of a store that cannot be used.
func Unusable(format string, args ...any) error {
	return &Error{Kind: storage.ErrUnusable, Text: fmt.Sprintf(format, args...)}
}

// IsForeign reports whether a request failed because its answer did not come from an S3
// server. Whether the server carried out the request is not known then.
func IsForeign(err error) bool {
	f, ok := errors.AsType[*Error](err)
	return ok && f.Foreign
}
