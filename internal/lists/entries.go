package lists

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"s3sync/internal/parquet"
)

// An entry is one row of an inventory. It is valid until the next one.
type entry struct {
	key            []byte
	size           int64     // -1: not given
	modified       time.Time // zero: not given
	etag, class    []byte
	latest, marker bool
}

// readCSV calls each for every row of a compressed file of CSV. Keys are encoded as in
// URLs.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html#storage-inventory-contents
func readCSV(r io.Reader, c columns, each func(*entry) error) error {
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<16))
	if errors.Is(err, io.EOF) {
		return nil // an empty file
	}
	if err != nil {
		return err
	}
	rows := csv.NewReader(bufio.NewReaderSize(unzipped, 1<<16))
	rows.ReuseRecord = true
	rows.FieldsPerRecord = c.count
	var e entry
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = e.setCSV(row, c)
		}
		if err == nil {
			err = each(&e)
		}
		if err != nil {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (e *entry) setCSV(row []string, c columns) error {
	text := func(field int) string {
		if at := c.at[field]; at >= 0 {
			return row[at]
		}
		return ""
	}
	key, err := url.QueryUnescape(text(fieldKey))
	if err != nil {
		return fmt.Errorf("the key %q is not encoded as in a URL", text(fieldKey))
	}
	*e = entry{key: append(e.key[:0], key...), etag: []byte(text(fieldETag)), class: []byte(text(fieldClass)), size: -1, latest: true}
	if s := text(fieldSize); s != "" {
		if e.size, err = strconv.ParseInt(s, 10, 64); err != nil || e.size < 0 {
			return fmt.Errorf("the size %q of the key %q is not one", s, key)
		}
	}
	if s := text(fieldModified); s != "" {
		if e.modified, err = time.Parse(time.RFC3339, s); err != nil {
			return fmt.Errorf("the time %q of the key %q is not one", s, key)
		}
	}
	if s := text(fieldLatest); s != "" {
		if e.latest, err = strconv.ParseBool(s); err != nil {
			return fmt.Errorf("IsLatest of the key %q is %q", key, s)
		}
	}
	if s := text(fieldMarker); s != "" {
		if e.marker, err = strconv.ParseBool(s); err != nil {
			return fmt.Errorf("IsDeleteMarker of the key %q is %q", key, s)
		}
	}
	return nil
}

// readParquet calls each for every row of a Parquet file. Keys are not encoded.
func readParquet(r io.ReaderAt, size int64, c columns, each func(*entry) error) error {
	f, err := parquet.Open(r, size)
	if err != nil {
		return err
	}
	var names []string
	at := make([]int, fieldCount)
	for field, name := range c.names {
		at[field] = -1
		if field == fieldVersion || field > fieldModified && !f.Has(name) {
			continue
		}
		at[field] = len(names)
		names = append(names, name)
	}
	if c.at[fieldLatest] >= 0 && at[fieldLatest] < 0 || c.at[fieldMarker] >= 0 && at[fieldMarker] < 0 {
		return errors.New("it lacks columns that the manifest names")
	}
	var e entry
	n := 0
	return f.Rows(names, func(row []parquet.Value) error {
		n++
		value := func(field int) parquet.Value {
			if at[field] < 0 {
				return parquet.Value{Null: true}
			}
			return row[at[field]]
		}
		key, etag, class := value(fieldKey), value(fieldETag), value(fieldClass)
		e = entry{key: key.Text, etag: etag.Text, class: class.Text, size: -1, latest: true}
		if key.Null {
			return fmt.Errorf("row %d has no key", n)
		}
		if v := value(fieldSize); !v.Null {
			e.size = v.Int
		}
		if v := value(fieldModified); !v.Null {
			e.modified = v.Time()
		}
		if v := value(fieldLatest); !v.Null {
			e.latest = v.Int != 0
		}
		if v := value(fieldMarker); !v.Null {
			e.marker = v.Int != 0
		}
		if err := each(&e); err != nil {
			return fmt.Errorf("row %d: %w", n, err)
		}
		return nil
	})
}
