package lease

import (
	"context"
	"sort"
	"unicode/utf8"

	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

// A prober asks the source for single keys.
type prober struct {
	store  storage.Store
	closes bool
	asked  int
}

// prober opens the source. The caller closes it.
func (w *work) prober(ctx context.Context) (*prober, error) {
	cfg, err := w.config(job.Limits{})
	if err != nil {
		return nil, err
	}
	cfg.AWS.MaxKeys, cfg.AWS.ParallelListings = 1, 1
	store, err := cfg.OpenSource(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &prober{store: store, closes: cfg.Source.Store == nil}, nil
}

func (p *prober) close() error {
	if !p.closes {
		return nil
	}
	return p.store.Close()
}

// first returns the first key of a range. It costs a request.
func (p *prober) first(ctx context.Context, keys storage.Range) (key string, found bool, err error) {
	p.asked++
	for o, err := range p.store.List(ctx, storage.ListOptions{Range: keys}) {
		return o.Key, err == nil, err
	}
	return "", false, nil
}

// middle returns a key of the source inside of a range, where it can be cut in two: not its
// first one, and text that a listing can begin after. It finds the first character in which
// keys differ, and the key at the middle of the characters there: some 20 requests.
func (p *prober) middle(ctx context.Context, keys storage.Range) (string, bool, error) {
	if !p.store.Caps().Ordered {
		return "", false, nil
	}
	low, found, err := p.first(ctx, keys)
	second := ""
	for range 2 { // a first key may be the beginning of all others, such as that of a folder
		if err != nil || !found || !utf8.ValidString(low) {
			return "", false, err
		}
		second, found, err = p.first(ctx, storage.Range{From: low + "\x00", To: keys.To})
		if err != nil || !found {
			return "", false, err
		}
		prefix, a, differ, err := p.difference(ctx, low, keys.To)
		if err != nil {
			return "", false, err
		}
		if differ {
			b, err := p.search(ctx, a+1, utf8.MaxRune, prefix, keys.To)
			if err != nil {
				return "", false, err
			}
			key, found, err := p.first(ctx, storage.Range{From: prefix + string(text((a+1+b)/2)), To: keys.To})
			return key, found && utf8.ValidString(key) && key > low, err
		}
		low = second
	}
	return second, utf8.ValidString(second), nil
}

// difference returns what all keys from low on begin with, and the character of low after
// that. They do not differ if low is the beginning of all of them.
func (p *prober) difference(ctx context.Context, low, to string) (prefix string, at rune, differ bool, err error) {
	text := []rune(low)
	// above is above all keys that begin with the first n characters.
	above := func(n int) string { return string(text[:n-1]) + string(next(text[n-1])) }
	// The fewer characters, the fewer keys are above.
	least := sort.Search(len(text), func(i int) bool {
		if err != nil {
			return true
		}
		var found bool
		_, found, err = p.first(ctx, storage.Range{From: above(i + 1), To: to})
		return found
	})
	if err != nil || least == len(text) {
		return "", 0, false, err
	}
	return string(text[:least]), text[least], true, nil
}

// search returns the greatest character from a to b for which a key is at or above prefix and
// it. There is one for a. Most keys are ASCII, so that is tried first.
func (p *prober) search(ctx context.Context, a, b rune, prefix, to string) (rune, error) {
	exists := func(r rune) (bool, error) {
		_, found, err := p.first(ctx, storage.Range{From: prefix + string(text(r)), To: to})
		return found, err
	}
	if a <= utf8.RuneSelf {
		found, err := exists(utf8.RuneSelf)
		if err != nil {
			return a, err
		}
		if !found {
			b = utf8.RuneSelf - 1
		}
	}
	for a < b {
		mid := (a + b + 1) / 2
		found, err := exists(mid)
		switch {
		case err != nil:
			return a, err
		case found:
			a = mid
		default:
			b = mid - 1
		}
	}
	return a, nil
}

// next is the character after r.
func next(r rune) rune { return text(r + 1) }

// text returns a character that can be in a text: surrogates cannot.
func text(r rune) rune {
	if r >= 0xd800 && r <= 0xdfff {
		return 0xe000
	}
	return min(r, utf8.MaxRune)
}
