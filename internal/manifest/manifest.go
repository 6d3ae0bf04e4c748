// Package manifest is the form of the record that proves a run: what it is, how it is
// written, read and checked, and how one line of it is proved alone. It knows no run and
// no store. docs/manifest.md describes the form for people.
//
// A manifest is text. Each line is one JSON object in one fixed form: the order of the
// fields is that of the structs here, and there is no space between them. The first line
// is a [Header], the last one a [Summary], and all between them are entries in ascending
// byte order of their keys.
//
// Three things protect it. Each line has its number and a short check, so that damage is
// found where it is. The last line has the SHA-256 of all bytes before it, so that
// anybody can compute it. The root of a Merkle tree over the lines proves one line
// without the others. None of them proves who wrote it: that takes a signature.
package manifest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// Format is the Format of a Header.
	Format = "s3sync-manifest"
	// Version is the version of the form that this package writes and reads.
	Version = 1
)

// maxLine bounds a line in bytes. A part of a multipart upload takes at most 14 bytes, and
// there are at most 10,000.
const maxLine = 1 << 20

// A Header is the first line.
type Header struct {
	N       int64  `json:"n"` // 1, the number of the line
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Program is the program that made the run, with its version.
	Program string `json:"program"`
	// Source and Target are the sides of the run as its user named them.
	Source string `json:"source"`
	Target string `json:"target"`
	// Started is when the run began.
	Started time.Time `json:"started"`
	// Options are the options of the run, without secrets.
	Options []string `json:"options"`
	// Check is the check of the line. It is always the last field.
	Check string `json:"check"`
}

// Done is what a run did with an object.
type Done string

// What is done.
const (
	// Written: the object was transferred and published.
	Written Done = "written"
	// Unchanged: the run compared both sides and left the object as it is.
	Unchanged Done = "unchanged"
	// Tagged: as Unchanged, but the object got the tags of its source.
	Tagged Done = "tagged"
	// Deleted: the target object was deleted, or has a delete marker now.
	Deleted Done = "deleted"
	// PerhapsDeleted: the run ended before the target answered.
	PerhapsDeleted Done = "perhaps deleted"
	// Skipped: the run did not transfer the object. Reason or Error says why.
	Skipped Done = "skipped"
	// Failed: the run tried and failed. Error says why.
	Failed Done = "failed"
)

// Held reports whether the target holds the object after the run.
func (d Done) Held() bool { return d == Written || d == Unchanged || d == Tagged }

// An Entry is the line of one object, or of one version of it.
type Entry struct {
	N int64 `json:"n"`
	// Key is relative to both sides. KeyBase64 is the key if it is no text; Key only
	// shows it then.
	Key       string `json:"key"`
	KeyBase64 string `json:"key_base64,omitempty"`
	Done      Done   `json:"done"`
	Reason    string `json:"reason,omitempty"`
	// Size is that of the object in bytes: of the source, or of a deleted target object.
	Size int64 `json:"size"`
	// SHA256 is the SHA-256 of the content in hexadecimal digits; empty if the run did
	// not learn it.
	SHA256 string  `json:"sha256,omitempty"`
	Source *Object `json:"source,omitempty"`
	Target *Object `json:"target,omitempty"`
	// PartSize is the size in bytes of the parts in which the target was written, of which
	// the last one may be smaller. PartSizes are their sizes if they are not uniform. Both
	// are empty for an object in one piece.
	PartSize  int64   `json:"part_size,omitempty"`
	PartSizes []int64 `json:"part_sizes,omitempty"`
	// Verified says what verified the bytes: "etag", "checksum", or both. Unverified says
	// why nothing did.
	Verified   []string `json:"verified,omitempty"`
	Unverified string   `json:"unverified,omitempty"`
	Error      string   `json:"error,omitempty"`
	Check      string   `json:"check"`
}

// An Object is one side of an Entry.
type Object struct {
	// Key is the key in the target if it differs from that of the Entry. KeyBase64 is as
	// in Entry.
	Key       string    `json:"key,omitempty"`
	KeyBase64 string    `json:"key_base64,omitempty"`
	Modified  time.Time `json:"modified,omitzero"`
	ETag      string    `json:"etag,omitempty"`
	VersionID string    `json:"version_id,omitempty"`
	// Checksum is an additional checksum as S3 writes it, after its algorithm and a colon.
	Checksum string `json:"checksum,omitempty"`
}

// SetKey sets the key.
func (e *Entry) SetKey(key string) { e.Key, e.KeyBase64 = split(key) }

// TheKey returns the key.
func (e *Entry) TheKey() string { return joined(e.Key, e.KeyBase64) }

// TargetKey returns the key of the object in the target.
func (e *Entry) TargetKey() string {
	if e.Target == nil || e.Target.Key == "" {
		return e.TheKey()
	}
	return joined(e.Target.Key, e.Target.KeyBase64)
}

// SetKey sets the key of the target.
func (o *Object) SetKey(key string) { o.Key, o.KeyBase64 = split(key) }

// split returns a key as text, and in base64 if it is no text.
func split(key string) (text, encoded string) {
	if utf8.ValidString(key) {
		return key, ""
	}
	return valid(key), base64.StdEncoding.EncodeToString([]byte(key))
}

func joined(text, encoded string) string {
	if key, err := base64.StdEncoding.DecodeString(encoded); err == nil && encoded != "" {
		return string(key)
	}
	return text
}

// valid returns text that JSON can hold.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// Counts are the numbers of entries by what was done.
type Counts struct {
	Written        int64 `json:"written"`
	Unchanged      int64 `json:"unchanged"`
	Tagged         int64 `json:"tagged"`
	Deleted        int64 `json:"deleted"`
	PerhapsDeleted int64 `json:"perhaps_deleted"`
	Skipped        int64 `json:"skipped"`
	Failed         int64 `json:"failed"`
}

// add counts an entry. It fails if nobody knows what was done.
func (c *Counts) add(d Done) error {
	switch d {
	case Written:
		c.Written++
	case Unchanged:
		c.Unchanged++
	case Tagged:
		c.Tagged++
	case Deleted:
		c.Deleted++
	case PerhapsDeleted:
		c.PerhapsDeleted++
	case Skipped:
		c.Skipped++
	case Failed:
		c.Failed++
	default:
		return fmt.Errorf("%q is not one of the things that a run does", string(d))
	}
	return nil
}

// An End is what is known when the run has ended.
type End struct {
	Ended time.Time `json:"ended"`
	// Complete: the run ended by itself with exit code 0. So the target holds all that
	// the options asked for.
	Complete bool `json:"complete"`
	ExitCode int  `json:"exit_code"`
	// Failure says why the run failed, if it did.
	Failure string `json:"failure,omitempty"`
	// Excluded is the number of source objects that filters excluded. They have no entry.
	Excluded int64 `json:"excluded"`
}

// A Summary is the last line.
type Summary struct {
	N int64 `json:"n"`
	End
	Counts Counts `json:"counts"`
	// Entries is the number of entries. KnownSHA256 is how many of them have a SHA256.
	Entries     int64 `json:"entries"`
	KnownSHA256 int64 `json:"known_sha256"`
	// Root is the root of the Merkle tree over all lines but this one.
	Root string `json:"root"`
	// SHA256 is that of all bytes of the manifest before its 64 hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// A LineError is a manifest that is not as it was written, or is no manifest.
type LineError struct {
	// Line counts from 1; 0 if it is not known.
	Line int64
	Err  error
}

func (e *LineError) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

func (e *LineError) Unwrap() error { return e.Err }

// ErrRefused is in the error of everything that is not as it was written.
var ErrRefused = errors.New("it is not as it was written")

func refused(line int64, format string, args ...any) error {
	return &LineError{line, fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))}
}
