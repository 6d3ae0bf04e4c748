package s3sync_test

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"s3sync"
)

// The random parts of a trial: two trees, the options of a run, and its fault.

// A kind is the kind of an entry under a name.
type kind string

const (
	aFile     kind = "file" // or an object
	aDir      kind = "empty directory"
	aDangling kind = "link to nothing"
	aLink     kind = "link to a file"
	aLinkDir  kind = "link to a directory" // with the files f and g/h, outside
	aLoop     kind = "link to its own directory"
	aPipe     kind = "named pipe"
	aSocket   kind = "socket"
)

// An entry is the entry under a name, or an object. Only objects have the fields below
// the time.
type entry struct {
	kind kind
	data string
	age  int // seconds after trialTime

	contentType, meta, tag string
	parts                  bool // written in two parts
}

// A tree is the content of one side, by path or key.
type tree map[string]entry

func trialTime(age int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(age) * time.Second)
}

type direction string

const (
	up     direction = "directory to bucket"
	down   direction = "bucket to directory"
	across direction = "bucket to bucket"
)

// A trial is one run.
type trial struct {
	direction
	source, target tree
	// sourcePrefix and targetPrefix are the prefixes of all keys in a bucket.
	sourcePrefix, targetPrefix string
	beside                     tree // objects of the target bucket outside of its prefix

	o     options
	fault fault
	// neverListed: the fault removed its object before the listing reached it.
	neverListed bool
}

// options are the options of the run that affect what is transferred and deleted.
type options struct {
	delete, excluded, dry    bool
	max                      int64
	percent                  int
	allowEmpty, allowPartial bool
	check                    string // one of checks
	filter                   string // one of filters
	exclude                  string // protects from deletion, too; empty is none
	globs                    string // one of globNames; protects like exclude
	workers                  int
	ignoreLinks, warnAsError bool
	failFast, auto           bool
	threshold, chunk         int64 // in bytes; both are small
	copy                     bool  // server-side
}

// A fault is one thing that goes wrong: its name, when or where, and how long.
type fault struct {
	name string // one of those below
	nth  int    // at which object, or call
	key  string // of which object, by a look at the source or target
	once bool
}

func checkNames() []string {
	return []string{"", "", "overwrite", "overwrite", "size", "etag", "mtime and size"}
}

// globNames returns the lists of patterns that a trial may have: globRules.
func globNames() []string {
	return []string{"", "", "", "", "no b", "no a*, but ab", "no directory b", "only *a*", "only directory a"}
}

func globRules(name string) []s3sync.GlobRule {
	switch name {
	case "no b":
		return rules("-b")
	case "no a*, but ab":
		return rules("-a*", "+ab")
	case "no directory b":
		return rules("-b/")
	case "only *a*":
		return rules("-*", "+*a*")
	case "only directory a":
		return rules("-*", "+a/")
	}
	return nil
}

// filterNames returns the filters for a direction: files have neither metadata nor
// tags.
func filterNames(d direction) []string {
	names := []string{
		"", "", "", "smaller", "larger", "before", "after", "include", "include prefix", "content type", "not content type",
	}
	if d != up {
		names = append(names, "metadata", "not metadata", "tag", "not tag")
	}
	return names
}

// set sets the options in a Config.
func (o *options) set(cfg *s3sync.Config) {
	two := int64(2)
	f := &cfg.Filter
	switch o.filter {
	case "smaller":
		f.SmallerThan = &two
	case "larger":
		f.LargerThan = &two
	case "before":
		f.ModifiedBefore = trialTime(2)
	case "after":
		f.ModifiedAfter = trialTime(2)
	case "include":
		f.Include = mustCompile("b")
	case "include prefix":
		f.Include = mustCompile("^a")
	case "content type":
		f.IncludeContentType = mustCompile("^text/x-trial$")
	case "not content type":
		f.ExcludeContentType = mustCompile("^text/x-trial$")
	case "metadata":
		f.IncludeMetadata = mustCompile("name=yes")
	case "not metadata":
		f.ExcludeMetadata = mustCompile("name=yes")
	case "tag":
		f.IncludeTags = mustCompile("tag=yes")
	case "not tag":
		f.ExcludeTags = mustCompile("tag=yes")
	}
	if o.exclude != "" {
		f.Exclude = mustCompile(o.exclude)
	}
	f.Globs = globRules(o.globs)
	switch o.check {
	case "overwrite":
		cfg.Check.Mode = s3sync.CheckOverwrite
	case "size":
		cfg.Check.Mode = s3sync.CheckSize
	case "etag":
		cfg.Check.Mode = s3sync.CheckETag
	case "mtime and size":
		cfg.Check.Mode = s3sync.CheckMtimeAndSize
	}
	cfg.Delete.Enable = o.delete
	if o.delete {
		cfg.Delete.Excluded = o.excluded && (o.exclude != "" || o.globs != "")
		cfg.Delete.Max = o.max
		cfg.Delete.AllowEmptySource, cfg.Delete.AllowPartialPrefix = o.allowEmpty, o.allowPartial
		if o.percent != 0 {
			cfg.Delete.MaxPercent = o.percent
		}
	}
	cfg.DryRun = o.dry
	cfg.Transfer.Workers = s3sync.Concurrency(o.workers)
	cfg.Transfer.AutoChunkSize = o.auto
	cfg.ServerSideCopy = o.copy
	cfg.Local.IgnoreSymlinks = o.ignoreLinks
	cfg.WarnAsError, cfg.FailFast = o.warnAsError, o.failFast
	cfg.Retry.ForceCount = 1
}

func mustCompile(text string) *s3sync.Regexp {
	re, err := s3sync.CompileRegexp(text)
	if err != nil {
		panic(err)
	}
	return re
}

// seldom is true in one of n cases.
func seldom(t *rapid.T, n int, label string) bool {
	return rapid.IntRange(1, n).Draw(t, label) == n
}

func drawTrial(t *rapid.T, d direction) *trial {
	tr := &trial{direction: d, source: tree{}, target: tree{}}
	if d != up {
		tr.sourcePrefix = rapid.SampledFrom([]string{"", "", "p/", "photos", "p//"}).Draw(t, "source prefix")
	}
	if d != down {
		tr.targetPrefix = rapid.SampledFrom([]string{"", "", "p/", "photos", "p//"}).Draw(t, "target prefix")
	}
	tr.drawOptions(t)
	tr.drawTrees(t)
	tr.drawFault(t)
	return tr
}

func (tr *trial) drawOptions(t *rapid.T) {
	o := &tr.o
	o.delete = !seldom(t, 6, "no delete")
	o.dry = seldom(t, 8, "dry run")
	o.workers = rapid.SampledFrom([]int{1, 4}).Draw(t, "workers")
	o.check = rapid.SampledFrom(checkNames()).Draw(t, "check")
	o.filter = rapid.SampledFrom(filterNames(tr.direction)).Draw(t, "filter")
	o.exclude = rapid.SampledFrom([]string{"", "", "", "b", "^a", "/", `\.`}).Draw(t, "exclude")
	o.globs = rapid.SampledFrom(globNames()).Draw(t, "globs")
	o.excluded = seldom(t, 3, "delete excluded")
	o.max = rapid.SampledFrom([]int64{0, 0, 0, 1, 2, 5}).Draw(t, "max delete")
	o.percent = rapid.SampledFrom([]int{0, 0, 50, 100}).Draw(t, "max delete percent")
	o.allowEmpty = rapid.Bool().Draw(t, "allow empty source")
	o.allowPartial = rapid.Bool().Draw(t, "allow partial prefix")
	o.ignoreLinks = tr.direction == up && seldom(t, 4, "ignore links")
	o.warnAsError = seldom(t, 8, "warn as error")
	o.failFast = seldom(t, 8, "fail fast")
	o.auto = tr.direction == across && rapid.Bool().Draw(t, "auto chunk size")
	o.threshold = rapid.SampledFrom([]int64{3, 4, 100}).Draw(t, "threshold")
	o.chunk = rapid.SampledFrom([]int64{1, 2, 3}).Draw(t, "chunk size")
	o.copy = tr.direction == across && seldom(t, 4, "server-side copy")
}

func (tr *trial) drawTrees(t *rapid.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "c", "ab", "a.b", "a-b", "é", "A", " x", "...a", "%41", "a\nb", "😀", `q\z`})
	path := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(segment, 1, 3).Draw(t, "segments"), "/")
	})
	key := rapid.Custom(func(t *rapid.T) string {
		k := path.Draw(t, "path")
		switch rapid.IntRange(0, 11).Draw(t, "form") {
		case 0:
			k = "/" + k
		case 1:
			k = strings.ReplaceAll(k, "/", "//")
		case 2:
			k = "./" + k
		case 3:
			k = strings.Replace(k, "/", "/./", 1)
		case 4:
			k = "../" + k
		case 5:
			k += "/"
		case 6:
			k = "//" + k + "//"
		}
		return k
	})
	some := func(t *rapid.T, names *rapid.Generator[string], n int, local bool, label string) tree {
		all := tree{}
		for _, name := range rapid.SliceOfNDistinct(names, 0, n, rapid.ID).Draw(t, label) {
			all[name] = drawEntry(t, local, name)
		}
		return all
	}
	if !seldom(t, 10, "empty source") {
		if tr.direction == up {
			tr.source = some(t, path, 8, true, "source")
		} else {
			tr.source = some(t, key, 8, false, "source")
		}
	}
	if tr.direction == down {
		tr.target = some(t, path, 6, true, "target")
	} else {
		tr.target = some(t, key, 6, false, "target")
		tr.beside = tree{}
		if tr.targetPrefix == "photos" && seldom(t, 3, "siblings") {
			tr.target["-private/x"] = entry{kind: aFile, data: "private"}
		}
	}
	// The target has some of the source already, under its name or the name of its
	// file.
	for _, name := range sortedKeys(tr.source) {
		th := tr.source[name]
		switch rapid.IntRange(0, 3).Draw(t, "counterpart of "+name) {
		case 0:
		case 1:
			tr.target[tr.counterpartName(name)] = entry{kind: aFile, data: th.data, age: th.age}
		default:
			tr.target[tr.counterpartName(name)] = entry{kind: aFile, data: "old", age: rapid.IntRange(0, 4).Draw(t, "age")}
		}
	}
	if tr.sourcePrefix != "" && seldom(t, 4, "object of the source's prefix") {
		tr.source[""] = entry{kind: aFile, data: rapid.SampledFrom([]string{"", "data"}).Draw(t, "its data")}
	}
	if tr.targetPrefix != "" && seldom(t, 3, "object of the target's prefix") {
		tr.target[""] = entry{kind: aFile, data: rapid.SampledFrom([]string{"", "data"}).Draw(t, "its data")}
	}
	if seldom(t, 10, "mass") {
		both := rapid.SampledFrom([]int{0, 0, 10, 60, 130}).Draw(t, "mass in both")
		for i := range 130 {
			name := fmt.Sprintf("mass/%03d", i)
			tr.target[name] = entry{kind: aFile, data: "mass"}
			if i < both {
				tr.source[name] = entry{kind: aFile, data: "mass"}
			}
		}
	}
}

// counterpartName returns a possible name in the target for a name of the source.
func (tr *trial) counterpartName(name string) string {
	if path, ok := fileName(name); ok && tr.direction == down {
		return path
	}
	return name
}

func drawEntry(t *rapid.T, local bool, name string) entry {
	th := entry{
		kind: aFile,
		data: rapid.SampledFrom([]string{"", "1", "two", "three", "old"}).Draw(t, "data"),
		age:  rapid.IntRange(0, 4).Draw(t, "age"),
	}
	if local {
		th.kind = rapid.SampledFrom([]kind{
			aFile, aFile, aFile, aFile, aFile, aFile, aDir, aDangling, aLink, aLinkDir, aPipe, aSocket,
		}).Draw(t, "kind")
		if th.kind == aLinkDir && seldom(t, 6, "loop") {
			th.kind = aLoop
		}
		return th
	}
	if strings.HasSuffix(name, "/") && !seldom(t, 5, "marker with data") {
		th.data = ""
	}
	th.contentType = rapid.SampledFrom([]string{"", "text/x-trial"}).Draw(t, "content type")
	th.meta = rapid.SampledFrom([]string{"", "yes", "no"}).Draw(t, "metadata")
	th.tag = rapid.SampledFrom([]string{"", "yes", "no"}).Draw(t, "tag")
	th.parts = len(th.data) > 1 && rapid.Bool().Draw(t, "in parts")
	return th
}

func (tr *trial) drawFault(t *rapid.T) {
	names := []string{
		"", "", "", "", "source listing", "target listing", "put", "put denied", "cancel at a call",
		"cancel in the source listing", "problem in the source", "problem in the target",
	}
	switch tr.direction {
	case up:
		names = append(names, "root renamed", "root replaced", "directory renamed", "directory renamed", "file removed")
	case down:
		names = append(names, "open", "damage")
	case across:
		names = append(names, "open", "damage", "delete")
	}
	tr.fault = fault{
		name: rapid.SampledFrom(names).Draw(t, "fault"),
		nth:  rapid.IntRange(1, 12).Draw(t, "nth"),
		once: seldom(t, 4, "once"),
	}
	if all := sortedKeys(tr.source); len(all) > 0 {
		tr.fault.key = rapid.SampledFrom(all).Draw(t, "key of the fault")
	}
	if all := sortedKeys(tr.target); tr.fault.name == "delete" && len(all) > 0 {
		tr.fault.key = rapid.SampledFrom(all).Draw(t, "key of the fault")
	}
}
