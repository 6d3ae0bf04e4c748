package s3sync

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"s3sync/internal/attributes"
	"s3sync/internal/checksum"
	"s3sync/internal/compare"
	"s3sync/internal/engine"
	"s3sync/internal/gate"
	"s3sync/internal/glob"
	"s3sync/internal/limits"
	"s3sync/internal/location"
	"s3sync/internal/pattern"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/retry"
	"s3sync/internal/selection"
	"s3sync/internal/tagset"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
	"s3sync/storage"
)

// The stages of a run do not know Config. Only this file translates a Config into their
// options.

// effective returns a copy of c with the settings that its settings imply.
func (c *Config) effective() *Config {
	e := *c
	tr, standard := &e.Transfer, DefaultConfig().Transfer
	// Versions with equal ETags are then recognized without a request.
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
	// If something could not be looked at, the report is wrong, which is worse than a
	// difference.
	e.WarnAsError = true
	e.Check = Check{Mode: CheckETag, ReadBoth: c.Check.ReadBoth}
	if c.State.VerifyCache == 0 {
		e.State.VerifyCache = 100 // who wants a report wants to know what is on the disk now
	}
	if c.Check.Mode == CheckChecksum {
		e.Check.Mode, e.Check.Algorithm = CheckChecksum, c.Check.Algorithm
	}
	return &e
}

// fingerprint returns a text that is equal for Configs that find the same objects
// extraneous. A Config that cannot be written, such as one with a Matcher of the caller,
// is equal to no other.
func (c *Config) fingerprint() string {
	decides := Config{
		Source: Endpoint{URL: c.Source.URL, Inventory: c.Source.Inventory}, Target: Endpoint{URL: c.Target.URL, Inventory: c.Target.Inventory},
		Filter: Filter{
			Exclude: c.Filter.Exclude, Globs: c.Filter.Globs, IgnoreFile: c.Filter.IgnoreFile,
			FilesFrom: c.Filter.FilesFrom, FilesFrom0: c.Filter.FilesFrom0,
		},
		Delete:     Delete{Enable: c.Delete.Enable, Excluded: c.Delete.Excluded},
		Versioning: Versioning{PointInTime: c.Versioning.PointInTime},
		Local:      Local{IgnoreSymlinks: c.Local.IgnoreSymlinks},
		Trash:      Trash{URL: c.Trash.URL}, // it may lie in the target, which then excludes it
	}
	written, err := decides.MarshalJSON()
	if err != nil {
		return rand.Text()
	}
	return fmt.Sprintf("%x", sha256.Sum256(written))
}

func (c *Config) retryPolicy() retry.Policy {
	return retry.Policy{Count: c.Retry.ForceCount, Interval: c.Retry.ForceInterval}
}

// engineOptions translates an effective Config.
func (c *Config) engineOptions(target report.Place) engine.Options {
	return engine.Options{
		Range:             c.Range,
		Fingerprint:       c.fingerprint(),
		TargetPlace:       target,
		DryRun:            c.DryRun,
		Report:            engine.Report{Enable: c.Report.Status, Metadata: c.Report.Metadata, Tagging: c.Report.Tagging},
		SyncTags:          c.Tagging.SyncLatest,
		Versions:          c.Versioning.Enable,
		AllMarkers:        c.Versioning.AllMarkers,
		PointInTime:       c.Versioning.PointInTime,
		WarnAsError:       c.WarnAsError,
		FailFast:          c.FailFast,
		IgnoreArchived:    c.IgnoreArchived,
		IfNoneMatch:       c.Condition.IfNoneMatch,
		IfMatch:           c.Condition.IfMatch,
		CopySourceIfMatch: c.Condition.CopySourceIfMatch,
		ListTarget:        c.Check.listsTarget() || c.Delete.Enable,
		ByTime:            c.Check.Mode == CheckNewer,
		Preprocesses:      c.Preprocess != nil,
		Delete:            c.deleteOptions(),
		Retry:             c.retryPolicy(),
		Limits: limits.Options{
			Memory:           cmp.Or(c.Transfer.MaxMemory, limits.DefaultMemory(c.Transfer.ChunkSize, c.Transfer.Threshold)),
			FixedMemory:      c.Transfer.MaxMemory != 0,
			Workers:          c.Transfer.Workers,
			ParallelParts:    c.Transfer.ParallelParts,
			ObjectsPerSecond: c.Transfer.ObjectsPerSecond,
		},
		Listed:     c.Filter.listed(report.PlaceOf(c.Source.Store, c.Source.URL)),
		IgnoreFile: c.Filter.IgnoreFile,
		Contents:   c.Filter.contents(),
		Compare:    c.compareOptions(),
		Attributes: c.attributeOptions(),
		Transfer: transfer.Options{
			Threshold:  c.Transfer.Threshold,
			ChunkSize:  c.Transfer.ChunkSize,
			KeepLayout: c.Transfer.AutoChunkSize,
			Copy:       c.ServerSideCopy,
			Versions:   c.Versioning.Enable,
			PartsOf:    c.partsOf(),
			ResumeWith: c.encryptedWith(), AbortOnInterrupt: c.Resume.AbortOnInterrupt, BeginAnew: c.Resume.Disable,
			Verify: verify.Options{
				ETag:              c.Verify.ETag,
				Multipart:         c.Verify.Multipart,
				Algorithm:         checksum.Algorithm(c.Verify.Algorithm),
				FullObject:        c.Verify.FullObject,
				Checksum:          c.Verify.Checksum,
				ReadChecksum:      c.Verify.ReadChecksum,
				NoExpressChecksum: c.Verify.NoExpressChecksum,
				ChunkSize:         c.Transfer.ChunkSize,
			},
		},
	}
}

// encryptedWith digests how objects are encrypted: an upload goes on only with that.
func (c *Config) encryptedWith() string {
	e := &c.Encryption
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{e.SSE, e.KMSKeyID, e.TargetCustomer.Algorithm, e.TargetCustomer.Key}))
	return hex.EncodeToString(sum[:])
}

func (c *Config) deleteOptions() gate.Options {
	d := &c.Delete
	opts := gate.Options{
		Enable:             d.Enable,
		Excluded:           d.Excluded,
		Max:                d.Max,
		MaxPercent:         d.MaxPercent,
		AllowEmptySource:   d.AllowEmptySource,
		AllowPartialPrefix: d.AllowPartialPrefix,
		AllowOverlap:       d.AllowOverlap,
		// An inventory may show what has been replaced since.
		IfMatch:   c.Condition.IfMatch || c.Target.Inventory != "",
		AskSource: c.sourceList() != "",
	}
	if c.Target.Store == nil {
		opts.WholeNames = location.WholeNames(c.Source.URL, c.Target.URL)
	}
	return opts
}

// compareOptions translates the update check.
func (c *Config) compareOptions() compare.Options {
	opts := compare.Options{
		Mode:      c.Check.Mode,
		AskTarget: c.Check.asks(),
		ReadBoth:  c.Check.ReadBoth,
		ChunkSize: c.Transfer.ChunkSize,
	}
	if c.Check.Mode.Checksums() {
		opts.Algorithm = checksum.Algorithm(c.Check.Algorithm)
	}
	return opts
}

// listed returns the filters of listed properties of a source at a place.
func (f *Filter) listed(source report.Place) selection.Options {
	var globs *glob.List
	if len(f.Globs) > 0 {
		base := ""
		if source.Partial() {
			base = "/"
		}
		globs, _ = glob.New(f.Globs, base) // Validate has checked them
	}
	return selection.Options{
		Globs:          globs,
		ModifiedBefore: f.ModifiedBefore, ModifiedAfter: f.ModifiedAfter,
		SmallerThan: f.SmallerThan, LargerThan: f.LargerThan,
		Include: pattern.Of(f.Include), Exclude: pattern.Of(f.Exclude), Func: f.Func,
	}
}

// contents returns the filters of properties that no listing has.
func (f *Filter) contents() selection.ContentOptions {
	return selection.ContentOptions{
		IncludeContentType: pattern.Of(f.IncludeContentType), ExcludeContentType: pattern.Of(f.ExcludeContentType),
		IncludeMetadata: pattern.Of(f.IncludeMetadata), ExcludeMetadata: pattern.Of(f.ExcludeMetadata),
		IncludeTags: pattern.Of(f.IncludeTags), ExcludeTags: pattern.Of(f.ExcludeTags),
	}
}

// attributeOptions returns what objects are written with.
func (c *Config) attributeOptions() attributes.Options {
	m := &c.Metadata
	opts := attributes.Options{
		Replace: storage.Attributes{
			CacheControl:       m.CacheControl,
			ContentDisposition: m.ContentDisposition,
			ContentEncoding:    m.ContentEncoding,
			ContentLanguage:    m.ContentLanguage,
			ContentType:        m.ContentType,
			Expires:            attributes.HTTPDate(m.Expires),
			Metadata:           m.User,
			WebsiteRedirect:    m.WebsiteRedirect,
			StorageClass:       m.StorageClass,
		},
		NoSystem:    m.NoSystem,
		NoUser:      m.NoUser,
		NoGuessType: m.NoGuessType,
		ACL:         m.ACL,
		OriginTime:  m.PutLastModified,
		Versions:    c.Versioning.Enable,
		NoTags:      c.Tagging.Disable,
		SyncTags:    c.Tagging.SyncLatest,
		Preprocess:  c.Preprocess,
	}
	if c.Tagging.Set != "" {
		opts.Tags, _ = tagset.Parse(c.Tagging.Set) // Validate has checked them
	}
	return opts
}

// partsOf translates Transfer.PartsOf, which knows objects as they are listed.
func (c *Config) partsOf() func(*plan.Action) *PartRange {
	of := c.Transfer.PartsOf
	if of == nil {
		return nil
	}
	return func(a *plan.Action) *PartRange { return of(a.Source) }
}
