package compare

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

func gone() error { return &storage.Error{Op: "get", Key: "a", Err: fs.ErrNotExist} }

// Options that ask for the target in any case, and objects that go away between the
// listing and the question.
func TestAskTarget(t *testing.T) {
	one, other := storagetest.Object{Data: storagetest.Text('a', kib10)}, storagetest.Object{Data: storagetest.Text('b', kib10)}
	etag, asking := Options{Mode: ETag}, Options{Mode: ETag, AskTarget: true}
	crc := Options{Mode: Checksum, Algorithm: checksum.CRC32, AskTarget: true}
	for name, tt := range map[string]struct {
		opts           Options
		notListed      bool // the target
		source, target storagetest.Object
		change         func(source, target *fake)
		want           answer
		wantErr        error
		stats, stats2  int
	}{
		"same":                    {asking, false, one, one, nil, equals(plan.ReasonSameETag), nil, 0, 0},
		"other":                   {asking, false, one, other, nil, differs(plan.ReasonETag), nil, 1, 1},
		"other size":              {asking, false, one, storagetest.Object{}, nil, differs(plan.ReasonSize), nil, 0, 1},
		"newer":                   {Options{AskTarget: true}, true, one, other, nil, equals(plan.ReasonSame), nil, 0, 1},
		"size, same":              {Options{Mode: Size, AskTarget: true}, true, one, other, nil, equals(plan.ReasonSame), nil, 0, 1},
		"not listed, same":        {asking, true, one, one, nil, equals(plan.ReasonSameETag), nil, 0, 1},
		"not listed, other parts": {asking, true, one.With("CRC32", true), one.In(6000, 4000).With("CRC32", true), nil, equals(plan.ReasonSameChecksum), nil, 1, 1},
		"not listed, sum":         {crc, true, one.With("CRC32", true), one.With("CRC32", true), nil, equals(plan.ReasonSameChecksum), nil, 1, 1},
		"not listed, other sum":   {crc, true, one.With("CRC32", true), other.With("CRC32", true), nil, differs(plan.ReasonChecksum), nil, 1, 1},
		"not listed, not there":   {asking, true, one, one, func(_, target *fake) { target.Store = mem.New() }, differs(plan.ReasonNew), nil, 0, 1},
		"not listed, fails":       {asking, true, one, one, func(_, target *fake) { target.stat = func() error { return errInjected } }, answer{}, errInjected, 0, 1},
		"target gone":             {etag, false, one, other, func(_, target *fake) { target.stat = gone }, differs(plan.ReasonNew), nil, 0, 1},
		"source gone":             {etag, false, one, other, func(source, _ *fake) { source.stat = gone }, answer{}, side.ErrGone, 1, 1},
		"changed meanwhile": {
			etag, false, one, other,
			func(_, target *fake) { target.tells = func(_ storage.StatOptions, info *storage.Info) { info.Size-- } },
			differs(plan.ReasonSize), nil, 0, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := bucket(t, tt.source, nil), bucket(t, tt.target, nil)
			p := pairOf(t, source, target)
			if tt.notListed {
				p.Target, p.Exists = storage.Object{}, false
			}
			if tt.change != nil {
				tt.change(source, target)
			}
			d, err := comparer(t, tt.opts, source, target).Compare(t.Context(), p)
			if !errors.Is(err, tt.wantErr) {
				t.Fatal(err)
			}
			tt.want.check(t, &d)
			calls(t, "source", source, tt.stats, 0)
			calls(t, "target", target, tt.stats2, 0)
			exists := tt.want.reason != plan.ReasonNew && !errors.Is(err, errInjected)
			if d.Pair.Exists != exists || exists && d.Pair.Target.Size == 0 && tt.target.Data != "" {
				t.Errorf("exists %t, target %+v", d.Pair.Exists, d.Pair.Target)
			}
		})
	}
}

// The same beside a file.
func TestAskTargetBesideFile(t *testing.T) {
	one := storagetest.Object{Data: storagetest.Text('a', kib10)}
	for name, tt := range map[string]struct {
		up, notListed bool
		file          string
		counterpart   storagetest.Object
		want          answer
		stats         int
		fileStats     int
	}{
		"up, same":               {true, false, one.Data, one, equals(plan.ReasonSameETag), 0, 0},
		"up, other":              {true, false, storagetest.Text('b', kib10), one, differs(plan.ReasonETag), 1, 0},
		"up, parts":              {true, false, one.Data, one.In(6000, 4000), equals(plan.ReasonSameETag), 1, 0},
		"down, same":             {false, false, one.Data, one, equals(plan.ReasonSameETag), 0, 0},
		"not listed, up, same":   {true, true, one.Data, one, equals(plan.ReasonSameETag), 1, 0},
		"not listed, up, other":  {true, true, storagetest.Text('b', kib10), one, differs(plan.ReasonETag), 1, 0},
		"not listed, up, parts":  {true, true, one.Data, one.In(6000, 4000), equals(plan.ReasonSameETag), 2, 0},
		"not listed, down, same": {false, true, one.Data, one, equals(plan.ReasonSameETag), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			file, counterpart := &fake{Store: directory(t, tt.file, false)}, bucket(t, tt.counterpart, nil)
			source, target := file, counterpart
			if !tt.up {
				source, target = counterpart, file
			}
			p := pairOf(t, source, target)
			if tt.notListed {
				p.Target, p.Exists = storage.Object{}, false
			}
			d, err := comparer(t, Options{Mode: ETag, AskTarget: true}, source, target).Compare(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.check(t, &d)
			calls(t, "counterpart", counterpart, tt.stats, 0)
			calls(t, "file", file, tt.fileStats, 1)
		})
	}
}

// A key that ends in "/" is a directory in a target of files, which lists none.
func TestDirectoryKeys(t *testing.T) {
	source := bucket(t, storagetest.Object{Data: "data"}, nil)
	root := directory(t, "data", false)
	if _, err := root.Put(t.Context(), "d/", storage.Block{}, storage.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{Newer, Always, ETag} {
		for key, want := range map[string]answer{"d/": equals(plan.ReasonSame), "new/": differs(plan.ReasonNew)} {
			if mode == Always && key == "new/" {
				want.reason = plan.ReasonOverwrite
			}
			d, err := comparer(t, Options{Mode: mode}, source, &fake{Store: root}).Compare(t.Context(),
				plan.Pair{Source: storage.Object{Key: key}, TargetKey: key})
			if err != nil {
				t.Fatal(err)
			}
			want.check(t, &d)
		}
	}
}

// What fails for a while is asked again; what fails for good is an error that names
// the side.
func TestFailures(t *testing.T) {
	transient := &storage.Error{Op: "stat", Key: "a", Err: storage.ErrTransient}
	for name, tt := range map[string]struct {
		times   int
		err     error
		wantErr string
	}{
		"once":       {1, transient, ""},
		"forever":    {100, transient, "(after 3 attempts)"},
		"for good":   {100, errInjected, "injected"},
		"permission": {100, fs.ErrPermission, "permission denied"},
	} {
		for _, name2 := range []string{"source", "target"} {
			t.Run(name+"/"+name2, func(t *testing.T) {
				source, target := bucket(t, storagetest.Object{Data: "1"}, nil), bucket(t, storagetest.Object{Data: "2"}, nil)
				failing := map[string]*fake{"source": source, "target": target}[name2]
				n := 0
				failing.stat = func() error {
					if n++; n <= tt.times {
						return tt.err
					}
					return nil
				}
				d, err := comparer(t, Options{Mode: ETag}, source, target).Compare(t.Context(), pairOf(t, source, target))
				switch {
				case tt.wantErr == "":
					if err != nil || d.Verdict != checksum.Different {
						t.Errorf("%v, %+v", err, d)
					}
				case err == nil, !errors.Is(err, tt.err), !strings.HasPrefix(err.Error(), name2+": "), !strings.HasSuffix(err.Error(), tt.wantErr):
					t.Errorf("got %v, want %q", err, tt.wantErr)
				case d.Verdict != checksum.Unknown || d.Reason != "" || d.Err != nil || d.Pair.Source.Key != "a":
					t.Errorf("decided %+v", d)
				}
			})
		}
	}
}

// A file that changes while it is compared is read again, and then not judged.
func TestChangingFile(t *testing.T) {
	for name, tt := range map[string]struct {
		up    bool
		times int
		fails bool
	}{
		"source, once":    {true, 1, false},
		"target, once":    {false, 1, false},
		"source, forever": {true, 100, true},
		"target, forever": {false, 100, true},
	} {
		t.Run(name, func(t *testing.T) {
			file, counterpart := &fake{Store: directory(t, "data", false)}, bucket(t, storagetest.Object{Data: "data"}, nil)
			source, target := counterpart, file
			if tt.up {
				source, target = file, counterpart
			}
			n := 0
			file.check = func() error {
				if n++; n <= tt.times {
					return &storage.Error{Op: "read", Key: "a", Err: storage.ErrChanged}
				}
				return nil
			}
			d, err := comparer(t, Options{Mode: ETag}, source, target).Compare(t.Context(), pairOf(t, source, target))
			if errors.Is(err, storage.ErrChanged) != tt.fails || (d.Verdict == checksum.Equal) == tt.fails {
				t.Errorf("%v, %+v", err, d)
			}
		})
	}
}

// A file that is gone, or has another size, when it is read.
func TestFileThatIsNotThere(t *testing.T) {
	for name, tt := range map[string]struct {
		up, shorter bool
		want        answer
		wantErr     error
	}{
		"source gone":    {true, false, answer{}, side.ErrGone},
		"target gone":    {false, false, differs(plan.ReasonNew), nil},
		"source shorter": {true, true, differs(plan.ReasonSize), nil},
		"target shorter": {false, true, differs(plan.ReasonSize), nil},
	} {
		t.Run(name, func(t *testing.T) {
			file, counterpart := &fake{Store: directory(t, "data", false)}, bucket(t, storagetest.Object{Data: "data"}, nil)
			source, target := counterpart, file
			if tt.up {
				source, target = file, counterpart
			}
			p := pairOf(t, source, target)
			if tt.shorter {
				file.Store = directory(t, "dat", false)
			} else {
				file.open = gone
			}
			d, err := comparer(t, Options{Mode: ETag}, source, target).Compare(t.Context(), p)
			if !errors.Is(err, tt.wantErr) {
				t.Fatal(err)
			}
			tt.want.check(t, &d)
			calls(t, "counterpart", counterpart, 0, 0)
		})
	}
}

// Once an object is known to be encrypted, files are read no more before the server
// was asked.
func TestEncryptedBucketCostsNoReads(t *testing.T) {
	file, counterpart := &fake{Store: directory(t, "1", false)}, bucket(t, storagetest.Object{Data: "1"}, encrypted)
	c := comparer(t, Options{Mode: ETag}, file, counterpart)
	for range 3 {
		d, err := c.Compare(t.Context(), pairOf(t, file, counterpart))
		if err != nil {
			t.Fatal(err)
		}
		isIncomparable().check(t, &d)
	}
	calls(t, "counterpart", counterpart, 3, 0)
	calls(t, "file", file, 0, 1)
}

// A comparison of contents ends with its context.
func TestCancelled(t *testing.T) {
	source, target := bucket(t, storagetest.Object{Data: "1"}, nil), bucket(t, storagetest.Object{Data: "2"}, nil)
	p := pairOf(t, source, target)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := comparer(t, Options{Mode: ETag, ReadBoth: true}, source, target).Compare(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %+v", err, d)
	}
}

// The source is asked for what a filter looks at, unless it was asked before. Of a
// file there is nothing to ask.
func TestSourceInfo(t *testing.T) {
	object, target := bucket(t, storagetest.Object{Data: "data"}, nil), bucket(t, storagetest.Object{}, nil)
	file := &fake{Store: directory(t, "data", false)}
	c := comparer(t, Options{}, object, target)
	p := pairOf(t, object, target)
	p.Source.Size = 1 // it changed since
	info, err := c.SourceInfo(t.Context(), p, nil)
	if err != nil || info.Size != 4 || info.ETag == "" {
		t.Fatalf("%v, %+v", err, info)
	}
	if known, err := c.SourceInfo(t.Context(), p, info); err != nil || known != info {
		t.Errorf("%v, %+v", err, known)
	}
	calls(t, "source", object, 1, 0)

	object.stat = gone
	if _, err := c.SourceInfo(t.Context(), p, nil); !errors.Is(err, side.ErrGone) {
		t.Error(err)
	}
	p = pairOf(t, file, target)
	if info, err := comparer(t, Options{}, file, target).SourceInfo(t.Context(), p, nil); err != nil || info.Object != p.Source {
		t.Errorf("%v, %+v", err, info)
	}
	calls(t, "file", file, 0, 0)
}

// A version of the source is asked for by its ID.
func TestVersionOfTheSource(t *testing.T) {
	versions := &versions{Store: mem.New()}
	storagetest.Object{Data: "1"}.Write(t, versions.Store, "a")
	target := bucket(t, storagetest.Object{Data: "2"}, nil)
	p := plan.Pair{Source: storage.Object{Key: "a", Size: 1, VersionID: "v1"}, Target: target.listed(t), Exists: true, TargetKey: "a"}
	c := comparer(t, Options{Mode: ETag, ReadBoth: true}, versions, target)
	if _, err := c.Compare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SourceInfo(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	if versions.asked != 2 {
		t.Errorf("asked %d times", versions.asked)
	}
}

// versions is asked for the version v1 only.
type versions struct {
	storage.Store
	asked int
}

func (v *versions) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	if v.asked++; opts.VersionID != "v1" {
		return storage.Info{}, errInjected
	}
	opts.VersionID = ""
	return v.Store.Stat(ctx, key, opts)
}
