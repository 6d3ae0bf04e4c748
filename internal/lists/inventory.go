package lists

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"time"

	"s3sync/internal/extsort"
	"s3sync/internal/record"
	"s3sync/internal/retry"
	"s3sync/storage"
)

// InventoryOptions say which inventory stands for which side.
type InventoryOptions struct {
	// Side is "source" or "target", and Name the URL of the manifest, for messages.
	Side, Name string
	// Files is the bucket of the manifest, and Manifest its key there. The files of the
	// inventory are in the same bucket.
	Files    storage.Store
	Manifest string
	// Of is the store whose listing the inventory replaces. It must know where it is.
	Of storage.Store
	// Archive reports whether objects of a storage class may have to be restored.
	Archive func(class string) bool
	Policy  retry.Policy
	Notice  func(storage.Notice)
}

// An Inventory is the listing of a bucket at an earlier time, which S3 wrote. Its methods
// may be called concurrently, except Close.
type Inventory struct {
	opts     InventoryOptions
	place    storage.Location // of the side
	manifest *manifest

	mu     sync.Mutex
	sorter *extsort.Sorter // nil until the files were read
}

// OpenInventory reads and checks the manifest. The error is ErrInventory if the user named
// something else. The caller closes the Inventory, and Files after it.
func OpenInventory(ctx context.Context, opts InventoryOptions) (*Inventory, error) {
	i := &Inventory{opts: opts}
	located, ok := storage.As[storage.Locator](opts.Of)
	if !ok {
		return nil, unusable("the %s does not know in which bucket it is", opts.Side)
	}
	i.place = located.Location()
	m, err := i.readManifest(ctx)
	if err != nil {
		return nil, err
	}
	i.manifest = m
	return i, nil
}

// Close removes the temporary file, if there is one.
func (i *Inventory) Close() error {
	if i.sorter == nil {
		return nil
	}
	return i.sorter.Close()
}

// An inventoried store takes its listing from an inventory.
type inventoried struct {
	storage.Store

	inventory *Inventory
}

// Store returns the store of the side with the inventory in the place of its listing.
func (i *Inventory) Store() storage.Store { return &inventoried{i.opts.Of, i} }

// Unwrap returns the store inside.
func (s *inventoried) Unwrap() storage.Store { return s.Store }

// Live returns the store inside, which is listed itself.
func (s *inventoried) Live() storage.Store { return s.Store }

// Caps are those of the store inside; the listing is in order.
func (s *inventoried) Caps() storage.Caps {
	c := s.Store.Caps()
	c.Ordered = true
	return c
}

// List yields the objects of a range. The first call reads the whole inventory, so that
// nothing is yielded of one that is damaged.
func (s *inventoried) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		sorter, err := s.inventory.read(ctx)
		if err != nil {
			yield(storage.Object{}, err)
			return
		}
		for o, err := range newest(sorter.Sorted()) {
			switch {
			case err != nil:
				yield(storage.Object{}, err)
				return
			case o.Key < opts.From:
				continue
			case opts.To != "" && o.Key >= opts.To:
				return
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

// newest yields one object for each key, the newest one.
func newest(all iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		var last storage.Object
		some := false
		for o, err := range all {
			if err != nil {
				yield(o, err)
				return
			}
			if some && o.Key == last.Key {
				if o.ModTime.After(last.ModTime) {
					last = o
				}
				continue
			}
			if some && !yield(last, nil) {
				return
			}
			last, some = o, true
		}
		if some {
			yield(last, nil)
		}
	}
}

// read returns the entries of all files, in order. Only the first call reads them. After
// an error the next call tries again.
func (i *Inventory) read(ctx context.Context) (*extsort.Sorter, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sorter != nil {
		return i.sorter, nil
	}
	f := filling{Inventory: i, sorter: extsort.New(sortMemory)}
	err := f.all(ctx)
	if err == nil {
		err = prepare(f.sorter)
	}
	if err != nil {
		return nil, errors.Join(err, f.sorter.Close())
	}
	i.sorter = f.sorter
	if i.opts.Notice != nil {
		i.opts.Notice(storage.Notice{Text: fmt.Sprintf("the %s is listed by its inventory of %s, with %d objects; later changes do not show in it",
			i.opts.Side, when(i.manifest.created()), f.count)})
	}
	return i.sorter, nil
}

func when(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.Format("2006-01-02 15:04 MST")
}

// A filling reads the files of an inventory.
type filling struct {
	*Inventory

	sorter *extsort.Sorter
	count  int64
}

func (f *filling) all(ctx context.Context) error {
	for _, file := range *f.manifest.Files {
		if err := f.file(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// file reads one file. Its entries count only if its bytes have the digest that the
// manifest says, so it is first copied to a temporary file.
func (f *filling) file(ctx context.Context, file dataFile) (err error) {
	temp, err := record.CreateTemp()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, temp.Close()) }()
	sum := md5.New()
	size, err := f.download(ctx, file.Key, io.MultiWriter(temp, sum))
	if err != nil {
		return err
	}
	if size != file.Size || hex.EncodeToString(sum.Sum(nil)) != strings.ToLower(file.MD5checksum) {
		return fmt.Errorf("the file %q of the inventory is not the one that its manifest names: it has %d bytes and MD5 %x, not %d bytes and MD5 %s",
			file.Key, size, sum.Sum(nil), file.Size, file.MD5checksum)
	}
	take := func(e *entry) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return f.take(e)
	}
	if f.manifest.FileFormat == formatParquet {
		err = readParquet(temp, size, f.manifest.columns, take)
	} else {
		err = readCSV(io.NewSectionReader(temp, 0, size), f.manifest.columns, take)
	}
	if err != nil {
		return fmt.Errorf("the file %q of the inventory: %w", file.Key, err)
	}
	return nil
}

// take adds an entry, if it is a current object below the prefix.
func (f *filling) take(e *entry) error {
	key, below := bytes.CutPrefix(e.key, []byte(f.place.Prefix))
	switch {
	case !below || !e.latest || e.marker:
		return nil
	case e.modified.IsZero() || e.size < 0:
		return fmt.Errorf("the key %q has no size or no time", e.key)
	}
	f.count++
	o := storage.Object{Key: string(key), Size: e.size, ModTime: e.modified, ETag: strings.Trim(string(e.etag), `"`)}
	o.MaybeArchived = f.opts.Archive != nil && f.opts.Archive(string(e.class))
	return f.sorter.Add(o)
}

// blockSize is how many bytes are read by one request.
const blockSize = 8 << 20

// download copies an object, and returns its size. Requests that fail for a temporary
// reason are made again.
func (i *Inventory) download(ctx context.Context, key string, to io.Writer) (size int64, err error) {
	var r storage.Reader
	err = retry.Do(ctx, i.opts.Policy, nil, func(ctx context.Context) (err error) {
		r, err = i.opts.Files.Open(ctx, key, storage.OpenOptions{First: blockSize})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", i.opts.Name, err)
	}
	defer r.Close()
	size = r.Info().Size
	block := make([]byte, min(size, blockSize))
	for off := int64(0); off < size; off += blockSize {
		b := block[:min(size-off, blockSize)]
		err := retry.Do(ctx, i.opts.Policy, nil, func(ctx context.Context) error { return r.ReadAt(ctx, b, off) })
		if err == nil {
			_, err = to.Write(b)
		}
		if err != nil {
			return 0, err
		}
	}
	return size, r.Check(ctx)
}

// readSmall returns the bytes of an object of at most a number of bytes.
func (i *Inventory) readSmall(ctx context.Context, key string, most int) ([]byte, error) {
	b := limited{most: most}
	_, err := i.download(ctx, key, &b)
	return b.data.Bytes(), err
}

type limited struct {
	data bytes.Buffer
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.data.Len()+len(p) > l.most {
		return 0, unusable("the manifest has more than %d bytes", l.most)
	}
	return l.data.Write(p)
}
