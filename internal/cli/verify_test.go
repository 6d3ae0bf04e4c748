package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync/internal/cli/options/table"
	"s3sync/internal/manifest"
)

// manifestOf returns a manifest of some keys.
func manifestOf(t *testing.T, keys ...string) []byte {
	t.Helper()
	w := manifest.NewWriter(manifest.Header{Program: "test", Started: time.Unix(0, 0)})
	defer w.Close()
	for _, key := range keys {
		e := manifest.Entry{Done: manifest.Written, SHA256: strings.Repeat("0", 64)}
		e.SetKey(key)
		if err := w.Add(&e); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := w.Write(&b, manifest.End{Complete: true}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A manifest that becomes another one between two readings is noticed, also if the other one
// is right: its signature was never checked.
func TestSwappedManifest(t *testing.T) {
	name := filepath.Join(t.TempDir(), "m")
	write := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := manifestOf(t, "a", "b")
	for what, second := range map[string][]byte{
		"another key": manifestOf(t, "a", "c"), "fewer": manifestOf(t, "a"), "cut off": first[:len(first)-1],
		"the same": first, "something behind it": append(bytes.Clone(first), 0),
	} {
		for by, begin := range map[string]func(m *opened) error{
			"a reading": func(m *opened) error { _, err := m.read(manifest.ReadOptions{}); return err },
			"a signature": func(m *opened) error {
				return m.pass(func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
			},
		} {
			write(first)
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			m := &opened{name: "m", file: f}
			if err := begin(m); err != nil {
				t.Fatal(err)
			}
			write(second)
			_, err = m.read(manifest.ReadOptions{})
			if (what == "the same") != (err == nil) || err != nil && !errors.Is(err, errSwapped) {
				t.Errorf("%s after %s: %v", what, by, err)
			}
			_ = f.Close()
		}
	}
}

// The password of a key is asked for, once, unless a variable has it.
func TestPasswordOfAKey(t *testing.T) {
	// Under the header of a protected key that asks for little memory, no password is right.
	key := filepath.Join(t.TempDir(), "evidence.key")
	if err := os.WriteFile(key, weakKey(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		ask   func(prompt string) (string, error)
		env   string
		asked int
		want  string
	}{
		"asked":       {func(string) (string, error) { return "word", nil }, "", 1, "the password is wrong, or the key is damaged"},
		"a variable":  {func(string) (string, error) { return "word", nil }, table.PasswordVariable + "=word", 0, "the password is wrong, or the key is damaged"},
		"no terminal": {func(string) (string, error) { return "", errors.New("standard input is no terminal") }, "", 1, "set " + table.PasswordVariable},
		"nobody":      {nil, "", 0, "set " + table.PasswordVariable},
	} {
		t.Run(name, func(t *testing.T) {
			c := between("--manifest", filepath.Join(t.TempDir(), "m"), "--sign-key", key)
			if tt.env != "" {
				c.env = append(c.env, tt.env)
			}
			p := c.process(t)
			var prompts []string
			if tt.ask != nil {
				p.Password = func(prompt string) (string, error) {
					prompts = append(prompts, prompt)
					return tt.ask(prompt)
				}
			}
			code := Main(t.Context(), p)
			text := c.stderr.String()
			if code != 2 && code != 1 || c.cfg != nil || strings.Count(text, "\n") != 1 || !strings.Contains(text, "--sign-key") || !strings.Contains(text, tt.want) {
				t.Errorf("exit code %d, run %v: %s", code, c.cfg != nil, text)
			}
			if len(prompts) != tt.asked || tt.asked > 0 && prompts[0] != "Password of "+key+": " {
				t.Errorf("prompts %q", prompts)
			}
			if strings.Contains(text+c.stdout.String(), "word\n") || strings.Contains(text, `"word"`) {
				t.Errorf("the password is shown: %s", text)
			}
		})
	}
}

// weakKey returns the file of a secret key with a password, whose derivation asks for 1 MiB.
func weakKey() []byte {
	data := make([]byte, 158)
	copy(data, "EdScB2")
	binary.LittleEndian.PutUint64(data[38:], 1<<15)
	binary.LittleEndian.PutUint64(data[46:], 1<<20)
	return []byte("untrusted comment: x\n" + base64.StdEncoding.EncodeToString(data))
}

// A signature is checked before anything else. If the manifest is damaged as well, its line is
// named.
func TestVerifySignature(t *testing.T) {
	data := manifestOf(t, "a", "b")
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("../manifest/testdata/minisign", name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	k, err := manifest.ParseKey(read("plain.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(data []byte) []byte {
		t.Helper()
		signature, err := k.Sign(bytes.NewReader(data), "words")
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	flipped := bytes.Replace(data, []byte(`"key":"b"`), []byte(`"key":"c"`), 1)
	forged := manifestOf(t, "a", "c")
	for name, tt := range map[string]struct {
		data, signature []byte
		want            string // on standard error; empty wants a proof
	}{
		"right":               {data, sign(data), ""},
		"one byte":            {flipped, sign(data), "m.minisig: it is not as it was written: the signature is not that of this file: the file or the signature was changed; MANIFEST: line 3: "},
		"another manifest":    {forged, sign(data), "m.minisig: it is not as it was written: the signature is not that of this file: the file or the signature was changed\n"},
		"signed when damaged": {flipped, sign(flipped), "MANIFEST: line 3: "},
		"another key":         {data, read("password.minisig"), "the signature is by the key"},
		"no signature":        {data, nil, "it has no signature: "},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "m")
			err := os.WriteFile(file, tt.data, 0o600)
			if tt.signature != nil {
				err = errors.Join(err, os.WriteFile(file+".minisig", tt.signature, 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
			c := &call{args: []string{"verify", "--manifest", file, "--key", "b", "--public-key", "../manifest/testdata/minisign/plain.pub"}, signals: make(chan os.Signal, 2)}
			code := c.main(t)
			out, said := c.stdout.String(), strings.ReplaceAll(c.stderr.String(), file+": ", "MANIFEST: ")
			if tt.want == "" && (code != 0 || !strings.Contains(out, "s3sync-proof") || said != "") ||
				tt.want != "" && (code != 1 || !strings.Contains(said, tt.want) || out != "") {
				t.Errorf("exit code %d: %s%s", code, out, said)
			}
		})
	}
}
