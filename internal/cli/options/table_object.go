package options

func headerOptions() []*option {
	return in(headers, []*option{
		{
			name: "cache-control", sets: "Metadata.CacheControl",
			usage: "write objects with Cache-Control `VALUE`",
		},
		{
			name: "content-disposition", sets: "Metadata.ContentDisposition",
			usage: "write objects with Content-Disposition `VALUE`",
		},
		{
			name: "content-encoding", sets: "Metadata.ContentEncoding",
			usage: "write objects with Content-Encoding `VALUE`",
		},
		{
			name: "content-language", sets: "Metadata.ContentLanguage",
			usage: "write objects with Content-Language `VALUE`",
		},
		{
			name: "content-type", sets: "Metadata.ContentType",
			usage: "write objects with Content-Type `VALUE`",
		},
		{
			name: "expires", sets: "Metadata.Expires",
			usage: "write objects with Expires `TIME` (UTC without a zone)",
			more:  timeNote,
		},
		{
			name: "metadata", sets: "Metadata.User",
			usage: "write objects with user metadata `PAIRS`: name=value[,name=value...]",
			more:  "The names and values consist of A-Z a-z 0-9 _ - and dots.",
		},
		{
			name: "website-redirect", alias: "website-redirect-location", sets: "Metadata.WebsiteRedirect",
			usage: "write objects that redirect visitors of a website to `URL`",
		},
		{
			name: "no-sync-system-metadata", sets: "Metadata.NoSystem",
			usage: "do not copy the headers above from the source",
		},
		{
			name: "no-sync-user-defined-metadata", sets: "Metadata.NoUser",
			usage: "do not copy the user metadata of the source",
		},
	})
}

func taggingOptions() []*option {
	return in(tagging, []*option{
		{
			name: "tagging", sets: "Tagging.Set",
			usage: "write objects with `TAGS`: name=value[&name=value...], URL-encoded",
		},
		{
			name: "disable-tagging", sets: "Tagging.Disable",
			usage: "write objects without tags",
		},
		{
			name: "sync-latest-tagging", sets: "Tagging.SyncLatest",
			usage: "also give unchanged objects the tags of the source",
		},
	})
}

func encryptionOptions() []*option {
	rows := []*option{
		{
			name: "sse", sets: "Encryption.SSE",
			usage: "let the server encrypt with `METHOD`",
		},
		{
			name: "sse-kms-key-id", sets: "Encryption.KMSKeyID",
			usage: "`ID` of the KMS key",
		},
	}
	for _, side := range []struct{ name, path string }{
		{"source", "Encryption.SourceCustomer."}, {"target", "Encryption.TargetCustomer."},
	} {
		rows = append(rows, &option{
			name: side.name + "-sse-c", sets: side.path + "Algorithm",
			usage: "the " + side.name + " is encrypted with your own key, by `ALGORITHM`",
		}, &option{
			name: side.name + "-sse-c-key", sets: side.path + "Key",
			usage: "the `KEY`: 32 bytes in base64",
		}, &option{
			name: side.name + "-sse-c-key-md5", sets: side.path + "KeyMD5",
			usage: "the `MD5` of the key's bytes in base64",
		})
	}
	return in(encryption, rows)
}
