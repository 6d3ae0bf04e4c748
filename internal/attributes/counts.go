package attributes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// S3 reports with each object how many tags it has, which saves requests for the tags
// of objects without any. But it reports 0 to a client that may not read tags, and
// other servers may report nothing at all. So the source is asked for the tags of some
// objects that seem to have none. The first sample shows what may be read. Further
// samples become rarer, until a count above 0 shows that the server counts.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (x-amz-tagging-count)

// A tagCounts is what a run knows about the tag counts that the source reports.
type tagCounts struct {
	// each: every object is asked for until a count shows that the server counts. A sample
	// could miss tags.
	each bool

	mu    sync.Mutex // never held during a request
	kind  countsKind
	zeros int64 // objects with the count 0 while the kind was not known
	// asking is closed when the request for the current sample has ended.
	asking chan struct{}
	// unanswered: the last sample failed, so that every object makes its own request
	// until one of them succeeds.
	unanswered bool

	why    error       // why tags cannot be read
	warned atomic.Bool // the run was warned of why
}

type countsKind int

const (
	countsUnknown     countsKind = iota // counts of 0 may be true
	countsTrusted                       // counts are true
	countsHidden                        // tags cannot be read
	countsUnsupported                   // the server does not support tags
	countsMissing                       // the count is 0 even if there are tags
)

// An ask says whether the source is asked for the tags of an object.
type ask int

const (
	askNothing ask = iota // no request
	askKnown              // there are tags, or there may be
	askSample             // the count is 0; other objects wait for the response
	askAlone              // the count is 0; nobody waits for the response
)

// next decides whether to ask for the tags of an object with this count. It may wait
// for the response about another object.
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
	case c.unanswered, c.each:
		return askAlone, nil
	case c.zeros&(c.zeros-1) == 0: // a power of two
		c.asking = make(chan struct{})
		return askSample, nil
	}
	return askNothing, nil
}

// answer records the result of a request for tags. If the result shows that the source
// does not count, answer returns how many earlier objects may have been written
// without their tags.
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
	case len(tags) > 0 && c.each:
		c.kind = countsMissing
	case len(tags) > 0:
		c.kind = countsMissing
		return c.zeros - 1
	default:
		c.unanswered = false
	}
	return 0
}

// reason returns why tags cannot be read.
func (c *tagCounts) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}
