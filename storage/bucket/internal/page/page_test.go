package page_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/page"
)

const (
	head     = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix>`
	tail     = `<IsTruncated>false</IsTruncated></ListBucketResult>`
	urlKeys  = `<EncodingType>url</EncodingType>`
	contents = `<Contents><Key>a</Key><LastModified>2020-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag>` +
		`<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>`
	versionsHead = `<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>`
	versionsTail = `<IsTruncated>false</IsTruncated></ListVersionsResult>`
	version      = `<Version><Key>a</Key><VersionId>1</VersionId><IsLatest>true</IsLatest><LastModified>2020-01-02T03:04:05.678Z</LastModified>` +
		`<ETag>&quot;e&quot;</ETag><Size>7</Size><StorageClass>GLACIER</StorageClass><Owner><ID>x</ID></Owner></Version>`
	marker = `<DeleteMarker><Key>a</Key><VersionId>2</VersionId><IsLatest>false</IsLatest><LastModified>2020-01-02T03:04:05Z</LastModified></DeleteMarker>`
)

// with returns contents with one text in place of another.
func with(old, text string) string { return strings.Replace(contents, old, text, 1) }

// documents are listings, most of them strange, that the scanner and the decoder must
// read in the same way. scanned: the scanner understands it.
var documents = map[string]struct {
	doc      string
	versions bool
	scanned  bool
}{
	"nothing":              {doc: ""},
	"text":                 {doc: "hello"},
	"text before":          {doc: "x" + head + contents + tail},
	"byte order mark":      {doc: "\ufeff" + head + contents + tail},
	"another document":     {doc: "<html><body>Log in</body></html>"},
	"an error":             {doc: "<Error><Code>InternalError</Code></Error>"},
	"empty root":           {doc: "<ListBucketResult/>"},
	"versions asked":       {doc: head + tail, versions: true},
	"objects asked":        {doc: versionsHead + versionsTail},
	"no entries":           {doc: head + tail, scanned: true},
	"one":                  {doc: head + contents + tail, scanned: true},
	"blanks before":        {doc: " \r\n\t " + head + contents + tail, scanned: true},
	"text behind":          {doc: head + contents + tail + "<", scanned: true},
	"cut off":              {doc: (head + contents + tail)[:300]},
	"no end":               {doc: strings.TrimSuffix(head+contents+tail, "</ListBucketResult>")},
	"indented":             {doc: strings.ReplaceAll(head+contents+tail, "><", ">\n\t <"), scanned: true},
	"indented, CRLF":       {doc: strings.ReplaceAll(head+contents+tail, "><", ">\r\n<")},
	"text between":         {doc: head + "x" + contents + "y&amp;" + tail, scanned: true},
	"no truncated":         {doc: head + contents + "</ListBucketResult>", scanned: true},
	"truncated twice":      {doc: head + "<IsTruncated>true</IsTruncated>" + tail, scanned: true},
	"truncated 1":          {doc: head + "<IsTruncated>1</IsTruncated></ListBucketResult>", scanned: true},
	"truncated yes":        {doc: head + "<IsTruncated>yes</IsTruncated></ListBucketResult>"},
	"truncated empty":      {doc: head + "<IsTruncated/></ListBucketResult>"},
	"truncated blank":      {doc: head + "<IsTruncated> true</IsTruncated></ListBucketResult>"},
	"token":                {doc: head + "<NextContinuationToken>a&amp;+%41</NextContinuationToken>" + urlKeys + tail, scanned: true},
	"encoding behind":      {doc: head + with(">a<", ">a+%2B%c3%A9<") + urlKeys + tail, scanned: true},
	"encoding before":      {doc: head + urlKeys + with(">a<", ">%01<") + tail, scanned: true},
	"encoding twice":       {doc: head + urlKeys + with(">a<", ">%zz<") + "<EncodingType>x</EncodingType>" + tail, scanned: true},
	"encoding wrong":       {doc: head + urlKeys + with(">a<", ">%zz<") + tail, scanned: true},
	"encoding cut":         {doc: head + urlKeys + with(">a<", ">%4<") + tail, scanned: true},
	"encoding in capitals": {doc: head + "<EncodingType>URL</EncodingType>" + with(">a<", ">%zz<") + tail, scanned: true},
	"other case":           {doc: head + strings.ReplaceAll(contents, "Key", "kEY") + tail},
	"long s":               {doc: head + strings.ReplaceAll(contents, "Size", "\u017fize") + tail},
	"Kelvin":               {doc: head + strings.ReplaceAll(contents, "Key", "\u212aey") + tail},
	"unknown element":      {doc: head + with("<Size>", "<New><A>x</A>y<B/></New><Size>") + "<New/>" + tail, scanned: true},
	"unknown, deep":        {doc: head + strings.Repeat("<a>", 50) + strings.Repeat("</a>", 50) + contents + tail},
	"unknown, wrong text":  {doc: head + "<New>&x;</New>" + tail},
	"unknown, not closed":  {doc: head + "<New><A></New>" + tail},
	"unknown attribute":    {doc: head + "<New a='1'/>" + tail},
	"digits in a name":     {doc: head + "<New1/>" + tail},
	"attribute":            {doc: head + with("<Key>", "<Key a='1'>") + tail},
	"prefixes of names":    {doc: strings.ReplaceAll(strings.ReplaceAll("<ListBucketResult xmlns:s='u'>"+contents+tail, "<Key", "<s:Key"), "</Key", "</s:Key")},
	"root with a prefix":   {doc: strings.ReplaceAll("<ListBucketResult>"+contents+tail, "ListBucketResult", "s:ListBucketResult")},
	"wrong end tag":        {doc: head + with("</Key>", "</Kez>") + tail},
	"blank in end tag":     {doc: head + with("</Key>", "</Key >") + tail},
	"blank in start tag":   {doc: head + with("<Key>", "<Key >") + tail},
	"key twice":            {doc: head + with("</Key>", "</Key><Key>b</Key>") + tail, scanned: true},
	"key in pieces":        {doc: head + with(">a<", ">a<!-- x -->b<") + tail},
	"CDATA":                {doc: head + with(">a<", "><![CDATA[a<b]]><") + tail},
	"text and CDATA":       {doc: head + with(">a<", ">a<![CDATA[b]]><") + tail},
	"comment":              {doc: head + "<!-- x -->" + contents + tail},
	"instruction":          {doc: head + "<?x y?>" + contents + tail},
	"directive":            {doc: "<!DOCTYPE x>" + head + contents + tail},
	"version of XML":       {doc: strings.Replace(head+tail, "1.0", "1.1", 1)},
	"Latin-1":              {doc: strings.Replace(head+tail, "UTF-8", "ISO-8859-1", 1)},
	"quotes of XML":        {doc: strings.Replace(head+tail, `version="1.0" encoding="UTF-8"`, `version='1.0' encoding='utf-8'`, 1), scanned: true},
	"key is element":       {doc: head + with(">a<", "><b/><") + tail},
	"key is empty":         {doc: head + with(">a<", "><") + tail, scanned: true},
	"no key":               {doc: head + with("<Key>a</Key>", "<Key/>") + tail, scanned: true},
	"blanks are key":       {doc: head + with(">a<", "> a <") + tail, scanned: true},
	"line end in key":      {doc: head + with(">a<", ">a\r\nb\rc<") + tail},
	"new line in key":      {doc: head + with(">a<", ">a\nb\t<") + tail, scanned: true},
	"references":           {doc: head + with(">a<", ">&lt;&amp;&gt;&quot;&apos;&#34;&#39;&#x9;&#xA;&#xD;<") + tail, scanned: true},
	"other references":     {doc: head + with(">a<", ">&#233;&#x1F600;&#0000065;&#xd800;<") + tail},
	"control character":    {doc: head + with(">a<", ">&#1;<") + tail},
	"raw control":          {doc: head + with(">a<", ">\x01<") + tail},
	"unknown reference":    {doc: head + with(">a<", ">&nbsp;<") + tail},
	"open reference":       {doc: head + with(">a<", ">&amp<") + tail},
	"unicode":              {doc: head + with(">a<", ">日é\U0010FFFF\ufffd<") + tail, scanned: true},
	"unicode, reference":   {doc: head + with(">a<", ">é&amp;日<") + tail, scanned: true},
	"no UTF-8":             {doc: head + with(">a<", ">\xff<") + tail},
	"reference in UTF-8":   {doc: head + with(">a<", ">\xc3&amp;\xa9<") + tail},
	"no character":         {doc: head + with(">a<", ">\uffff<") + tail},
	"end of CDATA":         {doc: head + with(">a<", ">]]><") + tail},
	"] and reference":      {doc: head + with(">a<", ">]]&gt;<") + tail, scanned: true},
	"greater than":         {doc: head + with(">a<", ">a>b<") + tail},
	"no size":              {doc: head + with("<Size>7</Size>", "") + tail, scanned: true},
	"negative size":        {doc: head + with(">7<", ">-7<") + tail, scanned: true},
	"size with sign":       {doc: head + with(">7<", ">+7<") + tail, scanned: true},
	"size with zeros":      {doc: head + with(">7<", ">007<") + tail, scanned: true},
	"largest size":         {doc: head + with(">7<", ">9223372036854775807<") + tail, scanned: true},
	"size too large":       {doc: head + with(">7<", ">9223372036854775808<") + tail},
	"size is blank":        {doc: head + with(">7<", "> 7<") + tail},
	"size is empty":        {doc: head + with(">7<", "><") + tail},
	"number is none":       {doc: head + "<KeyCount>x</KeyCount>" + tail},
	"no time":              {doc: head + with("LastModified>2", "X>2") + tail},
	"time without zone":    {doc: head + with("678Z", "678") + tail, scanned: true},
	"time with zone":       {doc: head + with("678Z", "678+02:30") + tail, scanned: true},
	"time without seconds": {doc: head + with(":05.678Z", "Z") + tail},
	"time with comma":      {doc: head + with(".678", ",678") + tail, scanned: true},
	"endless ETag":         {doc: head + with(";e&", ";"+strings.Repeat("f", 300)+"&") + tail, scanned: true},
	"ETag of quotes":       {doc: head + with(";e&", ";&quot;&") + tail, scanned: true},
	"no ETag":              {doc: head + with("<ETag>&quot;e&quot;</ETag>", "") + tail, scanned: true},
	"entry in an entry":    {doc: head + with("<Size>", contents+"<Size>") + tail, scanned: true},
	"prefixes": {doc: head + urlKeys + "<CommonPrefixes><Prefix>a+b/</Prefix></CommonPrefixes><CommonPrefixes/>" +
		"<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>" + tail, scanned: true},
	"archived": {doc: head + strings.Repeat(with("STANDARD", "DEEP_ARCHIVE"), 2) +
		with("STANDARD</StorageClass>", "GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>") +
		with("STANDARD</StorageClass>", "GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2999-01-02T03:04:05Z</RestoreExpiryDate></RestoreStatus>") +
		with("STANDARD</StorageClass>", "GLACIER</StorageClass><RestoreStatus><RestoreExpiryDate>1999-01-02T03:04:05Z</RestoreExpiryDate></RestoreStatus>") +
		with("STANDARD</StorageClass>", "GLACIER</StorageClass><RestoreStatus/>") + tail, scanned: true},
	"restored, wrong":        {doc: head + with("<Size>", "<RestoreStatus><RestoreExpiryDate>x</RestoreExpiryDate></RestoreStatus><Size>") + tail},
	"versions":               {doc: versionsHead + version + marker + version + urlKeys + "<NextKeyMarker>a+b</NextKeyMarker><NextVersionIdMarker>a+b</NextVersionIdMarker>" + versionsTail, versions: true, scanned: true},
	"versions, other name":   {doc: strings.ReplaceAll(versionsHead+version+versionsTail, "ListVersionsResult", "ListBucketVersionsResult"), versions: true, scanned: true},
	"version without ID":     {doc: versionsHead + strings.Replace(version, ">1<", "><", 1) + versionsTail, versions: true, scanned: true},
	"version without latest": {doc: versionsHead + strings.ReplaceAll(version, "IsLatest", "X") + versionsTail, versions: true, scanned: true},
	"version without size":   {doc: versionsHead + strings.ReplaceAll(version, "Size", "X") + versionsTail, versions: true, scanned: true},
	"marker with a size":     {doc: versionsHead + strings.Replace(marker, "<Key>", "<Size>x</Size><ETag><x/></ETag><Key>", 1) + versionsTail, versions: true, scanned: true},
	"marker without latest":  {doc: versionsHead + strings.ReplaceAll(marker, "IsLatest", "X") + versionsTail, versions: true, scanned: true},
}

// realAnswers returns the answers of servers in testdata.
func realAnswers(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	all := make(map[string][]byte)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = data
	}
	return all
}

// check fails if the scanner, the decoder and the SDK do not read a document in the same
// way. It reports whether the scanner understood it.
func check(t *testing.T, doc []byte, versions bool) (scanned bool) {
	t.Helper()
	want, wantErr := page.Decoded(doc, versions)
	got, scanned, err := page.Scanned(doc, versions)
	if scanned && ((err == nil) != (wantErr == nil) || !cmp.Equal(got, want)) {
		t.Errorf("scanned: %v, decoded: %v\n%s", err, wantErr, cmp.Diff(want, got))
	}
	var p page.Parser
	parse := p.Objects
	if versions {
		parse = p.Versions
	}
	got, err = parse(bytes.NewReader(doc), int64(len(doc)))
	if (err == nil) != (wantErr == nil) || !cmp.Equal(got, want) {
		t.Errorf("parsed: %v, decoded: %v\n%s", err, wantErr, cmp.Diff(want, got))
	}
	if _, ok := errors.AsType[*failure.Error](err); err != nil && (!ok || !errors.Is(err, storage.ErrTransient)) {
		t.Errorf("the error is %T: %v", err, err)
	}
	sdk, sdkErr := bySDK(doc, versions)
	slices.SortStableFunc(want.Objects, func(a, b storage.Object) int {
		return strings.Compare(fmt.Sprint(a.DeleteMarker), fmt.Sprint(b.DeleteMarker))
	})
	if sdkErr != nil {
		sdk = page.Page{}
	}
	if (sdkErr == nil) != (wantErr == nil) || !cmp.Equal(sdk, want) {
		t.Errorf("the SDK: %v, decoded: %v\n%s", sdkErr, wantErr, cmp.Diff(sdk, want))
	}
	return scanned
}

// TestDocuments: the scanner understands what servers write, and reads it as the SDK does.
func TestDocuments(t *testing.T) {
	for name, tt := range documents {
		t.Run(name, func(t *testing.T) {
			if scanned := check(t, []byte(tt.doc), tt.versions); scanned != tt.scanned {
				t.Errorf("understood by the scanner: %t, want %t", scanned, tt.scanned)
			}
		})
	}
	for name, doc := range realAnswers(t) {
		t.Run(name, func(t *testing.T) {
			if !check(t, doc, strings.Contains(name, "versions")) {
				t.Error("the scanner does not understand it")
			}
		})
	}
}

// TestPages: what is in a page, as a reader of it expects.
func TestPages(t *testing.T) {
	at := time.Date(2020, 1, 2, 3, 4, 5, 678e6, time.UTC)
	var p page.Parser
	got, err := p.Objects(strings.NewReader(documents["encoding behind"].doc), -1)
	want := page.Page{Objects: []storage.Object{{Key: "a +é", Size: 7, ModTime: at, ETag: "e"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("objects: %v\n%s", err, diff)
	}
	got, err = p.Versions(strings.NewReader(documents["versions"].doc), 1<<40)
	v := storage.Object{Key: "a", Size: 7, ModTime: at, ETag: "e", VersionID: "1", Latest: true, MaybeArchived: true}
	m := storage.Object{Key: "a", ModTime: at.Truncate(time.Second), VersionID: "2", DeleteMarker: true}
	want = page.Page{Objects: []storage.Object{v, m, v}, NextKey: "a b", NextVersionID: "a+b"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("versions: %v\n%s", err, diff)
	}
}

// TestReading: an answer may come in any pieces, of any length, and an error of the
// connection is not one of the document.
func TestReading(t *testing.T) {
	large := head + strings.Repeat(contents, 5000) + tail
	for name, r := range map[string]io.Reader{
		"at once":     strings.NewReader(large),
		"in pieces":   iotest.OneByteReader(strings.NewReader(large)),
		"with an EOF": iotest.DataErrReader(strings.NewReader(large)),
	} {
		var p page.Parser
		for _, hint := range []int64{-1, 0} {
			got, err := p.Objects(r, hint)
			if hint == -1 && (err != nil || len(got.Objects) != 5000) {
				t.Errorf("%s: %d objects, %v", name, len(got.Objects), err)
			}
			if hint == 0 && err == nil {
				t.Errorf("%s: nothing is a listing", name)
			}
		}
	}
	var p page.Parser
	broken := errors.New("broken")
	if _, err := p.Objects(io.MultiReader(strings.NewReader(head+tail), iotest.ErrReader(broken)), -1); !errors.Is(err, broken) {
		t.Errorf("the error of the connection is %v", err)
	}
}

// TestTimes: times are read as package time reads them in the forms that the SDK accepts.
func TestTimes(t *testing.T) {
	parse := func(text string) (time.Time, error) {
		for _, format := range []string{"2006-01-02T15:04:05.999999999Z", "2006-01-02T15:04:05.999999999", time.RFC3339Nano, time.RFC3339} {
			if at, err := time.Parse(format, text); err == nil {
				return at, nil
			}
		}
		return time.Time{}, errNoListing
	}
	same := func(t interface{ Errorf(string, ...any) }, text string) {
		want, wantErr := parse(text)
		got, err := page.ParseTime([]byte(text))
		if !got.Equal(want) || got.String() != want.String() || (err == nil) != (wantErr == nil) {
			t.Errorf("%q: got %v, %v; want %v, %v", text, got, err, want, wantErr)
		}
	}
	for _, text := range []string{
		"2020-02-29T23:59:59Z", "2021-02-29T00:00:00Z", "2020-04-31T00:00:00Z", "2020-00-01T00:00:00Z", "2020-01-00T00:00:00Z",
		"2020-01-01T24:00:00Z", "2020-01-01T00:60:00Z", "2020-01-01T00:00:60Z", "2020-01-01T00:00:00.Z", "2020-01-01T00:00:00.1234567890Z",
		"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2020-01-01T00:00:00.1Z", "2020-01-01 00:00:00Z", "2020-01-01T00:00:0xZ", "Z", "",
	} {
		same(t, text)
	}
	digit := rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.,][0-9]{0,10})?(Z|\+[01][0-9]:[0-5][0-9])?`)
	rapid.Check(t, func(t *rapid.T) { same(t, digit.Draw(t, "time")) })
}

// FuzzDocuments: whatever a document is, the scanner, encoding/xml and the SDK agree.
func FuzzDocuments(f *testing.F) {
	for _, tt := range documents {
		f.Add([]byte(tt.doc), tt.versions)
	}
	for name, doc := range realAnswers(f) {
		f.Add(doc, strings.Contains(name, "versions"))
	}
	f.Fuzz(func(t *testing.T, doc []byte, versions bool) { check(t, doc, versions) })
}

// s3Page is a page as S3 writes it.
func s3Page(n int) []byte {
	var b strings.Builder
	b.WriteString(head + urlKeys)
	for i := range n {
		b.WriteString(with(">a<", fmt.Sprintf(">some/prefix/of+a+tree/%06d/object-%x.bin<", i, i*7919)))
	}
	b.WriteString("<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken><IsTruncated>true</IsTruncated></ListBucketResult>")
	return []byte(strings.ReplaceAll(b.String(), ";e&", ";d41d8cd98f00b204e9800998ecf8427e&"))
}

// TestAllocations: a page takes its objects and one text, whatever it holds.
func TestAllocations(t *testing.T) {
	var p page.Single
	r := bytes.NewReader(nil)
	for _, n := range []int{1, 1000} {
		doc := s3Page(n)
		allocations := testing.AllocsPerRun(100, func() {
			r.Reset(doc)
			if _, err := p.Objects(r, int64(len(doc))); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 2 {
			t.Errorf("%d keys: %v allocations, want 2", n, allocations)
		}
	}
}

// BenchmarkObjects is the cost of one key of a page of 1,000.
func BenchmarkObjects(b *testing.B) {
	doc := s3Page(1000)
	var p page.Parser
	r := bytes.NewReader(nil)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(doc)
		if _, err := p.Objects(r, int64(len(doc))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
}

// BenchmarkDecoded is BenchmarkObjects for encoding/xml.
func BenchmarkDecoded(b *testing.B) {
	doc := s3Page(1000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := page.Decoded(doc, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
}
