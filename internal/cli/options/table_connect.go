package options

const setLevel = envPrefix + "LOG sets the level"

func basicOptions(set *settings) []*option {
	return []*option{
		{
			name: "SOURCE", group: arguments, sets: "Source.URL", file: true, env: envIgnored,
			usage: "where objects come from: `s3://BUCKET[/PREFIX]`, a directory or a file",
			more: "The prefix is put before each key without an added slash. If it is the key of an object, and no other key begins with it, " +
				"that one object is the source.",
		},
		{
			name: "TARGET", group: arguments, sets: "Target.URL", file: true, env: envIgnored,
			usage: "where objects go: `s3://BUCKET[/PREFIX]` or a directory",
			more: "A directory is created if it does not exist. One object or file keeps its name if TARGET is an existing directory or ends in a slash. " +
				"Otherwise TARGET is its new key or file name.",
		},
		{
			name: "verbose", short: "v", group: basic, value: counter(&set.verbose), env: envNone, instead: setLevel,
			usage: "log more: -v info, -vv debug, -vvv trace",
			more:  "Without it notes, warnings and errors are logged.",
		},
		{
			name: "quiet", short: "q", group: basic, value: counter(&set.quiet), env: envNone, instead: setLevel,
			usage: "log less: -q errors, -qq nothing",
		},
		{
			name: "help", short: "h", group: basic, value: on(&set.help), env: envNone, instead: "type --help",
			usage: "print help; -h prints one line for each option",
		},
		{
			// Images of containers set S3SYNC_VERSION to the version that they hold.
			name: "version", short: "V", group: basic, value: on(&set.version), env: envNone, plain: true,
			usage: "print the version",
		},
		{
			name: "dry-run", group: general, sets: "DryRun",
			usage: "report what would be done and write nothing",
			more: "Prints one line for each action, with its reason, and the totals at the end; -v also prints what would be skipped. " +
				"Raises the log level to info at least.",
		},
		{
			name: "server-side-copy", group: general, sets: "ServerSideCopy",
			usage: "let the server copy; both sides must be buckets of one server or of AWS",
			more: "No data pass through this machine, and the credentials of the target must allow reading the source. " +
				"Copies have the parts of their sources, whatever --multipart-threshold and --multipart-chunksize say, " +
				"so that equal ETags verify them. Encrypted objects are verified by additional checksums that both sides keep.",
		},
	}
}

func awsOptions() []*option {
	rows := []*option{
		{
			name: "aws-config-file", sets: "AWS.ConfigFile", file: true, env: envPrefixed,
			usage: "`FILE` of AWS profiles to use instead of ~/.aws/config",
			more:  "AWS_CONFIG_FILE means the same, here as in other AWS programs.",
		},
		{
			name: "aws-shared-credentials-file", sets: "AWS.CredentialsFile", file: true, env: envPrefixed,
			usage: "`FILE` of AWS keys to use instead of ~/.aws/credentials",
			more:  "AWS_SHARED_CREDENTIALS_FILE means the same, here as in other AWS programs.",
		},
	}
	for _, side := range sides() {
		rows = append(rows, &option{
			name: side.name + "-profile", sets: side.path + "Profile",
			usage: "profile `NAME` of the AWS configuration for the " + side.name,
		}, &option{
			name: side.name + "-access-key", sets: side.path + "AccessKey",
			usage: "access `KEY` id for the " + side.name,
		}, &option{
			name: side.name + "-secret-access-key", sets: side.path + "SecretKey",
			usage: "secret access `KEY` for the " + side.name,
			more:  "Other users of the machine can read command lines: prefer the variable or a profile.",
		}, &option{
			name: side.name + "-session-token", sets: side.path + "SessionToken",
			usage: "session `TOKEN` of temporary keys for the " + side.name,
		})
	}
	rows = append(rows, &option{
		name: "source-no-sign-request", sets: "AWS.AnonymousSource",
		usage: "do not sign requests to the source, which must be public",
	}, &option{
		name: "https-proxy", sets: "AWS.HTTPSProxy", env: envPrefixed,
		usage: "proxy `URL` for https requests: http(s)://[user:password@]host[:port]",
		more:  "Without it HTTPS_PROXY, HTTP_PROXY, ALL_PROXY (also socks5://host:port) and NO_PROXY are used as usual.",
	})
	return in(awsConfig, rows)
}

// A side is the source or the target. Each has the same options under its own names
// and paths.
type side struct {
	name, path string
	group      group
}

func sides() []side {
	return []side{
		{"source", "Source.", sourceSide},
		{"target", "Target.", targetSide},
	}
}

func sideOptions() []*option {
	var rows []*option
	for _, side := range sides() {
		rows = append(rows, in(side.group, []*option{
			{
				name: side.name + "-region", sets: side.path + "Region",
				usage: "AWS `REGION` of the " + side.name + " bucket",
			},
			{
				name: side.name + "-endpoint-url", sets: side.path + "EndpointURL",
				usage: "`URL` of the S3 server of the " + side.name + ", if it is not AWS: http(s)://host[:port][/path]",
			},
			{
				name: side.name + "-accelerate", sets: side.path + "Accelerate",
				usage: "use S3 Transfer Acceleration for the " + side.name + " bucket",
			},
			{
				name: side.name + "-request-payer", sets: side.path + "RequestPayer",
				usage: "agree to pay for requests to the " + side.name + " bucket",
			},
			{
				name: side.name + "-force-path-style", sets: side.path + "PathStyle",
				usage: "put the bucket into the path of URLs, not into the host name",
				more:  "Many servers other than AWS need it.",
			},
		})...)
	}
	return append(rows, &option{
		name: "storage-class", group: targetSide, sets: "Metadata.StorageClass",
		usage: "storage `CLASS` of written objects",
	})
}

// in puts rows under a heading.
func in(g group, rows []*option) []*option {
	for _, o := range rows {
		o.group = g
	}
	return rows
}
