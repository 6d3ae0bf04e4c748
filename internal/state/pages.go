package state

import (
	"encoding/binary"
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

// A pageWalk checks what the database believes without a check of its own: how far a page
// reaches, and to which pages a branch page points. If it believed damage there, it would
// free 2^32 pages, or follow a circle of pages until the stack is full. Neither can be
// stopped. All other damage ends in an error or a panic.
type pageWalk struct {
	tx   *bbolt.Tx
	file io.ReaderAt
	size int64  // of a page, in bytes
	is   []byte // of each page
	buf  []byte
}

// What a page is. Where neither is set, it is free, the rest of a longer page, or lost.
const (
	pageHead       = 1 << iota // in use, and no rest of a longer page
	pageReferenced             // by one other page, or as the root of a bucket
)

// Sizes in bytes of what the database writes.
const (
	pageHeader = 16
	pageChild  = 16 // one child of a branch page, which ends in the number of a page
)

// walkAhead is how many bytes are read at once. The database itself reads single pages,
// which is slow on a disk.
const walkAhead = 1 << 20

// checkPages fails with an *unusableError if a page reaches beyond the end of the file, or
// if a page is referenced twice or is free. So no page is below itself. It reads the whole
// file once.
func (s *State) checkPages(tx *bbolt.Tx) error {
	info, err := s.file.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() < tx.Size():
		return &unusableError{"it is damaged: it ends too early"}
	}
	w := &pageWalk{tx: tx, file: s.file, size: int64(s.db.Info().PageSize), buf: make([]byte, walkAhead)}
	w.is = make([]byte, tx.Size()/w.size)
	if err := w.reference(uint64(tx.Cursor().Bucket().RootPage())); err != nil {
		return err
	}
	for id := 2; id < len(w.is); { // two pages say what the file is
		next, err := w.page(id)
		if err != nil {
			return err
		}
		id = next
	}
	// Nothing is below itself now, so the buckets can be read.
	if err := w.checkInline(uint64(tx.Cursor().Bucket().RootPage())); err != nil {
		return err
	}
	err = tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
		if b == nil || b.RootPage() == 0 { // it is in the page of its name
			return nil
		}
		return w.reference(uint64(b.RootPage()))
	})
	if err != nil {
		return err
	}
	for id, is := range w.is {
		if is == pageReferenced {
			return &unusableError{fmt.Sprintf("it is damaged: page %d is in use and free", id)}
		}
	}
	return nil
}

// What leaf pages have, as the database writes them: a header with the kind and the number
// of their elements, then the elements, each with its kind, the distance to its key, and the
// sizes of its key and its value. A small bucket is a value: its header, and a page in it.
const (
	leafKind     = 0x02
	bucketKind   = 0x01
	bucketHeader = 16
	pageElement  = 16
)

// checkInline fails with an *unusableError if a bucket that is in the page of its name is no
// leaf page, or reaches beyond its end. Such a page can lead to others, too. It begins at the
// root of all names. No page is below itself.
func (w *pageWalk) checkInline(root uint64) error {
	info, err := w.tx.Page(int(root)) //nolint:gosec // it was referenced, so there is one
	if err != nil {
		return err
	}
	data := make([]byte, int64(info.OverflowCount+1)*w.size)
	if _, err := w.file.ReadAt(data, int64(root)*w.size); err != nil { //nolint:gosec // as above
		return err
	}
	if info.Type == "branch" {
		for i := range info.Count {
			if err := w.checkInline(binary.NativeEndian.Uint64(data[pageHeader+i*pageChild+8:])); err != nil {
				return err
			}
		}
		return nil
	}
	return elements(data, func(kind uint32, value []byte) error {
		switch {
		case kind&bucketKind == 0:
			return nil
		case len(value) < bucketHeader:
			return errNoBucket
		case binary.NativeEndian.Uint64(value) != 0: // it has pages of its own
			return nil
		}
		inline := value[bucketHeader:]
		if len(inline) < pageHeader || binary.NativeEndian.Uint16(inline[8:]) != leafKind {
			return errNoBucket
		}
		return elements(inline, func(kind uint32, _ []byte) error {
			if kind&bucketKind != 0 { // this program writes none
				return errNoBucket
			}
			return nil
		})
	})
}

var errNoBucket = &unusableError{"it is damaged: a table in the page of its name is none"}

// elements calls f with each element of a leaf page. It fails if one reaches beyond the page.
func elements(page []byte, f func(kind uint32, value []byte) error) error {
	for i := range int64(binary.NativeEndian.Uint16(page[10:])) {
		at := pageHeader + i*pageElement
		if at+pageElement > int64(len(page)) {
			return errNoBucket
		}
		field := func(n int64) int64 { return int64(binary.NativeEndian.Uint32(page[at+4*n:])) }
		value := at + field(1) + field(2)
		end := value + field(3)
		if end > int64(len(page)) {
			return errNoBucket
		}
		if err := f(uint32(field(0)), page[value:end]); err != nil { //nolint:gosec // it was one
			return err
		}
	}
	return nil
}

// page checks one page, and returns the number of the page that follows.
func (w *pageWalk) page(id int) (next int, err error) {
	perRead := int(walkAhead / w.size)
	if id == 2 || id%perRead == 0 {
		end := min(walkAhead, int64(len(w.is)-id)*w.size)
		if _, err := w.file.ReadAt(w.buf[:end], int64(id)*w.size); err != nil {
			return 0, err
		}
	}
	info, err := w.tx.Page(id)
	if err != nil {
		return 0, err
	}
	if info.Type == "free" {
		return id + 1, nil
	}
	w.is[id] |= pageHead
	pages := int64(info.OverflowCount) + 1
	if pages > int64(len(w.is)-id) {
		return 0, &unusableError{fmt.Sprintf("it is damaged: page %d reaches beyond the end", id)}
	}
	next = id + int(pages)
	if info.Type != "branch" {
		return next, nil
	}
	n := int64(info.Count) * pageChild
	if n > pages*w.size-pageHeader {
		return 0, &unusableError{fmt.Sprintf("it is damaged: page %d has too many children", id)}
	}
	if n > int64(len(w.buf)) {
		w.buf = make([]byte, n)
	}
	children := w.buf[:n]
	if _, err := w.file.ReadAt(children, int64(id)*w.size+pageHeader); err != nil {
		return 0, err
	}
	for ; len(children) > 0; children = children[pageChild:] {
		if err := w.reference(binary.NativeEndian.Uint64(children[pageChild-8:])); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// reference notes that a page is referenced.
func (w *pageWalk) reference(id uint64) error {
	if id < 2 || id >= uint64(len(w.is)) {
		return &unusableError{fmt.Sprintf("it is damaged: it has no page %d", id)}
	}
	if w.is[id]&pageReferenced != 0 {
		return &unusableError{fmt.Sprintf("it is damaged: page %d is referenced twice", id)}
	}
	w.is[id] |= pageReferenced
	return nil
}
