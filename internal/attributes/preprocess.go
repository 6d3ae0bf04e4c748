package attributes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"s3sync/internal/plan"
	"s3sync/internal/tagset"
	"s3sync/storage"
)

// An Upload is what an object is written with besides its bytes.
type Upload struct {
	// Key is the whole key in the target bucket; changing it has no effect.
	Key string
	storage.Attributes

	Tags map[string]string
	ACL  string
}

// ErrSkip is returned by Options.Preprocess to skip an object.
var ErrSkip = errors.New("skipped")

// A CallbackError is the failure of Options.Preprocess. It does not unwrap to the
// error of the callback, so that this error is neither retried nor taken for an error
// of a store.
type CallbackError struct{ Err error }

func (e *CallbackError) Error() string { return e.Err.Error() }

// preprocess lets the callback change what an object is written with. An error is
// ErrSkip or a *CallbackError.
func (b *Builder) preprocess(ctx context.Context, a *plan.Action, info *storage.Info, opts *storage.WriteOptions) error {
	source := *info
	source.Metadata = maps.Clone(info.Metadata) // the callback may change it
	u := Upload{Key: b.fullKey(a.TargetKey), Attributes: opts.Attributes, Tags: maps.Clone(opts.Tags), ACL: opts.ACL}
	err := b.callPreprocess(ctx, &source, &u)
	switch {
	case errors.Is(err, ErrSkip):
		return ErrSkip
	case err == nil:
		err = checkUpload(&u, opts)
	}
	if err != nil {
		return &CallbackError{fmt.Errorf("preprocess callback on %q: %w", a.Key(), err)}
	}
	opts.Attributes, opts.Tags, opts.ACL = u.Attributes, u.Tags, u.ACL
	return nil
}

// callPreprocess makes sure that calls do not overlap.
func (b *Builder) callPreprocess(ctx context.Context, source *storage.Info, u *Upload) error {
	b.preprocessing.Lock()
	defer b.preprocessing.Unlock()
	return b.opts.Preprocess(ctx, source, u)
}

// fullKey returns the key in the bucket for a key of the target. A target that does
// not know its place in a bucket has no other keys.
func (b *Builder) fullKey(key string) string {
	if l, ok := storage.As[storage.Locator](b.target.Store); ok {
		return l.FullKey(key)
	}
	return key
}

// checkUpload rejects values that the callback changed and that S3 would reject.
func checkUpload(u *Upload, before *storage.WriteOptions) error {
	if err := checkChoice("ACL", u.ACL, before.ACL, ACLs()); err != nil {
		return err
	}
	if err := checkChoice("storage class", u.StorageClass, before.StorageClass, StorageClasses()); err != nil {
		return err
	}
	if maps.Equal(u.Tags, before.Tags) {
		return nil
	}
	return tagset.Check(u.Tags)
}

func checkChoice(name, value, before string, choices []string) error {
	if value == "" || value == before || slices.Contains(choices, value) {
		return nil
	}
	return fmt.Errorf("unknown %s %q: it must be one of %s", name, value, strings.Join(choices, ", "))
}
