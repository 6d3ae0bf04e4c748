package s3sync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"s3sync/storage"
)

// A callbackError is that of Config.Preprocess. It hides what the callback
// returned, so that it is neither tried again nor taken for a store's.
type callbackError struct{ err error }

func (e *callbackError) Error() string { return e.err.Error() }

// preprocess lets Config.Preprocess change what an object is written with. An
// error is ErrSkip or a callbackError.
func (s *syncer) preprocess(ctx context.Context, t *task, opts *storage.WriteOptions) error {
	if s.cfg.Preprocess == nil {
		return nil
	}
	info := t.info
	info.Metadata = maps.Clone(info.Metadata) // what it was copied from stays as it is
	u := Upload{Key: s.fullKey(t.it.mapped), Attributes: opts.Attributes, Tags: maps.Clone(opts.Tags), ACL: opts.ACL}
	err := s.callPreprocess(ctx, &info, &u)
	switch {
	case errors.Is(err, ErrSkip):
		return ErrSkip
	case err == nil:
		err = s.checkUpload(&u, opts)
	}
	if err != nil {
		return &callbackError{fmt.Errorf("preprocess callback on %q: %w", t.it.key(), err)}
	}
	opts.Attributes, opts.Tags, opts.ACL = u.Attributes, u.Tags, u.ACL
	return nil
}

// fullKey returns the key in the bucket of what is written under a key. A target
// that does not know has no keys but its own.
func (s *syncer) fullKey(key string) string {
	if l, ok := storage.As[storage.Locator](s.target); ok {
		return l.FullKey(key)
	}
	return key
}

// callPreprocess keeps calls from overlapping.
func (s *syncer) callPreprocess(ctx context.Context, info *storage.Info, u *Upload) error {
	s.preprocessing.Lock()
	defer s.preprocessing.Unlock()
	return s.cfg.Preprocess(ctx, info, u)
}

// checkUpload refuses what S3 would not take and the callback changed.
func (s *syncer) checkUpload(u *Upload, before *storage.WriteOptions) error {
	for _, field := range []struct {
		name, value, before, setting string
	}{
		{"ACL", u.ACL, before.ACL, "Metadata.ACL"},
		{"storage class", u.StorageClass, before.StorageClass, "Metadata.StorageClass"},
	} {
		choices := Choices(field.setting)
		if field.value != "" && field.value != field.before && !slices.Contains(choices, field.value) {
			return fmt.Errorf("unknown %s %q: it must be one of %s", field.name, field.value, strings.Join(choices, ", "))
		}
	}
	if maps.Equal(u.Tags, before.Tags) {
		return nil
	}
	return checkTags(u.Tags)
}
