// Package forecast sums up a plan for whoever decides about it: what is new, changed and
// deleted, where, and about what it will cost. It takes the actions one by one, and its
// memory does not depend on their number. Only the command imports it.
package forecast

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"s3sync/internal/plan"
)

const (
	// shown is how many objects of each change are named.
	shown = 3
	// mostDirectories bounds the directories that are counted apart.
	mostDirectories = 1000
)

// An Object is an object that a summary names.
type Object struct {
	Key   string
	Bytes int64
}

// A Change is what happens to some objects.
type Change struct {
	Change  plan.Change
	Objects int64
	// Bytes are those that are written, or deleted.
	Bytes int64
	// First are the first objects in order of the plan, and Largest the largest ones.
	First, Largest []Object
	// Reasons are how many objects there are for each reason.
	Reasons map[plan.Reason]int64
}

// A Directory is how many objects change below a prefix.
type Directory struct {
	// Prefix ends in a slash. It is empty for the objects beside all directories, and Rest
	// marks the directories that are too many to be named.
	Prefix string
	Rest   bool
	// Written, Deleted and Other are numbers of objects; Bytes are those that are written.
	Written, Deleted, Other, Bytes int64
}

// Objects returns how many objects change.
func (d *Directory) Objects() int64 { return d.Written + d.Deleted + d.Other }

// A Summary sums up the actions that it is told of.
type Summary struct {
	changes     map[plan.Change]*Change
	directories map[string]*Directory // by the first two segments of the key
	rest        Directory
	cost        cost
}

// New returns a Summary of no actions.
func New(o Options) *Summary {
	return &Summary{changes: map[plan.Change]*Change{}, directories: map[string]*Directory{}, rest: Directory{Rest: true}, cost: cost{o: o}}
}

// Add adds an action. It does not keep it.
func (s *Summary) Add(change plan.Change, a *plan.Action) {
	c := s.changes[change]
	if c == nil {
		c = &Change{Change: change, Reasons: map[plan.Reason]int64{}}
		s.changes[change] = c
	}
	o := Object{a.Key(), a.Source.Size}
	switch a.Kind {
	case plan.Delete:
		o.Bytes = a.Target.Size
	case plan.Tag:
		o.Bytes = 0
	default:
	}
	c.add(o, a.Reason)
	d := s.directory(o.Key)
	switch a.Kind {
	case plan.Transfer:
		d.Written, d.Bytes = d.Written+1, d.Bytes+o.Bytes
	case plan.Delete:
		d.Deleted++
	default:
		d.Other++
	}
	s.cost.add(a)
}

func (c *Change) add(o Object, why plan.Reason) {
	c.Objects, c.Bytes = c.Objects+1, c.Bytes+o.Bytes
	c.Reasons[why]++
	if len(c.First) < shown {
		c.First = append(c.First, o)
	}
	at, _ := slices.BinarySearchFunc(c.Largest, o, func(a, b Object) int { return cmp.Or(-cmp.Compare(a.Bytes, b.Bytes), -1) })
	if at < shown {
		c.Largest = slices.Insert(c.Largest, at, o)
		c.Largest = c.Largest[:min(len(c.Largest), shown)]
	}
}

// directory returns where the object of a key is counted.
func (s *Summary) directory(key string) *Directory {
	prefix := ""
	if i := strings.IndexByte(key, '/'); i >= 0 {
		prefix = key[:i+1]
		if j := strings.IndexByte(key[i+1:], '/'); j >= 0 {
			prefix = key[:i+1+j+1]
		}
	}
	d := s.directories[prefix]
	switch {
	case d != nil:
		return d
	case len(s.directories) >= mostDirectories:
		return &s.rest
	}
	d = &Directory{Prefix: strings.Clone(prefix)}
	s.directories[d.Prefix] = d
	return d
}

// Changes returns the changes in the order of plan.Changes.
func (s *Summary) Changes() []Change {
	var all []Change
	for _, change := range plan.Changes() {
		if c := s.changes[change]; c != nil {
			all = append(all, *c)
		}
	}
	return all
}

// Directories returns the directories with changes in order of their prefixes: those at the
// top, or if there is only one, those in it. At most n are named: those with most changes.
func (s *Summary) Directories(n int) []Directory {
	top := map[string]*Directory{}
	for prefix, d := range s.directories {
		first, _, slash := strings.Cut(prefix, "/")
		if slash {
			first += "/"
		}
		sum := top[first]
		if sum == nil {
			sum = &Directory{Prefix: first}
			top[first] = sum
		}
		sum.merge(d)
	}
	groups := top
	if len(top) == 1 && s.rest.Objects() == 0 {
		groups = s.directories
	}
	all := slices.Collect(maps.Values(groups))
	slices.SortFunc(all, func(a, b *Directory) int {
		return cmp.Or(-cmp.Compare(a.Objects(), b.Objects()), cmp.Compare(a.Prefix, b.Prefix))
	})
	rest := s.rest
	for len(all) > n {
		rest.merge(all[len(all)-1])
		all = all[:len(all)-1]
	}
	slices.SortFunc(all, func(a, b *Directory) int { return cmp.Compare(a.Prefix, b.Prefix) })
	var list []Directory
	for _, d := range all {
		list = append(list, *d)
	}
	if rest.Objects() > 0 {
		list = append(list, rest)
	}
	return list
}

func (d *Directory) merge(other *Directory) {
	d.Written, d.Deleted, d.Other, d.Bytes = d.Written+other.Written, d.Deleted+other.Deleted, d.Other+other.Other, d.Bytes+other.Bytes
}
