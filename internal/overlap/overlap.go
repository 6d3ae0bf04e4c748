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

// Two sides can hold the same objects: a bucket below two prefixes, or a directory and
// one inside it. If the target lies inside the source, the source lists the objects
// that were just written, and the run copies them again and again. If the source lies
// inside the target, the run would delete the source as target-only objects. So sides
// are compared by what they reach, not by how they are written: bucket.ServerOf has the
// rules.
//
// Two names of one bucket cannot always be recognized. If the two sides may be one
// bucket, the source is asked for each object before that is deleted as target-only.

// A Kind is the relation between two sides.
type Kind int

const (
	// Apart: neither side lies inside the other.
	Apart Kind = iota
	// Same: they are one and the same.
	Same
	// TargetInside: the target lies in the source.
	TargetInside
	// SourceInside: the source lies in the target.
	SourceInside
)

// A likelihood says whether two sides are in one container.
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

// oneContainer reports whether two locations in buckets are in one bucket. same
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

// ofDirectories compares two directories, which need not exist. It follows links and
// compares directories by identity, so links and the case of letters hide nothing.
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

// isBelow reports whether path is the directory or lies below it.
func isBelow(path, directory string) bool {
	outer, err := os.Stat(directory)
	if err != nil {
		return false // nothing is below a directory that does not exist
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

// A Suspicion says that source and target may be one bucket under two names, in which
// case one side contains the keys of the other.
type Suspicion struct {
	// Names are the names of both sides, for messages. Prefix is that of the target.
	Names, Prefix string

	source storage.Locator
}

// Between compares what two stores reach. If the relation is unknown, it returns Apart
// and a suspicion. first is the range in which it looks for the target's first object.
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

// holdsFirst reports whether the source has the first object of the target as well. It
// costs two requests, and only if the names allow the suspicion. A request that fails
// here fails again later in the run.
func (s *Suspicion) holdsFirst(ctx context.Context, target storage.Store, first storage.Range) bool {
	for o, err := range target.List(ctx, storage.ListOptions{Range: first}) {
		if err != nil {
			return false // the run will see the error again
		}
		one, err := s.Holds(ctx, o)
		return err == nil && one
	}
	return false
}

// Holds reports whether the source's bucket has the same object as the target. Two
// buckets give their objects different times.
func (s *Suspicion) Holds(ctx context.Context, o storage.Object) (bool, error) {
	there, err := s.source.StatFull(ctx, s.Prefix+o.Key)
	if storage.Gone(err) {
		return false, nil
	}
	return err == nil && there.ETag == o.ETag && there.Size == o.Size && there.ModTime.Unix() == o.ModTime.Unix(), err
}
