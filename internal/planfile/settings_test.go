package planfile_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/fields"
	"s3sync/internal/planfile"
	"s3sync/storage"
)

// Every setting either belongs to the plan or to whoever applies it. A new setting has to
// be looked at: those that decide what is written must not be free.
func TestFreeSettings(t *testing.T) {
	var free []string
	for f := range fields.Of(new(s3sync.Config)) {
		if planfile.Free(f.Path) {
			free = append(free, f.Path)
		}
	}
	if len(free) != 57 {
		t.Errorf("%d settings are free: %q", len(free), free)
	}
	for _, path := range []string{"Source.URL", "Target.URL", "Delete.Enable", "Encryption.KMSKeyID", "Transfer.ChunkSize", "Verify.ETag", "Range.From", "AWS.NoContentMD5"} {
		if slices.Contains(free, path) {
			t.Errorf("%s is free", path)
		}
	}
}

func TestMerge(t *testing.T) {
	regexp := func(text string) *s3sync.Regexp {
		re, err := s3sync.CompileRegexp(text)
		if err != nil {
			t.Fatal(err)
		}
		return re
	}
	preprocess := func(context.Context, *storage.Info, *s3sync.Upload) error { return nil }
	for name, tt := range map[string]struct {
		plan, own func(*s3sync.Config)
		want      string
	}{
		"nothing":                 {nil, nil, ""},
		"the same":                {func(c *s3sync.Config) { c.Delete.Enable = true }, func(c *s3sync.Config) { c.Delete.Enable = true }, ""},
		"not repeated":            {func(c *s3sync.Config) { c.Delete.Enable = true }, nil, ""},
		"more than the plan":      {nil, func(c *s3sync.Config) { c.Delete.Enable = true }, "Delete.Enable is not what"},
		"another URL":             {func(c *s3sync.Config) { c.Target.URL = "s3://a" }, func(c *s3sync.Config) { c.Target.URL = "s3://b" }, "Target.URL is not what"},
		"free":                    {nil, func(c *s3sync.Config) { c.Target.Profile, c.Transfer.Workers = "p", 3 }, ""},
		"another expression":      {func(c *s3sync.Config) { c.Filter.Exclude = regexp("a") }, func(c *s3sync.Config) { c.Filter.Exclude = regexp("b") }, "Filter.Exclude is not what"},
		"the same expression":     {func(c *s3sync.Config) { c.Filter.Exclude = regexp("a") }, func(c *s3sync.Config) { c.Filter.Exclude = regexp("a") }, ""},
		"the same size":           {func(c *s3sync.Config) { c.Filter.LargerThan = new(int64(5)) }, func(c *s3sync.Config) { c.Filter.LargerThan = new(int64(5)) }, ""},
		"another size":            {func(c *s3sync.Config) { c.Filter.LargerThan = new(int64(5)) }, func(c *s3sync.Config) { c.Filter.LargerThan = new(int64(6)) }, "Filter.LargerThan is not what"},
		"a size too much":         {nil, func(c *s3sync.Config) { c.Filter.LargerThan = new(int64(6)) }, "Filter.LargerThan is not what"},
		"a time too much":         {nil, func(c *s3sync.Config) { c.Filter.ModifiedAfter = time.Unix(1, 0) }, "Filter.ModifiedAfter is not what"},
		"a secret that is needed": {func(c *s3sync.Config) { c.Encryption.KMSKeyID = "k" }, nil, "Encryption.KMSKeyID was set"},
		"a secret":                {func(c *s3sync.Config) { c.Encryption.KMSKeyID = "k" }, func(c *s3sync.Config) { c.Encryption.KMSKeyID = "k" }, ""},
		"a secret too much":       {nil, func(c *s3sync.Config) { c.Encryption.KMSKeyID = "k" }, "Encryption.KMSKeyID was not set"},
		"a callback too much":     {nil, func(c *s3sync.Config) { c.Preprocess = preprocess }, "Preprocess was not set"},
		"a callback":              {func(c *s3sync.Config) { c.Preprocess = preprocess }, func(c *s3sync.Config) { c.Preprocess = preprocess }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			made, own := s3sync.DefaultConfig(), s3sync.DefaultConfig()
			if tt.plan != nil {
				tt.plan(made)
			}
			if tt.own != nil {
				tt.own(own)
			}
			data, err := made.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			cfg := &s3sync.Config{}
			if err := cfg.UnmarshalJSON(data); err != nil {
				t.Fatal(err)
			}
			path, why := planfile.Merge(cfg, own, s3sync.DefaultConfig(), planfile.Unwritten(made))
			if got := path + " " + why; !strings.HasPrefix(got, tt.want) || (tt.want == "") != (path == "") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if path == "" && cfg.Target.Profile != own.Target.Profile {
				t.Error("the profile is not that of who applies")
			}
		})
	}
}
