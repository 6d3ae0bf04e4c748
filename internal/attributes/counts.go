package attributes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// S3 tells with each object how many tags it has, which saves asking for the tags
// of objects without any. But it tells 0 to who may not read tags, and other
// servers may tell nothing at all. So some objects that seem to have no tags are
// asked for them nevertheless: the first one, which shows what may be read, and
// then ever fewer, until a count of more than 0 shows that the server counts.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (x-amz-tagging-count)

// A tagCounts is what a run knows of the counts that the source tells.
type tagCounts struct {
	mu    sync.Mutex // never held during a request
	kind  countsKind
	zeros int64 // objects of which 0 was told while the kind was not known
	// asking is closed when the sample that is under way has its answer.
	asking chan struct{}
	// unanswered: the last sample failed, so that every object asks for itself until
	// one of them gets an answer.
	unanswered bool

	why    error       // why tags are hidden, or not known
	warned atomic.Bool // of that
}

type countsKind int

const (
	countsUnknown     countsKind = iota // they may be true
	countsTrusted                       // they are true
	countsHidden                        // tags cannot be read
	countsUnsupported                   // the server knows no tags
	countsMissing                       // 0 is told whatever there is
)

// An ask says whether an object is asked for its tags.
type ask int

const (
	askNothing ask = iota // it is not
	askKnown              // there are some, or may be
	askSample             // none are told; others wait for the answer
	askAlone              // none are told; nobody waits for the answer
)

// next decides whether an object of which so many tags are told is asked. It may
// wait for the answer about another object.
func (c *tagCounts) next(ctx context.Context, count int) (ask, countsKind, error) {
	for {
		c.mu.Lock()
		what, wait := c.decide(count)
		kind := c.kind
		c.mu.Unlock()
		if wait == nil {
			return what, kind, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return askNothing, kind, context.Cause(ctx)
		}
	}
}

func (c *tagCounts) decide(count int) (what ask, wait chan struct{}) {
	if c.kind == countsUnknown && count > 0 {
		c.kind = countsTrusted
	}
	switch {
	case c.kind == countsUnsupported:
		return askNothing, nil
	case count > 0, c.kind == countsMissing:
		return askKnown, nil
	case c.kind != countsUnknown:
		return askNothing, nil
	case c.asking != nil:
		return askNothing, c.asking
	}
	c.zeros++
	switch {
	case c.unanswered:
		return askAlone, nil
	case c.zeros&(c.zeros-1) == 0: // a power of two
		c.asking = make(chan struct{})
		return askSample, nil
	}
	return askNothing, nil
}

// answer takes in what came of a question. If it shows that the source does not
// count, it returns how many objects may have been taken for ones without tags.
func (c *tagCounts) answer(what ask, tags map[string]string, err error) (before int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if what == askSample {
		close(c.asking)
		c.asking = nil
	}
	switch {
	case c.kind == countsUnsupported:
	case errors.Is(err, errors.ErrUnsupported):
		c.kind, c.why = countsUnsupported, fmt.Errorf("%w: %w", errTagsUnsupported, err)
	case what == askKnown, c.kind != countsUnknown:
	case errors.Is(err, errTagsDenied):
		c.kind, c.why = countsHidden, err
	case err != nil:
		c.zeros--
		c.unanswered = true
	case len(tags) > 0:
		c.kind = countsMissing
		return c.zeros - 1
	default:
		c.unanswered = false
	}
	return 0
}

// reason is why tags are not told.
func (c *tagCounts) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}
