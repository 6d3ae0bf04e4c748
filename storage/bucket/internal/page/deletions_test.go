package page_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/page"
)

const (
	deletionsHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`
	deletionsTail = `</DeleteResult>`
	gone          = `<Deleted><Key>a</Key><VersionId>v</VersionId><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>m</DeleteMarkerVersionId></Deleted>`
	kept          = `<Error><Key>b&lt;&amp;&#xD;</Key><VersionId>v</VersionId><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`
)

// deletions are answers to DeleteObjects, most of them strange.
var deletions = map[string]struct {
	doc     string
	scanned bool
	want    []page.Deletion // nil: it is no such answer
}{
	"nothing":          {doc: ""},
	"another document": {doc: "<html><body>Log in</body></html>"},
	"an error":         {doc: "<Error><Key>a</Key><Code>InternalError</Code></Error>"},
	"a listing":        {doc: head + tail},
	"text before":      {doc: "x" + deletionsHead + gone + deletionsTail},
	"cut off":          {doc: deletionsHead + gone + "<Deleted><Key>c</Key>"},
	"no end":           {doc: deletionsHead + gone},
	"wrong end":        {doc: deletionsHead + gone + "</Deleted>"},
	"no keys":          {doc: deletionsHead + deletionsTail, scanned: true, want: []page.Deletion{}},
	"empty root":       {doc: "<DeleteResult/>", want: []page.Deletion{}},
	"both": {doc: deletionsHead + kept + gone + deletionsTail, scanned: true, want: []page.Deletion{
		{Key: "a"}, {Key: "b<&\r", Refused: true, Code: "AccessDenied", Message: "Access Denied"},
	}},
	"blanks before":    {doc: " \n\n" + deletionsHead + gone + deletionsTail, scanned: true, want: []page.Deletion{{Key: "a"}}},
	"indented":         {doc: strings.ReplaceAll(deletionsHead+gone+deletionsTail, "><", ">\n <"), scanned: true, want: []page.Deletion{{Key: "a"}}},
	"no key":           {doc: deletionsHead + "<Deleted/><Error></Error>" + deletionsTail, scanned: true, want: []page.Deletion{{}, {Refused: true}}},
	"unknown elements": {doc: deletionsHead + "<A><Key>x</Key></A><Deleted><B/><Key>a</Key></Deleted>" + deletionsTail, scanned: true, want: []page.Deletion{{Key: "a"}}},
	"key twice":        {doc: deletionsHead + "<Deleted><Key>x</Key><Key>a</Key></Deleted>" + deletionsTail, scanned: true, want: []page.Deletion{{Key: "a"}}},
	"other case":       {doc: deletionsHead + "<Deleted><KEY>a</KEY></Deleted>" + deletionsTail, want: []page.Deletion{{Key: "a"}}},
	"CDATA":            {doc: deletionsHead + "<Deleted><Key><![CDATA[<a>]]></Key></Deleted>" + deletionsTail, want: []page.Deletion{{Key: "<a>"}}},
	"key in pieces":    {doc: deletionsHead + "<Deleted><Key>a<!-- x -->b</Key></Deleted>" + deletionsTail},
	"key is element":   {doc: deletionsHead + "<Deleted><Key><a/></Key></Deleted>" + deletionsTail},
	"marker is none":   {doc: deletionsHead + "<Deleted><Key>a</Key><DeleteMarker>x</DeleteMarker></Deleted>" + deletionsTail},
	"raw control":      {doc: deletionsHead + "<Deleted><Key>\x01</Key></Deleted>" + deletionsTail},
	"no UTF-8":         {doc: deletionsHead + "<Deleted><Key>\xff</Key></Deleted>" + deletionsTail},
	"unicode":          {doc: deletionsHead + "<Deleted><Key>日é&#233;</Key></Deleted>" + deletionsTail, want: []page.Deletion{{Key: "日éé"}}},
}

// checkDeletions fails if the parser, encoding/xml and the SDK do not read an answer in the
// same way.
func checkDeletions(t *testing.T, doc []byte) (got []page.Deletion, scanned bool) {
	t.Helper()
	var p page.Parser
	got, err := p.Deletions(bytes.NewReader(doc), int64(len(doc)))
	if _, ok := errors.AsType[*failure.Error](err); err != nil && (!ok || !errors.Is(err, storage.ErrTransient)) {
		t.Errorf("the error is %T: %v", err, err)
	}
	same := func(name string, want []page.Deletion, wantErr error) {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); (err == nil) != (wantErr == nil) || diff != "" {
			t.Errorf("parsed: %v, %s: %v\n%s", err, name, wantErr, diff)
		}
	}
	want, wantErr := page.DecodedDeletions(doc)
	same("decoded", want, wantErr)
	want, wantErr = deletionsBySDK(doc)
	same("the SDK", want, wantErr)
	if scanned = page.ScannedDeletions(doc); scanned {
		want, wantErr = unmarshalled(doc)
		same("unmarshalled", want, wantErr)
	}
	return got, scanned
}

// unmarshalled is what encoding/xml makes of an answer. It takes more for one.
func unmarshalled(doc []byte) ([]page.Deletion, error) {
	var says struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Deleted []struct{ Key string }
		Error   []struct{ Key, Code, Message string }
	}
	if err := xml.NewDecoder(bytes.NewReader(doc)).Decode(&says); err != nil {
		return nil, err
	}
	var all []page.Deletion
	for _, d := range says.Deleted {
		all = append(all, page.Deletion{Key: d.Key})
	}
	for _, e := range says.Error {
		all = append(all, page.Deletion{Key: e.Key, Refused: true, Code: e.Code, Message: e.Message})
	}
	return all, nil
}

func deletionsBySDK(doc []byte) ([]page.Deletion, error) {
	if !hasRoot(doc, "DeleteResult") {
		return nil, errNoListing
	}
	out, err := answering(doc).DeleteObjects(context.Background(), &s3.DeleteObjectsInput{
		Bucket: aws.String("bucket"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("k")}}},
	})
	if err != nil {
		return nil, err
	}
	var all []page.Deletion
	for _, d := range out.Deleted {
		all = append(all, page.Deletion{Key: aws.ToString(d.Key)})
	}
	for _, e := range out.Errors {
		all = append(all, page.Deletion{Key: aws.ToString(e.Key), Refused: true, Code: aws.ToString(e.Code), Message: aws.ToString(e.Message)})
	}
	return all, nil
}

func TestDeletions(t *testing.T) {
	for name, tt := range deletions {
		t.Run(name, func(t *testing.T) {
			got, scanned := checkDeletions(t, []byte(tt.doc))
			if diff := cmp.Diff(tt.want, got); diff != "" || scanned != tt.scanned {
				t.Errorf("understood by the scanner: %t, want %t\n%s", scanned, tt.scanned, diff)
			}
		})
	}
}

// FuzzDeletions: whatever an answer is, the scanner, encoding/xml and the SDK agree.
func FuzzDeletions(f *testing.F) {
	for _, tt := range deletions {
		f.Add([]byte(tt.doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) { checkDeletions(t, doc) })
}

// manyDeletions is an answer about n keys.
func manyDeletions(n int) []byte {
	var b strings.Builder
	b.WriteString(deletionsHead)
	for i := range n {
		fmt.Fprintf(&b, "<Deleted><Key>some/prefix/of a tree/%06d/object-%x.bin</Key></Deleted>", i, i*7919)
	}
	return []byte(b.String() + deletionsTail)
}

// BenchmarkDeletions is the cost of one key of an answer about 1,000.
func BenchmarkDeletions(b *testing.B) {
	doc := manyDeletions(1000)
	var p page.Parser
	r := bytes.NewReader(nil)
	for name, parse := range map[string]func() ([]page.Deletion, error){
		"parsed":       func() ([]page.Deletion, error) { r.Reset(doc); return p.Deletions(r, int64(len(doc))) },
		"unmarshalled": func() ([]page.Deletion, error) { return unmarshalled(doc) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := parse(); len(got) != 1000 || err != nil {
					b.Fatal(len(got), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
		})
	}
}
