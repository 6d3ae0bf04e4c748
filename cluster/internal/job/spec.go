package job

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"s3sync"
)

// Bounds of a job. A job of the largest number of ranges fits into a message of the engine.
const (
	MostRanges = 1000
	maxName    = 100
	// bigObject is what Spec.BigObject is if nobody sets it.
	bigObject = 16 << 30
)

// Fill sets what is not set. The rates of Settings become those of Limits.
func (s *Spec) Fill() {
	s.Version = Version
	if c := s.Settings; c != nil {
		if s.Limits.Requests == 0 {
			s.Limits.Requests = float64(c.Transfer.ObjectsPerSecond)
		}
		if s.Limits.Bytes == 0 {
			s.Limits.Bytes = c.Transfer.BytesPerSecond
		}
		c.Transfer.ObjectsPerSecond, c.Transfer.BytesPerSecond = 0, 0
	}
	fill(&s.Limits.InFlight, 64)
	fill(&s.Ranges, 64)
	fill(&s.Leases.Keys, 1_000_000)
	fill(&s.Leases.Time, 10*time.Minute)
	fill(&s.Leases.CheckpointKeys, 50_000)
	fill(&s.Leases.CheckpointTime, time.Minute)
	fill(&s.Leases.Silence, 5*time.Minute)
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// A SettingError says that a setting of a sync cannot be one of a job. It never has a value.
type SettingError struct {
	Field  string // path of the field of s3sync.Config
	Reason string
}

func (e *SettingError) Error() string { return e.Field + " " + e.Reason }

// BigObjectSize returns the size in bytes from which several workers share an object. No object
// is as large if objects are compared by their bytes, which each of them would read.
func (s *Spec) BigObjectSize() int64 {
	if s.Settings.Check.ReadBoth {
		return math.MaxInt64
	}
	return cmp.Or(s.BigObject, bigObject)
}

// Check returns everything that is wrong with a Spec, or nil. It needs no connection.
func (s *Spec) Check() error {
	if s.Version != Version {
		return fmt.Errorf("the spec has version %d, and this program knows %d: use the same version of the program everywhere", s.Version, Version)
	}
	all := []error{CheckName(s.Job), s.checkPlaces(), s.checkNumbers(), s.checkSettings()}
	if s.Settings != nil {
		_, err := Split(KeysOf(s.Settings.Range), s.Splits)
		all = append(all, err)
	}
	return errors.Join(all...)
}

// CheckName fails if a text cannot be the name of a job.
func CheckName(name string) error {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(name) || len(name) > maxName {
		return fmt.Errorf("%q is no name of a job: it has at most %d letters, digits, dots, hyphens and underscores, and begins with a letter or digit", name, maxName)
	}
	return nil
}

func (s *Spec) checkPlaces() error {
	var all []error
	for _, side := range []struct {
		name string
		url  string
	}{{"source", s.Source.URL}, {"target", s.Target.URL}} {
		if !strings.HasPrefix(side.url, "s3://") {
			all = append(all, fmt.Errorf("the %s of a job must be a bucket, s3://BUCKET[/PREFIX]: workers on other machines cannot reach a directory; use s3sync on one machine", side.name))
		}
	}
	return errors.Join(all...)
}

func (s *Spec) checkNumbers() error {
	l := &s.Leases
	var all []error
	for _, n := range []struct {
		wrong bool
		text  string
	}{
		{s.Limits.InFlight < 1, "at least one lease must be in flight"},
		{s.BigObject < 0, "the size of a big object is negative"},
		{s.Limits.Requests < 0 || s.Limits.Bytes < 0, "a limit is negative"},
		{s.Ranges < 1 || s.Ranges > MostRanges || len(s.Splits) >= MostRanges, fmt.Sprintf("a job has 1 to %d ranges", MostRanges)},
		{l.Keys < 1 || l.CheckpointKeys < 1, "a lease and a checkpoint have at least one key"},
		{l.CheckpointKeys > 1_000_000, "a checkpoint is due after at most 1,000,000 keys"},
		{l.Time < time.Second || l.CheckpointTime < time.Second, "a lease and the time between checkpoints last at least 1s"},
		{l.CheckpointTime > l.Time, "a checkpoint is due before the lease ends"},
		{l.Silence < time.Second, "a worker may be silent for at least 1s"},
	} {
		if n.wrong {
			all = append(all, errors.New(n.text))
		}
	}
	return errors.Join(all...)
}

// refused are settings that a job cannot have, and why. A path that ends in a dot stands
// for a group.
func refused() [][2]string {
	return [][2]string{
		{"Source.", "is not set in a job: the spec names the source and its connection"},
		{"Target.", "is not set in a job: the spec names the target and its connection"},
		{"AWS.ConfigFile", "names a file of one machine: let the connections of the workers name it"},
		{"AWS.CredentialsFile", "names a file of one machine: let the connections of the workers name it"},
		{"Filter.FilesFrom", "names a file of one machine"},
		{"Filter.FilesFrom0", "names a file of one machine"},
		{"Filter.IgnoreFile", "needs a local source"},
		{"Resume.AbortOnInterrupt", "is not possible in a job: another worker goes on with what one had to leave, and the end of the job removes the rest"},
		{"State.", "names a directory of one machine: checkpoints take its place"},
		{"Trash.", "is not possible in a job yet: use s3sync on one machine, or a bucket with versions"},
		{"Versioning.", "is not possible in a job yet: use s3sync on one machine"},
		{"Report.", "is not possible in a job yet: use s3sync on one machine"},
		{"FailFast", "is not possible in a job, which sweeps failed objects again later"},
		{"Local.", "needs a local side"},
		{"Delete.ListIsComplete", "needs a list in the place of a listing"},
	}
}

// checkSettings refuses secrets, what is of one process or machine, and what a sync refuses.
func (s *Spec) checkSettings() error {
	if s.Settings == nil {
		return errors.New("the spec has no settings")
	}
	var all []error
	defaults := reflect.ValueOf(s3sync.DefaultConfig()).Elem()
	walk("", reflect.ValueOf(s.Settings).Elem(), defaults, func(path string, field, standard reflect.Value, tag reflect.StructTag) {
		switch why := refusal(path); {
		case reflect.DeepEqual(field.Interface(), standard.Interface()) || field.IsZero():
		case tag.Get("secret") == "true":
			all = append(all, &SettingError{path, "is a secret, and a job must have none: let the connections of the workers have it"})
		case why != "":
			all = append(all, &SettingError{path, why})
		case field.Kind() == reflect.Func, field.Kind() == reflect.Interface && !strings.HasPrefix(path, "Filter."), path == "Logger":
			all = append(all, &SettingError{path, "is of this process, and cannot be in a job"})
		}
	})
	if all != nil {
		return errors.Join(all...)
	}
	if _, err := s.Settings.MarshalJSON(); err != nil {
		return fmt.Errorf("the settings cannot be written down: %w", err)
	}
	c := *s.Settings
	c.Source.URL, c.Target.URL = s.Source.URL, s.Target.URL
	return c.Validate()
}

func refusal(path string) string {
	i := slices.IndexFunc(refused(), func(r [2]string) bool {
		return r[0] == path || strings.HasSuffix(r[0], ".") && strings.HasPrefix(path, r[0])
	})
	if i < 0 {
		return ""
	}
	return refused()[i][1]
}

// walk calls visit for each field of a struct and of the structs in it, except times and
// key ranges, beside the same field of another struct.
func walk(path string, group, other reflect.Value, visit func(string, reflect.Value, reflect.Value, reflect.StructTag)) {
	for i := range group.NumField() {
		info := group.Type().Field(i)
		field, standard := group.Field(i), other.Field(i)
		if field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[time.Time]() {
			walk(path+info.Name+".", field, standard, visit)
			continue
		}
		visit(path+info.Name, field, standard, info.Tag)
	}
}
