package trash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"s3sync/storage"
)

// format is the version of the journal.
const format = 1

// A Line is a line of a journal, in JSON. It has one of these forms: Run, the first line;
// an action, with Do and N; what became of action N; End, the last line.
type Line struct {
	Run *Header `json:"run,omitempty"`

	// N numbers the actions of a run, from 1.
	N int64 `json:"n,omitempty"`
	// Do is what is about to be done with the object of Key. The line is durable before
	// that is begun.
	Do  Do     `json:"do,omitempty"`
	Key string `json:"key,omitempty"`
	// Old is the object that is replaced or deleted. Trash is where it is in the folder of
	// the run; if it is empty, it is the version Old.Version of the target.
	Old   *Object `json:"old,omitempty"`
	Trash string  `json:"trash,omitempty"`
	// Tags are the old tags, and NewTags those that replace them, if Do is Tag.
	Tags    map[string]string `json:"tags,omitempty"`
	NewTags map[string]string `json:"newTags,omitempty"`

	// Did is what was written. Failed: nothing was done, as far as is known. Gone: a
	// deletion succeeded.
	Did    *Object `json:"did,omitempty"`
	Gone   bool    `json:"gone,omitempty"`
	Failed bool    `json:"failed,omitempty"`

	End *End `json:"end,omitempty"`
}

// A Do is what a run does with an object.
type Do string

// What a run does.
const (
	Create    Do = "create"    // the target had no such object
	Overwrite Do = "overwrite" // the target has Old
	Delete    Do = "delete"    // the target has Old
	Tag       Do = "tag"       // the target has Old, whose tags are replaced
)

// A Header is the first line of a journal.
type Header struct {
	Format int       `json:"format"`
	ID     string    `json:"id"`
	Began  time.Time `json:"began"`
	// Target is the target as the user named it. Program is that with its version.
	Target  string `json:"target"`
	Program string `json:"program"`
	// Versions: the target keeps versions, so that old objects are versions of it.
	Versions bool `json:"versions,omitempty"`
}

// An End is the last line of a journal.
type End struct {
	Time time.Time `json:"time"`
	// Failed: the run failed. What it did is complete nevertheless.
	Failed bool `json:"failed,omitempty"`
	Counts
}

// Counts are the actions that a run did. Bytes are those of the old objects.
type Counts struct {
	Created     int64 `json:"created"`
	Overwritten int64 `json:"overwritten"`
	Deleted     int64 `json:"deleted"`
	Tagged      int64 `json:"tagged"`
	Bytes       int64 `json:"bytes"`
}

func (c *Counts) add(do Do, bytes int64) {
	switch do {
	case Create:
		c.Created++
	case Overwrite:
		c.Overwritten++
	case Delete:
		c.Deleted++
	case Tag:
		c.Tagged++
		bytes = 0
	}
	c.Bytes += bytes
}

// An Object describes one state of an object.
type Object struct {
	Size    int64     `json:"size"`
	ETag    string    `json:"etag,omitempty"`
	ModTime time.Time `json:"mtime,omitzero"`
	Version string    `json:"version,omitempty"`
}

// ObjectOf returns what a journal says of an object.
func ObjectOf(o storage.Object) *Object {
	return &Object{Size: o.Size, ETag: o.ETag, ModTime: o.ModTime.UTC(), Version: o.VersionID}
}

// Is reports whether the object is the one that a store describes: by its version if both
// name one, by its ETag, or else, as files have none, by size and time.
func (o *Object) Is(now storage.Object) bool {
	switch {
	case o == nil || o.Size != now.Size:
		return false
	case o.Version != "" && now.VersionID != "":
		return o.Version == now.VersionID
	case o.ETag != "" || now.ETag != "":
		return o.ETag == now.ETag
	}
	return o.ModTime.Equal(now.ModTime)
}

// errDamaged says that a line cannot be read.
var errDamaged = errors.New("the line is damaged")

// encode returns lines as text.
func encode(lines []Line) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i := range lines {
		if key := lines[i].Key; !utf8.ValidString(key) {
			return nil, fmt.Errorf("the journal cannot hold the key %q, which is not valid UTF-8", key)
		}
		if err := e.Encode(&lines[i]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// decode reads one line. It checks everything that a reader relies on.
func decode(text []byte) (Line, error) {
	var l Line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		var other struct{ Run *struct{ Format int } }
		if json.Unmarshal(text, &other) == nil && other.Run != nil && other.Run.Format > format {
			return Line{Run: &Header{Format: other.Run.Format}}, nil // the caller says so
		}
		return Line{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if d.More() {
		return Line{}, fmt.Errorf("%w: it is more than one value", errDamaged)
	}
	if why := l.fault(); why != "" {
		return Line{}, fmt.Errorf("%w: %s", errDamaged, why)
	}
	return l, nil
}

// fault returns what is wrong with a line, or nothing.
func (l *Line) fault() string {
	forms := 0
	for _, is := range []bool{l.Run != nil, l.Do != "", l.Did != nil || l.Gone || l.Failed, l.End != nil} {
		if is {
			forms++
		}
	}
	switch {
	case forms != 1:
		return "it has not one of the forms of a line"
	case l.Run != nil || l.End != nil:
		return ""
	case l.N <= 0:
		return "it has no number"
	case l.Do == "":
		return ""
	case l.Key == "":
		return "it names no key"
	}
	switch l.Do {
	case Create:
		return ""
	case Overwrite, Delete:
		if l.Old != nil && (l.Trash == ObjectKey(l.Key) || l.Trash == "" && l.Old.Version != "") {
			return ""
		}
		return "it does not say where the old object is"
	case Tag:
		if l.Old != nil {
			return ""
		}
		return "it does not name the object"
	}
	return "it names an unknown action"
}
