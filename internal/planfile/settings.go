package planfile

import (
	"slices"
	"strings"

	"s3sync/internal/fields"
)

// How a run reaches the sides, how fast it is, and what it tells belongs to whoever carries
// out a plan. All other settings decide what is written, and come from the plan.

// free returns the settings that a plan does not decide: fields, and groups of fields that
// end in a dot.
func free() []string {
	return []string{
		"Source.Profile", "Source.AccessKey", "Source.SecretKey", "Source.SessionToken", "Source.Credentials",
		"Source.Region", "Source.EndpointURL", "Source.Transport", "Source.Accelerate", "Source.RequestPayer", "Source.PathStyle",
		"Target.Profile", "Target.AccessKey", "Target.SecretKey", "Target.SessionToken", "Target.Credentials",
		"Target.Region", "Target.EndpointURL", "Target.Transport", "Target.Accelerate", "Target.RequestPayer", "Target.PathStyle",
		"Source.Store", "Target.Store",
		"AWS.ConfigFile", "AWS.CredentialsFile", "AWS.HTTPSProxy", "AWS.AnonymousSource", "AWS.MaxKeys", "AWS.ParallelListings",
		"AWS.NoStallProtection", "AWS.Trace",
		"Transfer.Workers", "Transfer.ParallelParts", "Transfer.MaxMemory", "Transfer.ObjectsPerSecond", "Transfer.BytesPerSecond",
		"Retry.", "Timeout.", "State.", "Resume.",
		"Filter.Func", // has chosen the actions already
		"DryRun", "OnEvent", "OnProgress", "Logger",
	}
}

// Free reports whether the setting at a path is not decided by a plan.
func Free(path string) bool {
	return slices.ContainsFunc(free(), func(f string) bool {
		return f == path || strings.HasSuffix(f, ".") && strings.HasPrefix(path, f)
	})
}

// Decided zeroes the settings of cfg, a pointer to a struct, that a plan does not decide.
func Decided(cfg any) {
	for f := range fields.Of(cfg) {
		if Free(f.Path) {
			f.Value.SetZero()
		}
	}
}

// Unwritten returns the settings in cfg, a pointer to a struct, that a plan decides but
// cannot hold.
func Unwritten(cfg any) []string {
	var paths []string
	for f := range fields.Of(cfg) {
		if !f.Written() && !f.Value.IsZero() && !Free(f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// Merge completes cfg, which has the settings of a plan, with those of own that the plan
// does not decide or cannot hold. All three are pointers to structs of one type; standard
// has the defaults. unwritten are those of the plan. If own contradicts the plan, or lacks
// something, Merge returns the path of the setting and why.
func Merge(cfg, own, standard any, unwritten []string) (path, why string) {
	for f := range fields.Of(own) {
		to, given := fields.At(cfg, f.Path), !f.Value.IsZero()
		planned := slices.Contains(unwritten, f.Path)
		switch {
		case Free(f.Path):
			to.Value.Set(f.Value)
		case !f.Written() && given != planned && planned:
			return f.Path, "was set when the plan was made, which does not hold it: set it again"
		case !f.Written() && given != planned:
			return f.Path, "was not set when the plan was made; a new plan could have it"
		case !f.Written():
			to.Value.Set(f.Value)
		case given && !f.SameForm(fields.At(standard, f.Path)) && !f.SameForm(to):
			return f.Path, "is not what the plan was made with; a new plan could have it"
		}
	}
	return "", ""
}
