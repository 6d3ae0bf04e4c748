//go:build unix

package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"s3sync/internal/cli/options"
)

// On a terminal the user is shown the uploads and asked whether the old ones are to be
// aborted. Whatever is not yes is no.
func TestAskBeforeUploadsAreAborted(t *testing.T) {
	began := time.Now().Add(-100 * time.Hour).UTC().Truncate(time.Second)
	for name, tt := range map[string]struct {
		typed, shown string
		failure      bool
		aborted      []string
		code         int
	}{
		"yes":      {"yes\n", "yes\naborted 1 upload", false, []string{"/b/old?uploadId=1"}, options.ExitWarning},
		"y":        {"Y\n", "Y\naborted 1 upload", false, []string{"/b/old?uploadId=1"}, options.ExitWarning},
		"no":       {"no\n", "no", false, nil, options.ExitWarning},
		"return":   {"\n", "", false, nil, options.ExitWarning},
		"the end":  {"\x04", "", false, nil, options.ExitWarning},
		"a letter": {"yn\n", "yn", false, nil, options.ExitWarning},
		"failure":  {"y\n", "y\ns3sync: \"old\": abort \"old\": the server answers with status 501 Not Implemented\naborted 0 uploads", true, nil, options.ExitError},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var aborted []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodDelete && tt.failure:
					w.WriteHeader(http.StatusNotImplemented)
				case r.Method == http.MethodDelete:
					mu.Lock()
					defer mu.Unlock()
					aborted = append(aborted, r.URL.Path+"?uploadId="+r.URL.Query().Get("uploadId"))
					w.WriteHeader(http.StatusNoContent)
				case r.URL.Query().Has("uploads"):
					w.Header().Set("Content-Type", "application/xml")
					upload := `<Upload><Key>%s</Key><UploadId>%d</UploadId><Initiated>%s</Initiated></Upload>`
					fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><ListMultipartUploadsResult><Bucket>b</Bucket><IsTruncated>false</IsTruncated>`+upload+upload+`</ListMultipartUploadsResult>`,
						"new", 0, time.Now().UTC().Format(time.RFC3339), "old", 1, began.Format(time.RFC3339))
				}
			}))
			defer server.Close()
			s := newTTY(t, 80, 12)
			c := &call{args: []string{
				"doctor", "--leftovers", "s3://b", "--abort-older-than", "4d", "--endpoint-url", server.URL, "--path-style", "--force-retry-count", "0", "--aws-max-attempts", "1",
				"--target-access-key", "a", "--target-secret-access-key", "b", "--target-region", "us-east-1",
			}}
			c.env = []string{"TERM=dumb"}
			p := c.process(t)
			p.Stdin, p.Stdout, p.Stderr = s.device, s.device, s.device
			code := make(chan int, 1)
			var ended sync.WaitGroup
			ended.Go(func() { code <- Main(t.Context(), p) })
			shown := fmt.Sprintf(`
BEGUN             UPLOAD  KEY
%s  0       new
%s  1       old
2 unfinished uploads that no state of this machine knows
Abort 1 upload, and lose their parts? [y/N]`, time.Now().Local().Format("2006-01-02 15:04"), began.Local().Format("2006-01-02 15:04"))
			s.expect(shown)
			if _, err := s.master.WriteString(tt.typed); err != nil {
				t.Fatal(err)
			}
			ended.Wait()
			if tt.shown != "" {
				shown += " " + tt.shown
			}
			s.expect(shown)
			if got := <-code; got != tt.code || !slices.Equal(aborted, tt.aborted) {
				t.Errorf("exit code %d, want %d; aborted %q", got, tt.code, aborted)
			}
		})
	}
}
