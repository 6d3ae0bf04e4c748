package htmlreport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/storage"
)

//go:generate go test -run ^TestPage$ . -update

var update = flag.Bool("update", false, "rewrite the golden pages")

var began = time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)

func transferred(key string, size int64, took time.Duration) *report.Event {
	return &report.Event{Type: report.EventTransferred, Key: key, Source: storage.Object{Key: key, Size: size}, Took: took}
}

func failed(key, why string) *report.Event {
	return &report.Event{Type: report.EventFailed, Key: key, Err: errors.New(why)}
}

// written is the page as text.
func written(t *testing.T, p *Page, end End) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b, end); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, b.String())
	return b.String()
}

// void are the elements of HTML that have no end:
// https://html.spec.whatwg.org/multipage/syntax.html#void-elements.
var void = regexp.MustCompile(`<(meta|br)([^>]*[^/])>`)

// wellFormed reads the page with a strict parser: nothing that a key holds opens or closes
// an element.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(void.ReplaceAllString(page, "<$1$2/>")))
	d.Entity = xml.HTMLEntity
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v in %q", err, open)
		}
		switch e := token.(type) {
		case xml.StartElement:
			open = append(open, e.Name.Local)
			if name := e.Name.Local; name == "script" || name == "link" || name == "img" || name == "iframe" || name == "a" {
				t.Errorf("the page has an element %s", name)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "src" || a.Name.Local == "href" {
					t.Errorf("the page has an attribute %s", a.Name.Local)
				}
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	if strings.Contains(page, "url(") || strings.Contains(page, "@import") || strings.Contains(page, "http://") || strings.Contains(page, "https://") {
		t.Error("the page refers to something else")
	}
	if strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
		t.Error("a value could not be shown")
	}
}

// A run in which everything happened.
func full() (*Page, End) {
	p := New(Options{
		Source: "photos", Target: "s3://bucket/photos/", Version: "s3sync 1.0", Start: began, Delete: true,
		Settings: []Setting{{Name: "--delete", Value: "true"}, {Name: "--target-secret-access-key", Value: "(secret)", From: "S3SYNC_TARGET_SECRET_ACCESS_KEY"}},
	})
	for i := range 40 {
		p.Moment(Moment{
			Elapsed: time.Duration(i+1) * 250 * time.Millisecond, Bytes: int64(i*i) << 16, Objects: int64(i * 3),
			InFlight: min(i, 16), Limit: 16, Parts: i / 8, PartLimit: 32,
		})
	}
	for i := range 120 {
		p.Event(transferred(fmt.Sprintf("2025/%d.jpg", i), int64(i)*97_003, time.Duration(i+1)*time.Millisecond))
	}
	p.Event(transferred("movie.mp4", 3<<30, 9*time.Second))
	p.Event(transferred("empty", 0, 90*time.Microsecond))
	p.Event(&report.Event{Type: report.EventUnverified, Key: "movie.mp4", Cause: report.CauseUnknownParts})
	for i := range 30 {
		p.Event(&report.Event{Type: report.EventSkipped, Key: fmt.Sprintf("2024/%d.jpg", i), Reason: plan.ReasonSame})
	}
	p.Event(&report.Event{Type: report.EventDeleted, Key: "old/a"})
	p.Event(&report.Event{Type: report.EventWarning, Key: "link", Err: errors.New("a link to nothing")})
	p.Event(failed("2025/broken.jpg", "source: read: content does not match its digest"))
	for i := range 100 {
		q := storage.Request{Operation: "PutObject", Status: 200, FirstByte: time.Duration(i) * time.Millisecond}
		if i == 99 {
			q.Status, q.Throttled, q.Again = 503, true, true
		}
		p.Request("target", q)
	}
	p.Request("target", storage.Request{Operation: "ListObjectsV2", Status: 200, FirstByte: time.Millisecond})
	return p, End{
		Code: 1, Meaning: "an error", Failure: `1 object failed, the first of them "2025/broken.jpg"`,
		Report: report.Report{Stats: report.Stats{
			Transferred: 122, ETagVerified: 121, ChecksumVerified: 40, Verified: 121, Unverified: 1, Skipped: 30, Deleted: 0,
			Failed: 1, Warnings: 2, Retries: 1, Elapsed: 10 * time.Second,
		}},
	}
}

func TestPage(t *testing.T) {
	all, end := full()
	quiet := New(Options{Source: "a", Target: "b", Version: "s3sync 1.0", Start: began, DryRun: true})
	quiet.Event(&report.Event{Type: report.EventSkipped, Key: "a"})
	status := New(Options{Source: "a", Target: "b", Version: "s3sync 1.0", Start: began, Status: true})
	for name, tt := range map[string]struct {
		page *Page
		end  End
	}{
		"full":  {all, end},
		"quiet": {quiet, End{Meaning: "done", Report: report.Report{Stats: report.Stats{Skipped: 1}}}},
		"differences": {status, End{Code: 3, Meaning: "done with warnings", Report: report.Report{
			Status: report.StatusCounts{Objects: 12, NotFound: 2, ETag: report.AspectCounts{Matches: 9, Mismatch: 1}},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := written(t, tt.page, tt.end)
			file := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
				t.Errorf("the page changed; if that is meant: make generate\n%s", diff)
			}
		})
	}
}

// Whatever keys, errors and settings hold is shown, and does nothing.
func TestHostilePage(t *testing.T) {
	hostile := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</style></td></table><a href="javascript:x">`,
		"line\nbreak\x00\x1b[31m\x7f", "bad\xff\xfe utf8\xc3", "\u202egnp.exe", "{{.Failure}}", "&lt;b&gt; &amp;", "' onmouseover='x", "]]>", "\u2028",
	}
	p := New(Options{Source: hostile[0], Target: hostile[1], Version: hostile[2], Start: began, Delete: true, Settings: []Setting{{hostile[0], hostile[3], hostile[1]}}})
	for i, key := range hostile {
		p.Event(transferred(key+"/"+key, 1, time.Duration(i+1)))
		p.Event(failed(key, key))
		p.Event(&report.Event{Type: report.EventWarning, Key: key, Err: errors.New(key)})
		p.Request(key, storage.Request{Operation: key})
	}
	page := written(t, p, End{Code: 1, Meaning: hostile[0], Failure: strings.Join(hostile, " ")})
	for _, bad := range []string{"<script", "<img", "\x00", "\x1b", "\xff", "\u202e", "\u2028"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, shown := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", `line\nbreak\x00\x1b[31m\x7f`, `bad\xff\xfe utf8\xc3`, `\u202egnp.exe`, "{{.Failure}}", "&amp;lt;b&amp;gt;"} {
		if !strings.Contains(page, shown) {
			t.Errorf("the page does not show %s", shown)
		}
	}
}

// The page of a large run is as small as that of a small one.
func TestPageIsBounded(t *testing.T) {
	p := New(Options{Start: began})
	long := strings.Repeat("x", 5000)
	for i := range 20_000 {
		p.Event(transferred(fmt.Sprintf("%d%s/a", i, long[:900]), int64(i), time.Duration(i)))
		p.Event(failed(fmt.Sprint(i), long))
		p.Event(&report.Event{Type: report.EventWarning, Key: fmt.Sprint(i), Err: errors.New(long)})
		p.Moment(Moment{Elapsed: time.Duration(i) * time.Second, Bytes: int64(i), Objects: int64(i)})
	}
	if n := len(p.directories); n != mostDirectories {
		t.Errorf("%d directories are remembered, want %d", n, mostDirectories)
	}
	if n := len(p.series.all()); n > mostPoints || n < mostPoints/3 {
		t.Errorf("%d points", n)
	}
	if last := p.series.all()[len(p.series.all())-1]; last.Elapsed != 19_999*time.Second {
		t.Errorf("the last point is at %v", last.Elapsed)
	}
	page := written(t, p, End{Report: report.Report{Stats: report.Stats{Transferred: 20_000, Failed: 20_000, Warnings: 20_000}}})
	if len(page) > 250_000 {
		t.Errorf("%d bytes", len(page))
	}
	for _, want := range []string{"all others", "19,950 more", "19,980 more"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	var sum directory
	top, rest, _ := p.topDirectories()
	for _, d := range append(top, rest) {
		sum.add(&d)
	}
	if sum.transferred != 20_000 || sum.failed != 20_000 {
		t.Errorf("%d transferred and %d failed in all directories", sum.transferred, sum.failed)
	}
}

func TestSizeClass(t *testing.T) {
	for size, want := range map[int64]string{
		-1: "empty", 0: "empty", 1: "<1K", 1023: "<1K", 1024: "<4K", 4095: "<4K", 4096: "<16K", 1 << 20: "<4M", 1<<22 - 1: "<4M", 1 << 30: "<4G", 1 << 50: "≥64G",
	} {
		if got := sizeClassName(sizeClass(size)); got != want {
			t.Errorf("%d: %s, want %s", size, got, want)
		}
	}
}

func TestTimesOfRequests(t *testing.T) {
	var q requests
	for i := range 1000 {
		q.add(storage.Request{Status: 200, FirstByte: time.Duration(i) * time.Millisecond})
	}
	for share, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 0.1: 100 * time.Millisecond} {
		if got := q.within(share); got < want*7/10 || got > want*14/10 {
			t.Errorf("%v within %v, want about %v", share, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	for want, got := range map[string]string{
		"999 B": sizeText(999), "1.00 KiB": sizeText(1024), "12.3 MiB": sizeText(12.3 * (1 << 20)), "0.98 GiB": sizeText(1000 << 20),
		"80 µs": durationText(80 * time.Microsecond), "1.5 s": durationText(1500 * time.Millisecond), "3 min 05 s": durationText(185 * time.Second), "2 h 03 min": durationText(123 * time.Minute),
		"1 retry": count(1, "retry"), "2 retries": count(2, "retry"), "1,000 objects": count(1000, "object"),
		"0 %": percent(0, 0), "< 0.1 %": percent(1, 10_000), "> 99.9 %": percent(9999, 10_000), "50 %": percent(1, 2), "100 %": percent(3, 3),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestChartsOfAShortRun: nobody saw what was in flight, and the page does not say that it was
// nothing.
func TestChartsOfAShortRun(t *testing.T) {
	for inFlight, want := range map[int]bool{0: false, 3: true} {
		p := New(Options{Source: "a", Target: "s3://b/", Version: "s3sync", Start: began})
		p.Event(transferred("k", 1, time.Millisecond))
		p.Moment(Moment{Elapsed: 20 * time.Millisecond, Bytes: 1, Objects: 1, InFlight: inFlight, Limit: 16})
		page := written(t, p, End{Report: report.Report{Stats: report.Stats{Transferred: 1, TransferredBytes: 1, Elapsed: 20 * time.Millisecond}}})
		if got := strings.Contains(page, "Objects in flight"); got != want || !strings.Contains(page, "Throughput") {
			t.Errorf("%d in flight: the chart is there: %v, want %v", inFlight, got, want)
		}
	}
}
