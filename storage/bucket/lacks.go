package bucket

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"s3sync/internal/setting"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/objects"
	"s3sync/storage/bucket/internal/server"
)

// Not every server knows every call of S3, or every header. What a server lacks is
// found out at the first need, remembered, and done without. The user is told once.
// Only what the user asked for himself is an error, which names the setting.
//
// Which errors tell that is decided here and by the kind errors.ErrUnsupported,
// which errors.go gives to 501, 405 and their codes.

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
func (w *writing) writeParts(opts *storage.WriteOptions, copies bool) []writePart {
	in := opts.Inherited
	var parts []writePart
	add := func(there bool, p writePart) {
		if there {
			if p.refused == nil {
				p.refused = failure.IsUnknownHeader
			}
			parts = append(parts, p)
		}
	}
	// A copy says also of an object without tags that it has none.
	add(len(opts.Tags) > 0 || copies, writePart{name: server.Tags, setting: "Tagging.Set", inherited: in.Tags || len(opts.Tags) == 0})
	add(opts.StorageClass != "", writePart{
		name: classPart(opts.StorageClass), setting: "Metadata.StorageClass", inherited: in.StorageClass, refused: failure.IsUnknownClass,
	})
	add(opts.WebsiteRedirect != "", writePart{name: "redirects", setting: "Metadata.WebsiteRedirect", inherited: in.WebsiteRedirect})
	add(opts.ACL != "", writePart{name: "ACLs", setting: "Metadata.ACL", refused: func(err error) bool {
		return failure.IsUnknownHeader(err) || failure.HasCode(err, "AccessControlListNotSupported")
	}})
	add(opts.Checksum.Algorithm != "" && !w.Directory, writePart{name: "additional checksums", setting: "Verify.Algorithm"})
	add(w.asks.encryption, writePart{name: "encryption", setting: "Encryption.SSE"})
	add(w.asks.customerKey, writePart{name: "customer keys", setting: "Encryption.TargetCustomer.Algorithm"})
	add(opts.IfMatch != "", writePart{name: "If-Match", setting: "Condition.IfMatch"})
	add(opts.IfAbsent, writePart{name: "If-None-Match", setting: "Condition.IfNoneMatch"})
	add(w.asks.requesterPays, writePart{name: "requester pays", setting: "Target.RequestPayer"})
	add(copies, writePart{name: "copies", setting: "ServerSideCopy", refused: failure.IsUnsupported})
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
	case server.Tags:
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
func (w *writing) writeWhatIsKnown(opts storage.WriteOptions, copies, stream bool, write func(carried) error) (carried, error) {
	parts := w.writeParts(&opts, copies)
	c := carried{WriteOptions: opts}
	parts = slices.DeleteFunc(parts, func(p writePart) bool {
		gone := p.inherited && w.Server.Lacks(p.name)
		if gone {
			tellDropped(w.Access, &c.WriteOptions, p.name)
			c.drop(p.name)
		}
		return gone
	})
	err := write(c)
	if err == nil {
		for _, p := range parts {
			w.Server.SetKnown(p.name)
		}
		return c, nil
	}
	suspects := slices.DeleteFunc(parts, func(p writePart) bool { return !p.refused(err) || w.Server.Knows(p.name) })
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
				w.Server.SetMissing(name)
				tellDropped(w.Access, &c.WriteOptions, name)
			}
			return less, nil
		}
		if !failure.MayBeUnknown(lessErr) {
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
func tellDropped(a *objects.Access, opts *storage.WriteOptions, name string) {
	advice := setting.Textf("%s gives them another one", setting.Name("Metadata.StorageClass"))
	switch {
	case name == server.Tags && len(opts.Tags) == 0:
		return // nothing is lost
	case name == server.Tags:
		advice = setting.Textf("%s goes without tags and without this warning", setting.Name("Tagging.Disable"))
	case name == "redirects":
		advice = setting.Textf("%s leaves them out without this warning", setting.Name("Metadata.NoSystem"))
	}
	a.Server.Notice(storage.Notice{Warning: true, Settings: advice.Settings(), Text: fmt.Sprintf(
		"the server of bucket %q does not know %s: objects are written without (%v)", a.Bucket, name, advice)})
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
	f, ok := errors.AsType[*failure.Error](err)
	if !ok || len(settings) == 0 {
		return err
	}
	told := *f
	told.Kind = storage.ErrUnusable
	slices.Sort(settings)
	told.Names = slices.Compact(settings)
	told.Text = fmt.Sprintf("%s (the server may not know what %s asks for)", f.Text, strings.Join(told.Names, " or "))
	return &told
}
