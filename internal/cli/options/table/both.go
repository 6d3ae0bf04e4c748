package table

import "strings"

// bothOptions set a field of the source and of the target. A local side has no such
// field. An option for one side is stronger than one for both, unless it is a variable
// and the other is not.
func bothOptions() []*Option {
	return in(bothSides, []*Option{
		{
			Name: "profile", Both: "Profile", Env: EnvPrefixed,
			Usage: "profile `NAME` of the AWS configuration for source and target",
			More: "A side with a profile or keys of its own does not use it, nor does a local side. Without it AWS_PROFILE means the same, " +
				"here as in other AWS programs.",
		},
		{
			Name: "region", Both: "Region", Env: EnvPrefixed,
			Usage: "AWS `REGION` of the buckets of source and target",
			More:  "--source-region and --target-region are stronger. Without it AWS_REGION means the same, here as in other AWS programs.",
		},
		{
			Name: "endpoint-url", Both: "EndpointURL", Env: EnvPrefixed,
			Usage: "`URL` of the S3 server of source and target, if it is not AWS: http(s)://host[:port][/path]",
			More:  "--source-endpoint-url and --target-endpoint-url are stronger.",
		},
		{
			Name: "path-style", Both: "PathStyle", Env: EnvPrefixed,
			Usage: "put the buckets of source and target into the path of URLs, not into the host name",
			More:  "Many servers other than AWS need it.",
		},
	})
}

// Stronger reports whether an option of one side was given, also as false, and prevails
// over an option for both sides. It does in the same place and in one that comes first:
// the command line, variables with the prefix, variables without.
func (o *Option) Stronger(both *Option) bool {
	return (o.Given || o.From != "") && o.place() <= both.place()
}

// Withdraw makes o an option that was not given.
func (o *Option) Withdraw() {
	o.Value.Reset()
	o.Given, o.From = false, ""
}

// place returns where an option was given. A smaller number prevails.
func (o *Option) place() int {
	switch {
	case o.From == "":
		return 0
	case strings.HasPrefix(o.From, EnvPrefix):
		return 1
	}
	return 2
}
