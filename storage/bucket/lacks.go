package bucket

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// Not every server knows every call of S3, or every header. What a server lacks is
// found out at the first need, remembered, and done without. The user is told once.
// Only what the user asked for himself is an error, which names the setting.
//
// Which errors tell that is decided here and by the kind errors.ErrUnsupported,
// which errors.go gives to 501, 405 and their codes.

// lacking reports whether err says that the server does not know a call.
func lacking(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// lacksHeader reports whether err says that the server does not know a header.
// 405 is about calls only.
func lacksHeader(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && lacking(f) && f.status != http.StatusMethodNotAllowed
}

// refuses reports whether err may be about a header or a call that the server does
// not know: it is no failure of a known kind. A request that can be made in another
// way is made in that way then.
func refuses(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && (lacking(f) || f.kind == nil && f.status >= 400 && f.status < 500)
}

// refusesClass reports whether err says that the server does not know a storage
// class. Not every server has a code for that.
func refusesClass(err error) bool {
	return lacksHeader(err) || has(err, "InvalidStorageClass") || has(err, "InvalidArgument")
}

// What servers may lack, beside what writes carry.
const (
	lackRestoreStatus = "optional attributes of listings"
	lackBatches       = "DeleteObjects"
	lackDeleteIfMatch = "conditions of DELETE"
	lackChecksumMode  = "checksums in answers"
	lackTags          = "tags"
)

// A features is what a server was seen to lack and to know. The zero value is for a
// server of which nothing was seen yet. Its methods may be called concurrently.
type features struct {
	mu sync.Mutex

	missing, known map[string]bool
}

// lacks reports whether the server was seen not to know something.
func (f *features) lacks(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missing[name]
}

// knows reports whether the server was seen to know something.
func (f *features) knows(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known[name]
}

func (f *features) setMissing(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.missing == nil {
		f.missing = map[string]bool{}
	}
	f.missing[name] = true
}

func (f *features) setKnown(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]bool{}
	}
	for _, name := range names {
		f.known[name] = true
	}
}

// orWithout makes a request with something that the server may lack, and without it
// if it is refused for what may be that reason. If it succeeds then, the rest of the
// run goes without.
func orWithout[T any](f *features, name string, refused func(error) bool, request func(with bool) (T, error)) (T, error) {
	if f.lacks(name) {
		return request(false)
	}
	result, err := request(true)
	if err == nil || !refused(err) {
		return result, err
	}
	less, lessErr := request(false)
	switch {
	case lessErr == nil:
		f.setMissing(name)
		return less, nil
	case storage.Retryable(lessErr):
		return less, lessErr
	}
	return result, err
}

// reasonOf is what the server answered, in a few words that are the same for all
// objects.
func reasonOf(err error) string {
	f, ok := errors.AsType[*failure](err)
	switch {
	case !ok:
		return "an answer that makes no sense"
	case f.code != "" && f.code != "UnknownError":
		return oneLine(f.code)
	case f.status != 0:
		return fmt.Sprintf("status %d", f.status)
	}
	return f.text
}

// A part of a write is something besides the bytes that a server may not know.
type writePart struct {
	name string // by which it is remembered
	// setting asks for it, or replaces what the source has.
	setting string
	// inherited: the source has it, and the user did not ask for it.
	inherited bool
	refused   func(error) bool
}

// writeParts are what a write with these options carries.
func (s *Store) writeParts(opts *storage.WriteOptions, copies bool) []writePart {
	in, e := opts.Inherited, &s.opts.Encryption
	var parts []writePart
	add := func(there bool, p writePart) {
		if there {
			if p.refused == nil {
				p.refused = lacksHeader
			}
			parts = append(parts, p)
		}
	}
	// A copy says also of an object without tags that it has none.
	add(len(opts.Tags) > 0 || copies, writePart{name: lackTags, setting: "Tagging.Set", inherited: in.Tags || len(opts.Tags) == 0})
	add(opts.StorageClass != "", writePart{
		name: classPart(opts.StorageClass), setting: "Metadata.StorageClass", inherited: in.StorageClass, refused: refusesClass,
	})
	add(opts.WebsiteRedirect != "", writePart{name: "redirects", setting: "Metadata.WebsiteRedirect", inherited: in.WebsiteRedirect})
	add(opts.ACL != "", writePart{name: "ACLs", setting: "Metadata.ACL", refused: func(err error) bool {
		return lacksHeader(err) || has(err, "AccessControlListNotSupported")
	}})
	add(opts.Checksum.Algorithm != "" && !s.directory, writePart{name: "additional checksums", setting: "Verify.Algorithm"})
	add(e.SSE != "", writePart{name: "encryption", setting: "Encryption.SSE"})
	add(e.Customer.Key != "", writePart{name: "customer keys", setting: "Encryption.TargetCustomer.Algorithm"})
	add(opts.IfMatch != "", writePart{name: "If-Match", setting: "Condition.IfMatch"})
	add(opts.IfAbsent, writePart{name: "If-None-Match", setting: "Condition.IfNoneMatch"})
	add(s.payer != "", writePart{name: "requester pays", setting: "Target.RequestPayer"})
	add(copies, writePart{name: "copies", setting: "ServerSideCopy", refused: lacking})
	return parts
}

func classPart(class string) string { return "the storage class " + class }

// A carried write is what is left of the options of one.
type carried struct {
	storage.WriteOptions

	// untagged: the server knows no tags, so that it is not even told that there
	// are none.
	untagged bool
}

// drop leaves out a part.
func (c *carried) drop(name string) {
	switch name {
	case lackTags:
		c.Tags, c.untagged = nil, true
	case classPart(c.StorageClass):
		c.StorageClass = ""
	default:
		c.WebsiteRedirect = ""
	}
}

// writeWhatIsKnown makes a write without what the server does not know, as far as
// that was inherited from the source. copies says that the server copies. Once a
// part was taken it is not to blame for later failures. A write of a stream is not
// made again: it can be read only once.
func (s *Store) writeWhatIsKnown(opts storage.WriteOptions, copies, stream bool, write func(carried) error) (carried, error) {
	parts := s.writeParts(&opts, copies)
	c := carried{WriteOptions: opts}
	parts = slices.DeleteFunc(parts, func(p writePart) bool {
		gone := p.inherited && s.features.lacks(p.name)
		if gone {
			s.tellDropped(&c.WriteOptions, p.name)
			c.drop(p.name)
		}
		return gone
	})
	err := write(c)
	if err == nil {
		for _, p := range parts {
			s.features.setKnown(p.name)
		}
		return c, nil
	}
	suspects := slices.DeleteFunc(parts, func(p writePart) bool { return !p.refused(err) || s.features.knows(p.name) })
	for _, names := range trials(suspects) {
		if stream {
			break
		}
		less := c
		for _, name := range names {
			less.drop(name)
		}
		lessErr := write(less)
		if lessErr == nil {
			for _, name := range names {
				s.features.setMissing(name)
				s.tellDropped(&c.WriteOptions, name)
			}
			return less, nil
		}
		if !refuses(lessErr) {
			return less, lessErr
		}
	}
	return c, blameSettings(err, suspects)
}

// trials are what may be left out of a write, one after the other: each part that
// was inherited, and then all of them.
func trials(suspects []writePart) [][]string {
	var each [][]string
	var all []string
	for _, p := range suspects {
		if p.inherited {
			each, all = append(each, []string{p.name}), append(all, p.name)
		}
	}
	if len(all) > 1 {
		each = append(each, all)
	}
	return each
}

// tellDropped warns of what objects are written without.
func (s *Store) tellDropped(opts *storage.WriteOptions, name string) {
	advice := setting.Textf("%s gives them another one", setting.Name("Metadata.StorageClass"))
	switch {
	case name == lackTags && len(opts.Tags) == 0:
		return // nothing is lost
	case name == lackTags:
		advice = setting.Textf("%s goes without tags and without this warning", setting.Name("Tagging.Disable"))
	case name == "redirects":
		advice = setting.Textf("%s leaves them out without this warning", setting.Name("Metadata.NoSystem"))
	}
	s.notice(storage.Notice{Warning: true, Settings: advice.Settings(), Text: fmt.Sprintf(
		"the server of bucket %q does not know %s: objects are written without (%v)", s.opts.Bucket, name, advice)})
}

// blameSettings names the settings that a failure may come of. If the server never
// took what they ask for, no other object will fare better, which ends the run.
func blameSettings(err error, suspects []writePart) error {
	var settings []string
	for _, p := range suspects {
		if !p.inherited {
			settings = append(settings, p.setting)
		}
	}
	f, ok := errors.AsType[*failure](err)
	if !ok || len(settings) == 0 {
		return err
	}
	told := *f
	told.kind = storage.ErrUnusable
	slices.Sort(settings)
	told.settings = slices.Compact(settings)
	told.text = fmt.Sprintf("%s (the server may not know what %s asks for)", f.text, strings.Join(told.settings, " or "))
	return &told
}
