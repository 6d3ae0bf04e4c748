package rules

import (
	"path"
	"strings"

	"s3sync/internal/compare"
	"s3sync/internal/fields"
)

// listRules returns which settings do not go with lists, which name current objects.
func listRules() []fields.Rule {
	return []fields.Rule{
		fields.Excludes("Source.Inventory", "Filter.FilesFrom", "Filter.FilesFrom0", "Versioning.Enable", "Versioning.PointInTime"),
		fields.Excludes("Filter.FilesFrom", "Filter.FilesFrom0", "Versioning.Enable", "Versioning.PointInTime"),
		fields.Excludes("Filter.FilesFrom0", "Versioning.Enable", "Versioning.PointInTime"),
		fields.Excludes("Target.Inventory", "Versioning.Enable", "Check.NoTargetListing"),
	}
}

// lists checks the lists that take the place of listings.
func (v *validator) lists() {
	any := false
	for _, setting := range []string{"Source.Inventory", "Target.Inventory", "Filter.FilesFrom", "Filter.FilesFrom0"} {
		text := v.text(setting)
		any = any || text != ""
		if text != "" && strings.HasSuffix(setting, "Inventory") {
			v.manifest(setting, text)
		}
	}
	deletes := v.on("Delete.Enable")
	switch {
	case any && deletes && !v.on("Delete.ListIsComplete"):
		v.add2("Delete.Enable", "together with a list in the place of a listing requires", "Delete.ListIsComplete")
	case !any && v.given("Delete.ListIsComplete"):
		v.add("Delete.ListIsComplete", "needs a list in the place of a listing")
	case v.text("Target.Inventory") != "" && v.mode() == compare.Always && !deletes:
		v.add2("Target.Inventory", "has no effect, because the target is not listed with", "Check.Mode=overwrite")
	}
}

// manifest checks the URL of an inventory.
func (v *validator) manifest(setting, url string) {
	switch base := path.Base(url); {
	case base == "symlink.txt":
		v.add(setting, "must name a manifest.json: symlink.txt is for Hive, and has neither sizes nor digests. "+
			"The manifest.json is in the folder that is named after the time")
	case !strings.HasPrefix(url, "s3://") || base != "manifest.json":
		v.add(setting, "must be the URL of the manifest of an inventory: s3://bucket/.../manifest.json")
	}
}
