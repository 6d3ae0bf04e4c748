package report

// A Status is the result of comparing the target's object with the source's in one
// aspect.
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

// The aspects of a report. Each object is reported once as not existing, or by ETag or
// checksum, and then perhaps in other aspects.
const (
	AspectExistence Aspect = "EXISTENCE"
	AspectETag      Aspect = "ETAG"     // or the digest that replaces ETags that cannot be compared
	AspectChecksum  Aspect = "CHECKSUM" // of Check.Checksum; Event.Checksums has at least the algorithm
	AspectMetadata  Aspect = "METADATA" // headers and user metadata
	AspectTagging   Aspect = "TAGGING"  // Event.Tags are the tags
)

// A Line is the result of a report for one object in one aspect.
type Line struct {
	Aspect Aspect
	Status Status
	// Fields are the fields of the metadata, if the aspect is metadata.
	Fields []FieldStatus
}

// A FieldStatus is the status of one field of the metadata.
type FieldStatus struct {
	// Name is the name of the header; x-amz-meta- stands for all user metadata.
	Name   string
	Status Status
	// Source and Target are the values. User metadata are name=value pairs in
	// order of the name, joined by commas, the values percent-encoded.
	Source, Target string
}

// StatusCounts are the counters of a report.
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

// Add adds the counters of another part of a run.
func (c *StatusCounts) Add(other *StatusCounts) {
	c.Objects += other.Objects
	c.NotFound += other.NotFound
	c.ETag.add(other.ETag)
	c.Checksum.add(other.Checksum)
	c.Metadata.add(other.Metadata)
	c.Tagging.add(other.Tagging)
}

func (a *AspectCounts) add(other AspectCounts) {
	a.Matches += other.Matches
	a.Mismatch += other.Mismatch
	a.Unknown += other.Unknown
}

// InSync reports whether everything that was compared matches.
func (c *StatusCounts) InSync() bool {
	differ := c.NotFound
	for _, a := range []AspectCounts{c.ETag, c.Checksum, c.Metadata, c.Tagging} {
		differ += a.Mismatch + a.Unknown
	}
	return differ == 0
}

// count adds a line.
func (c *StatusCounts) count(l *Line) {
	var a *AspectCounts
	switch l.Aspect {
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
	switch l.Status {
	case StatusMatches:
		a.Matches++
	case StatusMismatch:
		a.Mismatch++
	case StatusUnknown, StatusNotFound:
		a.Unknown++
	}
}
