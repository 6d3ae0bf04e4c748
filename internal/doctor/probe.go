package doctor

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"

	"s3sync/internal/checksum"
	"s3sync/internal/grace"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// probeName is what the name of a probe begins with.
const probeName = ".s3sync-doctor-"

// A prober writes below one new name in the target, and removes all of it.
type prober struct {
	*doctor

	source, target *side
	name           string
	written        []string // keys that may exist
	object         string   // the key of an object that was written, or empty
}

// probe asks what only writing shows, if it may write, and then about an object of the
// target.
func (d *doctor) probe(ctx context.Context, source, target *side) {
	if !d.opts.Probe {
		d.look(ctx, target, question{"writing", d.notProbed})
		if target.bucket {
			d.ask(ctx, target, append(d.ofObject(), question{"copying", d.copies(source)}))
		}
		return
	}
	if ctx.Err() != nil {
		return
	}
	random := make([]byte, 8)
	_, _ = rand.Read(random) // it never fails
	p := &prober{doctor: d, source: source, target: target, name: probeName + hex.EncodeToString(random)}
	p.warn()
	defer p.removeAll(ctx)
	if !target.bucket {
		d.ask(ctx, target, []question{{"writing", p.writeFile}})
		return
	}
	d.ask(ctx, target, []question{{"writing", p.write}})
	if p.object != "" {
		d.ask(ctx, target, []question{
			{"checksums written", p.writeChecksum},
			{"tags written", p.writeTags},
			{"conditions", p.conditions},
			{"uploads in parts", p.upload},
			{"unusual keys", p.unusual},
			{"copying", p.copy},
		})
	}
	d.ask(ctx, target, d.ofObject())
}

// notProbed says that nothing was written.
func (d *doctor) notProbed(context.Context, *side) finding {
	f := found(NotChecked, "nothing was written to find out what only writing shows")
	if d.opts.HowToProbe != "" {
		f = f.hint("%s", d.opts.HowToProbe)
	}
	return f
}

// warn says before the first write what the probe leaves behind.
func (p *prober) warn() {
	var what string
	switch p.target.kept {
	case "Enabled", "Suspended":
		what = "the target keeps versions: those of the probe stay, behind delete markers, below %q"
	case "Locked":
		what = "the target locks new objects: the versions of the probe stay until their locks end, behind delete markers, below %q"
	default:
		return
	}
	if p.opts.Warn != nil {
		p.opts.Warn(setting.Textf(what, p.target.ask.Prefix()+p.name))
	}
}

// probeText is what the probe writes.
const probeText = "written by s3sync doctor, which removes it again\n"

// put writes an object with probeText. The object is removed later, also if it is not
// known whether it was written.
func (p *prober) put(ctx context.Context, key string, opts storage.WriteOptions) (storage.Info, error) {
	opts.Size = int64(len(probeText))
	info, err := p.target.store.Put(ctx, key, p.block(opts.Checksum.Algorithm), opts)
	if err == nil || storage.Retryable(err) || ctx.Err() != nil {
		p.written = append(p.written, key)
	}
	return info, err
}

// block returns probeText with the digests that the target wants.
func (p *prober) block(alg storage.ChecksumAlgorithm) storage.Block {
	b := storage.Block{Data: []byte(probeText)}
	caps := p.target.store.Caps()
	if caps.WantMD5 {
		sum := md5.Sum(b.Data)
		b.MD5 = sum[:]
	}
	if caps.WantSHA256 {
		sum := sha256.Sum256(b.Data)
		b.SHA256 = sum[:]
	}
	if alg != "" {
		b.Checksum = checksum.Digest(alg, b.Data)
	}
	return b
}

// write writes an object and reads it again.
func (p *prober) write(ctx context.Context, s *side) finding {
	key := p.name + "/object"
	info, err := p.put(ctx, key, storage.WriteOptions{})
	if err != nil {
		return s.needs.refusal(putObject, err)
	}
	p.object = key
	if s.sample == nil {
		s.sample = &storage.Object{Key: key, Size: info.Size, ETag: info.ETag}
	}
	got, err := readAll(ctx, s.store, key)
	switch {
	case err != nil:
		return s.needs.refusal(getObject, fmt.Errorf("the object that was written cannot be read: %w", err))
	case got != probeText:
		return found(Failure, "the server answers other bytes than were written to it").
			hint("do not use this server before its operator knows why")
	}
	return found(OK, "an object was written and read again")
}

// readAll reads an object that the probe wrote.
func readAll(ctx context.Context, store storage.Store, key string) (string, error) {
	r, err := store.Open(ctx, key, storage.OpenOptions{})
	if err != nil {
		return "", err
	}
	if n := r.Info().Size; n != int64(len(probeText)) {
		return "", errors.Join(fmt.Errorf("it has %d bytes instead of %d", n, len(probeText)), r.Close())
	}
	text := make([]byte, len(probeText))
	err = r.ReadAt(ctx, text, 0)
	return string(text), errors.Join(err, r.Close())
}

// writeFile writes a file.
func (p *prober) writeFile(ctx context.Context, s *side) finding {
	if err := s.folder.CheckWritable(); err != nil {
		return finding{} // told by writable
	}
	if !s.folder.Exists() {
		return found(NotChecked, "the directory does not exist yet, and is not made for a probe")
	}
	if _, err := p.put(ctx, p.name, storage.WriteOptions{}); err != nil {
		return unless(p.writes(), err)
	}
	got, err := readAll(ctx, s.store, p.name)
	if err == nil && got != probeText {
		err = errors.New("the file has other bytes than were written to it")
	}
	if err != nil {
		return unless(p.writes(), err)
	}
	return found(OK, "a file was written and read again")
}

// writeChecksum writes an additional checksum.
func (p *prober) writeChecksum(ctx context.Context, s *side) finding {
	alg, needed := storage.ChecksumAlgorithm(p.Verify.Algorithm), true
	if alg == "" {
		alg, needed = storage.CRC64NVME, s.ask.Directory()
	}
	info, err := p.put(ctx, p.name+"/checksum", storage.WriteOptions{Checksum: storage.Checksum{Algorithm: alg}})
	if err != nil {
		return unless(needed, err)
	}
	if _, ok := info.Checksum(alg); !ok {
		f := unless(needed, fmt.Errorf("the server keeps no %s", alg))
		if f.Verdict == Failure {
			f = f.hint("choose another %s, or none", setting.Name("Verify.Algorithm"))
		}
		return f
	}
	return found(OK, "%s is kept", alg)
}

// writeTags writes tags and reads them again.
func (p *prober) writeTags(ctx context.Context, s *side) finding {
	tagger, ok := storage.As[storage.Tagger](s.store)
	if !ok || !s.store.Caps().Tags {
		return finding{}
	}
	want := map[string]string{"s3sync": "doctor"}
	key := p.name + "/tagged"
	if _, err := p.put(ctx, key, storage.WriteOptions{Tags: want}); err != nil {
		return s.needs.refusal(putTags, err)
	}
	got, err := tagger.Tags(ctx, key, "")
	switch {
	case err != nil && s.needs.has(getTags):
		return s.needs.refusal(getTags, err)
	case err != nil:
		return found(OK, "accepted")
	case !maps.Equal(got, want):
		return unless(s.needs.has(putTags), errors.New("the server accepts tags and does not keep them"))
	}
	return found(OK, "kept")
}

// conditions makes writes whose conditions do not hold.
func (p *prober) conditions(ctx context.Context, s *side) finding {
	ignored := func(header string, err error, needed bool, name setting.Name) finding {
		switch {
		case errors.Is(err, storage.ErrPrecondition):
			return finding{}
		case err != nil:
			return unless(needed, err)
		}
		f := unless(needed, fmt.Errorf("the server ignores %s, and overwrites", header))
		if f.Verdict == Failure {
			f = f.hint("%s protects nothing on this server", name)
		}
		return f
	}
	_, err := p.put(ctx, p.object, storage.WriteOptions{IfAbsent: true})
	if f := ignored("If-None-Match", err, p.Condition.IfNoneMatch, "Condition.IfNoneMatch"); f.Found.String() != "" {
		return f
	}
	_, err = p.put(ctx, p.object, storage.WriteOptions{IfMatch: "00000000000000000000000000000000"})
	if f := ignored("If-Match", err, p.Condition.IfMatch, "Condition.IfMatch"); f.Found.String() != "" {
		return f
	}
	return found(OK, "If-None-Match and If-Match are heeded")
}

// upload writes an object in parts, of which there is one, and aborts another one.
func (p *prober) upload(ctx context.Context, s *side) finding {
	key := p.name + "/parts"
	p.written = append(p.written, key)
	if err := p.inParts(ctx, key, true); err != nil {
		return s.needs.refusal(putObject, err)
	}
	if err := p.inParts(ctx, key, false); err != nil {
		return s.needs.refusal(abortUpload, fmt.Errorf("an upload cannot be aborted: %w", err))
	}
	info, err := s.store.Stat(ctx, key, storage.StatOptions{})
	switch {
	case err != nil:
		return s.needs.refusal(getObject, err)
	case !strings.HasSuffix(info.ETag, "-1"):
		return found(OK, "completed and aborted; the ETag of an object in parts is not as in S3")
	}
	return found(OK, "completed and aborted")
}

// inParts begins an upload, and completes or aborts it.
func (p *prober) inParts(ctx context.Context, key string, complete bool) error {
	w, err := p.target.store.Create(ctx, key, storage.WriteOptions{Size: int64(len(probeText))})
	if err != nil {
		return err
	}
	if complete {
		if err = w.WritePart(ctx, 1, 0, p.block("")); err == nil {
			_, err = w.Commit(ctx)
		}
		if err == nil {
			return nil
		}
	}
	cleanup, done := grace.Cleanup(ctx)
	defer done()
	return errors.Join(err, w.Abort(cleanup))
}

// An unusualKey is one that some servers change or lose. Only buckets can hold bucketOnly
// ones.
type unusualKey struct {
	what, key  string
	bucketOnly bool
}

// unusual writes keys that some servers change, and looks under which keys they list them.
// A later run would find an object that it did not write, and delete it.
func (p *prober) unusual(ctx context.Context, s *side) finding {
	var refused, facts, hints []string
	below := p.object + "/below"
	for _, k := range []unusualKey{
		{"with //", p.name + "//double", true},
		{"with a leading /", "/" + p.name + "/leading", true},
		{`with \`, p.name + `/back\slash`, false},
		{"a/b beside a", below, true},
	} {
		if k.bucketOnly && p.plan.source.Local() {
			continue
		}
		_, err := p.put(ctx, k.key, storage.WriteOptions{})
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return unless(false, err)
		case err != nil:
			refused = append(refused, k.what)
			continue
		}
		as, err := p.listed(ctx, k.key)
		switch {
		case err != nil:
			return s.needs.refusal(listBucket, err)
		case as == k.key:
			continue
		case k.key == below:
			facts, hints = append(facts, "of keys "+k.what+" the server lists only a"),
				append(hints, "a/b is transferred anew by each run, and left out where this bucket is the source")
			continue
		}
		f := found(Warning, "a key %s is listed as another one", k.what)
		if p.Delete.Enable {
			f.Verdict = Failure
			return f.hint("do not use %s with such keys: a later run would delete what this one wrote", setting.Name("Delete.Enable"))
		}
		return f.hint("such objects are transferred anew by each run")
	}
	if len(refused) > 0 {
		facts, hints = append(facts, "the server refuses keys "+strings.Join(refused, ", ")), append(hints, "what is refused fails")
	}
	switch {
	case len(facts) > 0:
		return found(Warning, "%s", strings.Join(facts, "; ")).hint("%s", strings.Join(hints, "; "))
	case p.plan.source.Local():
		return found(OK, `\ is kept; files have no other unusual keys`)
	}
	return found(OK, `//, a leading /, \ and a/b beside a are kept`)
}

// listed returns the first key that is listed from key on.
func (p *prober) listed(ctx context.Context, key string) (string, error) {
	page, err := p.target.ask.Page(ctx, 1, p.target.ask.Prefix()+key[:len(key)-1], "")
	if err != nil || len(page.Objects) == 0 {
		return "", err
	}
	as, _ := p.target.ask.Relative(page.Objects[0].Key)
	return as, nil
}

// copies tells whether the server of the target can read the source.
func (d *doctor) copies(source *side) func(context.Context, *side) finding {
	return func(_ context.Context, s *side) finding {
		if source == nil || !source.bucket {
			return finding{}
		}
		copier, ok := storage.As[storage.Copier](s.store)
		switch {
		case ok && copier.Copies(source.store) && d.ServerSideCopy:
			return found(OK, "the sides are on one server")
		case ok && copier.Copies(source.store):
			return found(OK, "the server could do it, if both credentials allow it").
				hint("%s saves the way of the bytes through this machine", setting.Name("ServerSideCopy"))
		case d.ServerSideCopy:
			return found(Failure, "the sides are on different servers").hint("do without %s", setting.Name("ServerSideCopy"))
		}
		return found(NotChecked, "the sides are on different servers")
	}
}

// largestCopy bounds what the probe copies.
const largestCopy = 64 << 20

// copy lets the server copy an object of the source.
func (p *prober) copy(ctx context.Context, s *side) finding {
	static := p.copies(p.source)(ctx, s)
	if static.Verdict != OK || static.Found.String() == "" {
		return static
	}
	o := p.source.sample
	if o == nil || o.Size > largestCopy {
		return found(NotChecked, "the source has no object that is small enough to copy")
	}
	copier, _ := storage.As[storage.Copier](s.store)
	info, err := p.source.store.Stat(ctx, o.Key, storage.StatOptions{})
	if err != nil {
		return unless(p.ServerSideCopy, err)
	}
	key := p.name + "/copy"
	p.written = append(p.written, key)
	_, err = copier.Copy(ctx, key, storage.CopySource{
		Store: p.source.store, Key: o.Key, VersionID: info.VersionID, Current: true, ETag: info.ETag, Size: info.Size, ETagNotDigest: info.ETagNotDigest,
	}, storage.WriteOptions{Attributes: info.Attributes, Size: info.Size})
	if err != nil {
		return unless(p.ServerSideCopy, err)
	}
	f := found(OK, "the server copied an object of the source")
	if !p.ServerSideCopy {
		f = f.hint("%s saves the way of the bytes through this machine", setting.Name("ServerSideCopy"))
	}
	return f
}
