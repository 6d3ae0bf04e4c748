package s3sync

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"s3sync/internal/setting"
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

// An overlap is how two sides lie to each other.
type overlap int

const (
	apart        overlap = iota
	samePlace            // they are one and the same
	targetInside         // the target lies in the source
	sourceInside         // the source lies in the target
)

// A likelihood says whether two sides are of one container.
type likelihood int

const (
	no likelihood = iota
	perhaps
	certainly
)

// overlapOf compares the prefixes of two sides of one container.
func overlapOf(source, target string) overlap {
	switch {
	case source == target:
		return samePlace
	case strings.HasPrefix(target, source):
		return targetInside
	case strings.HasPrefix(source, target):
		return sourceInside
	}
	return apart
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

// overlapOfDirectories compares two directories, which need not exist. Links are
// followed, and directories are compared by identity, so that neither they nor the
// case of letters hide anything.
func overlapOfDirectories(source, target string) overlap {
	inside, outside := isBelow(target, source), isBelow(source, target)
	switch {
	case inside && outside:
		return samePlace
	case inside:
		return targetInside
	case outside:
		return sourceInside
	}
	return apart
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

// overlapFault is why a run between sides that overlap is refused, or nil.
func (c *Config) overlapFault(o overlap) error {
	switch {
	case o == targetInside:
		return fault("Target.URL", "Source.URL", "lies inside")
	case o == sourceInside && c.Delete.Enable:
		return fault("Delete.Enable", "Target.URL", "would delete the source, which lies inside")
	case o == samePlace && c.Delete.Enable:
		return fault("Delete.Enable", "Target.URL", "would delete only what is written meanwhile, as the source is the same as")
	}
	return nil
}

// overlap refuses sides of which one lies inside the other, as far as the settings
// tell. What they leave to the environment is compared when the run begins.
func (v *validator) overlap() {
	s, t := v.source, v.target
	if s == nil || t == nil || s.local() || s.bucket != t.bucket {
		return
	}
	from, to := &v.Source, &v.Target
	if (from.EndpointURL == "") != (to.EndpointURL == "") || from.EndpointURL == "" && from.Profile != to.Profile ||
		bucket.ServerOf(from.EndpointURL) != bucket.ServerOf(to.EndpointURL) {
		return
	}
	if err := v.overlapFault(overlapOf(s.prefix, t.prefix)); err != nil {
		v.faults = append(v.faults, err)
	}
}

// A suspicion is that source and target may be one bucket under two names, of
// which one side holds the keys of the other.
type suspicion struct {
	source storage.Locator
	// prefix is that of the target.
	prefix string
	names  string // for messages
}

// checkOverlap compares what the stores of both sides reach. It returns a
// *ConfigError if they overlap, and a suspicion if nobody can tell.
func checkOverlap(ctx context.Context, cfg *Config, source, target storage.Store) (*suspicion, error) {
	from, ok := storage.As[storage.Locator](source)
	to, ok2 := storage.As[storage.Locator](target)
	if !ok || !ok2 {
		return nil, nil
	}
	s, t := from.Location(), to.Location()
	if s.Directory != "" || t.Directory != "" {
		if s.Directory == "" || t.Directory == "" {
			return nil, nil
		}
		return nil, cfg.overlapFault(overlapOfDirectories(s.Directory, t.Directory))
	}
	o := overlapOf(s.Prefix, t.Prefix)
	if o == apart {
		return nil, nil
	}
	switch oneContainer(s, t, func(a, b string) bool { return bucket.SameServer(ctx, a, b) }) {
	case certainly:
		return nil, cfg.overlapFault(o)
	case perhaps:
		sus := &suspicion{from, t.Prefix, fmt.Sprintf("%s at %s and %s at %s", s.Container, s.Server, t.Container, t.Server)}
		if o == targetInside {
			return sus, sus.checkFirst(ctx, cfg, target)
		}
		return sus, nil
	case no:
	}
	return nil, nil
}

// checkFirst refuses a target in the source whose first object the source has as
// well. It costs two requests, and only where the names allow the suspicion. What
// cannot be asked shows later.
func (sus *suspicion) checkFirst(ctx context.Context, cfg *Config, target storage.Store) error {
	for o, err := range target.List(ctx, storage.ListOptions{Range: cfg.Range}) {
		if err != nil {
			return nil // the run meets it again
		}
		if one, err := sus.holds(ctx, o); err == nil && one {
			return cfg.overlapFault(targetInside)
		}
		return nil
	}
	return nil
}

// holds reports whether the source's bucket has the very object of the target: two
// buckets give their objects different times.
func (sus *suspicion) holds(ctx context.Context, o storage.Object) (bool, error) {
	there, err := sus.source.StatFull(ctx, sus.prefix+o.Key)
	if storage.Gone(err) {
		return false, nil
	}
	return err == nil && there.ETag == o.ETag && there.Size == o.Size && there.ModTime.Unix() == o.ModTime.Unix(), err
}

// overlapProbes is how many objects the source is asked for.
const overlapProbes = 10

// checkOneBucket fails if objects that are to be deleted are the source's own, of
// one bucket under two names, or if that cannot be found out.
func (s *syncer) checkOneBucket(ctx context.Context, objects iter.Seq2[storage.Object, error]) error {
	if s.suspicion == nil {
		return nil
	}
	n := 0
	for o, err := range objects {
		if err != nil {
			return err
		}
		if n++; n > overlapProbes {
			break
		}
		var one bool
		err = s.again(ctx, o.Key, func(ctx context.Context) (err error) {
			one, err = s.suspicion.holds(ctx, o)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case one:
			return setting.Errorf("%w: %s are one bucket under two names, as %q shows, which is in both with the same ETag and time; "+
				"%s would delete the source", ErrDeleteRefused, s.suspicion.names, s.suspicion.prefix+o.Key, setting.Name("Delete.Enable"))
		case err != nil && s.cfg.Delete.AllowOverlap:
			return nil
		case err != nil:
			return setting.Errorf("%w: %s may be one bucket under two names, which the source cannot be asked: %w. "+
				"If they are two buckets, %s permits it", ErrDeleteRefused, s.suspicion.names, err, setting.Name("Delete.AllowOverlap"))
		}
	}
	return nil
}
