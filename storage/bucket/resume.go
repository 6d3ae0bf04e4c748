package bucket

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"strings"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

var _ storage.CopyResumer = (*Store)(nil)

// An uploadToken names an upload and what only the answer that began it told.
type uploadToken struct {
	ID    string    `json:"id"`
	Began time.Time `json:"began"`
	// Opaque: its ETags are no digests. Unconfirmed: no answer said yet that the server
	// encrypts as it was asked to.
	Opaque      bool `json:"opaque,omitempty"`
	Unconfirmed bool `json:"unconfirmed,omitempty"`
}

func parseToken(text string) (t uploadToken, err error) {
	err = json.Unmarshal([]byte(text), &t)
	if err == nil && t.ID == "" {
		err = errors.New("it names no upload")
	}
	if err != nil {
		return t, gone(fmt.Sprintf("%q is no token of an upload: %v", text, err))
	}
	return t, nil
}

// gone is the failure of what cannot be resumed.
func gone(why string) error { return &failure.Error{Kind: fs.ErrNotExist, Text: why} }

// Resume lists the parts of an upload. The server is not trusted: the caller verifies
// them, and CompleteMultipartUpload names each by its ETag.
func (s *Store) Resume(ctx context.Context, key, token string, opts storage.WriteOptions) (storage.Writer, []storage.WrittenPart, error) {
	w, parts, err := s.writing.resume(ctx, key, token, opts)
	if err == nil && w.unconfirmed != nil {
		// Parts may be there whose encryption was not confirmed either.
		err = gone(w.unconfirmed.Error())
	}
	if err != nil {
		return nil, nil, s.access.Fail(ctx, "put", key, err)
	}
	return w, parts, nil
}

// ResumeCopy is Resume for an upload whose parts are copied.
func (s *Store) ResumeCopy(
	ctx context.Context, key, token string, from storage.CopySource, opts storage.WriteOptions,
) (storage.CopyWriter, []storage.WrittenPart, error) {
	var w *writer
	var parts []storage.WrittenPart
	c, err := s.copying(key, from, opts)
	if err == nil {
		w, parts, err = s.writing.resume(ctx, key, token, opts)
	}
	if err != nil {
		return nil, nil, s.access.Fail(ctx, "copy", key, c.unmet(err))
	}
	return &copyWriter{copying: c, w: w}, parts, nil
}

func (w *writing) resume(ctx context.Context, key, token string, opts storage.WriteOptions) (*writer, []storage.WrittenPart, error) {
	t, err := parseToken(token)
	if err == nil {
		err = w.CheckKey(key)
	}
	if err == nil {
		err = request.CheckAlgorithm(opts.Checksum)
	}
	if err != nil {
		return nil, nil, err
	}
	upload := request.Upload{Key: w.Full(key), ID: t.ID}
	parts, err := w.listParts(ctx, upload, opts.Checksum.Algorithm)
	if err != nil {
		return nil, nil, err
	}
	done := &writer{
		writing: w, key: key, opts: opts, upload: upload, began: t.Began, etagNotDigest: t.Opaque, opaque: t.Opaque, parts: map[int]request.Part{},
	}
	if t.Unconfirmed {
		done.unconfirmed = failure.Garbled("no answer confirmed the encryption of the upload")
	}
	return done, parts, nil
}

// listParts returns the parts of an upload. There are at most request.MaxParts: their
// numbers ascend.
func (w *writing) listParts(ctx context.Context, u request.Upload, alg storage.ChecksumAlgorithm) ([]storage.WrittenPart, error) {
	var parts []storage.WrittenPart
	after := 0
	for {
		page, err := w.Wire.ListParts(ctx, u, after, alg)
		switch {
		case isGone(err):
			return nil, gone("there is no such upload any more")
		case failure.MayBeUnknown(err) && !errors.Is(err, fs.ErrPermission):
			return nil, &failure.Error{Kind: errors.ErrUnsupported, Text: fmt.Sprintf("the server cannot list the parts of an upload: %v", err)}
		case err != nil:
			return nil, err
		}
		parts = append(parts, page.Parts...)
		if !page.Truncated {
			return parts, nil
		}
		after = parts[len(parts)-1].Number
	}
}

// isGone reports whether err says that an upload has ended. Of a server that names no
// code, a 404 does.
func isGone(err error) bool {
	f, ok := errors.AsType[*failure.Error](err)
	return ok && !f.Foreign && (f.Code == "NoSuchUpload" || f.Status == http.StatusNotFound && !errors.Is(err, storage.ErrUnusable))
}

// Discard aborts an upload. One that is gone is fine.
func (s *Store) Discard(ctx context.Context, key, token string) error {
	t, err := parseToken(token)
	if err != nil {
		return nil //nolint:nilerr // it names nothing that is there
	}
	return s.access.Fail(ctx, "abort", key, s.access.Wire.AbortMultipartUpload(ctx, request.Upload{Key: s.access.Full(key), ID: t.ID}))
}

// DiscardEmpty aborts the uploads of a key that have no parts.
func (s *Store) DiscardEmpty(ctx context.Context, key string, at time.Time) error {
	return s.access.Fail(ctx, "abort", key, s.writing.discardEmpty(ctx, s.access.Full(key), at))
}

func (w *writing) discardEmpty(ctx context.Context, key string, at time.Time) error {
	prefix := key
	if w.Directory { // only prefixes that end in a slash are known
		prefix = key[:strings.LastIndexByte(key, '/')+1]
	}
	for u, err := range w.uploads(ctx, prefix) {
		if err != nil {
			return err
		}
		if u.Key > key && !w.Directory { // the others are in order
			return nil
		}
		if u.Key != key || u.Began.Sub(at).Abs() > time.Hour {
			continue
		}
		parts, err := w.Wire.ListParts(ctx, u.Upload, 0, "")
		if err == nil && len(parts.Parts) == 0 {
			err = w.Wire.AbortMultipartUpload(ctx, u.Upload)
		}
		if err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

// Expect does nothing: uploads stay until somebody aborts them.
func (*Store) Expect(string, string) {}

// Leftovers yields the uploads below the prefix that have begun and not ended, of this
// program and others. Some servers list uploads by a prefix only if that is empty or a
// whole key, so the uploads of the bucket are listed if there seem to be none.
func (s *Store) Leftovers(ctx context.Context) iter.Seq2[storage.Leftover, error] {
	return func(yield func(storage.Leftover, error) bool) {
		prefixes := []string{s.access.Prefix}
		switch {
		case s.access.Directory: // only prefixes that end in a slash are known
			prefixes[0] = ""
		case s.access.Prefix != "":
			prefixes = append(prefixes, "")
		}
		for _, prefix := range prefixes {
			some, err := s.leftovers(ctx, prefix, yield)
			if err != nil {
				yield(storage.Leftover{}, s.access.Fail(ctx, "list", "", err))
			}
			if some || err != nil {
				return
			}
		}
	}
}

// leftovers yields the uploads that a listing by a prefix has. It reports whether there
// was one, or no more are wanted.
func (s *Store) leftovers(ctx context.Context, prefix string, yield func(storage.Leftover, error) bool) (some bool, err error) {
	for u, err := range s.writing.uploads(ctx, prefix) {
		if err != nil {
			return some, err
		}
		key, ok := strings.CutPrefix(u.Key, s.access.Prefix)
		if !ok {
			continue
		}
		token, err := json.Marshal(uploadToken{ID: u.ID, Began: u.Began})
		if err != nil {
			return some, err
		}
		if some = true; !yield(storage.Leftover{Key: key, Token: string(token), Began: u.Began, Size: -1}, nil) {
			return true, nil
		}
	}
	return some, nil
}

// uploads yields the uploads whose whole keys begin with a prefix. It stops after it yields a
// non-nil error.
func (w *writing) uploads(ctx context.Context, prefix string) iter.Seq2[request.OpenUpload, error] {
	return func(yield func(request.OpenUpload, error) bool) {
		var from request.UploadMarker
		for {
			page, err := w.Wire.ListMultipartUploads(ctx, prefix, from)
			if err != nil {
				yield(request.OpenUpload{}, err)
				return
			}
			for _, u := range page.Uploads {
				if !yield(u, nil) {
					return
				}
			}
			if !page.Truncated {
				return
			}
			from = page.Next
		}
	}
}

var (
	_ storage.Unfinished = (*writer)(nil)
	_ storage.Unfinished = (*copyWriter)(nil)
)

// Token names the upload.
func (w *writer) Token() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, _ := json.Marshal(uploadToken{ID: w.upload.ID, Began: w.began, Opaque: w.opaque, Unconfirmed: w.noEncryption}) // it has no field that fails
	return string(text)
}

// Leave ends the writer and keeps the upload.
func (w *writer) Leave(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.aborted, w.left = true, true
	return nil
}

// Part describes a part as the server acknowledged it.
func (w *writer) Part(n int) (storage.WrittenPart, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.parts[n]
	if !ok {
		return storage.WrittenPart{}, false
	}
	return storage.WrittenPart{Number: n, Size: p.Size, ETag: p.ETag, Checksum: p.Digest.String()}, true
}

// Adopt lets the upload be completed with a part that it has. It fails if the server did
// not say which checksum the part has, and the upload has checksums.
func (w *writer) Adopt(p storage.WrittenPart, _ int64) error {
	part := request.Part{Number: p.Number, ETag: p.ETag, Size: p.Size}
	if a := w.opts.Checksum.Algorithm; a != "" {
		sum, err := base64.StdEncoding.DecodeString(p.Checksum)
		if err != nil || len(sum) == 0 {
			return &storage.Error{Op: "write part", Key: w.key, Err: fmt.Errorf("%w: part %d has no %s checksum", storage.ErrMismatch, p.Number, a)}
		}
		part.Digest = request.Digest{Algorithm: a, Sum: sum}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts[p.Number] = part
	return nil
}

// Token, Leave, Part and Adopt are those of the upload.
func (c *copyWriter) Token() string { return c.w.Token() }

// Leave ends the writer and keeps the upload.
func (c *copyWriter) Leave(ctx context.Context) error { return c.w.Leave(ctx) }

// Part describes a part as the server acknowledged it.
func (c *copyWriter) Part(n int) (storage.WrittenPart, bool) { return c.w.Part(n) }

// Adopt lets the upload be completed with a part that it has.
func (c *copyWriter) Adopt(p storage.WrittenPart, off int64) error { return c.w.Adopt(p, off) }

// UploadID returns the id of the upload that a token names, as S3 gave it, and nothing if it
// names none.
func UploadID(token string) string {
	t, _ := parseToken(token) // then it has no id
	return t.ID
}
