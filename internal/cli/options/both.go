package options

import (
	"slices"

	"s3sync/internal/cli/options/table"
	"s3sync/internal/fields"
	"s3sync/internal/location"
)

// setBoth sets the fields of the sides from the options for both sides. The environment
// must have been read.
func (l *Line) setBoth() {
	l.spread = map[string]*table.Option{}
	for _, o := range l.options {
		for _, side := range table.Sides() {
			path := side.Path + o.Both
			if o.Both == "" || !o.Given || !l.needs(side, o) {
				continue
			}
			if own := l.bound(path); own.From != "" {
				own.Withdraw()
			}
			fields.At(l.Config, path).Value.Set(fields.At(&l.set.Both, o.Both).Value)
			l.spread[path] = o
		}
	}
}

// needs reports whether a side takes its setting from an option for both sides.
func (l *Line) needs(side table.Side, both *table.Option) bool {
	where, err := location.Parse(fields.At(l.Config, side.Path+"URL").Value.String())
	if err == nil && where.Local() {
		return false
	}
	own := []string{side.Path + both.Both}
	if both.Both == "Profile" {
		own = append(own, side.Path+"AccessKey", side.Path+"SecretKey", side.Path+"SessionToken")
		if side.Name == "source" {
			own = append(own, "AWS.AnonymousSource")
		}
	}
	return !slices.ContainsFunc(own, func(path string) bool { return l.bound(path).Stronger(both) })
}
