// Package compare decides whether an object has to be transferred. It takes a pair of
// source and target, and returns a decision.
//
// The listings are often enough for the decision. They are not enough to compare
// contents: two objects are known to hold the same bytes only if both have digests
// that were made in the same way. An object written in parts has other digests than
// one written whole, and some encryption makes ETags that are no digests. So a
// comparison looks for comparable digests of both sides, and sends no more requests
// than it needs. Files have no digests, so it computes them.
package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/storage"
)

// ErrIncomparable says that the two objects have no facts that can be compared. Such
// an object is skipped with a warning.
var ErrIncomparable = errors.New("cannot be compared")

// ErrUndecided says that the digests of the two objects were made in different ways,
// so that the bytes may or may not be the same. Such an object is to be transferred,
// which is safe.
var ErrUndecided = errors.New("cannot be told to be the same or not")

// A Mode says when an object is transferred that exists in the target.
type Mode int

const (
	// Newer: the source is newer, by whole seconds.
	Newer Mode = iota
	// Always: in every case.
	Always
	// Size: the sizes differ.
	Size
	// NewerOrSize: the source is newer, or the sizes differ.
	NewerOrSize
	// ETag: the contents differ, by ETags or, where these do not decide, by other
	// digests.
	ETag
	// NewerAndETag: the source is newer, and the contents differ as with ETag.
	NewerAndETag
	// Checksum: the contents differ by an additional checksum.
	Checksum
	// NewerAndChecksum: the source is newer, and the contents differ as with Checksum.
	NewerAndChecksum
)

// names returns the names of the modes in texts and in saved settings.
func names() []string {
	return []string{"newer", "overwrite", "size", "mtime-and-size", "etag", "mtime-and-etag", "checksum", "mtime-and-checksum"}
}

// Known reports whether the mode exists.
func (m Mode) Known() bool { return m >= 0 && int(m) < len(names()) }

// String returns the name of the mode, such as "mtime-and-size".
func (m Mode) String() string {
	if !m.Known() {
		return fmt.Sprintf("Mode(%d)", int(m))
	}
	return names()[m]
}

// MarshalText returns the name of the mode. It fails for a mode that does not exist.
func (m Mode) MarshalText() ([]byte, error) {
	if !m.Known() {
		return nil, fmt.Errorf("%v is no mode of comparison", m)
	}
	return []byte(m.String()), nil
}

// UnmarshalText sets the mode by its name.
func (m *Mode) UnmarshalText(text []byte) error {
	i := slices.Index(names(), string(text))
	if i < 0 {
		return fmt.Errorf("%q is no mode of comparison", text)
	}
	*m = Mode(i)
	return nil
}

// Contents reports whether the mode compares contents.
func (m Mode) Contents() bool { return m.ETags() || m.Checksums() }

// ETags reports whether the mode compares contents by ETags.
func (m Mode) ETags() bool { return m == ETag || m == NewerAndETag }

// Checksums reports whether the mode compares the additional checksums of one algorithm.
func (m Mode) Checksums() bool { return m == Checksum || m == NewerAndChecksum }

// times reports whether the mode looks at times alone, or at sizes besides.
func (m Mode) times() bool { return m == Newer || m == NewerOrSize }

// Options say how objects are compared.
type Options struct {
	Mode Mode
	// Algorithm is the algorithm of the additional checksums to be compared. It is set
	// for Checksum and NewerAndChecksum, and for no other Mode.
	Algorithm checksum.Algorithm
	// AskTarget requests the target object before an object counts as different. It is
	// needed where the target was not listed. With Always it only finds out what the
	// target has.
	AskTarget bool
	// ReadBoth reads the bytes of both sides if no digests decide.
	ReadBoth bool
	// ChunkSize, in bytes, is the first part size that is tried if a store does not
	// report it. It is also the size of the pieces in which an object is read.
	ChunkSize int64
	// Cache, if set, knows what earlier runs found out.
	Cache Cache
	// VerifyCache is the percentage of files whose digests are computed although Cache
	// knows them.
	VerifyCache float64
}

// A Comparer compares objects. Its methods may be called concurrently.
type Comparer struct {
	opts           Options
	source, target *side.Side
	limits         *limits.Limits

	// seenETagNotDigest: the counterpart of some file had an ETag that is no digest.
	// Other objects are likely to have such ETags, too.
	seenETagNotDigest atomic.Bool
}

// New returns a Comparer of two sides.
func New(opts Options, source, target *side.Side, l *limits.Limits) *Comparer {
	return &Comparer{opts: opts, source: source, target: target, limits: l}
}

// A Decision is the result of a comparison.
type Decision struct {
	// Verdict is Different for an object that is to be transferred, and Unknown if Err
	// says why there is no decision.
	Verdict checksum.Verdict
	Reason  plan.Reason
	// Pair is what was compared, with what the stores reported since the listing.
	Pair plan.Pair
	// Digests are the digests that Reason is based on, if these are not the ETags of
	// Pair.
	Digests plan.Digests
	// SourceInfo and TargetInfo are the responses of the stores. They are nil without
	// a request.
	SourceInfo, TargetInfo *storage.Info
	// Err is ErrIncomparable or ErrUndecided with the reason, if Verdict is Unknown.
	Err error
}

// Compare decides about one pair. An error says that there is no decision, and names
// the side. It is side.ErrGone if the source does not have the object any more. The
// Decision that comes with an error holds what was found out before it.
func (c *Comparer) Compare(ctx context.Context, p plan.Pair) (Decision, error) {
	listed := c.opts.Mode.decide(&p)
	if c.opts.Cache != nil {
		p, listed = c.remembered(p, listed)
	}
	asks := c.opts.AskTarget || c.isDirectory(&p)
	if listed.Verdict == checksum.Equal || listed.Verdict == checksum.Different && !asks {
		return Decision{Verdict: listed.Verdict, Reason: listed.reason, Pair: p}, nil
	}
	x := comparison{c: c, d: Decision{Pair: p}}
	err := x.decide(ctx, listed)
	return x.d, err
}

// Unchanged reports whether the listings alone show that an object is not to be
// transferred, and why. It makes no request. Compare returns the same decision.
func (c *Comparer) Unchanged(p *plan.Pair) (why plan.Reason, unchanged bool) {
	listed := c.opts.Mode.decide(p)
	if c.opts.Cache != nil {
		*p, listed = c.remembered(*p, listed)
	}
	return listed.reason, listed.Verdict == checksum.Equal
}

// isDirectory reports whether an object is a directory in a target that does not list
// directories.
func (c *Comparer) isDirectory(p *plan.Pair) bool {
	return c.target.Maps() && plan.IsDirectory(p.TargetKey)
}

// Algorithm returns the algorithm of the additional checksums that are compared. It is
// empty if there are none.
func (c *Comparer) Algorithm() checksum.Algorithm { return c.opts.Algorithm }

// SourceInfo returns the info of a source object. It returns known if that is not nil,
// because the source was asked before. For a file it returns the facts of the listing,
// because there are no others. The object may have changed since it was listed. The
// errors are those of Compare.
func (c *Comparer) SourceInfo(ctx context.Context, p plan.Pair, known *storage.Info) (*storage.Info, error) {
	switch {
	case known != nil:
		return known, nil
	case c.source.Caps.Files:
		return &storage.Info{Object: p.Source}, nil
	}
	x := comparison{c: c, d: Decision{Pair: p}}
	return x.ask(ctx, x.source(), storage.StatOptions{})
}
