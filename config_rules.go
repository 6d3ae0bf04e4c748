package s3sync

import "slices"

// A rule says what one given field excludes or requires.
type rule struct {
	field  any
	verb   string
	others []any
}

const (
	conflicts = "cannot be combined with"
	needs     = "requires"
)

// rulesOf lists which fields exclude and which require each other. Exclusion
// works both ways and stands here once.
func rulesOf(c *Config) []rule {
	k, d, s, t := &c.Check, &c.Condition, &c.Source, &c.Target
	from, to := &c.Encryption.SourceCustomer, &c.Encryption.TargetCustomer
	return slices.Concat(
		credentialRules(s), credentialRules(t),
		customerKeyRules(from), customerKeyRules(to),
		[]rule{
			{&k.Size, conflicts, []any{&k.MtimeAndSize, &k.ETag, &k.MtimeAndETag, &k.Checksum, &k.MtimeAndChecksum}},
			{&k.MtimeAndSize, conflicts, []any{&k.ETag, &k.MtimeAndETag, &k.Checksum, &k.MtimeAndChecksum}},
			{&k.ETag, conflicts, []any{&k.MtimeAndETag, &k.Checksum, &k.MtimeAndChecksum, &from.Key, &to.Key}},
			{&k.MtimeAndETag, conflicts, []any{&k.Checksum, &k.MtimeAndChecksum, &from.Key, &to.Key}},
			{&k.Checksum, conflicts, []any{&k.MtimeAndChecksum}},
			{&k.Overwrite, conflicts, []any{&k.MtimeAndSize, &k.MtimeAndETag, &k.MtimeAndChecksum}},
			{&c.Versioning.Enable, conflicts, []any{
				&k.Overwrite, &k.Size, &k.MtimeAndSize, &k.ETag, &k.MtimeAndETag, &k.Checksum, &k.MtimeAndChecksum,
				&k.HeadEachTarget, &c.Tagging.SyncLatest, &c.Delete.Enable, &c.Report.Status,
				&c.Versioning.PointInTime, &d.IfMatch, &d.IfNoneMatch, &d.CopySourceIfMatch,
			}},
			{&c.Versioning.AllMarkers, needs, []any{&c.Versioning.Enable}},
			{&c.Versioning.PointInTime, conflicts, []any{
				&c.Delete.Enable, &k.HeadEachTarget, &k.Size, &k.MtimeAndSize, &k.ETag, &k.MtimeAndETag, &k.MtimeAndChecksum,
				&d.IfMatch, &d.IfNoneMatch, &d.CopySourceIfMatch, &c.Tagging.SyncLatest,
			}},
			{&d.IfNoneMatch, conflicts, []any{&d.IfMatch}},
			{&d.CopySourceIfMatch, needs, []any{&c.ServerSideCopy}},
			{&c.AWS.AnonymousSource, conflicts, []any{
				&s.Profile, &s.AccessKey, &s.SecretKey, &s.SessionToken, &s.RequestPayer, &c.ServerSideCopy,
			}},
			// A report does not transfer, and compares everything by content.
			{&c.Report.Status, conflicts, []any{
				&c.DryRun, &c.Delete.Enable, &k.HeadEachTarget, &c.Tagging.SyncLatest,
				&k.Overwrite, &k.Size, &k.MtimeAndSize, &k.MtimeAndETag, &k.MtimeAndChecksum,
			}},
			{&c.Report.Metadata, needs, []any{&c.Report.Status}},
			{&c.Report.Tagging, needs, []any{&c.Report.Status}},
			{&c.Transfer.AutoChunkSize, conflicts, []any{&c.Transfer.Threshold, &c.Transfer.ChunkSize}},
			{&c.Tagging.Set, conflicts, []any{&c.Tagging.Disable, &c.Tagging.SyncLatest}},
			{&c.Tagging.SyncLatest, conflicts, []any{&c.Tagging.Disable}},
			// One key cannot encrypt what another one does. The source may be
			// encrypted in any way.
			{&to.Algorithm, conflicts, []any{&c.Encryption.SSE, &c.Encryption.KMSKeyID}},
			{&c.Delete.Excluded, needs, []any{&c.Delete.Enable}},
			{&c.Delete.Max, needs, []any{&c.Delete.Enable}},
			{&c.Delete.MaxPercent, needs, []any{&c.Delete.Enable}},
			{&c.Delete.AllowEmptySource, needs, []any{&c.Delete.Enable}},
			{&c.Delete.AllowPartialPrefix, needs, []any{&c.Delete.Enable}},
			{&c.Delete.AllowOverlap, needs, []any{&c.Delete.Enable}},
			{&c.Verify.Checksum, needs, []any{&c.Verify.Algorithm}},
		})
}

func credentialRules(e *Endpoint) []rule {
	return []rule{
		{&e.Profile, conflicts, []any{&e.AccessKey, &e.SecretKey, &e.SessionToken}},
		{&e.AccessKey, needs, []any{&e.SecretKey}},
		{&e.SecretKey, needs, []any{&e.AccessKey}},
		{&e.SessionToken, needs, []any{&e.AccessKey}},
		// Acceleration has a host of its own, which is addressed by its name:
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html
		{&e.Accelerate, conflicts, []any{&e.EndpointURL, &e.PathStyle}},
	}
}

func customerKeyRules(k *CustomerKey) []rule {
	return []rule{
		{&k.Algorithm, needs, []any{&k.Key}},
		{&k.Key, needs, []any{&k.KeyMD5}},
		{&k.KeyMD5, needs, []any{&k.Algorithm}},
	}
}

// rules checks given fields against each other.
func (v *validator) rules() {
	for _, r := range rulesOf(v.Config) {
		if !v.given(r.field) {
			continue
		}
		for _, other := range r.others {
			if v.given(other) == (r.verb == conflicts) {
				v.add2(r.field, r.verb, other)
			}
		}
	}
	k := &v.Check
	if _, digests := k.digests(); v.given(&k.ReadBoth) && !digests && !v.Report.Status {
		v.add2(&k.ReadBoth, "needs a comparison of contents, as by", &k.ETag)
	}
	if v.given(&k.Overwrite) && v.given(&v.Condition.IfMatch) && !v.given(&k.HeadEachTarget) {
		v.add2(&v.Condition.IfMatch, "needs an ETag to compare with, so that without a listing of the target it requires", &k.HeadEachTarget)
	}
	if v.given(&k.Overwrite) && (v.given(&k.Size) || v.given(&k.ETag)) && !v.given(&k.HeadEachTarget) {
		v.add2(&k.Overwrite, "together with a comparison requires", &k.HeadEachTarget)
	}
}
