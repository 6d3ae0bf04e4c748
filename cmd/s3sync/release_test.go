package main

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mostStripped is the size in bytes up to which a stripped binary may grow.
const mostStripped = 30 << 20

// A release is the folder that goreleaser wrote: see .goreleaser.yaml.
type release struct {
	fs.FS

	version string // without v
}

// A packed file is an entry of an archive or a package.
type packed struct {
	mode fs.FileMode
	data []byte // nil in an RPM, whose header alone is read
}

// releaseOf returns the release that `make release-check` has built.
func releaseOf(t *testing.T) release {
	t.Helper()
	dir := os.Getenv("S3SYNC_TEST_RELEASE")
	if dir == "" {
		t.Skip("make release-check builds a release, and names its folder in S3SYNC_TEST_RELEASE")
	}
	r := release{FS: os.DirFS(dir)}
	var about struct{ Version string }
	if err := json.Unmarshal(r.read(t, "metadata.json"), &about); err != nil || about.Version == "" {
		t.Fatalf("version %q, %v", about.Version, err)
	}
	r.version = about.Version
	return r
}

func (r release) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(r, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// platforms calls f for each system and processor that there are archives for, with
// what the names of their files begin with.
func (r release) platforms(t *testing.T, f func(t *testing.T, system, processor, stem string)) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, processor := range []string{"amd64", "arm64"} {
			t.Run(system+"/"+processor, func(t *testing.T) {
				f(t, system, processor, "s3sync_"+r.version+"_"+system+"_"+processor)
			})
		}
	}
}

// TestReleaseChecksums: checksums.txt names what is published and nothing else, and each
// file is what it says.
func TestReleaseChecksums(t *testing.T) {
	r := releaseOf(t)
	sums := make(map[string]string)
	for line := range strings.Lines(string(r.read(t, "checksums.txt"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
		if got := fmt.Sprintf("%x", sha256.Sum256(r.read(t, name))); got != sum {
			t.Errorf("%s has the sum %s, not %s", name, got, sum)
		}
	}
	var want []string
	r.platforms(t, func(_ *testing.T, system, _, stem string) {
		want = append(want, stem+".cdx.json", stem+map[string]string{"linux": ".tar.gz", "darwin": ".tar.gz", "windows": ".zip"}[system])
		if system == "linux" {
			want = append(want, stem+".deb", stem+".rpm")
		}
	})
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(sums))); diff != "" {
		t.Error(diff)
	}
}

// TestReleaseArchives: what an archive holds, and that its binary is the one for the
// platform, stripped and small.
func TestReleaseArchives(t *testing.T) {
	r := releaseOf(t)
	r.platforms(t, func(t *testing.T, system, processor, stem string) {
		files, program := r.archive(t, stem, system)
		want := map[string]fs.FileMode{program: 0o755}
		for _, name := range []string{
			"CHANGELOG.md", "LICENSE", "README.md", "THIRD_PARTY_LICENSES", "man/s3sync.1", "completions/_s3sync",
			"completions/s3sync.bash", "completions/s3sync.elv", "completions/s3sync.fish", "completions/s3sync.ps1",
		} {
			want[name] = 0o644
		}
		compareModes(t, want, files)
		if page := files["man/s3sync.1"].data; !bytes.HasPrefix(page, []byte(".TH S3SYNC 1 ")) {
			t.Errorf("the manual page begins with %.80q", page)
		}
		if size := len(files[program].data); size > mostStripped {
			t.Errorf("the binary has %d bytes, more than %d", size, mostStripped)
		}
		info := buildOf(t, files[program].data)
		settings := make(map[string]string)
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		for key, want := range map[string]string{"GOOS": system, "GOARCH": processor, "CGO_ENABLED": "0", "-trimpath": "true"} {
			if settings[key] != want {
				t.Errorf("built with %s=%s, want %s", key, settings[key], want)
			}
		}
		if system == runtime.GOOS && processor == runtime.GOARCH {
			r.runs(t, files[program].data)
		}
	})
}

// runs looks whether the binary has the version of the release.
func (r release) runs(t *testing.T, program []byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "s3sync.exe")
	if err := os.WriteFile(name, program, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), name, "--version").CombinedOutput()
	if want := "s3sync v" + r.version + " ("; err != nil || !bytes.HasPrefix(out, []byte(want)) {
		t.Errorf("%v, got %s, want %s", err, out, want)
	}
}

// archive returns the files of an archive, which are all in one folder, and the name of
// its binary.
func (r release) archive(t *testing.T, stem, system string) (files map[string]packed, program string) {
	t.Helper()
	if system == "windows" {
		files, program = unzip(t, r.read(t, stem+".zip")), "s3sync.exe"
	} else {
		files, program = untar(t, bytes.NewReader(r.read(t, stem+".tar.gz"))), "s3sync"
	}
	inside := make(map[string]packed)
	for name, file := range files {
		rest, ok := strings.CutPrefix(name, stem+"/")
		if !ok {
			t.Errorf("%s is not in the folder %s", name, stem)
		}
		inside[rest] = file
	}
	return inside, program
}

// TestReleasePackages: packages install the command, its manual page, and completions
// where shells look for them.
func TestReleasePackages(t *testing.T) {
	r := releaseOf(t)
	want := func(extra ...string) map[string]fs.FileMode {
		modes := map[string]fs.FileMode{"/usr/bin/s3sync": 0o755}
		for _, name := range append(extra, "share/man/man1/s3sync.1.gz", "share/bash-completion/completions/s3sync",
			"share/fish/vendor_completions.d/s3sync.fish", "share/doc/s3sync/README.md", "share/doc/s3sync/CHANGELOG.md") {
			modes["/usr/"+name] = 0o644
		}
		return modes
	}
	r.platforms(t, func(t *testing.T, system, processor, stem string) {
		if system != "linux" {
			return
		}
		deb := undeb(t, r.read(t, stem+".deb"))
		compareModes(t, want("share/zsh/vendor-completions/_s3sync", "share/doc/s3sync/copyright", "share/doc/s3sync/THIRD_PARTY_LICENSES"), deb)
		archive, program := r.archive(t, stem, system)
		for name, same := range map[string]string{
			"/usr/bin/s3sync": program, "/usr/share/bash-completion/completions/s3sync": "completions/s3sync.bash",
			"/usr/share/zsh/vendor-completions/_s3sync": "completions/_s3sync", "/usr/share/fish/vendor_completions.d/s3sync.fish": "completions/s3sync.fish",
		} {
			if !bytes.Equal(deb[name].data, archive[same].data) || len(archive[same].data) == 0 {
				t.Errorf("%s differs from %s of the archive", name, same)
			}
		}
		rpm, machine := rpmFiles(t, r.read(t, stem+".rpm"))
		compareModes(t, want("share/zsh/site-functions/_s3sync", "share/licenses/s3sync/LICENSE", "share/licenses/s3sync/THIRD_PARTY_LICENSES"), rpm)
		if want := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[processor]; machine != want {
			t.Errorf("the RPM is for %s, want %s", machine, want)
		}
	})
}

// TestReleaseComponents: the list of components (CycloneDX) has the modules that the
// binary is made of, in the versions of go.mod.
func TestReleaseComponents(t *testing.T) {
	r := releaseOf(t)
	data, err := os.ReadFile(filepath.FromSlash("../../go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	required := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^\s+(\S+) (v\S+)`).FindAllStringSubmatch(string(data), -1) {
		required[m[1]] = m[2]
	}
	r.platforms(t, func(t *testing.T, system, _, stem string) {
		files, program := r.archive(t, stem, system)
		want := make(map[string]string)
		for _, module := range buildOf(t, files[program].data).Deps {
			want[module.Path] = module.Version
			if required[module.Path] != module.Version {
				t.Errorf("%s %s is in the binary, but %q in go.mod", module.Path, module.Version, required[module.Path])
			}
		}
		var bom struct {
			BOMFormat string
			Metadata  struct {
				Component struct{ Name, Version string }
			}
			Components []struct{ Name, Version string }
		}
		if err := json.Unmarshal(r.read(t, stem+".cdx.json"), &bom); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, c := range bom.Components {
			got[c.Name] = c.Version
		}
		if got["std"] == "" {
			t.Error("the standard library is missing")
		}
		delete(got, "std")
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Error(diff)
		}
		if bom.BOMFormat != "CycloneDX" || bom.Metadata.Component.Version != "v"+r.version {
			t.Errorf("%s of %s", bom.BOMFormat, bom.Metadata.Component)
		}
	})
}

func buildOf(t *testing.T, program []byte) *buildinfo.BuildInfo {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func compareModes(t *testing.T, want map[string]fs.FileMode, files map[string]packed) {
	t.Helper()
	got := make(map[string]fs.FileMode)
	for name, file := range files {
		got[name] = file.mode
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func unzip(t *testing.T, data []byte) map[string]packed {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]packed)
	for _, f := range archive.File {
		content, err := fs.ReadFile(archive, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = packed{f.Mode().Perm(), content}
	}
	return files
}

// untar returns the files of a compressed tar, which must be of root.
func untar(t *testing.T, r io.Reader) map[string]packed {
	t.Helper()
	plain, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]packed)
	for archive := tar.NewReader(plain); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		if h.Uname != "root" || h.Gname != "root" || h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s is of %s:%s (%d:%d)", h.Name, h.Uname, h.Gname, h.Uid, h.Gid)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			files[h.Name] = packed{h.FileInfo().Mode().Perm(), content}
		}
	}
}

// undeb returns the files that a Debian package installs: deb(5), ar(5).
func undeb(t *testing.T, data []byte) map[string]packed {
	t.Helper()
	const magic, header = "!<arch>\n", 60
	for rest := bytes.TrimPrefix(data, []byte(magic)); len(rest) >= header; {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || header+size > len(rest) {
			t.Fatalf("member of %d bytes, %v", size, err)
		}
		if name := strings.TrimRight(string(rest[:16]), " /"); name == "data.tar.gz" {
			files := make(map[string]packed)
			for name, file := range untar(t, bytes.NewReader(rest[header:header+size])) {
				files[path.Join("/", name)] = file
			}
			return files
		}
		rest = rest[min(header+size+size%2, len(rest)):]
	}
	t.Fatal("no data.tar.gz")
	return nil
}

// rpmFiles returns the names and modes of the files that an RPM installs, and for which
// machine: https://rpm-software-management.github.io/rpm/manual/format_v4.html
func rpmFiles(t *testing.T, data []byte) (files map[string]packed, machine string) {
	t.Helper()
	const lead = 96
	const arch, dirIndexes, baseNames, dirNames, modes = 1022, 1116, 1117, 1118, 1030
	r := bufio.NewReader(bytes.NewReader(data[lead:]))
	_, signature := rpmHeader(t, r)
	_, _ = r.Discard((8 - len(signature)%8) % 8) // at the end, the next header is missing
	index, store := rpmHeader(t, r)
	text := func(tag int32) (all []string) {
		rest := store[index[tag].offset:]
		for range index[tag].count {
			s, after, _ := bytes.Cut(rest, []byte{0})
			all, rest = append(all, string(s)), after
		}
		return all
	}
	names, dirs := text(baseNames), text(dirNames)
	files = make(map[string]packed)
	for i, name := range names {
		dir := binary.BigEndian.Uint32(store[int(index[dirIndexes].offset)+4*i:])
		mode := binary.BigEndian.Uint16(store[int(index[modes].offset)+2*i:])
		files[dirs[dir]+name] = packed{mode: fs.FileMode(mode).Perm()}
	}
	return files, text(arch)[0]
}

type rpmEntry struct{ offset, count int32 }

// rpmHeader reads a header: its index by tag, and its store.
func rpmHeader(t *testing.T, r io.Reader) (index map[int32]rpmEntry, store []byte) {
	t.Helper()
	var intro struct {
		Magic         [8]byte
		Entries, Size int32
	}
	if err := binary.Read(r, binary.BigEndian, &intro); err != nil || !bytes.HasPrefix(intro.Magic[:], []byte{0x8e, 0xad, 0xe8, 1}) {
		t.Fatalf("header %x, %v", intro.Magic, err)
	}
	entries := make([]struct{ Tag, Type, Offset, Count int32 }, intro.Entries)
	store = make([]byte, intro.Size)
	if err := errors.Join(binary.Read(r, binary.BigEndian, entries), binary.Read(r, binary.BigEndian, store)); err != nil {
		t.Fatal(err)
	}
	index = make(map[int32]rpmEntry)
	for _, e := range entries {
		index[e.Tag] = rpmEntry{e.Offset, e.Count}
	}
	return index, store
}
