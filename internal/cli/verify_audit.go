package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"s3sync"
	"s3sync/internal/audit"
	"s3sync/internal/cli/options"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/location"
	"s3sync/internal/manifest"
	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/internal/visible"
	"s3sync/storage"
)

// auditWorkers is how many objects are looked at at once.
const auditWorkers = 16

// mostAdditional is how many additional objects are named on a line of their own.
const mostAdditional = 20

// audit compares a manifest that was checked with what a place has now.
func (v *verification) audit(ctx context.Context, m *opened, content *manifest.Content) (int, error) {
	url := content.Header.Target
	if v.own.Against != "" {
		url = v.own.Against
	}
	p := &findings{own: v.own, out: newBuffered(v.c.p.Stdout), json: v.own.JSON}
	if !p.json {
		p.header(m, content, url)
	}
	cfg := v.c.connection(url)
	store, one, err := openAudited(ctx, cfg, content)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("%s: %w", url, err), p.out.flush())
	}
	s := side.New("target", store, side.Options{Policy: retry.Policy{Count: cfg.Retry.ForceCount, Interval: cfg.Retry.ForceInterval}})
	opts := audit.Options{
		Read: v.own.Read, Workers: auditWorkers, Tell: p.tell,
		BySourceKey: sameSide(url, content.Header.Source) && !sameSide(url, content.Header.Target),
	}
	opts.Sort = content.Remapped && !opts.BySourceKey
	entries := func(visit func(*manifest.Entry) error) error {
		_, err := m.read(manifest.ReadOptions{Visit: func(e *manifest.Entry) error {
			if one != "" {
				e.SetKey(one)
				e.Target = withoutKey(e.Target)
			}
			return visit(e)
		}})
		return err
	}
	if one != "" {
		s.Store = onlyOne{store, one}
	}
	result, err := audit.Run(ctx, entries, s, opts)
	err = errors.Join(err, store.Close())
	if err != nil {
		return 0, errors.Join(err, p.out.flush())
	}
	code := auditCode(&result, content)
	p.summary(m, content, url, &result, code)
	if err := p.out.flush(); err != nil && !readerGone(err) {
		return 0, fmt.Errorf("standard output: %w", err)
	}
	return code, nil
}

// auditCode returns the exit code of an audit.
func auditCode(r *audit.Result, content *manifest.Content) int {
	switch {
	case r.Missing+r.Different > 0:
		return options.ExitError
	case r.Unknown+r.Failed+r.Uncovered > 0 || !content.Summary.Complete:
		return options.ExitWarning
	}
	return options.ExitDone
}

// sameSide reports whether two names mean one side.
func sameSide(a, b string) bool {
	clean := func(url string) string { return strings.TrimSuffix(absolute(url), "/") }
	return clean(a) == clean(b)
}

// openAudited opens the place that is compared. If the run was about one object and the URL
// names it, the store is the one around it, and one is its key there.
func openAudited(ctx context.Context, cfg *s3sync.Config, content *manifest.Content) (store storage.Store, one string, err error) {
	url := cfg.Target.URL
	at, err := location.Parse(url)
	if err != nil {
		return nil, "", err
	}
	if at.Local() {
		info, err := os.Stat(at.Path)
		if err != nil {
			return nil, "", err
		}
		cfg.Source = s3sync.Endpoint{URL: at.Path}
		if info.Mode().IsRegular() {
			one = filepath.Base(at.Path)
			cfg.Source.URL = filepath.Dir(at.Path)
		}
		store, err = cfg.OpenSource(ctx, nil)
		return store, one, err
	}
	if content.Summary.Entries == 1 && at.MayBeObject() {
		dir, key := path.Split(at.Prefix)
		around := *cfg
		around.Target.URL = "s3://" + at.Bucket + "/" + dir
		store, err := around.OpenTarget(ctx, nil)
		if err != nil {
			return nil, "", err
		}
		if _, err = store.Stat(ctx, key, storage.StatOptions{}); err == nil {
			return store, key, nil
		}
		if err = errors.Join(ignoreMissing(err), store.Close()); err != nil {
			return nil, "", err
		}
	}
	store, err = cfg.OpenTarget(ctx, nil)
	return store, "", err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, storage.ErrNoBucket) {
		return nil
	}
	return err
}

func withoutKey(o *manifest.Object) *manifest.Object {
	if o != nil {
		o.Key, o.KeyBase64 = "", ""
	}
	return o
}

// findings prints what an audit finds.
type findings struct {
	own        *table.Own
	out        *buffered
	json       bool
	additional int
}

func (p *findings) header(m *opened, content *manifest.Content, url string) {
	h, s := &content.Header, &content.Summary
	p.out.put(fmt.Sprintf("manifest: %s, %d entries, root %s\n", visible.Line(m.name), s.Entries, s.Root))
	p.out.put(fmt.Sprintf("run:      %s, from %s to %s, %s\n", visible.Line(h.Program), visible.Line(h.Source), visible.Line(h.Target), moment(h.Started)))
	switch {
	case m.signed != "":
		p.out.put("signed:   yes, with the comment: " + visible.Line(m.signed) + "\n")
	case p.own.PublicKey != "":
		p.out.put("signed:   yes\n")
	default:
		p.out.put("signed:   not checked\n")
	}
	p.out.put("against:  " + visible.Line(url) + "\n")
}

// tell prints a finding.
func (p *findings) tell(f audit.Finding) {
	if p.json {
		p.record(struct {
			Finding audit.Kind `json:"finding"`
			Key     string     `json:"key"`
			Version string     `json:"version_id,omitempty"`
			Why     string     `json:"why"`
		}{f.Kind, f.Key, f.VersionID, f.Why})
		return
	}
	if f.Kind == audit.Additional {
		if p.additional++; p.additional > mostAdditional {
			return
		}
	}
	version := ""
	if f.VersionID != "" {
		version = " (version " + visible.Line(f.VersionID) + ")"
	}
	p.out.put(fmt.Sprintf("%-10s %s%s: %s\n", f.Kind, visible.Text(f.Key), version, visible.Line(f.Why)))
}

func (p *findings) record(v any) {
	text, err := json.Marshal(v)
	if p.out.err == nil {
		p.out.err = err
	}
	p.out.put(string(text) + "\n")
}

func (p *findings) summary(m *opened, content *manifest.Content, url string, r *audit.Result, code int) {
	if p.json {
		p.record(struct {
			Manifest string `json:"manifest"`
			Against  string `json:"against"`
			Root     string `json:"root"`
			Complete bool   `json:"complete"`
			Signed   bool   `json:"signed"`
			Code     int    `json:"exit_code"`
			audit.Result
		}{m.name, url, content.Summary.Root, content.Summary.Complete, p.own.PublicKey != "", code, *r})
		return
	}
	if more := p.additional - mostAdditional; more > 0 {
		p.out.put(fmt.Sprintf("%-10s and %d more\n", audit.Additional, more))
	}
	p.out.put(fmt.Sprintf("%d as recorded (%d by ETag, %d by checksum, %d by reading), %d missing, %d different, %d unknown, %d not looked at, %d additional\n",
		r.Same(), r.ByETag, r.ByChecksum, r.ByContent, r.Missing, r.Different, r.Unknown, r.Failed, r.Additional))
	if r.Uncovered > 0 {
		p.out.put(fmt.Sprintf("%d objects were skipped by the run or failed, so nothing is known of them\n", r.Uncovered))
	}
	if !content.Summary.Complete {
		p.out.put(fmt.Sprintf("the run of the manifest was not complete: it ended with exit code %d\n", content.Summary.ExitCode))
	}
	if r.Unknown > 0 && !p.own.Read {
		p.out.put("--read reads contents, which tells more of what is unknown\n")
	}
}

// stamp returns a time as people and programs read it.
func moment(t time.Time) string { return t.Format(time.RFC3339) }

// A buffered writer keeps its first error.
type buffered struct {
	w   *bufio.Writer
	err error
}

func newBuffered(w io.Writer) *buffered { return &buffered{w: bufio.NewWriter(w)} }

func (b *buffered) put(text string) {
	if b.err == nil {
		_, b.err = b.w.WriteString(text)
	}
}

func (b *buffered) flush() error {
	if b.err != nil {
		return b.err
	}
	return b.w.Flush()
}

// onlyOne is a store of which only one object is listed.
type onlyOne struct {
	storage.Store

	key string
}

// List implements storage.Store.
func (s onlyOne) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	opts.Range = storage.Range{From: s.key, To: s.key + "\x00"}
	return s.Store.List(ctx, opts)
}

// Unwrap lets storage.As find what the store can do.
func (s onlyOne) Unwrap() storage.Store { return s.Store }
