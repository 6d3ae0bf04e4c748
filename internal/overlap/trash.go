package overlap

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// OfTrash returns the place of a trash in the target, which ends in a slash; it is empty if
// the trash is elsewhere. It fails if the trash cannot be where it is: it must neither be the
// target nor contain it, it must not overlap with the source, and its relation to both must
// be known.
func OfTrash(ctx context.Context, source, target, trash storage.Store) (inside string, err error) {
	name := setting.Name("Trash.URL")
	if !trash.Caps().Ordered {
		return "", setting.Errorf("%s: a directory bucket cannot be a trash, because its listings have no order", name)
	}
	switch kind, suspicion := Between(ctx, source, trash, storage.Range{}); {
	case suspicion != nil:
		return "", setting.Errorf("%s: it may be in the source under another name: %s. Use another place", name, suspicion.Names)
	case kind != Apart:
		return "", setting.Errorf("%s: it overlaps with the source, which would take objects of the trash for its own. Use another place", name)
	}
	switch kind, suspicion := Between(ctx, target, trash, storage.Range{}); {
	case suspicion != nil:
		return "", setting.Errorf("%s: it may be in the target under another name: %s. Use the name of the target's bucket, or another place", name, suspicion.Names)
	case kind == Apart:
		return "", nil
	case kind == TargetInside:
		return placeIn(target, trash)
	}
	return "", setting.Errorf("%s: it must not be the target itself, nor contain the target. Use a place beside or below it", name)
}

// placeIn returns the place of a trash that lies in a target.
func placeIn(target, trash storage.Store) (string, error) {
	to, _ := storage.As[storage.Locator](target) // Between has asked both
	at, _ := storage.As[storage.Locator](trash)
	t, l := to.Location(), at.Location()
	if l.Directory == "" {
		return strings.TrimPrefix(l.Prefix, t.Prefix), nil
	}
	names, err := namesBelow(t.Directory, l.Directory)
	if err != nil {
		return "", setting.Errorf("%s: its place in the target cannot be found out: %w", setting.Name("Trash.URL"), err)
	}
	return strings.Join(names, "/") + "/", nil
}

// namesBelow returns the names on the way from a directory to one below it, as listings
// have them: a file system may ignore case.
func namesBelow(directory, path string) ([]string, error) {
	outer, err := os.Stat(directory)
	if err != nil {
		return nil, err
	}
	var names []string
	for {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			path = resolved
		}
		fi, err := os.Stat(path)
		if err == nil && os.SameFile(fi, outer) {
			slices.Reverse(names)
			return names, nil
		}
		parent := filepath.Dir(path)
		if parent == path {
			return nil, errors.New("it is not below the target any more")
		}
		name := filepath.Base(path)
		switch {
		case err == nil:
			if name, err = nameIn(parent, name, fi); err != nil {
				return nil, err
			}
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		names, path = append(names, name), parent
	}
}

// nameIn returns the name that an entry of a directory has in listings.
func nameIn(parent, name string, fi fs.FileInfo) (string, error) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return "", err
	}
	other := name
	for _, e := range entries {
		if e.Name() == name {
			return name, nil
		}
		if found, err := e.Info(); err == nil && os.SameFile(found, fi) {
			other = e.Name()
		}
	}
	return other, nil
}
