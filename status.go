package s3sync

import (
	"context"
	"errors"
	"maps"
	"mime"
	"slices"

	"s3sync/internal/pattern"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// A report (Config.Report) says of every source object whether the target holds
// the same. It comes from the same comparison as the update checks, so it finds
// objects equal that were uploaded in other part sizes, and asks the servers only
// for what the listings do not tell.

// A Status says how the target's object stands to the source's in one aspect.
type Status string

// The statuses of a report.
const (
	StatusMatches  Status = "MATCHES"
	StatusMismatch Status = "MISMATCH"
	StatusUnknown  Status = "UNKNOWN" // nothing can be compared; Event.Err says why
	StatusNotFound Status = "NOT_FOUND"
)

// An Aspect is what a report compares of an object.
type Aspect string

// The aspects of a report. Each object is reported once as not existing, or by
// ETag or checksum, and then perhaps in others.
const (
	AspectExistence Aspect = "EXISTENCE"
	AspectETag      Aspect = "ETAG"     // or what stands in for ETags that cannot be compared
	AspectChecksum  Aspect = "CHECKSUM" // of Check.Algorithm
	AspectMetadata  Aspect = "METADATA" // headers and user metadata
	AspectTagging   Aspect = "TAGGING"
)

// A FieldStatus is the status of one field of the metadata.
type FieldStatus struct {
	// Name is that of the header; x-amz-meta- stands for all user metadata.
	Name   string
	Status Status
	// Source and Target are the values. User metadata are name=value pairs in
	// order of the name, joined by commas, the values percent-encoded.
	Source, Target string
}

// StatusCounts count what a report found.
type StatusCounts struct {
	// Objects are the source objects that were compared or not found.
	Objects  int64
	NotFound int64
	ETag     AspectCounts
	Checksum AspectCounts
	Metadata AspectCounts // objects, not fields
	Tagging  AspectCounts
}

// AspectCounts count the statuses in one aspect.
type AspectCounts struct{ Matches, Mismatch, Unknown int64 }

// InSync reports whether everything that was compared matches.
func (c *StatusCounts) InSync() bool {
	differ := c.NotFound
	for _, a := range []AspectCounts{c.ETag, c.Checksum, c.Metadata, c.Tagging} {
		differ += a.Mismatch + a.Unknown
	}
	return differ == 0
}

func (c *StatusCounts) count(ev Event) {
	var a *AspectCounts
	switch ev.Aspect {
	case AspectExistence:
		c.Objects++
		c.NotFound++
		return
	case AspectETag:
		c.Objects++
		a = &c.ETag
	case AspectChecksum:
		c.Objects++
		a = &c.Checksum
	case AspectMetadata:
		a = &c.Metadata
	case AspectTagging:
		a = &c.Tagging
	}
	switch ev.Status {
	case StatusMatches:
		a.Matches++
	case StatusMismatch:
		a.Mismatch++
	case StatusUnknown, StatusNotFound:
		a.Unknown++
	}
}

// effective returns c with what its settings entail. c itself stays as it is.
func (c *Config) effective() *Config {
	e := *c
	if c.Filter.Exclude != nil {
		e.Filter.Exclude = pattern.Of(c.Filter.Exclude) // once, and not for each key
	}
	tr, standard := &e.Transfer, DefaultConfig().Transfer
	// Versions of equal ETags are known as such without a request.
	if c.Versioning.Enable && tr.Threshold == standard.Threshold && tr.ChunkSize == standard.ChunkSize {
		tr.AutoChunkSize = true
	}
	if !c.Versioning.PointInTime.IsZero() && c.Check.Mode == CheckNewer {
		e.Check.Mode = CheckOverwrite
	}
	if !c.Report.Status {
		return &e
	}
	e.DryRun = true
	// What could not be looked at makes the report wrong, which is worse than a
	// difference that it finds.
	e.WarnAsError = true
	e.Check = Check{Mode: CheckETag, ReadBoth: c.Check.ReadBoth}
	if c.Check.Mode == CheckChecksum {
		e.Check.Mode, e.Check.Algorithm = CheckChecksum, c.Check.Algorithm
	}
	return &e
}

// status reports how one item stands.
func (s *syncer) status(ctx context.Context, it *item) error {
	c := s.comparison(it)
	f, err := c.run(ctx)
	if err != nil {
		return err
	}
	if ok, err := s.selectsContent(ctx, it); err != nil || !ok {
		return err
	}
	it.reason, it.sums = f.reason, f.sums
	if f.likeness == unsure {
		it.reason = "" // what is not known has none
	}
	if !it.exists {
		s.notFound(it, nil)
		return nil
	}
	ev := c.event()
	ev.Aspect, ev.Status, ev.Err = AspectETag, StatusUnknown, f.err
	if c.algorithm != "" {
		ev.Aspect, ev.Algorithm = AspectChecksum, string(c.algorithm)
	}
	switch f.likeness {
	case same:
		ev.Status = StatusMatches
	case different:
		ev.Status = StatusMismatch
	case unsure:
	}
	s.report.emit(ev)
	if s.cfg.Report.Metadata {
		if err := c.metadata(ctx); err != nil {
			return err
		}
	}
	if s.cfg.Report.Tagging {
		return c.tagging(ctx)
	}
	return nil
}

// notFound reports an object that the target does not have, or cannot have for
// the reason err.
func (s *syncer) notFound(it *item, err error) {
	it.reason = ReasonNew
	ev := it.event(EventStatus)
	ev.Aspect, ev.Status, ev.Err = AspectExistence, StatusNotFound, err
	s.report.emit(ev)
}

// event is one about the item with what the stores told of it.
func (c *comparison) event() Event {
	ev := c.it.event(EventStatus)
	if c.source != nil {
		ev.Source.VersionID = c.source.VersionID
	}
	return ev
}

// metadata reports how the metadata of the two sides stand.
func (c *comparison) metadata(ctx context.Context) error {
	var err error
	if c.source == nil {
		_, err = c.askSource(ctx, storage.StatOptions{})
	}
	if err == nil && c.target == nil {
		_, err = c.askTarget(ctx, storage.StatOptions{})
	}
	switch {
	case storage.Gone(err):
		return nil // it was there a moment ago, and is reported already
	case err != nil:
		return err
	}
	ev := c.event()
	ev.Aspect, ev.Status = AspectMetadata, StatusMatches
	ev.Fields = compareMetadata(&c.source.Attributes, &c.target.Attributes)
	if slices.ContainsFunc(ev.Fields, func(f FieldStatus) bool { return f.Status != StatusMatches }) {
		ev.Status = StatusMismatch
	}
	c.report.emit(ev)
	return nil
}

// tagging reports how the tags of the two sides stand.
func (c *comparison) tagging(ctx context.Context) error {
	source, target, err := c.bothTags(ctx, c.it)
	switch {
	case errors.Is(err, errGone):
		return nil // as in metadata
	case err != nil:
		return needsTags(setting.Textf("%s", setting.Name("Report.Tagging")), err)
	}
	ev := c.event()
	ev.Aspect, ev.Status = AspectTagging, StatusMismatch
	if maps.Equal(source, target) {
		ev.Status = StatusMatches
	}
	ev.SourceTags, ev.TargetTags = flattenTags(source), flattenTags(target)
	c.report.emit(ev)
	return nil
}

func compareMetadata(source, target *storage.Attributes) []FieldStatus {
	fields := []FieldStatus{
		{Name: "Content-Disposition", Source: source.ContentDisposition, Target: target.ContentDisposition},
		{Name: "Content-Encoding", Source: source.ContentEncoding, Target: target.ContentEncoding},
		{Name: "Content-Language", Source: source.ContentLanguage, Target: target.ContentLanguage},
		{Name: "Content-Type", Source: source.ContentType, Target: target.ContentType},
		{Name: "Cache-Control", Source: source.CacheControl, Target: target.CacheControl},
		{Name: "Expires", Source: source.Expires, Target: target.Expires},
		{Name: "x-amz-website-redirect-location", Source: source.WebsiteRedirect, Target: target.WebsiteRedirect},
	}
	for i := range fields {
		f := &fields[i]
		f.Status = StatusMismatch
		if f.Source == f.Target {
			f.Status = StatusMatches
		}
	}
	return append(fields, compareUserMetadata(source.Metadata, target.Metadata))
}

// compareUserMetadata leaves out what syncs add.
func compareUserMetadata(source, target map[string]string) FieldStatus {
	source, target = foreign(source), foreign(target)
	f := FieldStatus{Name: "x-amz-meta-", Source: flattenMetadata(source), Target: flattenMetadata(target), Status: StatusMismatch}
	if sameMetadata(source, target) {
		f.Status = StatusMatches
	}
	return f
}

// foreign is user metadata without what syncs add, and as text: some servers
// answer with other characters than ASCII in the form of RFC 2047, others do not.
func foreign(metadata map[string]string) map[string]string {
	kept := map[string]string{}
	for name, value := range metadata {
		if isMark(name) {
			continue
		}
		kept[name] = value
		if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			kept[name] = text
		}
	}
	return kept
}

// errDirectoryData: the key of an object with data can only be a directory.
var errDirectoryData = errors.New("a key that ends in / is that of a directory, which holds no data")

// leaveOut tells of an object that the target cannot hold.
func (s *syncer) leaveOut(it *item, err error) {
	if s.cfg.Report.Status {
		s.notFound(it, err)
		return
	}
	if errors.Is(err, errDirectoryData) {
		s.skip(it, ReasonDirectory)
		return
	}
	s.warn(it, err)
}
