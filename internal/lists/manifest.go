package lists

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"s3sync/storage"
)

// ErrInventory is in the errors about an inventory that cannot be used whatever is tried
// again. They are about what the user named.
var ErrInventory = errors.New("the inventory cannot be used")

func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInventory, fmt.Errorf(format, args...))
}

// maxManifest bounds a manifest. One of ten thousand files has 2 MiB.
const maxManifest = 64 << 20

// Formats of the files of an inventory.
const (
	formatCSV     = "CSV"
	formatParquet = "Parquet"
)

// A manifest is the manifest.json of an S3 Inventory.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
type manifest struct {
	SourceBucket      string      `json:"sourceBucket"`
	Version           string      `json:"version"`
	CreationTimestamp string      `json:"creationTimestamp"` // milliseconds
	FileFormat        string      `json:"fileFormat"`
	FileSchema        string      `json:"fileSchema"`
	Files             *[]dataFile `json:"files"`

	// columns are where the fields of an entry are in a row of CSV, or their names in
	// Parquet.
	columns columns
}

type dataFile struct {
	Key         string `json:"key"`
	Size        int64  `json:"size"`
	MD5checksum string `json:"MD5checksum"`
}

// parseManifest parses and checks a manifest. bucket is that of the listed side; empty if
// its name is not known.
func parseManifest(data []byte, bucket string) (*manifest, error) {
	m := new(manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, unusable("the manifest is not JSON: %w", err)
	}
	switch {
	case strings.EqualFold(m.FileFormat, "ORC"):
		return nil, unusable("it is in the format ORC; CSV and Parquet can be read")
	case m.FileFormat == "" || m.Files == nil:
		return nil, unusable("the manifest is not that of an inventory: it needs fileFormat, fileSchema and files")
	case m.FileFormat != formatCSV && m.FileFormat != formatParquet:
		return nil, unusable("it is in the format %q; CSV and Parquet can be read", m.FileFormat)
	case bucket != "" && m.SourceBucket != bucket:
		return nil, unusable("it is that of the bucket %q, not of %q", m.SourceBucket, bucket)
	}
	for _, f := range *m.Files {
		if sum, err := hex.DecodeString(f.MD5checksum); err != nil || len(sum) != md5.Size || f.Key == "" || f.Size < 0 {
			return nil, unusable("the manifest has a file without a key, a size or an MD5checksum: %q", f.Key)
		}
	}
	var err error
	m.columns, err = columnsOf(m.FileFormat, m.FileSchema)
	return m, err
}

// created returns when the inventory was begun; zero if the manifest does not say so.
func (m *manifest) created() time.Time {
	ms, err := strconv.ParseInt(m.CreationTimestamp, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// columns are the positions of fields in the rows of CSV, or -1, and their names in
// Parquet.
type columns struct {
	names []string // as the format spells them, of all fields below
	at    []int
	count int // of all columns
}

// Fields of an entry, as indexes into columns.
const (
	fieldKey = iota
	fieldSize
	fieldModified
	fieldETag
	fieldClass
	fieldLatest
	fieldMarker
	fieldVersion
	fieldCount
)

// columnsOf finds the fields in a schema. Those without which nothing can be compared must
// be there.
func columnsOf(format, schema string) (columns, error) {
	names := []string{"Key", "Size", "LastModifiedDate", "ETag", "StorageClass", "IsLatest", "IsDeleteMarker", "VersionId"}
	c := columns{names: names, at: make([]int, fieldCount)}
	var has []string
	if format == formatParquet {
		c.names = []string{"key", "size", "last_modified_date", "e_tag", "storage_class", "is_latest", "is_delete_marker", "version_id"}
		has = words(schema)
	} else {
		for name := range strings.SplitSeq(schema, ",") {
			has = append(has, strings.TrimSpace(name))
		}
	}
	c.count = len(has)
	var missing []string
	for i, name := range c.names {
		c.at[i] = slices.Index(has, name)
		if c.at[i] < 0 && i <= fieldModified {
			missing = append(missing, names[i])
		}
	}
	switch {
	case len(missing) > 0:
		return c, unusable("it lacks the fields %s, which its configuration must include", strings.Join(missing, " and "))
	case c.at[fieldVersion] >= 0 && (c.at[fieldLatest] < 0 || c.at[fieldMarker] < 0):
		return c, unusable("it has all versions of objects, but not the fields IsLatest and IsDeleteMarker")
	}
	return c, nil
}

// words returns the names in the schema of a Parquet file.
func words(schema string) []string {
	return strings.FieldsFunc(schema, func(r rune) bool { return strings.ContainsRune(" \t\n\r;{}()", r) })
}

// bucket returns the bucket that the inventory must be of; empty if its name is not known,
// because it is reached by another one.
func (i *Inventory) bucket() string {
	if i.place.Alias {
		return ""
	}
	return i.place.Container
}

// readManifest reads the manifest of an inventory, and compares it with the digest that is
// beside it.
func (i *Inventory) readManifest(ctx context.Context) (*manifest, error) {
	data, err := i.readSmall(ctx, i.opts.Manifest, maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(data, i.bucket())
	if err != nil {
		return nil, err
	}
	sum, err := i.readSmall(ctx, path.Join(path.Dir(i.opts.Manifest), "manifest.checksum"), 1024)
	if err != nil {
		if ctx.Err() != nil || storage.Retryable(err) {
			return nil, err
		}
		return m, nil // not every server writes one, and the files have digests of their own
	}
	if want := hex.EncodeToString(md5sum(data)); strings.TrimSpace(strings.ToLower(string(sum))) != want {
		return nil, fmt.Errorf("%s does not have the MD5 that manifest.checksum says: it is damaged, or being written", i.opts.Name)
	}
	return m, nil
}

func md5sum(data []byte) []byte {
	sum := md5.Sum(data)
	return sum[:]
}
