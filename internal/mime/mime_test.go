package mime

import (
	gomime "mime"
	"slices"
	"strings"
	"testing"
)

func TestTypeOf(t *testing.T) {
	tests := map[string]string{
		"index.html":          "text/html",
		"a/b/photo.JPEG":      "image/jpeg",
		"photo.jpg":           "image/jpeg",
		"picture.png":         "image/png",
		"a.svg":               "image/svg+xml",
		"a.webp":              "image/webp",
		"a.avif":              "image/avif",
		"style.css":           "text/css",
		"script.js":           "text/javascript",
		"module.mjs":          "text/javascript",
		"data.json":           "application/json",
		"data.xml":            "application/xml",
		"notes.txt":           "text/plain",
		"notes.md":            "text/markdown",
		"table.csv":           "text/csv",
		"config.yaml":         "application/yaml",
		"manual.pdf":          "application/pdf",
		"archive.tar.gz":      "application/gzip",
		"archive.tgz":         "application/gzip",
		"archive.zip":         "application/zip",
		"archive.tar.zst":     "application/zstd",
		"film.mp4":            "video/mp4",
		"segment.ts":          "video/mp2t",
		"list.m3u8":           "application/vnd.apple.mpegurl",
		"song.mp3":            "audio/mpeg",
		"font.woff2":          "font/woff2",
		"code.wasm":           "application/wasm",
		"columns.parquet":     "application/vnd.apache.parquet",
		"letter.docx":         "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"weights.pt":          Unknown,
		"main.rs":             "text/x-rust",
		"component.jsx":       "text/javascript",
		"index.php":           "application/x-httpd-php",
		"clip.3gp":            "video/3gpp",
		"app.war":             "application/java-archive",
		"Program.cs":          "text/plain",
		"data.json5":          "application/json5",
		"style.scss":          "text/x-scss",
		"disk.vmdk":           "application/x-virtualbox-vmdk",
		"book.mobi":           "application/x-mobipocket-ebook",
		"genome.bed":          Unknown,
		"noextension":         Unknown,
		"odd.extension-there": Unknown,
		"dot.":                Unknown,
		".html":               Unknown,
		"a/.html":             Unknown,
		".hidden.html":        "text/html",
		"a.html/b":            Unknown,
		"..html":              "text/html",
		"":                    Unknown,
		"/":                   Unknown,
		"bad.\xff":            Unknown,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			if got := TypeOf(name); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestTable(t *testing.T) {
	type entry struct{ extension, mediaType string }
	var entries []entry
	for line := range strings.Lines(table) {
		extension, mediaType, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			t.Errorf("bad line %q", line)
		}
		entries = append(entries, entry{extension, mediaType})
	}
	if len(entries) < 1000 {
		t.Errorf("only %d extensions", len(entries))
	}
	for i, e := range entries {
		if i > 0 && e.extension <= entries[i-1].extension {
			t.Errorf("%q after %q", e.extension, entries[i-1].extension)
		}
		if e.extension == "" || e.extension != strings.ToLower(e.extension) || strings.ContainsAny(e.extension, "./ ") {
			t.Errorf("bad extension %q", e.extension)
		}
		kind, params, err := gomime.ParseMediaType(e.mediaType)
		if err != nil || len(params) > 0 || kind != e.mediaType || strings.Count(kind, "/") != 1 {
			t.Errorf("%s: bad type %q: %v", e.extension, e.mediaType, err)
		}
		if got := TypeOf("x." + e.extension); got != e.mediaType {
			t.Errorf("%s: got %q, want %q", e.extension, got, e.mediaType)
		}
	}
	kinds := []string{"application", "audio", "chemical", "font", "image", "message", "model", "multipart", "text", "video", "x-conference", "x-epoc", "x-world"}
	for _, e := range entries {
		if kind, _, _ := strings.Cut(e.mediaType, "/"); !slices.Contains(kinds, kind) {
			t.Errorf("%s: odd type %q", e.extension, e.mediaType)
		}
	}
}

func BenchmarkTypeOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if TypeOf("photos/2024/05/IMG_000001.jpeg") != "image/jpeg" {
			b.Fatal("not found")
		}
	}
}
