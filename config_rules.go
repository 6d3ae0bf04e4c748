package s3sync

import (
	"fmt"
	"slices"

	"s3sync/internal/fields"
	"s3sync/internal/rules"
)

// modeRules returns the rules of comparison modes. Most follow from what a mode
// compares. The others list the modes that are compatible with a setting, so a new mode
// is incompatible until it is added here.
func modeRules() []fields.Rule {
	all := []fields.Rule{
		fields.Excludes("Check.NoTargetListing", modesBut(CheckNewer, CheckSize, CheckETag, CheckChecksum)...),
		fields.Excludes("Versioning.PointInTime", modesBut(CheckNewer, CheckOverwrite, CheckChecksum)...),
		fields.Excludes("Report.Status", modesBut(CheckNewer, CheckETag, CheckChecksum)...),
	}
	for _, mode := range modes(CheckMode.ETags) {
		all = append(all, fields.Excludes(mode, "Encryption.SourceCustomer.Key", "Encryption.TargetCustomer.Key"))
	}
	return append(all, fields.AllRequire("Check.Algorithm", modes(CheckMode.Checksums)...)...)
}

// modes returns the settings of the modes of a kind.
func modes(are func(CheckMode) bool) (settings []string) {
	for m := CheckMode(0); m.Known(); m++ {
		if are(m) {
			settings = append(settings, fmt.Sprint("Check.Mode=", m))
		}
	}
	return settings
}

// modesBut returns the settings of all modes except some.
func modesBut(some ...CheckMode) []string {
	return modes(func(m CheckMode) bool { return !slices.Contains(some, m) })
}

// rules checks given settings against each other.
func (v *validator) rules() {
	for r, other := range fields.Broken(v.Config, slices.Concat(rules.Settings(), modeRules()), v.given) {
		v.add2(r.Setting, r.Verb, other)
	}
	k := &v.Check
	if v.given("Check.ReadBoth") && !k.Mode.Contents() && !v.Report.Status {
		v.add2("Check.ReadBoth", "needs a comparison of contents, as by", "Check.Mode=etag")
	}
	if v.given("Check.Algorithm") && !k.Mode.Checksums() {
		v.add2("Check.Algorithm", "needs a comparison of checksums, as by", "Check.Mode=checksum")
	}
	if v.given("Condition.IfMatch") && !k.listsTarget() && !k.HeadEachTarget {
		v.add2("Condition.IfMatch", "needs an ETag to compare with, so that without a listing of the target it requires", "Check.HeadEachTarget")
	}
	if k.NoTargetListing && !k.HeadEachTarget && k.Mode != CheckChecksum {
		v.add2("Check.NoTargetListing", "together with a comparison requires", "Check.HeadEachTarget")
	}
}
