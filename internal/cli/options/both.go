package options

import (
	"slices"
	"strings"

	"s3sync/internal/fields"
	"s3sync/internal/location"
)

// bothOptions set a field of the source and of the target. A local side has no such
// field. An option for one side is stronger than one for both, unless it is a variable
// and the other is not.
func bothOptions() []*option {
	return in(bothSides, []*option{
		{
			name: "profile", both: "Profile", env: envPrefixed,
			usage: "profile `NAME` of the AWS configuration for source and target",
			more: "A side with a profile or keys of its own does not use it, nor does a local side. Without it AWS_PROFILE means the same, " +
				"here as in other AWS programs.",
		},
		{
			name: "region", both: "Region", env: envPrefixed,
			usage: "AWS `REGION` of the buckets of source and target",
			more:  "--source-region and --target-region are stronger. Without it AWS_REGION means the same, here as in other AWS programs.",
		},
		{
			name: "endpoint-url", both: "EndpointURL", env: envPrefixed,
			usage: "`URL` of the S3 server of source and target, if it is not AWS: http(s)://host[:port][/path]",
			more:  "--source-endpoint-url and --target-endpoint-url are stronger.",
		},
		{
			name: "path-style", both: "PathStyle", env: envPrefixed,
			usage: "put the buckets of source and target into the path of URLs, not into the host name",
			more:  "Many servers other than AWS need it.",
		},
	})
}

// setBoth sets the fields of the sides from the options for both sides. The environment
// must have been read.
func (l *Line) setBoth() {
	l.spread = map[string]*option{}
	for _, o := range l.options {
		for _, side := range sides() {
			path := side.path + o.both
			if o.both == "" || !o.given || !l.needs(side, o) {
				continue
			}
			if own := l.bound(path); own.from != "" {
				own.value.reset()
				own.given, own.from = false, ""
			}
			fields.At(l.Config, path).Value.Set(fields.At(&l.set.both, o.both).Value)
			l.spread[path] = o
		}
	}
}

// needs reports whether a side takes its setting from an option for both sides.
func (l *Line) needs(side side, both *option) bool {
	where, err := location.Parse(fields.At(l.Config, side.path+"URL").Value.String())
	if err == nil && where.Local() {
		return false
	}
	own := []string{side.path + both.both}
	if both.both == "Profile" {
		own = append(own, side.path+"AccessKey", side.path+"SecretKey", side.path+"SessionToken")
		if side.name == "source" {
			own = append(own, "AWS.AnonymousSource")
		}
	}
	return !slices.ContainsFunc(own, func(path string) bool { return l.bound(path).stronger(both) })
}

// stronger reports whether an option of one side was given, also as false, and prevails
// over an option for both sides. It does in the same place and in one that comes first:
// the command line, variables with the prefix, variables without.
func (o *option) stronger(both *option) bool {
	return (o.given || o.from != "") && o.place() <= both.place()
}

// place returns where an option was given. A smaller number prevails.
func (o *option) place() int {
	switch {
	case o.from == "":
		return 0
	case strings.HasPrefix(o.from, envPrefix):
		return 1
	}
	return 2
}
