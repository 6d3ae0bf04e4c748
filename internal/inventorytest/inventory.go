// Package inventorytest writes S3 Inventories for tests, as S3 writes them: a manifest, its
// checksum, and files in CSV or Parquet.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
package inventorytest

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"s3sync/storage"
)

// Options say what is written.
type Options struct {
	// Bucket is the bucket that the inventory is of. Its keys are Prefix and the key of an
	// object.
	Bucket, Prefix string
	// Folder is where the files are: without a slash at its end.
	Folder string
	// Parquet writes Parquet instead of CSV.
	Parquet bool
	// Versions adds the fields of versions.
	Versions bool
	// PerFile is how many objects a file has; 0 is all.
	PerFile int
	// Class, if set, returns the storage class of an object; nil is STANDARD.
	Class func(storage.Object) string
}

// Manifest returns the key of the manifest.
func (o Options) Manifest() string { return o.Folder + "/2026-01-31T01-00Z/manifest.json" }

// Fields of the rows in CSV.
func (o Options) schema() string {
	if o.Parquet {
		versions := ""
		if o.Versions {
			versions = "  optional binary version_id (STRING);\n  optional boolean is_latest;\n  optional boolean is_delete_marker;\n"
		}
		return "message s3.inventory {\n  required binary bucket (STRING);\n  required binary key (STRING);\n" + versions +
			"  optional int64 size;\n  optional int64 last_modified_date (TIMESTAMP(MILLIS,true));\n  optional binary e_tag (STRING);\n" +
			"  optional binary storage_class (STRING);\n}\n"
	}
	if o.Versions {
		return "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"
	}
	return "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass"
}

type file struct {
	Key         string `json:"key"`
	Size        int    `json:"size"`
	MD5checksum string `json:"MD5checksum"`
}

// Write returns the files of an inventory by their keys. Objects come in any order. It
// takes memory for all files. VersionID, Latest and DeleteMarker count if Options.Versions
// is set.
func Write(objects iter.Seq[storage.Object], o Options) (map[string][]byte, error) {
	files := map[string][]byte{}
	named := []file{}
	var some []storage.Object
	flush := func() error {
		if len(some) == 0 {
			return nil
		}
		data, err := o.file(some)
		if err != nil {
			return err
		}
		suffix := "csv.gz"
		if o.Parquet {
			suffix = "parquet"
		}
		key := fmt.Sprintf("%s/data/%04d.%s", o.Folder, len(named), suffix)
		files[key] = data
		named = append(named, file{key, len(data), sum(data)})
		some = some[:0]
		return nil
	}
	for object := range objects {
		if some = append(some, object); len(some) == o.PerFile {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	format := "CSV"
	if o.Parquet {
		format = "Parquet"
	}
	manifest, err := json.Marshal(map[string]any{
		"sourceBucket": o.Bucket, "destinationBucket": "arn:aws:s3:::inventories", "version": "2016-11-30",
		"creationTimestamp": "1769821200000", "fileFormat": format, "fileSchema": o.schema(), "files": named,
	})
	if err != nil {
		return nil, err
	}
	files[o.Manifest()] = manifest
	files[strings.TrimSuffix(o.Manifest(), "manifest.json")+"manifest.checksum"] = []byte(sum(manifest))
	return files, nil
}

func sum(data []byte) string {
	digest := md5.Sum(data)
	return hex.EncodeToString(digest[:])
}

func (o Options) class(object storage.Object) string {
	if o.Class == nil {
		return "STANDARD"
	}
	return o.Class(object)
}

func (o Options) file(objects []storage.Object) ([]byte, error) {
	var b bytes.Buffer
	var err error
	switch {
	case !o.Parquet:
		err = o.csv(&b, objects)
	case o.Versions:
		rows := make([]versionRow, len(objects))
		for i, object := range objects {
			rows[i] = versionRow{row: o.row(object), VersionID: &object.VersionID, Latest: &object.Latest, Marker: &object.DeleteMarker}
			if object.DeleteMarker {
				rows[i].Size = nil
			}
		}
		err = parquet.Write(&b, rows, parquet.Compression(&parquet.Snappy))
	default:
		rows := make([]row, len(objects))
		for i, object := range objects {
			rows[i] = o.row(object)
		}
		err = parquet.Write(&b, rows, parquet.Compression(&parquet.Snappy))
	}
	return b.Bytes(), err
}

func (o Options) csv(b *bytes.Buffer, objects []storage.Object) error {
	z := gzip.NewWriter(b)
	w := csv.NewWriter(z)
	for _, object := range objects {
		row := []string{o.Bucket, url.QueryEscape(o.Prefix + object.Key)}
		if o.Versions {
			row = append(row, object.VersionID, strconv.FormatBool(object.Latest), strconv.FormatBool(object.DeleteMarker))
		}
		size := strconv.FormatInt(object.Size, 10)
		if object.DeleteMarker {
			size = ""
		}
		row = append(row, size, object.ModTime.UTC().Format("2006-01-02T15:04:05.000Z"), object.ETag, o.class(object))
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return z.Close()
}

// A row is one of Parquet, with the encodings that S3 uses.
type row struct {
	Bucket   string     `parquet:"bucket,dict"`
	Key      string     `parquet:"key,plain"`
	Size     *int64     `parquet:"size,plain,optional"`
	Modified *time.Time `parquet:"last_modified_date,plain,optional,timestamp(millisecond)"`
	ETag     *string    `parquet:"e_tag,plain,optional"`
	Class    *string    `parquet:"storage_class,dict,optional"`
}

type versionRow struct {
	row

	VersionID *string `parquet:"version_id,plain,optional"`
	Latest    *bool   `parquet:"is_latest,optional"`
	Marker    *bool   `parquet:"is_delete_marker,optional"`
}

func (o Options) row(object storage.Object) row {
	class := o.class(object)
	return row{o.Bucket, o.Prefix + object.Key, &object.Size, &object.ModTime, &object.ETag, &class}
}
