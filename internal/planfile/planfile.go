// Package planfile is the file form of a plan: what a run would do, written down so that
// it can be reviewed and carried out later.
//
// A plan is a zstd stream of JSON lines: a Header, one line for each action, and an End.
// Deletions come after all other actions. The last line has the SHA-256 of all bytes
// before it, so a plan that was cut off or damaged is recognized. Neither Writer nor
// Reader keeps actions in memory.
//
// A digest is no signature: whoever can change a plan can also make it valid. So all that
// is read from a plan is input from outside.
package planfile

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"s3sync/internal/plan"
	"s3sync/storage"
)

// Format is the version of the form that this program writes. It reads no other.
const Format = 1

// ErrInvalid is the kind of error of a plan that is not complete, was damaged, or was
// written by another version. Nothing was done.
var ErrInvalid = errors.New("the plan cannot be used")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

// A Header is the first line of a plan.
type Header struct {
	// Format is set by the Writer.
	Format int `json:"s3sync_plan"`
	// Program is the program that made the plan, with its version.
	Program string `json:"program"`
	// Created is when the plan was begun.
	Created time.Time `json:"created"`
	Source  Place     `json:"source"`
	Target  Place     `json:"target"`
	// Config is the written form of the settings. It has no secrets.
	Config json.RawMessage `json:"config"`
	// Unwritten are the settings that decide what is written, were set, and cannot be
	// written down: secrets and functions.
	Unwritten []string `json:"unwritten,omitempty"`
}

// A Place is where a side is.
type Place struct {
	URL Text `json:"url,omitempty"`
	// Server, Bucket and Prefix are where the objects of a bucket are, whatever the URL
	// looks like. They are empty for a directory.
	Server Text `json:"server,omitempty"`
	Bucket Text `json:"bucket,omitempty"`
	Prefix Text `json:"prefix,omitempty"`
}

// Other returns how the place of a store differs from p, or nothing. The URL does not
// matter.
func (p Place) Other(s storage.Store) string {
	p.URL = ""
	now := PlaceOf("", s)
	if now == p {
		return ""
	}
	return fmt.Sprintf("leads to %s, and led to %s when the plan was made", now, p)
}

// String says where the objects are.
func (p Place) String() string {
	if p.Bucket == "" {
		return "no bucket"
	}
	return fmt.Sprintf("the keys with the prefix %q in bucket %q of %q", string(p.Prefix), string(p.Bucket), string(p.Server))
}

// Writing returns the change that a new object of the target is.
func Writing(source, target storage.Store) plan.Change {
	switch from, to := source.Caps().Files, target.Caps().Files; {
	case from == to:
		return plan.ChangeCopy
	case to:
		return plan.ChangeDownload
	}
	return plan.ChangeUpload
}

// PlaceOf returns where a store is.
func PlaceOf(url string, s storage.Store) Place {
	p := Place{URL: Text(url)}
	if l, ok := storage.As[storage.Locator](s); ok {
		at := l.Location()
		p.Server, p.Bucket, p.Prefix = Text(at.Server), Text(at.Container), Text(at.Prefix)
	}
	return p
}

// programKey is the context key of the name of a program.
type programKey struct{}

// WithProgram returns a context in which plans are made by a program with that name and
// version.
func WithProgram(ctx context.Context, program string) context.Context {
	return context.WithValue(ctx, programKey{}, program)
}

// ProgramOf returns the program in whose name plans are made.
func ProgramOf(ctx context.Context) string {
	program, _ := ctx.Value(programKey{}).(string)
	return cmp.Or(program, "package s3sync")
}

// A Total is a number of objects and their size.
type Total struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// An End is the last line of a plan.
type End struct {
	Totals map[plan.Change]Total `json:"totals"`
	Found  Found                 `json:"found"`
}

// Found is what the run that made the plan found besides its actions. The gate of
// deletions asks for it again. See engine.Result for its fields.
type Found struct {
	Source     int64  `json:"source"`
	Target     int64  `json:"target"`
	Added      int64  `json:"added"`
	Unsafe     bool   `json:"unsafe,omitempty"`
	Incomplete bool   `json:"incomplete,omitempty"`
	Protected  []Text `json:"protected,omitempty"`
}

// Text is text that need not be valid UTF-8, such as a key. In JSON it is a string, or
// {"base64": …} if it is not valid.
type Text string

type encodedText struct {
	Base64 *string `json:"base64"`
}

// MarshalJSON writes the text.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(t))
	return json.Marshal(encodedText{&encoded})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Text) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '{' {
		return json.Unmarshal(data, (*string)(t))
	}
	var e encodedText
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	if e.Base64 == nil {
		return errors.New("a text has neither a string nor base64")
	}
	text, err := base64.StdEncoding.Strict().DecodeString(*e.Base64)
	*t = Text(text)
	return err
}

// A line is an action.
type line struct {
	Action plan.Change `json:"action"`
	Key    Text        `json:"key"`
	// TargetKey is the key in the target, if that is another one.
	TargetKey Text        `json:"target_key,omitempty"`
	Reason    plan.Reason `json:"reason"`
	// Source is nil for a deletion, and Target if the target does not have the object.
	Source *object `json:"source,omitempty"`
	Target *object `json:"target,omitempty"`
	// Tags are those of the source, and OldTags those of the target, if the action sets
	// tags.
	Tags    Text `json:"tags,omitempty"`
	OldTags Text `json:"old_tags,omitempty"`
}

// An object is one side of an action, as it was when the plan was made.
type object struct {
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mtime"`
	ETag    Text      `json:"etag,omitempty"`
	Version Text      `json:"version,omitempty"`
}

func written(o *storage.Object) *object {
	return &object{o.Size, o.ModTime.UTC(), Text(o.ETag), Text(o.VersionID)}
}

func (o *object) read(key string) storage.Object {
	return storage.Object{Key: key, Size: o.Size, ModTime: o.ModTime, ETag: string(o.ETag), VersionID: string(o.Version)}
}

// lineOf returns the line of an action. writing is what it is to write a new object.
func lineOf(a *plan.Action, writing plan.Change) line {
	l := line{Action: writing, Key: Text(a.Key()), Reason: a.Reason}
	if a.TargetKey != a.Key() {
		l.TargetKey = Text(a.TargetKey)
	}
	if a.Kind != plan.Delete {
		l.Source = written(&a.Source)
	}
	if a.Exists {
		l.Target = written(&a.Target)
	}
	switch {
	case a.Kind == plan.Delete:
		l.Action = plan.ChangeDelete
	case a.Kind == plan.Tag:
		l.Action, l.Tags, l.OldTags = plan.ChangeTag, Text(a.Tags), Text(a.OldTags)
		if a.Tags == "" {
			l.Action = plan.ChangeUntag
		}
	case a.Exists:
		l.Action = plan.ChangeOverwrite
	}
	return l
}

// action returns the action of a line. It fails if the line makes no sense.
func (l *line) action() (plan.Action, error) {
	a := plan.Action{Reason: l.Reason, Pair: plan.Pair{TargetKey: string(l.TargetKey), Exists: l.Target != nil}}
	if l.TargetKey == "" {
		a.TargetKey = string(l.Key)
	}
	exists, source := true, true
	switch l.Action {
	case plan.ChangeUpload, plan.ChangeDownload, plan.ChangeCopy:
		a.Kind, exists = plan.Transfer, false
	case plan.ChangeOverwrite:
		a.Kind = plan.Transfer
	case plan.ChangeTag, plan.ChangeUntag:
		a.Kind, a.Tags, a.OldTags = plan.Tag, string(l.Tags), string(l.OldTags)
	case plan.ChangeDelete:
		a.Kind, source = plan.Delete, false
	default:
		return a, fmt.Errorf("there is no action %q", l.Action)
	}
	switch {
	case l.Key == "":
		return a, errors.New("an action has no key")
	case a.Kind == plan.Delete && a.TargetKey != string(l.Key):
		return a, fmt.Errorf("the deletion of %q names another key, too", string(l.Key))
	case a.Exists != exists, (l.Source != nil) != source:
		return a, fmt.Errorf("the action %q of %q does not fit the objects that it names", l.Action, string(l.Key))
	case source && l.Source.Size < 0, exists && l.Target.Size < 0:
		return a, fmt.Errorf("the size of %q is negative", string(l.Key))
	case a.Kind != plan.Tag && (l.Tags != "" || l.OldTags != ""), (a.Kind == plan.Tag) && (l.Tags == "") != (l.Action == plan.ChangeUntag):
		return a, fmt.Errorf("the tags of %q do not fit the action", string(l.Key))
	}
	a.Source.Key = string(l.Key)
	if source {
		a.Source = l.Source.read(string(l.Key))
	}
	if exists {
		a.Target = l.Target.read(a.TargetKey)
	}
	return a, nil
}
