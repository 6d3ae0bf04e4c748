// Package lists takes the listing of a store from a list: keys that the user names, whose
// facts the store is asked for, or an S3 Inventory, which has the facts.
package lists

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"s3sync/internal/extsort"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// maxEntry bounds an entry of a list. A longer one is the sign of another separator.
const maxEntry = 64 << 10

// maxKey is the longest key in bytes.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const maxKey = 1024

// sortMemory is how many bytes of a list are sorted in memory.
const sortMemory = 16 << 20

// Keys are the keys of a list, each once, in ascending order. Its methods may be called
// concurrently, except Close.
type Keys struct {
	sorter *extsort.Sorter
	count  int64
}

// KeysOptions say how a list is read.
type KeysOptions struct {
	// NUL: entries end with a NUL byte. Otherwise they are lines.
	NUL bool
	// Files: entries are paths of files in a directory. Otherwise they are keys of a
	// bucket, below the prefix of the source.
	Files bool
}

// ReadKeys reads a list. Its errors say which entry is wrong. The caller closes the Keys.
func ReadKeys(r io.Reader, opts KeysOptions) (*Keys, error) {
	k := &Keys{sorter: extsort.New(sortMemory)}
	err := readEntries(r, opts, func(n int64, entry string) error {
		key, err := opts.key(entry)
		switch {
		case err != nil:
			return setting.Errorf("%s %d: %q %w", opts.unit(), n, entry[:min(len(entry), maxKey)], err)
		case key == "":
			return nil
		}
		k.count++
		return k.sorter.Add(storage.Object{Key: key})
	})
	if err == nil {
		err = prepare(k.sorter)
	}
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// OpenKeys reads the list in a file, or stdin if file is "-".
func OpenKeys(file string, stdin io.Reader, opts KeysOptions) (*Keys, error) {
	if file == "-" {
		if stdin == nil {
			return nil, setting.Errorf("is -, which needs %s", setting.Name("Stdin"))
		}
		k, err := ReadKeys(stdin, opts)
		return k, about("standard input", err)
	}
	f, err := os.Open(file)
	if err != nil {
		if strings.HasPrefix(file, "s3://") {
			err = errors.New("a list is a file; for an object of a bucket write - and give its bytes to standard input")
		}
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	k, err := ReadKeys(f, opts)
	return k, about(file, err)
}

func about(file string, err error) error {
	if err == nil {
		return nil
	}
	return setting.Errorf("cannot be used: %s: %w", file, err)
}

// prepare puts the objects in order, so that Sorted may then be called concurrently.
func prepare(s *extsort.Sorter) error {
	for _, err := range s.Sorted() {
		return err
	}
	return nil
}

func (o KeysOptions) unit() string {
	if o.NUL {
		return "entry"
	}
	return "line"
}

// readEntries calls each with the entries that are not empty, and their numbers from 1.
func readEntries(r io.Reader, opts KeysOptions, each func(n int64, entry string) error) error {
	in := bufio.NewReaderSize(r, maxEntry)
	end := byte('\n')
	if opts.NUL {
		end = 0
	}
	for n := int64(1); ; n++ {
		b, err := in.ReadSlice(end)
		last := errors.Is(err, io.EOF)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("%s %d is longer than %d bytes", opts.unit(), n, maxEntry)
		case err != nil && !last:
			return err
		}
		if n == 1 {
			if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
				return errors.New("it is written in UTF-16, and must be in UTF-8")
			}
			b = bytes.TrimPrefix(b, []byte("\ufeff"))
		}
		b = bytes.TrimSuffix(b, []byte{end})
		if !opts.NUL {
			b = bytes.TrimSuffix(b, []byte{'\r'})
		}
		if len(b) > 0 {
			if err := each(n, string(b)); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

// key returns the key that an entry names, or nothing for the source itself. Errors
// continue a sentence that begins with the entry.
func (o KeysOptions) key(entry string) (string, error) {
	switch {
	case strings.IndexByte(entry, 0) >= 0:
		return "", setting.Errorf("holds a NUL byte; a list whose entries end with one is given by %s", setting.Name("Filter.FilesFrom0"))
	case !utf8.ValidString(entry):
		return "", errors.New("is not valid UTF-8, as keys are")
	case o.Files:
		return pathKey(entry)
	case strings.HasPrefix(entry, "s3://"):
		return "", errors.New("is a URL; a list has keys relative to the source")
	case len(entry) > maxKey:
		return "", fmt.Errorf("has %d bytes, and a key has at most %d", len(entry), maxKey)
	}
	return entry, nil
}

// pathKey returns the key of a path that is relative to a directory.
func pathKey(entry string) (string, error) {
	p := filepath.ToSlash(entry)
	if strings.HasPrefix(p, "/") || filepath.IsAbs(entry) || filepath.VolumeName(entry) != "" {
		return "", errors.New("is an absolute path; a list has paths relative to the source")
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return "", errors.New(`has "..", and a list names only what is in the source`)
		}
	}
	clean := path.Clean(p)
	if clean == "." {
		return "", nil
	}
	if strings.HasSuffix(p, "/") {
		clean += "/" // a directory
	}
	return clean, nil
}

// Count returns how many entries were read, with those that are there twice.
func (k *Keys) Count() int64 { return k.count }

// All yields the keys in a range.
func (k *Keys) All(r storage.Range) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		last := ""
		for o, err := range k.sorter.Sorted() {
			switch {
			case err != nil:
				yield("", err)
				return
			case o.Key == last || o.Key < r.From:
				continue
			case r.To != "" && o.Key >= r.To:
				return
			}
			if last = o.Key; !yield(o.Key, nil) {
				return
			}
		}
	}
}

// MappedTo returns the keys under which a store that maps keys holds them.
func (k *Keys) MappedTo(m storage.KeyMapper) (*Keys, error) {
	mapped := &Keys{sorter: extsort.New(sortMemory)}
	for key, err := range k.All(storage.Range{}) {
		if err == nil {
			if key, _ = m.MapKey(key); key == "" { // it cannot be there
				continue
			}
			mapped.count++
			err = mapped.sorter.Add(storage.Object{Key: key})
		}
		if err != nil {
			return nil, errors.Join(err, mapped.Close())
		}
	}
	return mapped, prepare(mapped.sorter)
}

// Close removes the temporary file, if there is one.
func (k *Keys) Close() error { return k.sorter.Close() }
