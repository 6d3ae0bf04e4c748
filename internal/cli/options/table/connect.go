package table

import "s3sync/internal/cli/options/value"

const setLevel = EnvPrefix + "LOG sets the level"

func basicOptions(set *Settings) []*Option {
	return []*Option{
		{
			Name: "SOURCE", Group: arguments, Sets: "Source.URL", File: true, Env: EnvIgnored,
			Usage: "where objects come from: `s3://BUCKET[/PREFIX]`, a directory or a file",
			More: "The prefix is put before each key without an added slash. If it is the key of an object, and no other key begins with it, " +
				"that one object is the source.",
		},
		{
			Name: "TARGET", Group: arguments, Sets: "Target.URL", File: true, Env: EnvIgnored,
			Usage: "where objects go: `s3://BUCKET[/PREFIX]` or a directory",
			More: "A directory is created if it does not exist. One object or file keeps its name if TARGET is an existing directory or ends in a slash. " +
				"Otherwise TARGET is its new key or file name.",
		},
		{
			Name: "verbose", Short: "v", Group: basic, Value: value.Counter(&set.Verbose), Env: EnvNone, Instead: setLevel,
			Usage: "log more: -v info, -vv debug, -vvv trace",
			More:  "Without it notes, warnings and errors are logged.",
		},
		{
			Name: "quiet", Short: "q", Group: basic, Value: value.Counter(&set.Quiet), Env: EnvNone, Instead: setLevel,
			Usage: "log less: -q errors, -qq nothing",
		},
		{
			Name: "help", Short: "h", Group: basic, Value: value.On(&set.help), Env: EnvNone, Instead: "type --help",
			Usage: "print help; -h prints one line for each option",
		},
		{
			// Images of containers set S3SYNC_VERSION to the version that they hold.
			Name: "version", Short: "V", Group: basic, Value: value.On(&set.Version), Env: EnvNone, Plain: true,
			Usage: "print the version",
		},
		{
			Name: "dry-run", Group: general, Sets: "DryRun",
			Usage: "report what would be done and write nothing",
			More: "Prints one line for each action, with its reason, and the totals at the end; -v also prints what would be skipped. " +
				"Raises the log level to info at least.",
		},
		{
			Name: "server-side-copy", Group: general, Sets: "ServerSideCopy",
			Usage: "let the server copy; both sides must be buckets of one server or of AWS",
			More: "No data pass through this machine, and the credentials of the target must allow reading the source. " +
				"Copies have the parts of their sources, whatever --multipart-threshold and --multipart-chunksize say, " +
				"so that equal ETags verify them. Encrypted objects are verified by additional checksums that both sides keep.",
		},
	}
}

func awsOptions() []*Option {
	rows := []*Option{
		{
			Name: "aws-config-file", Sets: "AWS.ConfigFile", File: true, Env: EnvPrefixed,
			Usage: "`FILE` of AWS profiles to use instead of ~/.aws/config",
			More:  "AWS_CONFIG_FILE means the same, here as in other AWS programs.",
		},
		{
			Name: "aws-shared-credentials-file", Sets: "AWS.CredentialsFile", File: true, Env: EnvPrefixed,
			Usage: "`FILE` of AWS keys to use instead of ~/.aws/credentials",
			More:  "AWS_SHARED_CREDENTIALS_FILE means the same, here as in other AWS programs.",
		},
	}
	for _, side := range Sides() {
		rows = append(rows, &Option{
			Name: side.Name + "-profile", Sets: side.Path + "Profile",
			Usage: "profile `NAME` of the AWS configuration for the " + side.Name,
		}, &Option{
			Name: side.Name + "-access-key", Sets: side.Path + "AccessKey",
			Usage: "access `KEY` id for the " + side.Name,
		}, &Option{
			Name: side.Name + "-secret-access-key", Sets: side.Path + "SecretKey",
			Usage: "secret access `KEY` for the " + side.Name,
			More:  "Other users of the machine can read command lines: prefer the variable or a profile.",
		}, &Option{
			Name: side.Name + "-session-token", Sets: side.Path + "SessionToken",
			Usage: "session `TOKEN` of temporary keys for the " + side.Name,
		})
	}
	rows = append(rows, &Option{
		Name: "source-no-sign-request", Sets: "AWS.AnonymousSource",
		Usage: "do not sign requests to the source, which must be public",
	}, &Option{
		Name: "https-proxy", Sets: "AWS.HTTPSProxy", Env: EnvPrefixed,
		Usage: "proxy `URL` for https requests: http(s)://[user:password@]host[:port]",
		More:  "Without it HTTPS_PROXY, HTTP_PROXY, ALL_PROXY (also socks5://host:port) and NO_PROXY are used as usual.",
	})
	return in(awsConfig, rows)
}

// A Side is the source or the target. Each has the same options under its own names
// and paths.
type Side struct {
	Name, Path string
	group      Group
}

// Sides returns both sides, with what their options begin with.
func Sides() []Side {
	return []Side{
		{"source", "Source.", sourceSide},
		{"target", "Target.", targetSide},
	}
}

func sideOptions() []*Option {
	var rows []*Option
	for _, side := range Sides() {
		rows = append(rows, in(side.group, []*Option{
			{
				Name: side.Name + "-region", Sets: side.Path + "Region",
				Usage: "AWS `REGION` of the " + side.Name + " bucket",
			},
			{
				Name: side.Name + "-endpoint-url", Sets: side.Path + "EndpointURL",
				Usage: "`URL` of the S3 server of the " + side.Name + ", if it is not AWS: http(s)://host[:port][/path]",
			},
			{
				Name: side.Name + "-accelerate", Sets: side.Path + "Accelerate",
				Usage: "use S3 Transfer Acceleration for the " + side.Name + " bucket",
			},
			{
				Name: side.Name + "-request-payer", Sets: side.Path + "RequestPayer",
				Usage: "agree to pay for requests to the " + side.Name + " bucket",
			},
			{
				Name: side.Name + "-force-path-style", Sets: side.Path + "PathStyle",
				Usage: "put the bucket into the path of URLs, not into the host name",
				More:  "Many servers other than AWS need it.",
			},
			{
				Name: side.Name + "-inventory", Sets: side.Path + "Inventory", Env: EnvPrefixed,
				Usage: "take the listing of the " + side.Name + " from an S3 Inventory, whose manifest.json is at `URL`",
				More: "The inventory is in CSV or Parquet, with the fields Size and LastModifiedDate, and better with ETag and StorageClass. What changed in the bucket after it was made does not show in it. " +
					"It is read with the credentials of the " + side.Name + ". With --delete it needs --list-is-complete.",
			},
		})...)
	}
	return append(rows, &Option{
		Name: "storage-class", Group: targetSide, Sets: "Metadata.StorageClass",
		Usage: "storage `CLASS` of written objects",
	})
}

// in puts rows under a heading.
func in(g Group, rows []*Option) []*Option {
	for _, o := range rows {
		o.Group = g
	}
	return rows
}

// OfTarget returns the names of the options that say how a target is reached, and how what
// is written there is encrypted.
func OfTarget() []string {
	return []string{
		"profile", "region", "endpoint-url", "path-style",
		"target-profile", "target-access-key", "target-secret-access-key", "target-session-token",
		"target-region", "target-endpoint-url", "target-accelerate", "target-request-payer", "target-force-path-style",
		"target-sse-c", "target-sse-c-key", "target-sse-c-key-md5", "sse", "sse-kms-key-id",
		"aws-config-file", "aws-shared-credentials-file", "https-proxy",
	}
}
