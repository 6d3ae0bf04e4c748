package bucket

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
)

// Stat describes an object by its headers. A marker of a deleted object is none.
func (s *Store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	info, err := s.stat(ctx, key, opts)
	if err != nil {
		return storage.Info{}, s.fail(ctx, "stat", key, err)
	}
	return info, nil
}

func (s *Store) stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	if err := s.checkSingle(key); err != nil {
		return storage.Info{}, err
	}
	t := target{key: key, versionID: opts.VersionID, checksums: opts.Checksums}
	a, err := s.head(ctx, t)
	if err == nil {
		err = s.agree(ctx, t, &a, opts.Listed)
	}
	if err != nil {
		return storage.Info{}, err
	}
	t.etag, t.checksums = a.info.ETag, false
	a.info.Parts, err = s.layout(ctx, t, a.info.Size, opts.Parts)
	return a.info, err
}

// Open starts to read an object. Its first request brings the beginning along:
// as many bytes as opts.First says, or all.
func (s *Store) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	if err := s.checkSingle(key); err != nil {
		return nil, s.fail(ctx, "open", key, err)
	}
	t := target{key: key, versionID: opts.VersionID, checksums: opts.Checksums}
	a, err := s.get(ctx, t, 0, opts.First)
	if opts.First > 0 && isRange(err) {
		a, err = s.get(ctx, t, 0, 0) // an empty object has no range
	}
	if err != nil {
		return nil, s.fail(ctx, "open", key, err)
	}
	first, err := sizeOf(&a, opts.First)
	if err != nil {
		return nil, s.fail(ctx, "open", key, errors.Join(err, a.body.Close()))
	}
	if err := s.agree(ctx, t, &a, opts.Listed); err != nil {
		return nil, s.fail(ctx, "open", key, errors.Join(err, a.body.Close()))
	}
	r := &reader{
		store: s, info: a.info, first: a.body, firstLen: first,
		sums: a.info.Checksums, told: !opts.Checksums || a.contentRange == "",
	}
	r.version.id = cmp.Or(opts.VersionID, a.info.VersionID)
	r.version.current = opts.VersionID == ""
	return r, nil
}

// agree decides about an answer that is not what a listing told of its object. The
// object may be another one since, or the answer that of a proxy or a confused
// server. If one more request says what the answer says, it is believed.
func (s *Store) agree(ctx context.Context, t target, a *answer, listed *storage.Object) error {
	if listed == nil || a.info.Size == listed.Size && (a.customer || listed.ETag == "" || a.info.ETag == listed.ETag) {
		return nil
	}
	h, err := s.head(ctx, target{key: t.key, versionID: t.versionID})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return changed("it is gone")
	case err != nil:
		return err
	case h.info.Size == a.info.Size && h.info.ETag == a.info.ETag && (a.requestID || !s.client.namesRequests.Load()):
		return nil
	}
	return garbled("it is an object of %d bytes with ETag %q, where the listing has one of %d with %q, and a HEAD finds one of %d with %q",
		a.info.Size, a.info.ETag, listed.Size, listed.ETag, h.info.Size, h.info.ETag)
}

// sizeOf sets the size of the object that a was asked for with a range of n
// bytes at its beginning, and returns how many of them there are.
func sizeOf(a *answer, n int64) (first int64, err error) {
	if a.contentRange == "" { // all of it, whatever was asked for
		a.info.Size = a.contentLength
		return a.contentLength, nil
	}
	begin, end, size, ok := parseContentRange(a.contentRange)
	if !ok || n <= 0 || begin != 0 || end != min(n, size) || a.contentLength != end {
		return 0, garbled("Content-Range %q with %d bytes to a request for the first %d", a.contentRange, a.contentLength, n)
	}
	a.info.Size = size
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
	store   *Store
	info    storage.Info
	version pinnedVersion

	mu sync.Mutex

	first    io.ReadCloser // what Open received; nil once it was used
	firstLen int64
	sums     []storage.Checksum
	told     bool // sums are all there are, or were not asked for
}

func (r *reader) Info() storage.Info { return r.info }

// ReadAt takes the first read from what Open received if it fits exactly, and
// makes a request for every other one.
func (r *reader) ReadAt(ctx context.Context, p []byte, off int64) error {
	err := r.readAt(ctx, p, off)
	return r.store.fail(ctx, "read", r.info.Key, err)
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

// takeFirst returns the body that Open received if it holds just these bytes
// and nobody had it yet. If it does not it is not needed any more.
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
	var a answer
	t := target{key: r.info.Key, etag: r.info.ETag}
	err := r.version.use(func(version string) (err error) {
		t.versionID = version
		a, err = r.store.get(ctx, t, off, n)
		return err
	})
	switch {
	case err == nil:
	case errors.Is(err, storage.ErrPrecondition), isRange(err),
		errors.Is(err, fs.ErrNotExist) && t.versionID == "":
		return nil, changed("%v", err)
	default:
		return nil, err
	}
	if err := r.verify(&a, off, n); err != nil {
		return nil, errors.Join(err, a.body.Close())
	}
	return a.body, nil
}

// A pinnedVersion is that of an object which is read or copied.
type pinnedVersion struct {
	mu sync.Mutex

	id      string // empty in a bucket without versions
	current bool   // nobody asked for it: it is what the server told of the current object
}

// use makes a request that names the version. That is a right of its own, which we
// may do without if nobody but the server named it: the ETag alone tells whether the
// object is still the same.
func (v *pinnedVersion) use(request func(id string) error) error {
	v.mu.Lock()
	id, current := v.id, v.current
	v.mu.Unlock()
	err := request(id)
	if !current || id == "" || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err = request(""); err == nil {
		v.mu.Lock()
		v.id = ""
		v.mu.Unlock()
	}
	return err
}

// asked is the version that was asked for, or empty.
func (v *pinnedVersion) asked() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current {
		return ""
	}
	return v.id
}

// changed is the failure of an object that is not the one that was opened.
func changed(format string, args ...any) error {
	return &failure{kind: storage.ErrChanged, text: storage.ErrChanged.Error() + ": " + fmt.Sprintf(format, args...)}
}

// verify checks that an answer holds n bytes at off of the object that was
// opened: not every server heeds ranges and conditions.
func (r *reader) verify(a *answer, off, n int64) error {
	if a.info.ETag != r.info.ETag {
		return changed("its ETag was %q and is %q", r.info.ETag, a.info.ETag)
	}
	if a.info.ETag == "" && !a.info.ModTime.Equal(r.info.ModTime) {
		return changed("it was modified at %v and then at %v", r.info.ModTime, a.info.ModTime)
	}
	begin, end, size := int64(0), a.contentLength, a.contentLength
	if a.contentRange != "" {
		var ok bool
		if begin, end, size, ok = parseContentRange(a.contentRange); !ok {
			return garbled("Content-Range %q", a.contentRange)
		}
	}
	if size != r.info.Size {
		return changed("it had %d bytes and has %d", r.info.Size, size)
	}
	if begin != off || end != off+n || a.contentLength != n {
		return garbled("%d bytes (Content-Range %q) to a request for %d at %d", a.contentLength, a.contentRange, n, off)
	}
	return nil
}

// readFull fills p from a body and closes it.
func readFull(ctx context.Context, b io.ReadCloser, p []byte) error {
	// Closing is the way to end a read that waits.
	stop := context.AfterFunc(ctx, func() { _ = b.Close() }) // the read tells the error
	n, err := io.ReadFull(b, p)
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
	return &failure{kind: storage.ErrTransient, text: "reading the object: " + oneLine(innermost(err).Error())}
}

// Check has nothing to do: every read names the ETag.
func (r *reader) Check(ctx context.Context) error {
	return r.store.fail(ctx, "read", r.info.Key, ctx.Err())
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

// Checksums returns what the answer to Open told, or asks for them if that was
// for a range: what such an answer tells may be the checksum of a part.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (r *reader) Checksums(ctx context.Context) ([]storage.Checksum, error) {
	r.mu.Lock()
	sums, told := r.sums, r.told
	r.mu.Unlock()
	if !told {
		t := r.same()
		t.checksums = true
		a, err := r.store.headAgain(ctx, t)
		if err != nil {
			return nil, r.store.fail(ctx, "stat", r.info.Key, err)
		}
		sums = a.info.Checksums
		r.mu.Lock()
		r.sums, r.told = sums, true
		r.mu.Unlock()
	}
	return slices.Clone(sums), nil
}

// Layout finds out the parts of the object that was opened.
func (r *reader) Layout(ctx context.Context, query storage.PartsQuery) ([]int64, error) {
	sizes, err := r.store.layout(ctx, r.same(), r.info.Size, query)
	if err != nil {
		return nil, r.store.fail(ctx, "stat", r.info.Key, err)
	}
	return sizes, nil
}

// same names the very object that was opened for a HEAD. A version that the
// server told is left out: naming one takes a right of its own, and the ETag is
// enough.
func (r *reader) same() target {
	return target{key: r.info.Key, versionID: r.version.asked(), etag: r.info.ETag}
}
