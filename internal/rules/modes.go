package rules

import (
	"fmt"
	"slices"

	"s3sync/internal/compare"
	"s3sync/internal/fields"
)

// modeRules returns the rules of comparison modes. Most follow from what a mode
// compares. The others list the modes that are compatible with a setting, so a new mode
// is incompatible until it is added here.
func modeRules() []fields.Rule {
	all := []fields.Rule{
		fields.Excludes("Check.NoTargetListing", modesBut(compare.Newer, compare.Size, compare.ETag, compare.Checksum)...),
		fields.Excludes("Versioning.PointInTime", modesBut(compare.Newer, compare.Always, compare.Checksum)...),
		fields.Excludes("Report.Status", modesBut(compare.Newer, compare.ETag, compare.Checksum)...),
	}
	for _, mode := range modes(compare.Mode.ETags) {
		all = append(all, fields.Excludes(mode, "Encryption.SourceCustomer.Key", "Encryption.TargetCustomer.Key"))
	}
	return append(all, fields.AllRequire("Check.Algorithm", modes(compare.Mode.Checksums)...)...)
}

// modes returns the settings of the modes of a kind.
func modes(are func(compare.Mode) bool) (settings []string) {
	for m := compare.Mode(0); m.Known(); m++ {
		if are(m) {
			settings = append(settings, fmt.Sprint("Check.Mode=", m))
		}
	}
	return settings
}

// modesBut returns the settings of all modes except some.
func modesBut(some ...compare.Mode) []string {
	return modes(func(m compare.Mode) bool { return !slices.Contains(some, m) })
}

// combinations checks given settings against each other.
func (v *validator) combinations() {
	for r, other := range fields.Broken(v.settings, slices.Concat(combinations(), modeRules(), listRules()), v.given) {
		v.add2(r.Setting, r.Verb, other)
	}
	mode, headEach := v.mode(), v.on("Check.HeadEachTarget")
	if v.given("Check.ReadBoth") && !mode.Contents() && !v.on("Report.Status") {
		v.add2("Check.ReadBoth", "needs a comparison of contents, as by", "Check.Mode=etag")
	}
	if v.given("Check.Algorithm") && !mode.Checksums() {
		v.add2("Check.Algorithm", "needs a comparison of checksums, as by", "Check.Mode=checksum")
	}
	listed := mode != compare.Always && !v.on("Check.NoTargetListing")
	if v.given("Condition.IfMatch") && !listed && !headEach {
		v.add2("Condition.IfMatch", "needs an ETag to compare with, so that without a listing of the target it requires", "Check.HeadEachTarget")
	}
	if v.on("Check.NoTargetListing") && !headEach && mode != compare.Checksum {
		v.add2("Check.NoTargetListing", "together with a comparison requires", "Check.HeadEachTarget")
	}
}
