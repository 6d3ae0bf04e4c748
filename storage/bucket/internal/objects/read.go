package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// Stat describes an object by its headers. A marker of a deleted object is none.
func (o *Objects) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	if err := o.CheckSingle(key); err != nil {
		return storage.Info{}, err
	}
	ref := request.ObjectRef{Key: key, VersionID: opts.VersionID, Checksums: opts.Checksums}
	a, err := o.Head(ctx, ref)
	if err == nil {
		err = o.agree(ctx, ref, a, opts.Listed)
	}
	if err != nil {
		return storage.Info{}, err
	}
	ref.ETag, ref.Checksums = a.Info.ETag, false
	a.Info.Parts, err = o.layout(ctx, ref, a.Info.Size, opts.Parts)
	return a.Info, err
}

// Open starts to read an object. Its first request brings the beginning along: as
// many bytes as opts.First says, or all.
func (o *Objects) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	if err := o.CheckSingle(key); err != nil {
		return nil, err
	}
	ref := request.ObjectRef{Key: key, VersionID: opts.VersionID, Checksums: opts.Checksums}
	a, err := o.get(ctx, ref, 0, opts.First)
	if opts.First > 0 && failure.IsRange(err) {
		a, err = o.get(ctx, ref, 0, 0) // an empty object has no range
	}
	if err != nil {
		return nil, err
	}
	first, err := sizeOf(a, opts.First)
	if err == nil {
		err = o.agree(ctx, ref, a, opts.Listed)
	}
	if err != nil {
		return nil, errors.Join(err, a.Body.Close())
	}
	r := &reader{
		objects: o, info: &a.Info, first: a.Body, firstLen: first,
		sums: a.Info.Checksums, sumsComplete: !opts.Checksums || a.ContentRange == "",
	}
	r.version.Pin(cmp.Or(opts.VersionID, a.Info.VersionID), opts.VersionID == "")
	return r, nil
}

// agree decides about an answer that contradicts the listing. The object may have been
// replaced since, or the answer may come from a proxy or be wrong. If one more request
// says the same as the answer, the answer is accepted.
func (o *Objects) agree(ctx context.Context, ref request.ObjectRef, a *request.Answer, listed *storage.Object) error {
	if listed == nil || a.Info.Size == listed.Size && (a.Customer || listed.ETag == "" || a.Info.ETag == listed.ETag) {
		return nil
	}
	h, err := o.Head(ctx, request.ObjectRef{Key: ref.Key, VersionID: ref.VersionID})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failure.Changed("it is gone")
	case err != nil:
		return err
	case h.Info.Size == a.Info.Size && h.Info.ETag == a.Info.ETag && (a.RequestID || !o.Wire.Answers().NamesRequests()):
		return nil
	}
	return failure.Garbled("it is an object of %d bytes with ETag %q, where the listing has one of %d with %q, and a HEAD finds one of %d with %q",
		a.Info.Size, a.Info.ETag, listed.Size, listed.ETag, h.Info.Size, h.Info.ETag)
}

// sizeOf sets the size of the object that a was asked for with a range of n
// bytes at its beginning, and returns how many of them there are.
func sizeOf(a *request.Answer, n int64) (first int64, err error) {
	if a.ContentRange == "" { // all of it, whatever was asked for
		a.Info.Size = a.ContentLength
		return a.ContentLength, nil
	}
	begin, end, size, ok := parseContentRange(a.ContentRange)
	if !ok || n <= 0 || begin != 0 || end != min(n, size) || a.ContentLength != end {
		return 0, failure.Garbled("Content-Range %q with %d bytes to a request for the first %d", a.ContentRange, a.ContentLength, n)
	}
	a.Info.Size = size
	return end, nil
}

// parseContentRange takes "bytes first-last/size" apart; end is last+1.
// RFC 9110, 14.4.
func parseContentRange(text string) (begin, end, size int64, ok bool) {
	rest, ok := strings.CutPrefix(text, "bytes ")
	if !ok {
		return 0, 0, 0, false
	}
	span, total, ok1 := strings.Cut(rest, "/")
	first, last, ok2 := strings.Cut(span, "-")
	var numbers [3]int64
	for i, digits := range []string{first, last, total} {
		n, err := strconv.ParseUint(digits, 10, 62)
		if err != nil {
			return 0, 0, 0, false
		}
		numbers[i] = int64(n)
	}
	begin, end, size = numbers[0], numbers[1]+1, numbers[2]
	return begin, end, size, ok1 && ok2 && begin < end && end <= size
}

// A reader reads an object as it was when it was opened.
type reader struct {
	objects *Objects
	info    *storage.Info
	version Version

	mu sync.Mutex

	first        io.ReadCloser // what Open received; nil once it was used
	firstLen     int64
	sums         []storage.Checksum
	sumsComplete bool // sums are all there are, or were not asked for
}

func (r *reader) Info() storage.Info { return *r.info }

// ReadAt takes the first read from what Open received if it fits exactly, and
// makes a request for every other one.
func (r *reader) ReadAt(ctx context.Context, p []byte, off int64) error {
	err := r.readAt(ctx, p, off)
	return r.objects.Fail(ctx, "read", r.info.Key, err)
}

func (r *reader) readAt(ctx context.Context, p []byte, off int64) error {
	n := int64(len(p))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case off < 0 || n > r.info.Size-off:
		return fmt.Errorf("%d bytes at %d are not in an object of %d bytes: %w", n, off, r.info.Size, io.ErrUnexpectedEOF)
	case n == 0:
		return nil
	}
	if b := r.takeFirst(off, n); b != nil {
		return readFull(ctx, b, p)
	}
	b, err := r.request(ctx, off, n)
	if err != nil {
		return err
	}
	return readFull(ctx, b, p)
}

// takeFirst returns the body that Open received if it holds just these bytes and was
// not used yet. Otherwise that body is not needed any more.
func (r *reader) takeFirst(off, n int64) io.ReadCloser {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil || off != 0 {
		return nil
	}
	b := r.first
	r.first = nil
	if n != r.firstLen {
		_ = b.Close() // nothing was read, so nothing is lost
		return nil
	}
	return b
}

// request asks for n bytes at off of the very object that was opened.
func (r *reader) request(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	var a *request.Answer
	ref := request.ObjectRef{Key: r.info.Key, ETag: r.info.ETag}
	err := r.version.Use(func(version string) (err error) {
		ref.VersionID = version
		a, err = r.objects.get(ctx, ref, off, n)
		return err
	})
	switch {
	case err == nil:
	case errors.Is(err, storage.ErrPrecondition), failure.IsRange(err),
		errors.Is(err, fs.ErrNotExist) && ref.VersionID == "":
		return nil, failure.Changed("%v", err)
	default:
		return nil, err
	}
	if err := r.verify(a, off, n); err != nil {
		return nil, errors.Join(err, a.Body.Close())
	}
	return a.Body, nil
}

// A Version is that of an object which is read or copied.
type Version struct {
	mu sync.Mutex

	id      string // empty in a bucket without versions
	current bool   // nobody asked for it: it is what the server told of the current object
}

// Pin sets the version. current says that the caller did not ask for this version: the
// server reported it for the current object. Pin must not be called after Use.
func (v *Version) Pin(id string, current bool) { v.id, v.current = id, current }

// Use makes a request that names the version. That takes a permission of its own. If it
// is missing and the caller did not ask for this version, Use makes the request without
// the version, because the ETag alone shows whether the object is still the same.
func (v *Version) Use(ask func(id string) error) error {
	v.mu.Lock()
	id, current := v.id, v.current
	v.mu.Unlock()
	err := ask(id)
	if !current || id == "" || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err = ask(""); err == nil {
		v.mu.Lock()
		v.id = ""
		v.mu.Unlock()
	}
	return err
}

// Asked is the version that was asked for, or empty.
func (v *Version) Asked() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current {
		return ""
	}
	return v.id
}

// verify checks that an answer holds n bytes at off of the object that was
// opened: not every server heeds ranges and conditions.
func (r *reader) verify(a *request.Answer, off, n int64) error {
	if a.Info.ETag != r.info.ETag {
		return failure.Changed("its ETag was %q and is %q", r.info.ETag, a.Info.ETag)
	}
	if a.Info.ETag == "" && !a.Info.ModTime.Equal(r.info.ModTime) {
		return failure.Changed("it was modified at %v and then at %v", r.info.ModTime, a.Info.ModTime)
	}
	begin, end, size := int64(0), a.ContentLength, a.ContentLength
	if a.ContentRange != "" {
		var ok bool
		if begin, end, size, ok = parseContentRange(a.ContentRange); !ok {
			return failure.Garbled("Content-Range %q", a.ContentRange)
		}
	}
	if size != r.info.Size {
		return failure.Changed("it had %d bytes and has %d", r.info.Size, size)
	}
	if begin != off || end != off+n || a.ContentLength != n {
		return failure.Garbled("%d bytes (Content-Range %q) to a request for %d at %d", a.ContentLength, a.ContentRange, n, off)
	}
	return nil
}

// readFull fills p from a body and closes it.
func readFull(ctx context.Context, b io.ReadCloser, p []byte) error {
	// Closing is the way to end a read that waits.
	stop := context.AfterFunc(ctx, func() { _ = b.Close() }) // the read tells the error
	n, err := readMetered(b, p, storage.MeterOf(ctx))
	stop()
	if cerr := b.Close(); err == nil && cerr != nil {
		err = cerr
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the connection ended after %d of %d bytes", n, len(p))
	}
	return &failure.Error{Kind: storage.ErrTransient, Text: "reading the object: " + failure.OneLine(err.Error())}
}

// readMetered is io.ReadFull, and counts the bytes as they come.
func readMetered(b io.Reader, p []byte, m *storage.Meter) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = b.Read(p[n:])
		n += more
		m.Add(int64(more))
	}
	if n == len(p) {
		return n, nil
	}
	return n, err
}

// Check has nothing to do: every read names the ETag.
func (r *reader) Check(ctx context.Context) error {
	return r.objects.Fail(ctx, "read", r.info.Key, ctx.Err())
}

// Close ends the first request if nobody read its answer.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		return nil
	}
	b := r.first
	r.first = nil
	_ = b.Close() // of an answer nobody wanted
	return nil
}

// Checksums returns the checksums in the answer to Open. If that was for a range, it
// asks for them, because such an answer may contain the checksum of a part.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (r *reader) Checksums(ctx context.Context) ([]storage.Checksum, error) {
	r.mu.Lock()
	sums, complete := r.sums, r.sumsComplete
	r.mu.Unlock()
	if !complete {
		ref := r.same()
		ref.Checksums = true
		a, err := r.objects.HeadAgain(ctx, ref)
		if err != nil {
			return nil, r.objects.Fail(ctx, "stat", r.info.Key, err)
		}
		sums = a.Info.Checksums
		r.mu.Lock()
		r.sums, r.sumsComplete = sums, true
		r.mu.Unlock()
	}
	return slices.Clone(sums), nil
}

// Layout finds out the parts of the object that was opened.
func (r *reader) Layout(ctx context.Context, query storage.PartsQuery) ([]int64, error) {
	sizes, err := r.objects.layout(ctx, r.same(), r.info.Size, query)
	if err != nil {
		return nil, r.objects.Fail(ctx, "stat", r.info.Key, err)
	}
	return sizes, nil
}

// same returns a reference for a HEAD of the object that was opened. It has the version
// only if the caller asked for one: naming a version takes a permission of its own, and
// the ETag is enough.
func (r *reader) same() request.ObjectRef {
	return request.ObjectRef{Key: r.info.Key, VersionID: r.version.Asked(), ETag: r.info.ETag}
}
