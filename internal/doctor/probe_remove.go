package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"s3sync/internal/grace"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// removeAll removes what the probe wrote, and what the server lists below its name. It
// does so also if ctx is cancelled.
func (p *prober) removeAll(ctx context.Context) {
	if len(p.written) == 0 {
		return
	}
	cleanup, done := grace.Cleanup(ctx)
	defer done()
	err := p.remove(cleanup)
	f := found(OK, "what the probe wrote is removed")
	if err != nil {
		f = p.target.needs.refusal(deleteObject, err)
		if f.Verdict != Failure {
			f.Verdict = Warning
		}
		f.Found = setting.Textf("what the probe wrote cannot be removed: %v", reason(err))
		f = f.hint("remove it: %q", p.place())
	}
	p.lateReport(question{"deleting", nil}, f)
}

// place names what the probe may leave.
func (p *prober) place() string {
	if !p.target.bucket {
		return p.name
	}
	return p.Config.Target.URL + p.name
}

func (p *prober) remove(ctx context.Context) error {
	// The server may list keys that it changed. An error is no reason to leave what is known.
	keys, _ := p.remaining(ctx)
	keys = append(keys, p.written...)
	slices.Sort(keys)
	var objects []storage.Object
	for _, key := range slices.Compact(keys) {
		objects = append(objects, storage.Object{Key: key})
	}
	for _, err := range p.target.store.Delete(ctx, objects, storage.DeleteOptions{}) {
		if err != nil && !storage.Gone(err) {
			return err
		}
	}
	left, err := p.remaining(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("the server says that %q is deleted, and lists it", left[0])
	}
	return err
}

// remaining returns the keys of the probe that the target lists. No other key may be among
// them, whatever the server answers, because they are deleted.
func (p *prober) remaining(ctx context.Context) (keys []string, err error) {
	if !p.target.bucket {
		return nil, nil
	}
	for _, below := range []string{p.name + "/", "/" + p.name + "/"} {
		for o, err := range p.target.store.List(ctx, storage.ListOptions{Range: storage.Prefixed(below)}) {
			if err != nil {
				return keys, err
			}
			if strings.HasPrefix(o.Key, below) {
				keys = append(keys, o.Key)
			}
		}
	}
	return keys, nil
}

// lateReport reports what was done after a cancellation, too.
func (p *prober) lateReport(q question, f finding) {
	f.Name, f.Side = q.name, p.target.name
	p.checks = append(p.checks, f.Check)
	if p.opts.Report != nil {
		p.opts.Report(f.Check)
	}
}
