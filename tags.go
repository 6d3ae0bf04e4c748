package s3sync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// S3 tells with each object how many tags it has, which saves asking for the tags
// of those without. But it tells who may not read the tags the same as of an
// object without any, and other servers may not tell at all. So some objects that
// seem to have none are asked for them nevertheless: the first, which shows what
// may be read, and then ever fewer, until a count of more than 0 shows that the
// server counts.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (x-amz-tagging-count)

// A tagCounts is what a run knows of the counts that the source tells.
type tagCounts struct {
	mu     sync.Mutex // never held during a request
	counts countsKind
	zeros  int64 // objects of which 0 was told, while that was not known
	// asking is closed when the sample that is under way has its answer.
	asking chan struct{}
	// unanswered: the last sample failed, so that every object asks for itself until
	// one of them gets an answer.
	unanswered bool

	why    error       // why they are hidden, or not known
	warned atomic.Bool // of that
}

type countsKind int

const (
	countsUnknown     countsKind = iota // they may be true
	countsTrusted                       // they are
	countsHidden                        // tags cannot be read
	countsUnsupported                   // the server knows no tags
	countsLacking                       // 0 is told whatever there is
)

// Why tags are not read.
var (
	errTagsDenied = setting.Errorf("tags cannot be read, which takes the permission s3:GetObjectTagging, or "+
		"s3:GetObjectVersionTagging where versions are kept; %s goes without tags", setting.Name("Tagging.Disable"))
	errTagsUnsupported = setting.Errorf("the source knows no tags; %s goes without tags and without this warning", setting.Name("Tagging.Disable"))
)

// tagsToWrite are the tags of the object to be written. One whose tags are known
// to exist is not written without them; where not even that is told, one warning
// holds for the run.
func (s *syncer) tagsToWrite(ctx context.Context, t *task) (map[string]string, error) {
	switch {
	case s.cfg.Tagging.Disable, !s.target.Caps().Tags:
		return nil, nil
	case s.cfg.Tagging.Set != "":
		return maps.Clone(s.tags), nil
	}
	tags, told, err := s.sourceTags(ctx, t.it, &t.info)
	if err != nil || told {
		return tags, err
	}
	why := s.tagCounts.reason()
	if s.cfg.Tagging.SyncLatest && errors.Is(why, errTagsUnsupported) {
		return nil, needsTags(setting.Textf("%s", setting.Name("Tagging.SyncLatest")), why)
	}
	if s.tagCounts.warned.CompareAndSwap(false, true) {
		s.warnOfTags(fmt.Errorf("objects are written without the tags that they may have: %w", why))
	}
	return nil, nil
}

// needsTags ends a run that was asked for something that a server does not have.
func needsTags(settings setting.Text, err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, errTagsUnsupported) {
		return setting.Errorf("%w: %s needs tags: %w", storage.ErrUnusable, settings, err)
	}
	return err
}

// sourceTags returns the tags of an object that the source told of. told is false
// if the source does not tell whether there are any; where there are some that
// cannot be read it fails with errTagsDenied.
func (s *syncer) sourceTags(ctx context.Context, it *item, info *storage.Info) (tags map[string]string, told bool, err error) {
	tagger, ok := taggerOf(s.source)
	if !ok {
		return nil, true, nil
	}
	c := &s.tagCounts
	turn, counts, err := c.turn(ctx, info.TagCount)
	switch {
	case err != nil:
		return nil, false, err
	case turn == turnPass:
		return nil, counts == countsTrusted || counts == countsUnknown, nil
	}
	tags, err = s.askTags(ctx, tagger, it, it.key(), info.VersionID)
	if before := c.answer(turn, tags, err); before > 0 {
		s.warnOfTags(setting.Errorf("the source does not tell how many tags objects have, as %q shows; up to %d objects before it were "+
			"taken for ones without tags (another run with %s repairs them)", it.key(), before, setting.Name("Tagging.SyncLatest")))
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, errTagsDenied) && turn != turnAsk {
		return nil, false, nil
	}
	return tags, true, err
}

// A turn says what is to be done about the tags of an object.
type turn int

const (
	turnPass   turn = iota // nothing is asked
	turnAsk                // there are some, or may be
	turnSample             // none are told, and others wait for the answer
	turnAlone              // none are told, and nobody waits
)

// turn decides what is done about an object of which so many tags are told. It may
// wait for the answer about another one.
func (c *tagCounts) turn(ctx context.Context, count int) (turn, countsKind, error) {
	for {
		c.mu.Lock()
		t, wait := c.next(count)
		counts := c.counts
		c.mu.Unlock()
		if wait == nil {
			return t, counts, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return turnPass, counts, context.Cause(ctx)
		}
	}
}

func (c *tagCounts) next(count int) (t turn, wait chan struct{}) {
	if c.counts == countsUnknown && count > 0 {
		c.counts = countsTrusted
	}
	switch {
	case c.counts == countsUnsupported:
		return turnPass, nil
	case count > 0, c.counts == countsLacking:
		return turnAsk, nil
	case c.counts != countsUnknown:
		return turnPass, nil
	case c.asking != nil:
		return turnPass, c.asking
	}
	c.zeros++
	switch {
	case c.unanswered:
		return turnAlone, nil
	case c.zeros&(c.zeros-1) == 0: // a power of two
		c.asking = make(chan struct{})
		return turnSample, nil
	}
	return turnPass, nil
}

// answer takes in what came of a question for tags. If it shows that the source does
// not count, it returns how many objects may have been taken for ones without tags.
func (c *tagCounts) answer(t turn, tags map[string]string, err error) (before int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t == turnSample {
		close(c.asking)
		c.asking = nil
	}
	switch {
	case c.counts == countsUnsupported:
	case errors.Is(err, errors.ErrUnsupported):
		c.counts, c.why = countsUnsupported, fmt.Errorf("%w: %w", errTagsUnsupported, err)
	case t == turnAsk, c.counts != countsUnknown:
	case errors.Is(err, errTagsDenied):
		c.counts, c.why = countsHidden, err
	case err != nil:
		c.zeros--
		c.unanswered = true
	case len(tags) > 0:
		c.counts = countsLacking
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

// warnOfTags is a warning of the run: the objects are written.
func (s *syncer) warnOfTags(err error) {
	if s.cfg.WarnAsError {
		s.unsafe.Store(true)
	}
	s.report.emit(Event{Type: s.warningType(), Err: err})
}

// askTags asks a side for the tags of an object.
func (s *syncer) askTags(ctx context.Context, side storage.Tagger, it *item, key, versionID string) (tags map[string]string, err error) {
	err = s.again(ctx, it.key(), func(ctx context.Context) (err error) {
		tags, err = side.Tags(ctx, key, versionID)
		return err
	})
	switch {
	case storage.Gone(err):
		return nil, fmt.Errorf("%w: %w", errGone, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: %w", errTagsDenied, err)
	}
	return tags, err
}

// syncTags makes the tags of an unchanged object like those of the source.
func (s *syncer) syncTags(ctx context.Context, it *item) error {
	if ok, err := s.selectsContent(ctx, it); err != nil || !ok {
		return err
	}
	source, target, err := s.bothTags(ctx, it)
	if err != nil {
		return needsTags(setting.Textf("%s", setting.Name("Tagging.SyncLatest")), err)
	}
	if maps.Equal(source, target) {
		s.skip(it, it.reason)
		return nil
	}
	if err := s.objects.WaitN(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	if !s.cfg.DryRun {
		if err := s.setTags(ctx, it, source); err != nil {
			return err
		}
	}
	ev := it.event(EventTagged)
	ev.SourceTags, ev.TargetTags = flattenTags(source), flattenTags(target)
	s.report.emit(ev)
	return nil
}

func (s *syncer) setTags(ctx context.Context, it *item, tags map[string]string) error {
	_, to, err := s.taggers()
	if err != nil {
		return err
	}
	err = s.again(ctx, it.key(), func(ctx context.Context) error { return to.SetTags(ctx, it.mapped, tags) })
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("tags cannot be changed, which takes the permissions s3:PutObjectTagging and s3:DeleteObjectTagging: %w", err)
	}
	return err
}

// bothTags asks both sides for the tags of an object.
func (s *syncer) bothTags(ctx context.Context, it *item) (source, target map[string]string, err error) {
	from, to, err := s.taggers()
	if err != nil {
		return nil, nil, err
	}
	if source, err = s.askTags(ctx, from, it, it.key(), it.source.VersionID); err != nil {
		return nil, nil, ofSource(err)
	}
	target, err = s.askTags(ctx, to, it, it.mapped, "")
	return source, target, ofTarget(err)
}

// taggers are both sides as stores whose objects have tags.
func (s *syncer) taggers() (from, to storage.Tagger, err error) {
	from, ok := taggerOf(s.source)
	to, ok2 := taggerOf(s.target)
	switch {
	case !ok:
		return nil, nil, errors.New("source: its objects have no tags that could be compared")
	case !ok2:
		return nil, nil, errors.New("target: its objects have no tags that could be compared")
	}
	return from, to, nil
}

// taggerOf returns a store as one whose objects have tags, or false.
func taggerOf(store storage.Store) (storage.Tagger, bool) {
	t, ok := storage.As[storage.Tagger](store)
	return t, ok && store.Caps().Tags
}

// Bounds of tags, in Unicode characters.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
const (
	maxTags     = 10
	maxTagName  = 128
	maxTagValue = 256
)

// tagCharacters is what names and values of tags consist of.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_S3Tag.html
var tagCharacters = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// parseTags reads tags as x-amz-tagging has them: name=value pairs in URL
// encoding, joined by ampersands. It refuses what S3 would.
func parseTags(text string) (map[string]string, error) {
	tags := map[string]string{}
	for pair := range strings.SplitSeq(text, "&") {
		escapedName, escapedValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escapedName)
		value, err2 := url.QueryUnescape(escapedValue)
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("%q is not URL-encoded: %w", pair, err)
		}
		if _, ok := tags[name]; ok {
			return nil, fmt.Errorf("there are two tags %q", name)
		}
		tags[name] = value
	}
	return tags, checkTags(tags)
}

// checkTags refuses tags that S3 would refuse.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fmt.Errorf("there are %d tags, and an object can have %d", len(tags), maxTags)
	}
	for name, value := range tags {
		switch {
		case name == "":
			return errors.New("a tag has no name")
		case !utf8.ValidString(name), !utf8.ValidString(value), !tagCharacters.MatchString(name), !tagCharacters.MatchString(value):
			return fmt.Errorf("the tag %q=%q has other characters than letters, digits, blanks and + - = . _ : / @", name, value)
		case utf8.RuneCountInString(name) > maxTagName:
			return fmt.Errorf("the name of the tag %q is longer than %d characters", name, maxTagName)
		case utf8.RuneCountInString(value) > maxTagValue:
			return fmt.Errorf("the value of the tag %q is longer than %d characters", name, maxTagValue)
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			return fmt.Errorf("the tag %q has a name that belongs to AWS", name)
		}
	}
	return nil
}
