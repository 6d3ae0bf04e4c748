package s3sync

import (
	"time"

	"s3sync/storage"
)

// An item is one source object on its way through the run. Each stage fills its
// own fields and reads only earlier ones.
type item struct {
	// list
	source storage.Object
	target storage.Object // meaningful if exists
	exists bool
	// stray: the target holds the object under another key, mapped.
	stray  bool
	mapped string

	// decide
	reason Reason
}

// key is the object's key on the source side, which names it in every message.
func (it *item) key() string { return it.source.Key }

// decide applies the update check to what is known of both sides. It returns
// whether the object is to be transferred, and why or why not.
func (c *Check) decide(it *item) (transfer bool, why Reason) {
	switch {
	case c.Overwrite && !c.HeadEachTarget:
		return true, ReasonOverwrite
	case !it.exists:
		return true, ReasonNew
	case c.Size:
		return differ(it, false)
	case c.MtimeAndSize:
		return differ(it, true)
	case newer(it.source.ModTime, it.target.ModTime):
		return true, ReasonNewer
	}
	return false, ReasonSame
}

func differ(it *item, mtime bool) (transfer bool, why Reason) {
	switch {
	case it.source.Size != it.target.Size:
		return true, ReasonSize
	case mtime && newer(it.source.ModTime, it.target.ModTime):
		return true, ReasonNewer
	}
	return false, ReasonSame
}

// newer compares whole seconds: some stores keep no more.
func newer(source, target time.Time) bool {
	return source.Unix() > target.Unix()
}
