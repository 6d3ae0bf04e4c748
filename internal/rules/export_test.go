package rules

import (
	"slices"

	"s3sync/internal/fields"
)

// AllRules returns the rules of combinations.
func AllRules() []fields.Rule { return slices.Concat(combinations(), modeRules(), listRules()) }

// AllBounds returns the numbers that have a range.
func AllBounds() []fields.Bound { return bounds() }

// AllLists returns all lists of fields, by name.
func AllLists() map[string][]string {
	return map[string][]string{
		"bound": bound(), "between buckets": betweenBuckets(), "content filters": contentFilters(), "upload": upload(), "headers": headerFields(),
		"not local": notLocal("Source.", "Encryption.SourceCustomer."), "not in directory buckets": notInDirectoryBuckets("Target.", "Encryption.TargetCustomer."),
	}
}
