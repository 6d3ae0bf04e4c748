package floor

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"s3sync/internal/bench/internal/madeup"
)

// up uploads the files below a directory.
func (f *fleet) up(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		key := filepath.ToSlash(path[len(root)+1:])
		if info.Size() > madeup.PartSize {
			return f.upParts(path, key, info.Size())
		}
		return f.add(func(w *worker) error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			buf := w.buffer(info.Size())
			if _, err = io.ReadFull(file, buf); err == nil {
				err = f.send(key, buf)
			}
			return errors.Join(err, file.Close())
		})
	})
}

// upParts uploads a file in parts. The worker that sends the last one completes it.
func (f *fleet) upParts(path, key string, size int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	document, err := f.read(http.MethodPost, key, "uploads=", []byte{})
	if err != nil {
		return err
	}
	id := element(document, "UploadId")
	n := int((size + madeup.PartSize - 1) / madeup.PartSize)
	sums := make([][md5.Size]byte, n)
	var left atomic.Int64
	left.Store(int64(n))
	for i := range n {
		err := f.add(func(w *worker) error {
			off := int64(i) * madeup.PartSize
			buf := w.buffer(min(madeup.PartSize, size-off))
			if _, err := file.ReadAt(buf, off); err != nil {
				return err
			}
			a, sum, err := f.client.do(http.MethodPut, key, "partNumber="+strconv.Itoa(i+1)+"&uploadId="+id, "", buf)
			if err != nil {
				return err
			}
			if got := etagIn(a.header); got != hex.EncodeToString(sum[:]) {
				return fmt.Errorf("%s: the ETag %q of part %d is not the MD5", key, got, i+1)
			}
			sums[i] = sum
			if err := a.body.Close(); err != nil || left.Add(-1) > 0 {
				return err
			}
			return errors.Join(f.complete(key, id, sums), file.Close())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) complete(key, id string, sums [][md5.Size]byte) error {
	var request strings.Builder
	request.WriteString("<CompleteMultipartUpload>")
	for i, sum := range sums {
		fmt.Fprintf(&request, "<Part><PartNumber>%d</PartNumber><ETag>&quot;%x&quot;</ETag></Part>", i+1, sum)
	}
	request.WriteString("</CompleteMultipartUpload>")
	document, err := f.read(http.MethodPost, key, "uploadId="+id, []byte(request.String()))
	if err != nil {
		return err
	}
	if got := strings.Trim(element(document, "ETag"), `"&quot;`); got != etagOfParts(sums) {
		return fmt.Errorf("%s: the ETag %q is not that of the parts", key, got)
	}
	return nil
}

func etagOfParts(sums [][md5.Size]byte) string {
	digest := md5.New()
	for _, sum := range sums {
		_, _ = digest.Write(sum[:]) // a hash does not fail
	}
	return hex.EncodeToString(digest.Sum(nil)) + "-" + strconv.Itoa(len(sums))
}

// down downloads the objects of the bucket to a directory.
func (f *fleet) down(root string) error {
	made := "" // the folder of the last object
	for list := (lister{client: f.client}); ; {
		entries, err := list.next()
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			key, etag := string(e.key), string(e.etag)
			path := filepath.Join(root, filepath.FromSlash(key))
			if folder := filepath.Dir(path); folder != made {
				if err := os.MkdirAll(folder, 0o755); err != nil {
					return err
				}
				made = folder
			}
			if e.size > madeup.PartSize {
				err = f.downParts(path, key, etag, e.size)
			} else {
				err = f.add(func(w *worker) error { return f.downOne(path, key, etag, w.buffer(e.size)) })
			}
			if err != nil {
				return err
			}
		}
	}
}

// downOne downloads a whole object.
func (f *fleet) downOne(path, key, etag string, buf []byte) error {
	sum, err := f.fetch(key, "", buf)
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum[:]); got != etag {
		return fmt.Errorf("%s: the MD5 %s is not the ETag %s", key, got, etag)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".floor-")
	if err != nil {
		return err
	}
	_, err = file.Write(buf)
	return errors.Join(err, publish(file, path))
}

// publish closes a temporary file, sets its time and gives it its name.
func publish(file *os.File, path string) error {
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Chtimes(file.Name(), madeup.ModTime(), madeup.ModTime()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// fetch reads bytes of an object into buf and returns their MD5.
func (f *fleet) fetch(key, byteRange string, buf []byte) ([md5.Size]byte, error) {
	a, _, err := f.client.do(http.MethodGet, key, "", byteRange, nil)
	if err != nil {
		return [md5.Size]byte{}, err
	}
	_, err = io.ReadFull(a.body, buf)
	return md5.Sum(buf), errors.Join(err, a.body.Close())
}

// downParts downloads an object in parts. The worker that writes the last one gives
// the file its name.
func (f *fleet) downParts(path, key, etag string, size int64) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".floor-")
	if err != nil {
		return err
	}
	n := int((size + madeup.PartSize - 1) / madeup.PartSize)
	sums := make([][md5.Size]byte, n)
	var mu sync.Mutex
	left := n
	for i := range n {
		err := f.add(func(w *worker) error {
			off := int64(i) * madeup.PartSize
			buf := w.buffer(min(madeup.PartSize, size-off))
			sum, err := f.fetch(key, fmt.Sprintf("bytes=%d-%d", off, off+int64(len(buf))-1), buf)
			if err != nil {
				return err
			}
			if _, err := file.WriteAt(buf, off); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			sums[i] = sum
			if left--; left > 0 {
				return nil
			}
			if got := etagOfParts(sums); got != etag {
				return fmt.Errorf("%s: the digest %s is not the ETag %s", key, got, etag)
			}
			return publish(file, path)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
