package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/records"
	"s3sync/internal/htmlreport"
	"s3sync/internal/location"
	"s3sync/internal/manifest"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/visible"
	"s3sync/storage"
)

// A proof is the manifest of a run while the run lasts. Its methods are called from one
// goroutine at a time.
type proof struct {
	c        *command
	place    *place
	key      *manifest.Key // nil without a signature
	writer   *manifest.Writer
	excluded int64
	// entry, source and target are the memory of one entry.
	entry          manifest.Entry
	source, target manifest.Object
}

// openProof checks that the manifest can be written when the run ends. There is no record
// of this run at its place before that.
func (c *command) openProof(ctx context.Context, start time.Time) (*proof, error) {
	want, cfg := &c.line.Records, c.cfg()
	switch {
	case cfg.DryRun:
		return nil, errors.New("--manifest cannot be combined with --dry-run: nothing is done that it could prove")
	case cfg.Report.Status:
		return nil, errors.New("--manifest cannot be combined with a report: nothing is done that it could prove")
	}
	p := &proof{c: c}
	var err error
	if p.place, err = c.placeOf(want.Manifest); err != nil {
		return nil, records.Named("--manifest", err)
	}
	for _, side := range []*s3sync.Endpoint{&cfg.Source, &cfg.Target} {
		if p.place.inside(side) {
			return nil, fmt.Errorf("--manifest: %q lies in %q, so the next run would take it for data; choose another place", want.Manifest, side.URL)
		}
	}
	if want.SignKey != "" {
		if p.key, err = c.signKey(want.SignKey); err != nil {
			return nil, records.Named("--sign-key", err)
		}
	}
	for _, file := range []*place{p.place, p.place.beside(manifest.SignatureSuffix)} {
		switch there, err := file.exists(ctx); {
		case err != nil:
			return nil, records.Named("--manifest", err)
		case there:
			return nil, fmt.Errorf("--manifest: %q exists, and a manifest replaces nothing; choose a new name for each run", file.name)
		}
	}
	if p.place.at.Local() {
		if err := records.Replace(p.place.at.Path, nil); err != nil {
			return nil, records.Named("--manifest", err)
		}
	}
	p.writer = manifest.NewWriter(manifest.Header{
		Program: options.ThisBuild().Line("s3sync"), Source: absolute(cfg.Source.URL), Target: absolute(cfg.Target.URL),
		Started: start, Options: c.givenOptions(),
	})
	return p, nil
}

// absolute returns a side so that it can be found from everywhere.
func absolute(url string) string {
	if at, err := location.Parse(url); err == nil && at.Local() {
		if abs, err := filepath.Abs(at.Path); err == nil {
			return abs
		}
	}
	return url
}

// givenOptions returns the options as one types them, without secrets.
func (c *command) givenOptions() []string {
	var texts []string
	for _, g := range c.line.Given() {
		switch {
		case !strings.HasPrefix(g.Option, "-"): // SOURCE and TARGET
		case g.Value == "true":
			texts = append(texts, g.Option)
		default:
			texts = append(texts, g.Option+"="+g.Value)
		}
	}
	return texts
}

// signKey reads the key that signs, and asks for its password if it has one.
func (c *command) signKey(name string) (*manifest.Key, error) {
	file, err := readSmall(name)
	if err != nil {
		return nil, err
	}
	return manifest.ParseKey(file, func() (string, error) {
		if password := c.line.Variable(table.PasswordVariable); password != "" {
			return password, nil
		}
		if c.p.Password == nil {
			return "", errors.New("the key has a password: set " + table.PasswordVariable)
		}
		password, err := c.p.Password(fmt.Sprintf("Password of %s: ", visible.Line(name)))
		if err != nil {
			return "", fmt.Errorf("the key has a password, which cannot be asked for (%w): set %s", err, table.PasswordVariable)
		}
		return password, nil
	})
}

// readSmall reads a key or a signature.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, manifest.MaxSignature+1))
	if err == nil && len(text) > manifest.MaxSignature {
		err = fmt.Errorf("%q is too large", name)
	}
	return text, err
}

// Event adds what an event says about an object.
func (p *proof) Event(ev *report.Event) {
	if ev.Key == "" && ev.Source.Key == "" && ev.Target.Key == "" {
		return
	}
	done := p.done(ev)
	if done == "" {
		return
	}
	e := &p.entry
	*e = manifest.Entry{Done: done, Reason: string(ev.Reason), Size: ev.Source.Size}
	e.SetKey(ev.Key)
	if done == manifest.Deleted || done == manifest.PerhapsDeleted {
		e.Size = ev.Target.Size
	}
	if ev.Err != nil {
		e.Error = ev.Err.Error()
	}
	p.source, p.target = objectOf(&ev.Source), objectOf(&ev.Target)
	targetKey := ev.Target.Key
	if s := ev.Checksums; s != nil {
		p.source.Checksum, p.target.Checksum = checksumText(s.Algorithm, s.Source), checksumText(s.Algorithm, s.Target)
	}
	if w := ev.Written; w != nil {
		targetKey, e.SHA256, e.PartSize, e.PartSizes = w.TargetKey, w.SHA256, w.PartSize, w.PartSizes
		if w.ETag {
			e.Verified = append(e.Verified, "etag")
		}
		if w.Checksum {
			e.Verified = append(e.Verified, "checksum")
		}
		if w.Why != nil {
			e.Unverified = w.Why.Error()
		}
	}
	if targetKey != "" && targetKey != ev.Key {
		p.target.SetKey(targetKey)
	}
	if e.SHA256 == "" && done.Held() {
		e.SHA256 = sha256Of(e.Size, p.target.Checksum)
	}
	if p.source != (manifest.Object{}) {
		e.Source = &p.source
	}
	if p.target != (manifest.Object{}) {
		e.Target = &p.target
	}
	_ = p.writer.Add(e) // Write returns the first error
}

// done returns what was done to the object of an event. It is empty for events that are no
// outcome, and for objects that filters excluded, which are only counted.
func (p *proof) done(ev *report.Event) manifest.Done {
	switch ev.Type { //nolint:exhaustive // all others are no outcome
	case report.EventTransferred:
		return manifest.Written
	case report.EventTagged:
		return manifest.Tagged
	case report.EventDeleted:
		return manifest.Deleted
	case report.EventPerhapsDeleted:
		return manifest.PerhapsDeleted
	case report.EventFailed:
		return manifest.Failed
	case report.EventWarning, report.EventCancelled:
		return manifest.Skipped
	case report.EventSkipped:
		return p.skipped(ev)
	}
	return ""
}

func (p *proof) skipped(ev *report.Event) manifest.Done {
	switch ev.Reason { //nolint:exhaustive // every other reason is a filter
	case s3sync.ReasonSame, s3sync.ReasonSameETag, s3sync.ReasonSameChecksum, s3sync.ReasonSameContent, plan.ReasonSameCopy,
		s3sync.ReasonEmpty, s3sync.ReasonVersion:
		return manifest.Unchanged
	case plan.ReasonApplied: // of a deletion, only the target is known
		if ev.Source == (storage.Object{}) {
			return manifest.Deleted
		}
		return manifest.Unchanged
	case s3sync.ReasonEmptyKey, s3sync.ReasonDirectory, s3sync.ReasonOlder, s3sync.ReasonArchived, s3sync.ReasonPreprocess:
		return manifest.Skipped
	}
	p.excluded++
	return ""
}

func objectOf(o *storage.Object) manifest.Object {
	return manifest.Object{Modified: o.ModTime, ETag: o.ETag, VersionID: o.VersionID}
}

// checksumText returns a checksum after its algorithm. One in another algorithm than asked
// for has it already.
func checksumText(algorithm, value string) string {
	if value == "" || strings.Contains(value, ":") {
		return value
	}
	return algorithm + ":" + value
}

// sha256Of returns the SHA-256 of a content that an additional checksum tells, unless it is
// one of parts. That of an empty content is always known.
func sha256Of(size int64, checksum string) string {
	if size == 0 {
		sum := sha256.Sum256(nil)
		return hex.EncodeToString(sum[:])
	}
	value, ok := strings.CutPrefix(checksum, "SHA256:")
	sum, err := base64.StdEncoding.DecodeString(value)
	if !ok || err != nil || len(sum) != 32 {
		return ""
	}
	return hex.EncodeToString(sum)
}

// End writes the manifest of a run that has ended, and its signature before it.
func (p *proof) End(ctx context.Context, o *htmlreport.End) error {
	return p.place.put(ctx, p.c, func(f *os.File) error {
		s, err := p.write(f, manifest.End{
			Ended: time.Now(), Complete: o.Code == 0, ExitCode: o.Code, Failure: o.Failure, Excluded: p.excluded,
		})
		if err != nil || p.key == nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		signature, err := p.key.Sign(f, fmt.Sprintf("s3sync manifest root:%s entries:%d complete:%t ended:%s",
			s.Root, s.Entries, s.Complete, s.Ended.Format(time.RFC3339)))
		if err != nil {
			return err
		}
		return p.place.beside(manifest.SignatureSuffix).put(ctx, p.c, func(f *os.File) error {
			_, err := io.Copy(f, bytes.NewReader(signature))
			return err
		})
	})
}

// write writes the manifest, compressed if its name says so.
func (p *proof) write(f *os.File, end manifest.End) (*manifest.Summary, error) {
	out, err := manifest.Compress(p.place.name, f)
	if err != nil {
		return nil, err
	}
	s, err := p.writer.Write(out, end)
	return s, errors.Join(err, out.Close())
}

// Close removes the temporary file.
func (p *proof) Close() error { return p.writer.Close() }
