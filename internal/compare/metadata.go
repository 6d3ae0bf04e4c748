package compare

import (
	"context"
	"mime"

	"s3sync/internal/attributes"
	"s3sync/internal/tagset"
	"s3sync/storage"
)

// UserMetadata is the Name of the field that stands for all user metadata.
const UserMetadata = "x-amz-meta-"

// A Field is one field of the metadata on both sides.
type Field struct {
	// Name is the name of the header, or UserMetadata.
	Name string
	// Equal: the values are the same. User metadata can be equal although its texts
	// differ.
	Equal bool
	// Source and Target are the values. User metadata has the form of
	// tagset.FlattenMetadata.
	Source, Target string
}

// Metadata compares the headers and the user metadata of the two objects, which exist.
// It requests the infos that d does not have, and returns the decision with them. The
// errors are those of Compare; storage.Gone reports whether one means that an object
// is gone.
func (c *Comparer) Metadata(ctx context.Context, d Decision) (Decision, []Field, error) {
	x := comparison{c: c, d: d}
	if x.d.SourceInfo == nil {
		if _, err := x.ask(ctx, x.source(), storage.StatOptions{}); err != nil {
			return x.d, nil, err
		}
	}
	if x.d.TargetInfo == nil {
		if _, err := x.ask(ctx, x.target(), storage.StatOptions{}); err != nil {
			return x.d, nil, err
		}
	}
	return x.d, compareMetadata(&x.d.SourceInfo.Attributes, &x.d.TargetInfo.Attributes), nil
}

func compareMetadata(source, target *storage.Attributes) []Field {
	fields := []Field{
		{Name: "Content-Disposition", Source: source.ContentDisposition, Target: target.ContentDisposition},
		{Name: "Content-Encoding", Source: source.ContentEncoding, Target: target.ContentEncoding},
		{Name: "Content-Language", Source: source.ContentLanguage, Target: target.ContentLanguage},
		{Name: "Content-Type", Source: source.ContentType, Target: target.ContentType},
		{Name: "Cache-Control", Source: source.CacheControl, Target: target.CacheControl},
		{Name: "Expires", Source: source.Expires, Target: target.Expires},
		{Name: "x-amz-website-redirect-location", Source: source.WebsiteRedirect, Target: target.WebsiteRedirect},
	}
	for i := range fields {
		fields[i].Equal = fields[i].Source == fields[i].Target
	}
	return append(fields, compareUserMetadata(source.Metadata, target.Metadata))
}

func compareUserMetadata(source, target map[string]string) Field {
	source, target = userText(source), userText(target)
	return Field{
		Name: UserMetadata, Equal: attributes.SameMetadata(source, target),
		Source: tagset.FlattenMetadata(source), Target: tagset.FlattenMetadata(target),
	}
}

// userText returns user metadata as text, without the marks of syncs. Some servers
// send characters other than ASCII in the form of RFC 2047, others do not.
func userText(metadata map[string]string) map[string]string {
	kept := map[string]string{}
	for name, value := range metadata {
		if attributes.IsMark(name) {
			continue
		}
		kept[name] = value
		if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			kept[name] = text
		}
	}
	return kept
}
