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

// Some servers do not know all calls and headers of S3. What a server lacks is detected
// at the first use and remembered. The writes are then made without it, and the user is
// warned once. If the user asked for it, the write fails, and the error names the setting.
//
// This file and the kind errors.ErrUnsupported decide which errors say so. Package
// failure gives that kind to the statuses 501 and 405 and their codes.

// A writePart is what a write carries besides its bytes and what a server may not know.
type writePart struct {
	name string // by which it is remembered
	// setting asks for it, or replaces what the source has.
	setting string
	// inherited: the source has it, and the user did not ask for it.
	inherited bool
	refused   func(error) bool
}

// writeParts returns what a write with these options carries.
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
	// A copy also says that an object has no tags.
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
	add(opts.IfMatch != "", writePart{name: server.IfMatch, setting: "Condition.IfMatch", inherited: in.Conditions})
	add(opts.IfAbsent, writePart{name: server.IfNoneMatch, setting: "Condition.IfNoneMatch", inherited: in.Conditions})
	add(w.asks.requesterPays, writePart{name: "requester pays", setting: "Target.RequestPayer"})
	add(copies, writePart{name: "copies", setting: "ServerSideCopy", refused: failure.IsUnsupported})
	return parts
}

func classPart(class string) string { return "the storage class " + class }

// carried are the options of a write without what the server does not know.
type carried struct {
	storage.WriteOptions

	// untagged: the server knows no tags. A copy then does not mention them at all.
	untagged bool
}

// drop leaves out a part.
func (c *carried) drop(name string) {
	switch name {
	case server.Tags:
		c.Tags, c.untagged = nil, true
	case classPart(c.StorageClass):
		c.StorageClass = ""
	case server.IfMatch:
		c.IfMatch = ""
	case server.IfNoneMatch:
		c.IfAbsent = false
	default:
		c.WebsiteRedirect = ""
	}
}

// writeWhatIsKnown makes a write without the inherited parts that the server does not
// know. copies says that the server copies. A part that the server accepted once cannot
// be the cause of a later failure. A write of a stream is not repeated, because a stream
// can be read only once.
func (w *writing) writeWhatIsKnown(opts storage.WriteOptions, copies, stream bool, write func(carried) error) (carried, error) {
	parts := w.writeParts(&opts, copies)
	c := carried{WriteOptions: opts}
	parts = slices.DeleteFunc(parts, func(p writePart) bool {
		gone := p.inherited && w.Server.Lacks(p.name)
		if gone {
			warnDropped(w.Access, &c.WriteOptions, p.name)
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
				warnDropped(w.Access, &c.WriteOptions, name)
			}
			return less, nil
		}
		if !failure.MayBeUnknown(lessErr) {
			return less, lessErr
		}
	}
	return c, nameSettings(err, suspects)
}

// trials returns what to leave out of the retries of a write: each inherited part by
// itself, and at last all of them.
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

// warnDropped warns that objects are written without something.
func warnDropped(a *objects.Access, opts *storage.WriteOptions, name string) {
	advice := setting.Textf("%s gives them another one", setting.Name("Metadata.StorageClass"))
	switch {
	case name == server.Tags && len(opts.Tags) == 0:
		return // nothing is lost
	case name == server.IfMatch, name == server.IfNoneMatch:
		a.Server.Notice(storage.Notice{Text: fmt.Sprintf(
			"the server of bucket %q does not know %s: objects are only looked at right before they are written", a.Bucket, name)})
		return
	case name == server.Tags:
		advice = setting.Textf("%s goes without tags and without this warning", setting.Name("Tagging.Disable"))
	case name == "redirects":
		advice = setting.Textf("%s leaves them out without this warning", setting.Name("Metadata.NoSystem"))
	}
	a.Server.Notice(storage.Notice{Warning: true, Settings: advice.Settings(), Text: fmt.Sprintf(
		"the server of bucket %q does not know %s: objects are written without (%v)", a.Bucket, name, advice)})
}

// nameSettings adds to an error the settings that may be its cause. The server never
// accepted what they ask for. So every other object would fail, too, and the run ends.
func nameSettings(err error, suspects []writePart) error {
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
	named := *f
	named.Kind = storage.ErrUnusable
	slices.Sort(settings)
	named.Names = slices.Compact(settings)
	named.Text = fmt.Sprintf("%s (the server may not know what %s asks for)", f.Text, strings.Join(named.Names, " or "))
	return &named
}
