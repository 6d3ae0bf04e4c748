package integration_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"s3sync/internal/s3server"
)

// SIGTERM while the server deletes: deletions with a response that comes soon are
// counted, and the others are named.
func TestInterruptedDeletion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		delay            time.Duration
		deleted, perhaps int
	}{
		"answered":     {300 * time.Millisecond, 20, 0},
		"not answered": {10 * time.Second, 0, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachServer(t, func(t *testing.T, srv *s3server.Server) {
				root, target := t.TempDir(), newBucket(t, srv)
				write(t, root, "a", []byte("x"))
				for _, key := range numberedKeys(20) {
					target.put(t, key, nil)
				}
				front := newFront(t, srv.Endpoint)
				begun, carriedOut := make(chan struct{}, 1), make(chan struct{}, 1)
				front.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
					if !r.URL.Query().Has("delete") {
						return false
					}
					begun <- struct{}{}
					front.answerLate(w, r, func() {
						carriedOut <- struct{}{}
						time.Sleep(tt.delay)
					})
					return true
				})
				p := command(t, local(root), target.at(front.URL), "--delete", "-v")
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				<-begun
				began := time.Now()
				if err := p.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				code := p.finish(t)
				text := p.stderr.String() + p.stdout.String()
				if took := time.Since(began); code != 143 || took > 5*time.Second {
					t.Errorf("exit code %d after %v\n%s", code, took, text)
				}
				if !strings.Contains(text, fmt.Sprintf("deleted %d objects,  skipped", tt.deleted)) {
					t.Errorf("want %d deleted\n%s", tt.deleted, text)
				}
				if n := len(regexp.MustCompile(`may have been deleted\. key=`).FindAllString(text, -1)); n != tt.perhaps ||
					strings.Contains(text, fmt.Sprintf("perhaps deleted %d objects", tt.perhaps)) != (tt.perhaps > 0) {
					t.Errorf("%d are named, want %d\n%s", n, tt.perhaps, text)
				}
				<-carriedOut // the server may take longer than the command
				target.holds(t, []string{"a"})
			})
		})
	}
}
