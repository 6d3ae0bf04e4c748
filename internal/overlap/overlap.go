// Package overlap finds out whether two sides hold the same objects.
package overlap

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// Two sides can hold the same objects: a bucket below two prefixes, or a directory
// and one in it. A source in which the target lies would find there what was just
// written, and copy it again and again. A source that lies in the target would be
// deleted, as what only the target has. So sides are compared by what is reached,
// not by how it is written: the rules are in bucket.ServerOf.
//
// That two names are one bucket does not always show. Where it may be so, nothing
// is deleted before the source was asked for what the target alone seems to have.

// A Kind is how two sides lie to each other.
type Kind int

const (
	// Apart: neither lies in the other.
	Apart Kind = iota
	// Same: they are one and the same.
	Same
	// TargetInside: the target lies in the source.
	TargetInside
	// SourceInside: the source lies in the target.
	SourceInside
)

// A likelihood says whether two sides are of one container.
type likelihood int

const (
	no likelihood = iota
	perhaps
	certainly
)

// OfPrefixes compares the prefixes of two sides of one container.
func OfPrefixes(source, target string) Kind {
	switch {
	case source == target:
		return Same
	case strings.HasPrefix(target, source):
		return TargetInside
	case strings.HasPrefix(source, target):
		return SourceInside
	}
	return Apart
}

// oneContainer says whether two locations in buckets are of one bucket. same
// compares the names of servers.
func oneContainer(source, target storage.Location, same func(a, b string) bool) likelihood {
	equal := source.Container == target.Container
	switch {
	case equal && same(source.Server, target.Server):
		return certainly
	case equal, strings.EqualFold(source.Container, target.Container):
		return perhaps
	case (source.Alias || target.Alias) && same(source.Server, target.Server):
		return perhaps // an access point belongs to some bucket
	}
	return no
}

// ofDirectories compares two directories, which need not exist. Links are
// followed, and directories are compared by identity, so that neither they nor the
// case of letters hide anything.
func ofDirectories(source, target string) Kind {
	inside, outside := isBelow(target, source), isBelow(source, target)
	switch {
	case inside && outside:
		return Same
	case inside:
		return TargetInside
	case outside:
		return SourceInside
	}
	return Apart
}

// isBelow reports whether a path is that of a directory or of something below it.
func isBelow(path, directory string) bool {
	outer, err := os.Stat(directory)
	if err != nil {
		return false // nothing is below what is not there
	}
	for {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			path = resolved
		}
		if fi, err := os.Stat(path); err == nil && os.SameFile(fi, outer) {
			return true
		}
		parent := filepath.Dir(path)
		if parent == path {
			return false
		}
		path = parent
	}
}

// A Suspicion is that source and target may be one bucket under two names, of which
// one side holds the keys of the other.
type Suspicion struct {
	// Names are those of both, for messages, and Prefix is that of the target.
	Names, Prefix string

	source storage.Locator
}

// Between compares what two stores reach. If nobody can tell it returns a suspicion
// beside Apart. first is the range of the target in which a first object is looked
// for.
func Between(ctx context.Context, source, target storage.Store, first storage.Range) (Kind, *Suspicion) {
	from, ok := storage.As[storage.Locator](source)
	to, ok2 := storage.As[storage.Locator](target)
	if !ok || !ok2 {
		return Apart, nil
	}
	s, t := from.Location(), to.Location()
	if s.Directory != "" || t.Directory != "" {
		if s.Directory == "" || t.Directory == "" {
			return Apart, nil
		}
		return ofDirectories(s.Directory, t.Directory), nil
	}
	kind := OfPrefixes(s.Prefix, t.Prefix)
	if kind == Apart {
		return Apart, nil
	}
	switch oneContainer(s, t, func(a, b string) bool { return bucket.SameServer(ctx, a, b) }) {
	case certainly:
		return kind, nil
	case perhaps:
		sus := &Suspicion{fmt.Sprintf("%s at %s and %s at %s", s.Container, s.Server, t.Container, t.Server), t.Prefix, from}
		if kind == TargetInside && sus.holdsFirst(ctx, target, first) {
			return TargetInside, nil
		}
		return Apart, sus
	case no:
	}
	return Apart, nil
}

// holdsFirst reports whether the source has the first object of the target as well.
// It costs two requests, and only where the names allow the suspicion. What cannot
// be asked shows later.
func (s *Suspicion) holdsFirst(ctx context.Context, target storage.Store, first storage.Range) bool {
	for o, err := range target.List(ctx, storage.ListOptions{Range: first}) {
		if err != nil {
			return false // the run meets it again
		}
		one, err := s.Holds(ctx, o)
		return err == nil && one
	}
	return false
}

// Holds reports whether the source's bucket has the very object of the target: two
// buckets give their objects different times.
func (s *Suspicion) Holds(ctx context.Context, o storage.Object) (bool, error) {
	there, err := s.source.StatFull(ctx, s.Prefix+o.Key)
	if storage.Gone(err) {
		return false, nil
	}
	return err == nil && there.ETag == o.ETag && there.Size == o.Size && there.ModTime.Unix() == o.ModTime.Unix(), err
}
