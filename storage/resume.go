package storage

import (
	"context"
	"iter"
	"time"
)

// A Resumer is a Store in which another Writer can go on with the object that a Writer
// began, also after the program that began it was killed. What is left is named by a
// token, which is text without secrets. A decorator whose Create changes what is written
// must implement Resumer as well.
type Resumer interface {
	// Resume returns a Writer, which is also an Unfinished, for the object that a Writer
	// with the token began under key, and the parts that the store holds of it, in order of
	// their numbers. None of them belongs to the new Writer until Unfinished.Adopt. A store
	// of files returns no parts: any range of what it holds may be a part. opts are those
	// of Create.
	//
	// It fails with fs.ErrNotExist if nothing with the token is left, or if it is in use
	// or not certainly what was left. It fails with errors.ErrUnsupported if the store cannot
	// tell what it holds. After any failure the caller begins anew, with Create.
	Resume(ctx context.Context, key, token string, opts WriteOptions) (Writer, []WrittenPart, error)
	// Discard removes what is left with the token. It is fine if that is gone. It fails
	// if it is in use.
	Discard(ctx context.Context, key, token string) error
	// DiscardEmpty removes what was begun under key within an hour of at, by the clock of
	// the store or that of the caller, and of which nothing was written yet. The caller began
	// something then and did not learn its token. What another program begins under the key
	// at that time goes too: its Writer fails, and nothing that was written is lost. A store
	// of files does nothing: see its own rules for temporary files.
	DiscardEmpty(ctx context.Context, key string, at time.Time) error
	// Expect says that the caller will resume or discard what is left with the token. The
	// store removes nothing of it by itself before.
	Expect(key, token string)
	// Leftovers yields what was begun and not ended, in any order, also what is in use now.
	// It stops after it yields a non-nil error.
	Leftovers(ctx context.Context) iter.Seq2[Leftover, error]
}

// A Marker is a Store that puts a mark on everything that it begins. Only the Store value
// has it. Another Store can tell what a killed program left there by the mark. A decorator
// need not implement it. Its methods may be called concurrently.
type Marker interface {
	// Mark returns the mark, which is text without secrets. It is empty if nothing can be
	// written.
	Mark() string
	// Ended says that the program has ended whose Store had a mark. What it left is removed
	// where this Store comes across it, except what Resumer.Expect named.
	Ended(mark string)
}

// A CopyResumer is a Copier and Resumer that can also go on with a copy.
type CopyResumer interface {
	Copier
	Resumer
	// ResumeCopy is Resume for what CreateCopy began. The CopyWriter is an Unfinished. from
	// and opts are those of CreateCopy.
	ResumeCopy(ctx context.Context, key, token string, from CopySource, opts WriteOptions) (CopyWriter, []WrittenPart, error)
}

// An Unfinished is a Writer or CopyWriter of a Resumer. Its methods may be called
// concurrently with those of the Writer.
type Unfinished interface {
	// Token names what is written. It does not change.
	Token() string
	// Leave ends the Writer in place of Abort, and keeps what was written for Resume.
	Leave(ctx context.Context) error
	// Part returns what the store said of part n when it was written or adopted, and false
	// if it was neither.
	Part(n int) (WrittenPart, bool)
	// Adopt makes a part that the store holds one of this Writer, as if it had been written
	// at off. The caller has made sure that it has the bytes of the object. A part whose
	// number is written afterwards is replaced.
	Adopt(p WrittenPart, off int64) error
}

// A WrittenPart is a part that a store holds of an object that is not published yet.
type WrittenPart struct {
	Number int   // counted from 1
	Size   int64 // bytes
	// ETag without quotes identifies the part. It may be the MD5 digest of its bytes, which
	// depends on the encryption. It is empty in a store without ETags.
	ETag string
	// Checksum is base64 of the digest of WriteOptions.Checksum, if the store returned it.
	Checksum string
}

// A Leftover is what was begun in a store and neither published nor removed.
type Leftover struct {
	Key   string
	Token string
	// Began is when it was begun, or last written. Size is how many bytes are there, or -1
	// if the store does not say.
	Began time.Time
	Size  int64
	// InUse: a Writer is writing it now. A store that cannot tell never sets it.
	InUse bool
}
