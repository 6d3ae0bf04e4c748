package selection_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"s3sync/internal/pattern"
	"s3sync/internal/plan"
	"s3sync/internal/selection"
	"s3sync/storage"
)

// zoo is what a source tells of its objects, and the tags of one that has some.
func zoo(key string) (storage.Info, map[string]string) {
	info := storage.Info{Object: storage.Object{Key: key}}
	switch key {
	case "cat":
		info.ContentType, info.Metadata = "image/png", map[string]string{"legs": "4", "colour": "grey, white"}
		return info, map[string]string{"class": "mammal", "name": "Tom & co"}
	case "dog":
		info.ContentType, info.Metadata = "image/jpeg", map[string]string{"legs": "4"}
	case "duck":
		info.ContentType, info.Metadata = "text/plain", map[string]string{"legs": "2"}
		return info, map[string]string{"class": "bird"}
	}
	return info, nil
}

func TestContents(t *testing.T) {
	type options = selection.ContentOptions
	re := func(text string) *pattern.Regexp { return expression(t, text) }
	for name, tt := range map[string]struct {
		o     options
		want  string // keys that are kept
		infos int    // questions
		tags  int
	}{
		"nothing":               {options{}, "cat dog duck eel", 0, 0},
		"include type":          {options{IncludeContentType: re("^image/")}, "cat dog", 4, 0},
		"include type: any":     {options{IncludeContentType: re("")}, "cat dog duck", 4, 0},
		"exclude type":          {options{ExcludeContentType: re("^image/")}, "duck eel", 4, 0},
		"exclude type: any":     {options{ExcludeContentType: re("")}, "eel", 4, 0},
		"include metadata":      {options{IncludeMetadata: re(`^colour=grey%2C%20white,legs=4$`)}, "cat", 4, 0},
		"exclude metadata":      {options{ExcludeMetadata: re("legs=4")}, "duck eel", 4, 0},
		"exclude metadata: any": {options{ExcludeMetadata: re("")}, "eel", 4, 0},
		"include tags":          {options{IncludeTags: re("^class=mammal&name=Tom%20%26%20co$")}, "cat", 4, 4},
		"include tags: any":     {options{IncludeTags: re("")}, "cat duck", 4, 4},
		"exclude tags":          {options{ExcludeTags: re("class=bird")}, "cat dog eel", 4, 4},
		"look-around":           {options{IncludeTags: re("^(?!.*bird)")}, "cat", 4, 4},
		"several": {
			options{ExcludeContentType: re("jpeg"), IncludeMetadata: re("legs"), ExcludeTags: re("bird")}, "cat", 4, 2,
		},
		"guessed type": {
			options{IncludeContentType: re("fish"), GuessType: func(key string) string { return map[string]string{"eel": "a fish"}[key] }}, "eel", 4, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var infos, tags int
			tt.o.Tags = func(_ context.Context, key string, info *storage.Info) (map[string]string, error) {
				if tags++; info.Key != key {
					t.Errorf("the tags of %q are asked with the info of %q", key, info.Key)
				}
				_, all := zoo(key)
				return all, nil
			}
			c := selection.NewContents(tt.o)
			var kept []string
			for _, key := range []string{"cat", "dog", "duck", "eel"} {
				info := func(context.Context) (*storage.Info, error) {
					infos++
					info, _ := zoo(key)
					return &info, nil
				}
				if why, _, err := c.Reject(t.Context(), storage.Object{Key: key}, info); err != nil {
					t.Errorf("%q: %v", key, err)
				} else if why == "" {
					kept = append(kept, key)
				}
			}
			if got := strings.Join(kept, " "); got != tt.want || infos != tt.infos || tags != tt.tags || c.Any() == (infos == 0) {
				t.Errorf("kept %q after %d and %d questions, want %q after %d and %d", got, infos, tags, tt.want, tt.infos, tt.tags)
			}
			before := infos
			if why, _, err := c.Reject(t.Context(), storage.Object{Key: "cat", DeleteMarker: true}, nil); why != "" || err != nil || infos != before {
				t.Errorf("delete marker: %q, %v", why, err)
			}
		})
	}
}

// The first filter in the documented order is named, with what it looked at.
func TestContentsOrder(t *testing.T) {
	never := expression(t, "[^\x00-\U0010FFFF]")
	o := selection.ContentOptions{
		IncludeContentType: never, ExcludeContentType: expression(t, "image"), IncludeMetadata: never,
		ExcludeMetadata: expression(t, "legs"), IncludeTags: never, ExcludeTags: expression(t, "class"),
		Tags: func(context.Context, string, *storage.Info) (map[string]string, error) {
			_, tags := zoo("cat")
			return tags, nil
		},
	}
	info := func(context.Context) (*storage.Info, error) {
		info, _ := zoo("cat")
		return &info, nil
	}
	for _, tt := range []struct {
		why      plan.Reason
		compared string
		drop     **pattern.Regexp
	}{
		{"include-content-type-regex", "image/png", &o.IncludeContentType},
		{"exclude-content-type-regex", "image/png", &o.ExcludeContentType},
		{"include-metadata-regex", "colour=grey%2C%20white,legs=4", &o.IncludeMetadata},
		{"exclude-metadata-regex", "colour=grey%2C%20white,legs=4", &o.ExcludeMetadata},
		{"include-tag-regex", "class=mammal&name=Tom%20%26%20co", &o.IncludeTags},
		{"exclude-tag-regex", "class=mammal&name=Tom%20%26%20co", &o.ExcludeTags},
	} {
		why, compared, err := selection.NewContents(o).Reject(t.Context(), storage.Object{Key: "cat"}, info)
		if why != tt.why || compared != tt.compared || err != nil {
			t.Errorf("got %q of %q, %v; want %q of %q", why, compared, err, tt.why, tt.compared)
		}
		*tt.drop = nil
	}
}

// What cannot be asked is the failure of the object.
func TestContentsFail(t *testing.T) {
	failure := errors.New("test failure")
	o := selection.ContentOptions{
		IncludeTags: expression(t, "a"),
		Tags:        func(context.Context, string, *storage.Info) (map[string]string, error) { return nil, failure },
	}
	for _, info := range []func(context.Context) (*storage.Info, error){
		func(context.Context) (*storage.Info, error) { return nil, failure },
		func(context.Context) (*storage.Info, error) { return &storage.Info{}, nil },
	} {
		if why, _, err := selection.NewContents(o).Reject(t.Context(), storage.Object{Key: "a"}, info); !errors.Is(err, failure) || why != "" {
			t.Errorf("got %q, %v", why, err)
		}
	}
}
