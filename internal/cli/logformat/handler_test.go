package logformat

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"s3sync/internal/report"
)

type textFormat = func([]byte, slog.Record, []slog.Attr) []byte

func newHandler(out *bytes.Buffer, format textFormat) *handler {
	return &handler{out: out, level: report.LevelTrace, format: format, mu: &sync.Mutex{}}
}

func record(level slog.Level, msg string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Date(2025, 7, 11, 9, 48, 43, 946_290_999, time.FixedZone("", 9*3600)), level, msg, 0)
	r.AddAttrs(attrs...)
	return r
}

func TestFormats(t *testing.T) {
	for name, tt := range map[string]struct {
		record     slog.Record
		text, json string
	}{
		"seed": {
			record: record(report.LevelTrace, "e_tag verified.", slog.String("key", "30/30Mib.dat"), slog.String("source_e_tag", `"a8-4"`)),
			text:   `2025-07-11T00:48:43.946290Z TRACE e_tag verified. key="30/30Mib.dat" source_e_tag="\"a8-4\""`,
			json:   `{"timestamp":"2025-07-11T00:48:43.946290Z","level":"TRACE","fields":{"message":"e_tag verified.","key":"30/30Mib.dat","source_e_tag":"\"a8-4\""}}`,
		},
		"kinds": {
			record: record(
				levelInfo, "m", slog.Int("i", -5), slog.Uint64("u", math.MaxUint64), slog.Float64("f", 0.25),
				slog.Bool("b", true), slog.Duration("d", time.Second), slog.Any("e", errors.New("no <such> key")), slog.Any("n", nil),
				slog.Float64("x", math.Inf(1))),
			text: `2025-07-11T00:48:43.946290Z  INFO m i=-5 u=18446744073709551615 f=0.25 b=true d="1s" e="no <such> key" n="<nil>" x=+Inf`,
			json: `{"timestamp":"2025-07-11T00:48:43.946290Z","level":"INFO","fields":{"message":"m","i":-5,"u":18446744073709551615,"f":0.25,"b":true,"d":"1s","e":"no <such> key","n":"<nil>","x":"+Inf"}}`,
		},
		"times": {
			record: record(
				levelDebug, "m", slog.Time("s", time.Unix(0, 0)), slog.Time("ms", time.Unix(0, 500_000_000)),
				slog.Time("us", time.Unix(0, 500_001_000)), slog.Time("ns", time.Unix(0, 1))),
			text: `2025-07-11T00:48:43.946290Z DEBUG m s="1970-01-01T00:00:00+00:00" ms="1970-01-01T00:00:00.500+00:00" us="1970-01-01T00:00:00.500001+00:00" ns="1970-01-01T00:00:00.000000001+00:00"`,
			json: `{"timestamp":"2025-07-11T00:48:43.946290Z","level":"DEBUG","fields":{"message":"m","s":"1970-01-01T00:00:00+00:00","ms":"1970-01-01T00:00:00.500+00:00","us":"1970-01-01T00:00:00.500001+00:00","ns":"1970-01-01T00:00:00.000000001+00:00"}}`,
		},
		"groups": {
			record: record(levelWarn, "m", slog.Group("a", slog.Int("x", 1), slog.Group("b", slog.Int("y", 2))), slog.Group("", slog.Int("z", 3))),
			text:   `2025-07-11T00:48:43.946290Z  WARN m a.x=1 a.b.y=2 z=3`,
			json:   `{"timestamp":"2025-07-11T00:48:43.946290Z","level":"WARN","fields":{"message":"m","a.x":1,"a.b.y":2,"z":3}}`,
		},
		"one line whatever the content": {
			record: record(levelError, "a\nb", slog.String("key", "x\ny\x1b[1m\xffü")),
			text:   `2025-07-11T00:48:43.946290Z ERROR a\nb key="x\ny\x1b[1m\xffü"`,
			json:   `{"timestamp":"2025-07-11T00:48:43.946290Z","level":"ERROR","fields":{"message":"a\nb","key":"x\ny\u001b[1m\ufffdü"}}`,
		},
		"nothing turns around or hides": {
			record: record(
				levelError, "a\u202eb\u0085\u009b1m\u2066\u2069\u200f\u061c\ufeff\u2028\U000e0041\xffé\"\\日本", slog.String("key\u202e", "x\u202ey\u009b\U000e0041é日本"),
			),
			text: `2025-07-11T00:48:43.946290Z ERROR a\u202eb\u0085\u009b1m\u2066\u2069\u200f\u061c\ufeff\u2028\U000e0041\xffé"\日本 key\u202e="x\u202ey\u009b\U000e0041é日本"`,
			json: `{"timestamp":"2025-07-11T00:48:43.946290Z","level":"ERROR","fields":{"message":"a\u202eb\u0085\u009b1m\u2066\u2069\u200f\u061c\ufeff\u2028\udb40\udc41\ufffdé\"\\日本","key\u202e":"x\u202ey\u009b\udb40\udc41é日本"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for want, format := range map[string]textFormat{tt.text: appendText, tt.json: appendJSON} {
				var out bytes.Buffer
				if err := newHandler(&out, format).Handle(t.Context(), tt.record); err != nil {
					t.Fatal(err)
				}
				if got := out.String(); got != want+"\n" {
					t.Errorf("got\n%swant\n%s", got, want)
				}
				if want[0] == '{' && !json.Valid(out.Bytes()) {
					t.Error("not JSON")
				}
			}
		})
	}
}

func TestColours(t *testing.T) {
	var out bytes.Buffer
	err := newHandler(&out, appendColoured).Handle(t.Context(), record(levelWarn, "m", slog.Int("i", 1)))
	want := "\x1b[2m2025-07-11T00:48:43.946290Z\x1b[0m \x1b[33m WARN\x1b[0m m \x1b[3mi\x1b[0m\x1b[2m=\x1b[0m1\n"
	if got := out.String(); got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestSpans(t *testing.T) {
	for want, spans := range map[string]bool{"close\nother\n": true, "other\n": false} {
		var out bytes.Buffer
		h := newHandler(&out, func(buf []byte, r slog.Record, _ []slog.Attr) []byte { return append(buf, r.Message...) })
		h.spans = spans
		log := slog.New(h)
		log.Debug("close", spanEvent, "close", "span", "list")
		log.Debug("other")
		if got := out.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHandlerContract(t *testing.T) {
	for name, format := range map[string]textFormat{"text": appendText, "json": appendJSON} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				out.Reset()
				return newHandler(&out, format)
			}, func(t *testing.T) map[string]any {
				t.Helper()
				if name == "json" {
					return jsonFields(t, out.String())
				}
				return textFields(out.String())
			})
		})
	}
}

// nest undoes the flattening of groups.
func nest(m map[string]any, name string, value any) {
	for {
		outer, rest, found := strings.Cut(name, ".")
		if !found {
			m[name] = value
			return
		}
		inner, ok := m[outer].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[outer] = inner
		}
		m, name = inner, rest
	}
}

func textFields(line string) map[string]any {
	m := map[string]any{}
	words := strings.Fields(line)
	if strings.Contains(words[0], "T") && strings.HasSuffix(words[0], "Z") {
		m[slog.TimeKey] = words[0]
		words = words[1:]
	}
	m[slog.LevelKey], m[slog.MessageKey] = words[0], words[1]
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, "=")
		nest(m, name, strings.Trim(value, `"`))
	}
	return m
}

func jsonFields(t *testing.T, line string) map[string]any {
	t.Helper()
	var r struct {
		Timestamp, Level string
		Fields           map[string]any
	}
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatal(err)
	}
	m := map[string]any{slog.LevelKey: r.Level}
	if r.Timestamp != "" {
		m[slog.TimeKey] = r.Timestamp
	}
	for name, value := range r.Fields {
		if name == "message" {
			name = slog.MessageKey
		}
		nest(m, name, value)
	}
	return m
}
