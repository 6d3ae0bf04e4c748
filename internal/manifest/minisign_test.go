package manifest_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"

	"s3sync/internal/manifest"
)

// The files of testdata/minisign were made by minisign 0.11 for this test:
//
//	minisign -G [-W] -p plain.pub -s plain.key
//	minisign -S [-l] -s plain.key -m file -x plain.minisig -t 'trusted words'
func minisigned(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/minisign", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// verifyByHand checks a signature as https://jedisct1.github.io/minisign/ describes it, and
// uses nothing of the library for that.
func verifyByHand(t *testing.T, public, file, signature []byte) bool {
	t.Helper()
	decode := func(text string, want int) []byte {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(data) != want {
			t.Fatalf("%q: %d bytes, %v", text, len(data), err)
		}
		return data
	}
	key := decode(strings.Split(string(public), "\n")[1], 2+8+ed25519.PublicKeySize)
	lines := strings.Split(string(signature), "\n")
	own, global := decode(lines[1], 2+8+ed25519.SignatureSize), decode(lines[3], ed25519.SignatureSize)
	comment, trusted := strings.CutPrefix(lines[2], "trusted comment: ")
	if string(key[:2]) != "Ed" || string(own[:2]) != "ED" || !bytes.Equal(key[2:10], own[2:10]) || !trusted || !strings.HasPrefix(lines[0], "untrusted comment: ") {
		return false
	}
	digest := blake2b.Sum512(file)
	return ed25519.Verify(key[10:], digest[:], own[10:]) && ed25519.Verify(key[10:], append(own[10:], comment...), global)
}

// Keys and signatures of minisign are read, and minisign reads those that are made here.
func TestMinisign(t *testing.T) {
	file := minisigned(t, "file")
	for name, comment := range map[string]string{"plain": "trusted words", "password": "with a password"} {
		t.Run(name, func(t *testing.T) {
			public := minisigned(t, name+".pub")
			p, err := manifest.ParsePublicKey(public)
			if err != nil {
				t.Fatal(err)
			}
			theirs := minisigned(t, name+".minisig")
			if got, err := p.Check(bytes.NewReader(file), theirs); err != nil || got != comment {
				t.Errorf("%q, %v", got, err)
			}
			if !verifyByHand(t, public, file, theirs) || verifyByHand(t, public, file[1:], theirs) {
				t.Error("verifyByHand does not tell right from wrong")
			}
			if name == "password" && testing.Short() {
				t.Skip("a key with a password takes a GiB of memory for a second")
			}
			k, err := manifest.ParseKey(minisigned(t, name+".key"), func() (string, error) { return "open sesame", nil })
			if err != nil {
				t.Fatal(err)
			}
			data := made(t, some(3)...)
			ours, err := k.Sign(bytes.NewReader(data), "root:abc entries:3")
			if err != nil {
				t.Fatal(err)
			}
			if !verifyByHand(t, public, data, ours) || verifyByHand(t, public, data[1:], ours) {
				t.Errorf("it is not a signature of minisign:\n%s", ours)
			}
			program, err := exec.LookPath("minisign")
			if err != nil {
				t.Skip("minisign is not installed")
			}
			dir := t.TempDir()
			for name, data := range map[string][]byte{"m": data, "m.minisig": ours, "pub": public} {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			verify := exec.CommandContext(t.Context(), program, "-V", "-p", "pub", "-m", "m")
			verify.Dir = dir
			if out, err := verify.CombinedOutput(); err != nil || !strings.Contains(string(out), "Trusted comment: root:abc entries:3") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	p, err := manifest.ParsePublicKey(minisigned(t, "plain.pub"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"legacy": "not of a hashed file", "password": "is by the key"} {
		if _, err := p.Check(bytes.NewReader(file), minisigned(t, name+".minisig")); !errors.Is(err, manifest.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
