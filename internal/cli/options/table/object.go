package table

import "s3sync/internal/cli/options/value"

func headerOptions() []*Option {
	return in(headers, []*Option{
		{
			Name: "cache-control", Sets: "Metadata.CacheControl",
			Usage: "write objects with Cache-Control `VALUE`",
		},
		{
			Name: "content-disposition", Sets: "Metadata.ContentDisposition",
			Usage: "write objects with Content-Disposition `VALUE`",
		},
		{
			Name: "content-encoding", Sets: "Metadata.ContentEncoding",
			Usage: "write objects with Content-Encoding `VALUE`",
		},
		{
			Name: "content-language", Sets: "Metadata.ContentLanguage",
			Usage: "write objects with Content-Language `VALUE`",
		},
		{
			Name: "content-type", Sets: "Metadata.ContentType",
			Usage: "write objects with Content-Type `VALUE`",
		},
		{
			Name: "expires", Sets: "Metadata.Expires",
			Usage: "write objects with Expires `TIME` (UTC without a zone)",
			More:  value.TimeNote,
		},
		{
			Name: "metadata", Sets: "Metadata.User",
			Usage: "write objects with user metadata `PAIRS`: name=value[,name=value...]",
			More:  "The names and values consist of A-Z a-z 0-9 _ - and dots.",
		},
		{
			Name: "website-redirect", Alias: "website-redirect-location", Sets: "Metadata.WebsiteRedirect",
			Usage: "write objects that redirect visitors of a website to `URL`",
		},
		{
			Name: "no-sync-system-metadata", Sets: "Metadata.NoSystem",
			Usage: "do not copy the headers above from the source",
		},
		{
			Name: "no-sync-user-defined-metadata", Sets: "Metadata.NoUser",
			Usage: "do not copy the user metadata of the source",
		},
	})
}

func taggingOptions() []*Option {
	return in(tagging, []*Option{
		{
			Name: "tagging", Sets: "Tagging.Set",
			Usage: "write objects with `TAGS`: name=value[&name=value...], URL-encoded",
		},
		{
			Name: "disable-tagging", Sets: "Tagging.Disable",
			Usage: "write objects without tags",
		},
		{
			Name: "sync-latest-tagging", Sets: "Tagging.SyncLatest",
			Usage: "also give unchanged objects the tags of the source",
		},
	})
}

func encryptionOptions() []*Option {
	rows := []*Option{
		{
			Name: "sse", Sets: "Encryption.SSE",
			Usage: "let the server encrypt with `METHOD`",
		},
		{
			Name: "sse-kms-key-id", Sets: "Encryption.KMSKeyID",
			Usage: "`ID` of the KMS key",
		},
	}
	for _, side := range []struct{ name, path string }{
		{"source", "Encryption.SourceCustomer."}, {"target", "Encryption.TargetCustomer."},
	} {
		rows = append(rows, &Option{
			Name: side.name + "-sse-c", Sets: side.path + "Algorithm",
			Usage: "the " + side.name + " is encrypted with your own key, by `ALGORITHM`",
		}, &Option{
			Name: side.name + "-sse-c-key", Sets: side.path + "Key",
			Usage: "the `KEY`: 32 bytes in base64",
		}, &Option{
			Name: side.name + "-sse-c-key-md5", Sets: side.path + "KeyMD5",
			Usage: "the `MD5` of the key's bytes in base64",
		})
	}
	return in(encryption, rows)
}
