package options

import (
	"regexp"
	"strings"
	"testing"
)

func TestTopics(t *testing.T) {
	l := newLine()
	named := regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	for _, name := range l.Topics() {
		text, err := l.Topic([]string{name})
		if err != nil || !strings.HasSuffix(text, "\n") || len(text) < 20 {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for _, topic := range topics() {
		if topic.name == manual {
			continue // it is text for another program
		}
		for _, option := range named.FindAllString(topic.text(), -1) {
			if l.named(option[2:]) == nil {
				t.Errorf("%s names %s, which does not exist", topic.name, option)
			}
		}
		for line := range strings.Lines(topic.text()) {
			if len(line) > 81 && topic.name != "exit-codes" {
				t.Errorf("%s: %d columns: %s", topic.name, len(line)-1, line)
			}
		}
	}
}

func TestTopic(t *testing.T) {
	l := newLine()
	overview, err := l.Topic(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		words []string
		want  string // a part
		err   string
	}{
		"nothing":                {nil, "s3sync makes TARGET hold what SOURCE holds", ""},
		"the help of help":       {[]string{"--help"}, overview, ""},
		"a topic":                {[]string{"deletion"}, "      --max-delete-percent <N>\n", ""},
		"a topic of two words":   {[]string{"exit", "codes"}, "  130  stopped by SIGINT", ""},
		"the same":               {[]string{"exit-codes"}, "  130  stopped by SIGINT", ""},
		"a command":              {[]string{"one"}, "Usage: s3sync one [OPTIONS] FILE\n", ""},
		"an option":              {[]string{"delete"}, "      --delete\n          Delete objects of the target", ""},
		"with its dashes":        {[]string{"--delete"}, "      --delete\n          Delete objects of the target", ""},
		"all of an option":       {[]string{"worker-size"}, "[env: S3SYNC_WORKER_SIZE, WORKER_SIZE]\n          [default: auto]\n", ""},
		"another name of it":     {[]string{"website-redirect-location"}, "--website-redirect <URL>", ""},
		"a short option":         {[]string{"-v"}, "-v, --verbose...", ""},
		"an argument":            {[]string{"SOURCE"}, "[SOURCE]", ""},
		"an option of a command": {[]string{"json"}, "Print JSON.", ""},

		"a word of others":   {[]string{"--size-only"}, "", `there is no help about "--size-only": --check-size transfers what differs in size`},
		"without dashes":     {[]string{"size-only"}, "", `there is no help about "size-only": --check-size transfers what differs in size`},
		"of a command":       {[]string{"sync"}, "", `there is no help about "sync": s3sync SOURCE TARGET syncs: leave out the word sync`},
		"a misspelt option":  {[]string{"delet"}, "", `there is no help about "delet"; did you mean delete?`},
		"a misspelt topic":   {[]string{"exit", "code"}, "", `there is no help about "exit code"; did you mean exit-codes?`},
		"nothing of all":     {[]string{"the", "weather"}, "", `there is no help about "the weather"; s3sync help shows what there is`},
		"dashes":             {[]string{"--"}, "", `there is no help about "--"; s3sync help shows what there is`},
		"a secret":           {[]string{"--source-secret-access-key", "hunter2"}, "", `there is no help about "--source-secret-access-key"; did you mean source-secret-access-key?`},
		"behind =":           {[]string{"--source-secret-access-key=hunter2"}, "", `there is no help about "--source-secret-access-key"; did you mean source-secret-access-key?`},
		"without its dashes": {[]string{"source-secret-access-key", "hunter2"}, "", `there is no help about "source-secret-access-key"; did you mean source-secret-access-key?`},
		"behind a word":      {[]string{"about", "--source-secret-access-key", "hunter2"}, "", `there is no help about "about --source-secret-access-key"; s3sync help shows what there is`},
		"an empty word":      {[]string{""}, "", `there is no help about ""; s3sync help shows what there is`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := l.Topic(tt.words)
			switch {
			case tt.err == "" && (err != nil || !strings.Contains(got, tt.want)):
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			case tt.err != "" && (err == nil || err.Error() != tt.err || got != ""):
				t.Errorf("got %q, %v, want %s", got, err, tt.err)
			}
		})
	}
}
