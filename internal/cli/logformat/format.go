package logformat

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"

	"s3sync/internal/report"
	"s3sync/internal/visible"
)

// Levels of the log. slog has no name for one of them.
const (
	levelDebug = slog.LevelDebug
	levelInfo  = slog.LevelInfo
	levelNote  = report.LevelNote
	levelWarn  = slog.LevelWarn
	levelError = slog.LevelError
)

// recordTime is the time of a log line: UTC, always with microseconds.
const recordTime = "2006-01-02T15:04:05.000000Z"

// levelName returns the name of a level, rounded down to a level that has a name.
func levelName(level slog.Level) string {
	switch {
	case level < levelDebug:
		return "TRACE"
	case level < levelInfo:
		return "DEBUG"
	case level < levelNote:
		return "INFO"
	case level < levelWarn:
		return "NOTE"
	case level < levelError:
		return "WARN"
	}
	return "ERROR"
}

// A style is the text around the elements of a log line: nothing, or escape sequences.
type style struct {
	dim, italic, reset string
	level              func(slog.Level) string
}

// appendText formats a record as text: time, level, message, name=value.
func appendText(buf []byte, r slog.Record, fields []slog.Attr) []byte {
	return appendStyled(buf, r, fields, style{level: func(slog.Level) string { return "" }})
}

// appendColoured is appendText for terminals (ECMA-48, SGR).
func appendColoured(buf []byte, r slog.Record, fields []slog.Attr) []byte {
	return appendStyled(buf, r, fields, style{
		dim:    "\x1b[2m",
		italic: "\x1b[3m",
		reset:  "\x1b[0m",
		level: func(level slog.Level) string {
			return map[string]string{
				"TRACE": "\x1b[35m", "DEBUG": "\x1b[34m", "INFO": "\x1b[32m",
				"NOTE": "\x1b[36m", "WARN": "\x1b[33m", "ERROR": "\x1b[31m",
			}[levelName(level)]
		},
	})
}

func appendStyled(buf []byte, r slog.Record, fields []slog.Attr, s style) []byte {
	if !r.Time.IsZero() {
		buf = append(buf, s.dim...)
		buf = r.Time.UTC().AppendFormat(buf, recordTime)
		buf = append(buf, s.reset...)
		buf = append(buf, ' ')
	}
	buf = append(buf, s.level(r.Level)...)
	buf = fmt.Appendf(buf, "%5s", levelName(r.Level))
	buf = append(buf, s.reset...)
	buf = append(buf, ' ')
	buf = visible.Append(buf, r.Message)
	for _, f := range fields {
		buf = append(buf, ' ')
		buf = append(buf, s.italic...)
		buf = visible.Append(buf, f.Key)
		buf = append(buf, s.reset...)
		buf = append(buf, s.dim...)
		buf = append(buf, '=')
		buf = append(buf, s.reset...)
		buf = appendTextValue(buf, f.Value)
	}
	return buf
}

func appendTextValue(buf []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindInt64:
		return strconv.AppendInt(buf, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(buf, v.Uint64(), 10)
	case slog.KindFloat64:
		return strconv.AppendFloat(buf, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		return strconv.AppendBool(buf, v.Bool())
	default:
		return strconv.AppendQuote(buf, plainText(v))
	}
}

// appendJSON formats a record as an object: timestamp, level, fields.
func appendJSON(buf []byte, r slog.Record, fields []slog.Attr) []byte {
	buf = append(buf, '{')
	if !r.Time.IsZero() {
		buf = append(buf, `"timestamp":"`...)
		buf = r.Time.UTC().AppendFormat(buf, recordTime)
		buf = append(buf, `",`...)
	}
	buf = fmt.Appendf(buf, `"level":%q,"fields":{"message":`, levelName(r.Level))
	buf = AppendJSON(buf, r.Message)
	for _, f := range fields {
		buf = append(buf, ',')
		buf = AppendJSON(buf, f.Key)
		buf = append(buf, ':')
		buf = appendJSONValue(buf, f.Value)
	}
	return append(buf, "}}"...)
}

func appendJSONValue(buf []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindBool:
		return appendTextValue(buf, v)
	case slog.KindFloat64:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return appendTextValue(buf, v)
		}
	default:
	}
	return AppendJSON(buf, plainText(v))
}

// plainText returns a value as text. Times are in UTC with a numeric offset. They have
// no more decimals than they need, in groups of three.
func plainText(v slog.Value) string {
	if v.Kind() != slog.KindTime {
		return v.String()
	}
	t := v.Time().UTC()
	layout := "2006-01-02T15:04:05.000000000-07:00"
	switch n := t.Nanosecond(); {
	case n == 0:
		layout = "2006-01-02T15:04:05-07:00"
	case n%1_000_000 == 0:
		layout = "2006-01-02T15:04:05.000-07:00"
	case n%1_000 == 0:
		layout = "2006-01-02T15:04:05.000000-07:00"
	}
	return t.Format(layout)
}
