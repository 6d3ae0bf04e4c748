package doctor

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/setting"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// pageSize is how many objects are asked for: enough to find one that was written in
// parts.
const pageSize = 100

// ofBucket returns the questions about a bucket. The first one finds out whether it
// answers at all.
func (d *doctor) ofBucket() []question {
	return []question{
		{"listing", d.list},
		{"credentials", d.credentials},
		{"region", d.region},
		{"round trip", d.roundTrip},
		{"clock", d.clock},
		{"order", d.order},
		{"versions", d.versioning},
	}
}

// list asks for the first objects.
func (d *doctor) list(ctx context.Context, s *side) finding {
	page, err := s.ask.Page(ctx, pageSize, "", "")
	if err != nil {
		f := s.needs.refusal(listBucket, err)
		if f.lost = isLost(err); f.lost {
			f.Verdict = Failure
			f.Found = reason(err)
		}
		if id, _ := s.ask.Identity(ctx); errors.Is(err, storage.ErrCredentials) && id.AccessKey != "" {
			return f.hint("the credentials are %s %s", brief(id.AccessKey), provider(id.Source))
		}
		return f
	}
	for _, o := range page.Objects {
		key, below := s.ask.Relative(o.Key)
		if !below {
			return found(Failure, "asked for keys that begin with %q, the server answers %q", s.ask.Prefix(), o.Key)
		}
		o.Key = key
		s.objects = append(s.objects, o)
	}
	s.sample = sampleOf(s.objects)
	switch n := len(page.Objects); {
	case n == 0:
		return found(OK, "there are no objects yet")
	case page.Next != "":
		return found(OK, "more than %d objects", n)
	case n == 1:
		return found(OK, "1 object")
	default:
		return found(OK, "%d objects", n)
	}
}

// sampleOf returns the object that tells most: one in parts, else one with bytes.
func sampleOf(objects []storage.Object) *storage.Object {
	var best *storage.Object
	for i := range objects {
		switch o := &objects[i]; {
		case o.Archived || o.MaybeArchived:
		case strings.Contains(o.ETag, "-") && o.Size > 0:
			return o
		case best == nil || best.Size == 0 && o.Size > 0:
			best = o
		}
	}
	return best
}

// credentials tells whose they are.
func (d *doctor) credentials(ctx context.Context, s *side) finding {
	id, err := s.ask.Identity(ctx)
	if id.AccessKey == "" {
		if err != nil {
			return found(Failure, "%v", reason(err))
		}
		return found(OK, "none: requests are not signed")
	}
	text := brief(id.AccessKey) + " " + provider(id.Source)
	if id.ARN != "" {
		text += ", " + id.ARN
	}
	if err != nil && s.ask.AWS() { // other servers need not know
		return found(OK, "%s; AWS does not tell whose: %v", text, reason(err))
	}
	if id.Expires.IsZero() {
		return found(OK, "%s", text)
	}
	return found(OK, "%s, new ones in %s", text, ago(time.Until(id.Expires)))
}

// brief returns an access key in a form that can be recognised and shown to others.
func brief(key string) string {
	if len(key) <= 8 {
		return key
	}
	return key[:4] + "…" + key[len(key)-4:]
}

// provider returns in words where the SDK found keys.
func provider(source string) string {
	name, _, _ := strings.Cut(source, ":")
	switch name {
	case "":
		return "of the program"
	case "StaticCredentials":
		return "of the options"
	case "EnvConfigCredentials":
		return "of the environment"
	case "SharedConfigCredentials":
		return "of the AWS configuration files"
	case "EC2RoleProvider":
		return "of the role of this machine"
	case "CredentialsEndpointProvider":
		return "of the role of this container"
	}
	return "of " + name
}

// region compares where requests go with where the bucket is.
func (d *doctor) region(ctx context.Context, s *side) finding {
	configured, current := s.ask.Regions()
	answer, err := d.answer(ctx, s)
	if err != nil {
		return found(NotChecked, "%v", reason(err))
	}
	is, told := answer.Region, answer.Region != ""
	if !told {
		is = current
	}
	switch {
	case is != configured:
		return found(Warning, "%s, but %s is configured: the first request goes there in vain", is, configured).
			hint("set %s to %s", regionOf(s.name), is)
	case !told:
		return found(OK, "%s (the server does not tell its own)", is)
	}
	return found(OK, "%s", is)
}

// regionOf returns the setting of the region of a side.
func regionOf(side string) setting.Name {
	if side == Target {
		return "Target.Region"
	}
	return "Source.Region"
}

// rounds is how many round trips are measured.
const rounds = 5

// answer returns an answer of the server, of which it asks for one if there is none.
func (d *doctor) answer(ctx context.Context, s *side) (bucket.Answer, error) {
	if len(s.answers) == 0 {
		a, err := s.ask.Ask(ctx)
		if err != nil {
			return a, err
		}
		s.answers = append(s.answers, a)
	}
	return s.answers[len(s.answers)-1], nil
}

// roundTrip measures how long the cheapest request takes, with a connection that is open.
func (d *doctor) roundTrip(ctx context.Context, s *side) finding {
	var took []time.Duration
	for range rounds {
		a, err := s.ask.Ask(ctx)
		if err != nil {
			f := found(NotChecked, "%v", reason(err))
			f.lost = errors.Is(err, context.DeadlineExceeded)
			return f
		}
		took = append(took, a.Took)
		s.answers = append(s.answers, a)
	}
	slices.Sort(took)
	return found(OK, "%s (median of %d requests)", ago(took[len(took)/2]), len(took))
}

const (
	// clockLimit is how far a clock may be wrong before S3 refuses requests.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed)
	clockLimit = 15 * time.Minute
	// clockDoubt is when a clock is called wrong.
	clockDoubt = 30 * time.Second
)

// clock compares the clock of the server with that of this machine.
func (d *doctor) clock(ctx context.Context, s *side) finding {
	a, err := d.answer(ctx, s)
	if err != nil {
		return found(NotChecked, "%v", reason(err))
	}
	skew, uncertain, known := bucket.Skew(a)
	behind := "behind"
	if skew < 0 {
		behind, skew = "ahead of", -skew
	}
	switch {
	case !known:
		return found(NotChecked, "the server does not tell its time")
	case skew-uncertain > clockLimit:
		return found(Warning, "this machine is %s %s the server, and S3 refuses more than %s", ago(skew), behind, ago(clockLimit)).
			hint("set the clock of this machine")
	case skew-uncertain > clockDoubt:
		return found(Warning, "this machine is %s %s the server", ago(skew), behind).
			hint("set the clock of this machine, or files that change within that time may be missed")
	}
	return found(OK, "no difference that matters")
}

// order compares pages: a listing must ascend, and go on behind any key.
func (d *doctor) order(ctx context.Context, s *side) finding {
	if s.ask.Directory() {
		return found(OK, "none, as directory buckets list; s3sync puts it in order")
	}
	if len(s.objects) < 2 {
		return finding{}
	}
	full := func(i int) string { return s.ask.Prefix() + s.objects[i].Key }
	for i := range s.objects[1:] {
		if full(i) >= full(i+1) {
			return found(Failure, "%q is listed before %q", full(i), full(i+1)).
				hint("the server lists in no order that can be compared; a run would end with an error")
		}
	}
	middle := full(len(s.objects)/2 - 1)
	page, err := s.ask.Page(ctx, pageSize, middle, "")
	switch {
	case err != nil:
		return unless(s.needs.has(listBucket), err)
	case len(page.Objects) > 0 && page.Objects[0].Key <= middle:
		return found(Failure, "asked for what is behind %q, the server lists %q", middle, page.Objects[0].Key).
			hint("set %s to 1, so that no listing begins in the middle", setting.Name("AWS.ParallelListings"))
	case page.Next == "":
		return found(OK, "ascending, also from the middle on")
	}
	last := page.Objects[len(page.Objects)-1].Key
	next, err := s.ask.Page(ctx, pageSize, "", page.Next)
	switch {
	case err != nil:
		return unless(s.needs.has(listBucket), err)
	case len(next.Objects) > 0 && next.Objects[0].Key <= last:
		return found(Failure, "behind %q the next page begins with %q", last, next.Objects[0].Key).
			hint("the server lists in no order that can be compared; a run would end with an error")
	}
	return found(OK, "ascending, over several pages")
}

// versioning tells whether versions are kept.
func (d *doctor) versioning(ctx context.Context, s *side) finding {
	needed := s.needs[getVersioning]
	if s.ask.Directory() {
		return found(NotChecked, "directory buckets keep none")
	}
	state, err := s.ask.Versioning(ctx)
	if err != nil {
		return s.needs.refusal(getVersioning, err)
	}
	s.kept = state
	switch {
	case needed && state != "Enabled":
		return found(Failure, "not kept, and this run needs them").hint("enable versioning of the bucket")
	case state == "Enabled" && s.needs[listVersions]:
		if _, err := s.ask.FirstVersion(ctx); err != nil {
			return s.needs.refusal(listVersions, err)
		}
		return found(OK, "kept, and listed")
	case state == "Enabled":
		return found(OK, "kept: what is overwritten or deleted can be brought back")
	case state == "Suspended":
		return found(OK, "suspended: older ones are kept, new ones are not")
	}
	return found(OK, "not kept")
}

// lock tells whether objects of the target can be locked.
func (d *doctor) lock(ctx context.Context, s *side) finding {
	enabled, mode, err := s.ask.ObjectLock(ctx)
	switch {
	case err != nil:
		return s.needs.refusal(getLock, err)
	case mode != "" && d.AWS.NoContentMD5 && d.Verify.Algorithm == "":
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-put-object
		return found(Failure, "new objects are locked (%s), so uploads need a digest", mode).
			hint("do not use %s", setting.Name("AWS.NoContentMD5"))
	case mode != "":
		s.kept = "Locked"
		return found(OK, "new objects are locked (%s)", mode)
	case enabled:
		return found(OK, "possible, but not the default")
	}
	return found(OK, "none")
}

// ofObject returns the questions about an object, which s.sample is.
func (d *doctor) ofObject() []question {
	return []question{
		{"objects", d.none},
		{"reading", d.read},
		{"checksums", d.checksums},
		{"parts", d.parts},
		{"tags", d.tags},
	}
}

// none says so where there is no object to ask about.
func (d *doctor) none(_ context.Context, s *side) finding {
	switch {
	case s.sample != nil:
		return finding{}
	case len(s.objects) > 0:
		return found(NotChecked, "the first %d are archived, so reading, checksums, parts and tags are not checked", len(s.objects))
	}
	return found(NotChecked, "none to look at, so reading, checksums, parts and tags are not checked")
}

// read reads one byte of an object.
func (d *doctor) read(ctx context.Context, s *side) finding {
	if s.sample == nil {
		return finding{}
	}
	_, err := s.store.Stat(ctx, s.sample.Key, storage.StatOptions{})
	if err == nil && s.sample.Size > 0 {
		err = firstByte(ctx, s.store, s.sample)
	}
	if err != nil {
		f := s.needs.refusal(getObject, err)
		if f.Permission != "" && f.Verdict == Failure && s.name == Target && !d.looks() && !d.ServerSideCopy && !d.Versioning.Enable {
			f.Verdict = Warning // writes work without it as long as each is answered
			f = f.hint("allow %s, or what became of a write without an answer is not known", getObject)
		}
		return f
	}
	return found(OK, "%q can be read", shorten(s.ask.Prefix()+s.sample.Key))
}

func firstByte(ctx context.Context, store storage.Store, o *storage.Object) error {
	r, err := store.Open(ctx, o.Key, storage.OpenOptions{First: 1, Listed: o})
	if err != nil {
		return err
	}
	err = r.ReadAt(ctx, make([]byte, 1), 0)
	return errors.Join(err, r.Close())
}

// shorten returns the end of a key that does not fit into a line.
func shorten(key string) string {
	const most = 40
	if r := []rune(key); len(r) > most {
		return "…" + string(r[len(r)-most:])
	}
	return key
}

// checksums tells which additional checksums the server answers.
func (d *doctor) checksums(ctx context.Context, s *side) finding {
	if s.sample == nil {
		return finding{}
	}
	info, err := s.store.Stat(ctx, s.sample.Key, storage.StatOptions{Checksums: true})
	if err != nil {
		return finding{} // told by read
	}
	var names []string
	for _, c := range info.Checksums {
		names = append(names, string(c.Algorithm))
	}
	if want := checksum.Algorithm(d.Check.Algorithm); want != "" && !slices.Contains(names, string(want)) {
		return found(Warning, "the object that was looked at has no %s", want).
			hint("objects without one are transferred anew, or compared with %s", setting.Name("Check.ReadBoth"))
	}
	if len(names) == 0 {
		return found(NotChecked, "the object has none; its ETag verifies it")
	}
	return found(OK, "%s", strings.Join(names, ", "))
}

// parts tells whether the server reveals how objects were written.
func (d *doctor) parts(ctx context.Context, s *side) finding {
	if s.sample == nil || !strings.Contains(s.sample.ETag, "-") {
		return finding{}
	}
	info, err := s.store.Stat(ctx, s.sample.Key, storage.StatOptions{Parts: storage.InferParts})
	matters := d.Verify.ETag && d.Verify.Multipart && d.writes() || d.Check.Mode.ETags()
	switch {
	case err != nil:
		return finding{} // told by read
	case len(info.Parts) > 0:
		return found(OK, "the server tells their sizes (%d, the first of %s)", len(info.Parts), bytesOf(info.Parts[0]))
	case matters:
		return found(Warning, "the server does not tell their sizes").
			hint("set %s to the size that the objects were written with, or their ETags verify nothing", setting.Name("Transfer.ChunkSize"))
	}
	return found(NotChecked, "the server does not tell their sizes; this run does not need them")
}

// tags asks for the tags of an object.
func (d *doctor) tags(ctx context.Context, s *side) finding {
	tagger, ok := storage.As[storage.Tagger](s.store)
	if s.sample == nil || !ok || s.ask.Directory() {
		return finding{}
	}
	tags, err := tagger.Tags(ctx, s.sample.Key, "")
	if err == nil {
		return found(OK, "can be read (the object has %d)", len(tags))
	}
	f := s.needs.refusal(getTags, err)
	if f.Verdict == Failure && !d.needsTags() && (errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported)) {
		f.Verdict = Warning
		f = f.hint("allow %s, or write objects without tags: %s", getTags, setting.Name("Tagging.Disable"))
	}
	return f
}
