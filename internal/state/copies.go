package state

import (
	"encoding/binary"

	"s3sync/storage"
)

// Copies remembers objects that were written and verified as copies of others, although
// their ETags differ. All methods may be called concurrently; a nil *Copies remembers nothing.
type Copies struct{ table table[copyRecord] }

// Copies returns what is known of copies.
func (s *State) Copies() *Copies {
	return &Copies{table[copyRecord]{s, tableCopies, appendCopy, readCopy}}
}

// A copyRecord is what identifies both objects.
type copyRecord struct{ source, target objectState }

// An objectState is what identifies an object of a bucket. It is comparable.
type objectState struct {
	etag, version string
	size          int64
}

func objectOf(o *storage.Object) objectState { return objectState{o.ETag, o.VersionID, o.Size} }

// is reports whether both are the same object, as far as both have a version.
func (o objectState) is(now objectState) bool {
	return o.etag == now.etag && o.size == now.size && (o.version == now.version || o.version == "" || now.version == "")
}

// Copied reports whether the target was written and verified as a copy of the source, and
// both are what they were then.
func (c *Copies) Copied(source, target *storage.Object) bool {
	if c == nil || source.ETag == "" || target.ETag == "" || source.Key == "" {
		return false
	}
	r, ok := c.table.get(source.Key)
	return ok && r.source.is(objectOf(source)) && r.target.is(objectOf(target))
}

// Copy remembers that target was written and verified as a copy of source. What their ETags
// show anyway is not kept.
func (c *Copies) Copy(source, target *storage.Object) {
	if c == nil || source.ETag == "" || target.ETag == "" || source.ETag == target.ETag || source.Key == "" {
		return
	}
	c.table.put(source.Key, &copyRecord{objectOf(source), objectOf(target)})
}

func appendCopy(b []byte, r *copyRecord) []byte {
	for _, o := range []objectState{r.source, r.target} {
		for _, text := range []string{o.etag, o.version} {
			b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		}
		b = binary.AppendVarint(b, o.size)
	}
	return b
}

func readCopy(b []byte) (copyRecord, bool) {
	r := reader{rest: b}
	object := func() objectState { return objectState{string(r.bytes()), string(r.bytes()), r.varint()} }
	c := copyRecord{object(), object()}
	return c, !r.failed
}
