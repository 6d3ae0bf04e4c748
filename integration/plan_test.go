package integration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/plan"
	"s3sync/internal/planfile"
	"s3sync/internal/s3server"
)

// planner returns the command that plans, and applier the one that applies the plan.
func planner(t *testing.T, file string, source, target s3sync.Endpoint, args ...string) *process {
	t.Helper()
	p := command(t, source, target, args...)
	p.Args = append([]string{p.Args[0], "plan", "-o", file}, p.Args[1:]...)
	return p
}

func applier(t *testing.T, file string, source, target s3sync.Endpoint, args ...string) *process {
	t.Helper()
	p := command(t, source, target)
	p.Args = append([]string{p.Args[0], "apply", file}, args...)
	return p
}

// plans makes a plan.
func plans(t *testing.T, file string, source, target s3sync.Endpoint, args ...string) {
	t.Helper()
	if p := planner(t, file, source, target, args...); p.run(t) != 0 {
		t.Fatalf("%s%s", &p.stdout, &p.stderr)
	}
}

// applies applies a plan and expects an exit code. It returns the output.
func applies(t *testing.T, code int, file string, source, target s3sync.Endpoint, args ...string) string {
	t.Helper()
	p := applier(t, file, source, target, args...)
	if got := p.run(t); got != code {
		t.Errorf("exit code %d, want %d\n%s%s", got, code, &p.stdout, &p.stderr)
	}
	return p.stdout.String() + p.stderr.String()
}

// A process that applies a plan is killed in the middle, or the plan has only its first half.
// The whole plan, applied after that, leads to what a sync leads to.
func TestApplyIsKilled(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, dir := t.TempDir(), t.TempDir()
		for i := range 30 {
			write(t, root, fmt.Sprintf("d%d/%02d", i%3, i), fmt.Appendf(nil, "content of %d", i))
		}
		write(t, root, "large", random(1, 11*s3sync.MiB))
		prepared := func() bucket {
			b := newBucket(t, srv)
			for i := range 10 {
				b.put(t, fmt.Sprintf("p/d%d/%02d", i%3, i), []byte("old"))
				b.put(t, fmt.Sprintf("p/gone/%02d", i), []byte("old"))
			}
			return b
		}
		options := []string{"--delete", "--multipart-threshold=5MiB", "--multipart-chunksize=5MiB"}
		wanted := prepared()
		leaves(t, filepath.Join(dir, "manifest"), local(root), at(srv, "", "s3://"+wanted.name+"/p/"), options...)
		want := map[string]string{}
		for _, key := range wanted.keys(t) {
			want[key] = string(wanted.get(t, key))
		}
		same := func(t *testing.T, b bucket) {
			t.Helper()
			keys := b.keys(t)
			if len(keys) != len(want) {
				t.Errorf("the target has %d objects, want %d: %q", len(keys), len(want), keys)
			}
			for _, key := range keys {
				if string(b.get(t, key)) != want[key] {
					t.Errorf("%s has other content", key)
				}
			}
		}
		for name, rule := range map[string]string{
			"killed while it transfers":  "PUT key=p/d*/* nth=12 stall after=10",
			"killed while it sends part": "PUT partNumber=2 nth=1 stall after=1000000",
			"killed while it deletes":    "DeleteObjects nth=1 stall after=10",
		} {
			t.Run(name, func(t *testing.T) {
				b, file := prepared(), filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
				target := at(srv, "", "s3://"+b.name+"/p/")
				proxy := faultproxy.New(t, srv.Endpoint, rule)
				target.EndpointURL = proxy.URL
				plans(t, file, local(root), target, options...)
				p := applier(t, file, local(root), target)
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				waitUntil(t, name, func() bool { return proxy.Hits(rule) > 0 })
				if err := p.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				if code := p.finish(t); code != -1 {
					t.Errorf("exit code %d\n%s%s", code, &p.stdout, &p.stderr)
				}
				applies(t, 0, file, local(root), target)
				same(t, b)
				if out := applies(t, 0, file, local(root), target); strings.Contains(out, "deleted 1") {
					t.Errorf("applied again: %s", out)
				}
				same(t, b)
			})
		}
		t.Run("the first half", func(t *testing.T) {
			b, file, half := prepared(), filepath.Join(dir, "whole"), filepath.Join(dir, "half")
			target := at(srv, "", "s3://"+b.name+"/p/")
			plans(t, file, local(root), target, options...)
			rewrite(t, file, half, func(_ *planfile.Header, actions []plan.Action) []plan.Action { return actions[:len(actions)/2] })
			applies(t, 0, half, local(root), target)
			before := len(b.keys(t))
			applies(t, 0, file, local(root), target)
			same(t, b)
			if before <= 20 {
				t.Errorf("after the first half the target had %d objects", before)
			}
		})
	})
}

// rewrite writes another valid plan.
func rewrite(t *testing.T, from, to string, change func(*planfile.Header, []plan.Action) []plan.Action) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var actions []plan.Action
	p, err := planfile.Read(f, func(_ plan.Change, a *plan.Action) { actions = append(actions, *a) })
	if err != nil {
		t.Fatal(err)
	}
	actions = change(&p.Header, actions)
	var b bytes.Buffer
	w, err := planfile.NewWriter(&b, p.Header, plan.ChangeUpload)
	for i := range actions {
		err = errors.Join(err, w.Action(&actions[i]))
	}
	if err = errors.Join(err, w.End(p.End.Found), os.WriteFile(to, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// everything returns the contents of buckets.
func everything(t *testing.T, buckets ...bucket) map[string]string {
	t.Helper()
	all := map[string]string{}
	for i, b := range buckets {
		for _, key := range b.keys(t) {
			all[fmt.Sprint(i, " ", key)] = string(b.get(t, key))
		}
	}
	return all
}

// A plan that was forged changes nothing outside of the prefix of its target, and nothing at
// all in another bucket than the plan, or the arguments of apply, name.
func TestForgedPlan(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, dir := t.TempDir(), t.TempDir()
		write(t, root, "new", []byte("new"))
		b, other := newBucket(t, srv), newBucket(t, srv)
		for _, key := range []string{"p/old", "q/old", "old", "pq"} {
			b.put(t, key, []byte("old"))
			other.put(t, key, []byte("old"))
		}
		source, target := local(root), at(srv, "", "s3://"+b.name+"/p/")
		file, forged := filepath.Join(dir, "plan"), filepath.Join(dir, "forged")
		plans(t, file, source, target, "--delete")
		before := everything(t, b, other)
		elsewhere := func(url string) func(*planfile.Header) {
			return func(h *planfile.Header) {
				h.Config = json.RawMessage(strings.ReplaceAll(string(h.Config), target.URL, url))
				h.Target.URL = planfile.Text(url)
			}
		}
		for name, forge := range map[string]func(*planfile.Header){
			"another bucket":           elsewhere("s3://" + other.name + "/p/"),
			"another prefix":           elsewhere("s3://" + b.name + "/q/"),
			"no prefix":                elsewhere("s3://" + b.name),
			"the source is the target": func(h *planfile.Header) { h.Target = h.Source },
			"another place":            func(h *planfile.Header) { h.Target.Bucket = planfile.Text(other.name) },
		} {
			rewrite(t, file, forged, func(h *planfile.Header, actions []plan.Action) []plan.Action {
				forge(h)
				return actions
			})
			if out := applies(t, 2, forged, source, target); !strings.Contains(out, "TARGET leads to ") {
				t.Errorf("%s: %s", name, out)
			}
		}
		// A plan that is valid for another bucket is refused only if apply is told the sides.
		rewrite(t, file, forged, func(h *planfile.Header, actions []plan.Action) []plan.Action {
			elsewhere("s3://" + other.name + "/p/")(h)
			h.Target.Bucket = planfile.Text(other.name)
			return actions
		})
		if out := applies(t, 2, forged, source, target, source.URL, target.URL); !strings.Contains(out, "TARGET is not what the plan was made with") {
			t.Error(out)
		}
		if got := everything(t, b, other); !maps.Equal(got, before) {
			t.Errorf("the buckets have %q, and had %q", got, before)
		}

		// Keys are relative to the prefix, whatever they hold.
		for _, key := range []string{"../old", "/../old", "../q/old", "../../" + other.name + "/old", "/old", "./../old", "a/../../old"} {
			rewrite(t, file, forged, func(_ *planfile.Header, actions []plan.Action) []plan.Action {
				for i := range actions {
					a := &actions[i]
					a.TargetKey, a.Source.Key = key, key
					if a.Exists {
						a.Target.Key = key
					}
				}
				return actions
			})
			p := applier(t, forged, source, target)
			code := p.run(t)
			got := everything(t, b, other)
			for at, data := range before {
				if got[at] != data {
					t.Errorf("%q: %s is %q", key, at, got[at])
				}
			}
			if len(got) != len(before) || code != 3 && code != 1 {
				t.Errorf("%q: %q: exit code %d\n%s%s", key, got, code, &p.stdout, &p.stderr)
			}
		}
	})
}

// A plan with a trash keeps what it overwrites and deletes, and is taken back.
func TestPlanWithTrash(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, b, file := t.TempDir(), newBucket(t, srv), filepath.Join(t.TempDir(), "plan")
		write(t, root, "new", []byte("new"))
		write(t, root, "over", []byte("new"))
		b.put(t, "over", []byte("old one"))
		b.put(t, "gone", []byte("old two"))
		b.put(t, "later", []byte("old three"))
		target := b.at("")
		before := everything(t, b)
		plans(t, file, local(root), target, "--delete", "--check-size", "--trash="+target.URL+"/.trash/")
		if got := everything(t, b); !maps.Equal(got, before) {
			t.Errorf("planning changed the target: %q", got)
		}
		applies(t, 0, file, local(root), target)
		b.contains(t, map[string][]byte{"new": []byte("new"), "over": []byte("new")}, []string{"new", "over"})
		kept := map[string]bool{}
		run := ""
		for _, key := range b.keys(t) {
			if rest, ok := strings.CutPrefix(key, ".trash/"); ok {
				kept[string(b.get(t, key))] = true
				run, _, _ = strings.Cut(rest, "/")
			}
		}
		for _, text := range []string{"old one", "old two", "old three"} {
			if !kept[text] {
				t.Errorf("%q is not in the trash", text)
			}
		}
		p := command(t, s3sync.Endpoint{}, target)
		p.Args = []string{p.Args[0], "undo", run, "--trash=" + target.URL + "/.trash/"}
		if code := p.run(t); code != 0 {
			t.Errorf("undo %q: exit code %d\n%s%s", run, code, &p.stdout, &p.stderr)
		}
		got := everything(t, b)
		for at, data := range before {
			if got[at] != data {
				t.Errorf("after undo %s is %q", at, got[at])
			}
		}
	})
}

// A plan that was made of a list does what the list selects, also without the list.
func TestPlanWithList(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.Rotated(t.Name())[0])
	root, b, dir := t.TempDir(), newBucket(t, srv), t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		write(t, root, name, []byte(name))
	}
	b.put(t, "gone", []byte("old"))
	b.put(t, "kept", []byte("old"))
	list, file := filepath.Join(dir, "list"), filepath.Join(dir, "plan")
	write(t, dir, "list", []byte("a\nc\nkept\n"))
	p := planner(t, file, local(root), b.at(""), "--files-from="+list, "--delete", "--list-is-complete")
	if code := p.run(t); code != 3 || !strings.Contains(p.stdout.String()+p.stderr.String(), "kept") { // the source does not have it
		t.Errorf("exit code %d\n%s%s", code, &p.stdout, &p.stderr)
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	applies(t, 0, file, local(root), b.at(""))
	b.contains(t, map[string][]byte{"a": []byte("a"), "c": []byte("c"), "kept": []byte("old")}, b.keys(t))
	if got := b.keys(t); strings.Join(got, " ") != "a c kept" {
		t.Errorf("%q", got)
	}
}
