package cli

import "s3sync"

func headerOptions(c *s3sync.Config) []*option {
	m := &c.Metadata
	return in(headers, []*option{
		{
			name: "cache-control", value: text(&m.CacheControl),
			usage: "write objects with Cache-Control `VALUE`",
		},
		{
			name: "content-disposition", value: text(&m.ContentDisposition),
			usage: "write objects with Content-Disposition `VALUE`",
		},
		{
			name: "content-encoding", value: text(&m.ContentEncoding),
			usage: "write objects with Content-Encoding `VALUE`",
		},
		{
			name: "content-language", value: text(&m.ContentLanguage),
			usage: "write objects with Content-Language `VALUE`",
		},
		{
			name: "content-type", value: text(&m.ContentType),
			usage: "write objects with Content-Type `VALUE`",
		},
		{
			name: "expires", value: instant(&m.Expires),
			usage: "write objects with Expires `TIME` (UTC without a zone)",
			more:  timeNote,
		},
		{
			name: "metadata", value: pairs(&m.User),
			usage: "write objects with user metadata `PAIRS`: name=value[,name=value...]",
			more:  "The names and values consist of A-Z a-z 0-9 _ - and dots.",
		},
		{
			name: "website-redirect", alias: "website-redirect-location", value: text(&m.WebsiteRedirect),
			usage: "write objects that redirect visitors of a website to `URL`",
		},
		{
			name: "no-sync-system-metadata", value: on(&m.NoSystem),
			usage: "leave out the headers above that the source has",
		},
		{
			name: "no-sync-user-defined-metadata", value: on(&m.NoUser),
			usage: "leave out the user metadata that the source has",
		},
	})
}

func taggingOptions(c *s3sync.Config) []*option {
	t := &c.Tagging
	return in(tagging, []*option{
		{
			name: "tagging", value: text(&t.Set),
			usage: "write objects with `TAGS`: name=value[&name=value...], URL-encoded",
		},
		{
			name: "disable-tagging", value: on(&t.Disable),
			usage: "write objects without tags",
		},
		{
			name: "sync-latest-tagging", value: on(&t.SyncLatest),
			usage: "also make the tags of unchanged objects like those of the source",
		},
	})
}

func encryptionOptions(c *s3sync.Config) []*option {
	e := &c.Encryption
	rows := []*option{
		{
			name: "sse", value: text(&e.SSE),
			usage: "let the server encrypt with `METHOD`",
		},
		{
			name: "sse-kms-key-id", value: secret(&e.KMSKeyID), secret: true,
			usage: "`ID` of the KMS key",
		},
	}
	for _, side := range []struct {
		*s3sync.CustomerKey

		name string
	}{{&e.SourceCustomer, "source"}, {&e.TargetCustomer, "target"}} {
		rows = append(rows, &option{
			name: side.name + "-sse-c", value: text(&side.Algorithm),
			usage: "the " + side.name + " is encrypted with a key of your own, by `ALGORITHM`",
		}, &option{
			name: side.name + "-sse-c-key", value: secret(&side.Key), secret: true,
			usage: "the `KEY`: 32 bytes in base64",
		}, &option{
			name: side.name + "-sse-c-key-md5", value: text(&side.KeyMD5),
			usage: "the `MD5` of the key's bytes in base64",
		})
	}
	return in(encryption, rows)
}
