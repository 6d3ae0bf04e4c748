package integration_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"s3sync/cluster/internal/temporalserver"
)

// TestNoSecretLeavesAWorker runs a job whose processes have secrets in all variables that can
// hold one, against a server that repeats them in its answers. No secret is in the database or
// the histories of the engine, in the log of anybody, in the state store, or in what the
// commands print.
func TestNoSecretLeavesAWorker(t *testing.T) {
	t.Parallel()
	m := decisionModel(t, allButExtraneous)
	var echoed atomic.Int64
	var signed atomic.Pointer[string]
	m.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		// An object fails, and when it is tried again it does not.
		if r.URL.Path != "/source/"+m.keys[15] || echoed.Add(1) > 1 {
			return false
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusBadRequest)
		// Not the whole header: the ID of an access key is a name, which messages may show.
		_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		signed.Store(&signature)
		_, _ = fmt.Fprintf(w, "<Error><Code>InvalidArgument</Code><Message>You sent Signature=%s, %s, %s and %s</Message></Error>",
			signature, r.Header.Get("X-Amz-Security-Token"), secretOf("SECRET_KEY"), secretOf("PROXY"))
		return true
	}
	engine := ownEngine(t, temporalserver.Options{Log: "debug"})
	l := newLab(t, engine, "no-secret", "REGION=us-east-1", "ENDPOINT_URL="+m.URL, "PATH_STYLE=true")
	for _, name := range []string{"ACCESS_KEY", "SECRET_KEY", "SESSION_TOKEN"} {
		l.env = append(l.env, "S3SYNC_CONNECTION_LAB_"+name+"="+secretOf(name))
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "TEMPORAL_API_KEY"} {
		l.env = append(l.env, name+"="+secretOf(name))
	}
	l.env = append(l.env, "TEMPORAL_TLS=false",
		"HTTPS_PROXY=http://user:"+secretOf("PROXY")+"@127.0.0.1:1?password="+secretOf("QUERY"))
	l.worker("w1", "-vvv")
	l.worker("w2", "-vvv", "--json-tracing")
	l.submit("source", "target", "--delete", "--ranges", "4")
	printed := l.must("status", l.job) + l.must("status", "--json", l.job)
	checkDecision(t, m, l.end())
	if echoed.Load() < 2 {
		t.Fatal("the server repeated no secret")
	}
	records := filepath.Join(l.dir, "records")
	printed += l.must(slices.Concat([]string{"report", l.job, "--failed-keys", records, "--html-report", records + ".html"}, l.state)...)

	places := map[string][]byte{"what commands print": []byte(printed), "histories": histories(t, l)}
	for name, dir := range map[string]string{"engine": engine.Dir(), "lab": l.dir} {
		for file, data := range files(t, dir) {
			places[name+"/"+file] = data
		}
	}
	// Each place is looked into: it has what it must have.
	for place, has := range map[string]string{
		"histories": l.job, "engine/engine.db*": l.job, "engine/engine.log": l.job, "lab/w[12].log": "InvalidArgument", "lab/w1.log": "The worker is ready", "lab/w2.log": "The worker is ready",
		"lab/state/no-secret/e*/ev/*/*": "InvalidArgument", "lab/state/no-secret/spec-*": "s3://source", "lab/records.html": "s3://source",
	} {
		if !slices.ContainsFunc(sortedKeys(places), func(name string) bool {
			matches, err := filepath.Match(place, name)
			return err == nil && matches && bytes.Contains(places[name], []byte(has))
		}) {
			t.Errorf("%s does not have %q, so this test does not look into it", place, has)
		}
	}
	for name, data := range places {
		for _, secret := range []string{canary, *signed.Load()} {
			if at := bytes.Index(data, []byte(secret)); at >= 0 {
				t.Errorf("%s has a secret: %q", name, data[max(0, at-100):min(len(data), at+60)])
			}
		}
	}
}

// canary is in every secret.
const canary = "cAnArY"

func secretOf(name string) string { return canary + strings.ReplaceAll(name, "_", "") + "0123456789" }

func sortedKeys(m map[string][]byte) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// files returns the files below a directory by name. What is compressed is unpacked.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(path, ".zst") {
			data, err = unpack(data)
		}
		name, relErr := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = data
		if err == nil {
			err = relErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func unpack(data []byte) ([]byte, error) {
	zip, err := zstd.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer zip.Close()
	return io.ReadAll(zip)
}

// histories returns the events of all workflows, as they are stored, where payloads are text,
// and as JSON, where the rest is.
func histories(t *testing.T, l *lab) (all []byte) {
	t.Helper()
	for _, event := range l.events() {
		raw, err := proto.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		text, err := protojson.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, raw...), text...)
	}
	return all
}
