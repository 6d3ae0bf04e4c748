package lease

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

// probes bounds the requests for finding out where ranges begin.
const probes = 1000

// Split returns the first lease of each range, in order of the keys. Their Share is not
// set. If the job is planned anew (Run.Epoch > 1), the leases go on where the checkpoints
// of earlier epochs end; one with nothing left returns its result at once.
func Split(ctx context.Context, env Env, run job.Run) (leases []job.Lease, err error) {
	w, err := begin(ctx, env, run)
	if err != nil {
		return nil, err
	}
	defer w.close(&err)
	leases, err = w.planAnew(ctx)
	if err != nil {
		return nil, err
	}
	if len(leases) == 0 {
		at := w.spec.Splits
		if len(at) == 0 {
			if at, err = w.findSplits(ctx); err != nil {
				return nil, err
			}
		}
		ranges, err := job.Split(job.KeysOf(w.spec.Settings.Range), at)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrStop, err)
		}
		for _, keys := range ranges {
			leases = append(leases, job.Lease{Keys: keys})
		}
	}
	for i := range leases {
		l := &leases[i]
		l.Version, l.Run, l.Phase, l.Range, l.Generation = job.Version, run, job.PhaseCopy, i+1, 1
	}
	_, err = w.store.PutJSON(ctx, fmt.Sprintf("e%06d/ranges", run.Epoch), leases)
	return leases, err
}

// planAnew returns the leases that go on with those of earlier epochs. There are none if no
// checkpoint is known.
func (w *work) planAnew(ctx context.Context) (leases []job.Lease, err error) {
	var known []*chain
	for epoch := w.run.Epoch - 1; epoch > 0; epoch-- {
		last, err := w.store.LastOfRanges(ctx, epoch)
		if err != nil {
			return nil, err
		}
		for _, ref := range last {
			ch, err := w.chain(ctx, ref)
			if err != nil {
				return nil, err
			}
			if ch.done || ch.cursor > ch.keys.From {
				known = append(known, ch)
			}
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	return resumed(job.KeysOf(w.spec.Settings.Range), known), nil
}

// resumed returns leases that tile the keys, and that follow chains where they can. Chains
// may overlap, because workers that were given up wrote some of them.
func resumed(whole job.Keys, known []*chain) (leases []job.Lease) {
	slices.SortStableFunc(known, func(a, b *chain) int {
		return strings.Compare(string(a.keys.From), string(b.keys.From))
	})
	at := whole.From
	// next is where the next chain begins above a key, or the end.
	next := func(above, end job.Key) job.Key {
		for _, ch := range known {
			if ch.keys.From > above && (end == "" || ch.keys.From < end) {
				return ch.keys.From
			}
		}
		return end
	}
	for {
		var best *chain
		for _, ch := range known {
			if ch.keys.From == at && (best == nil || further(ch, best)) {
				best = ch
			}
		}
		var end job.Key
		switch {
		case best == nil:
			end = next(at, whole.To)
			leases = append(leases, job.Lease{Keys: job.Keys{From: at, To: end}})
		case best.done:
			end = best.keys.To
			leases = append(leases, job.Lease{Keys: best.keys, Previous: best.copied})
		default:
			end = next(best.cursor, best.keys.To)
			leases = append(leases, job.Lease{Keys: job.Keys{From: best.cursor, To: end}, Previous: best.copied})
		}
		if at = end; at == whole.To {
			return leases
		}
	}
}

// further reports whether a chain did more than another one that begins at the same key.
func further(a, b *chain) bool {
	end := func(c *chain) job.Key {
		if c.done {
			return c.keys.To
		}
		return c.cursor
	}
	x, y := end(a), end(b)
	if x == "" || y == "" {
		return x == "" && y != ""
	}
	return x > y
}

// findSplits finds keys at which ranges can begin, by some hundred requests: first where
// prefixes begin, down to two levels, then keys in the middle of what is between.
func (w *work) findSplits(ctx context.Context) (at []job.Key, err error) {
	if w.spec.Ranges == 1 {
		return nil, nil
	}
	p, err := w.prober(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if !p.store.Caps().Ordered {
		return nil, nil // each range would list everything
	}
	whole := w.spec.Settings.Range
	found, err := w.prefixes(ctx, p, whole, 1)
	if err == nil && len(found) > 0 && len(found) < w.spec.Ranges {
		for _, within := range cutAt(whole, found) {
			var deeper []string
			if deeper, err = w.prefixes(ctx, p, within, 2); err != nil {
				break
			}
			found = append(found, deeper...)
		}
	}
	if err != nil {
		return nil, err
	}
	found = w.fewer(inside(whole, found))
	for n := -1; len(found) < w.spec.Ranges-1 && n != len(found) && p.asked < probes; {
		n = len(found)
		for _, within := range cutAt(whole, found) {
			if len(found) >= w.spec.Ranges-1 || p.asked >= probes {
				break
			}
			w.env.beat(job.Progress{})
			key, ok, err := p.middle(ctx, within)
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, key)
			}
		}
		found = inside(whole, found)
	}
	for _, key := range found {
		at = append(at, job.Key(key))
	}
	return at, nil
}

// prefixes returns the first key of each prefix of so many levels in a range, as far as a
// part of the requests suffices. It gives up where many keys are in no prefix.
func (w *work) prefixes(ctx context.Context, p *prober, keys storage.Range, depth int) (found []string, err error) {
	most := p.asked + probes/4
	for loose := 0; p.asked < most && loose < 8; {
		w.env.beat(job.Progress{})
		key, ok, err := p.first(ctx, keys)
		if err != nil || !ok {
			return found, err
		}
		end := 0
		for range depth {
			i := strings.IndexByte(key[end:], '/')
			if i < 0 {
				end = 0
				break
			}
			end += i + 1
		}
		if end == 0 {
			loose++
			keys.From = key + "\x00"
			continue
		}
		found = append(found, key)
		keys.From = key[:end-1] + "0" // "0" is the first that is above all with "/"
		if keys.To != "" && keys.From >= keys.To {
			break
		}
	}
	return found, nil
}

// inside returns the keys at which a range can be cut, in order.
func inside(whole storage.Range, keys []string) []string {
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(key string) bool {
		return key <= whole.From || whole.To != "" && key >= whole.To || !utf8.ValidString(key) || strings.ContainsRune(key, 0)
	})
}

// fewer returns as many keys as are needed, evenly chosen.
func (w *work) fewer(keys []string) []string {
	want := w.spec.Ranges - 1
	if len(keys) <= want {
		return keys
	}
	chosen := make([]string, want)
	for i := range chosen {
		chosen[i] = keys[(i+1)*len(keys)/(want+1)]
	}
	return slices.Compact(chosen)
}

// cutAt returns the ranges between keys.
func cutAt(whole storage.Range, keys []string) []storage.Range {
	ranges := make([]storage.Range, 0, len(keys)+1)
	from := whole.From
	for _, key := range keys {
		if key > from {
			ranges = append(ranges, storage.Range{From: from, To: key})
			from = key
		}
	}
	return append(ranges, storage.Range{From: from, To: whole.To})
}
