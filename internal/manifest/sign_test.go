package manifest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"aead.dev/minisign"

	"s3sync/internal/manifest"
)

// A signature that minisign itself made, of the file "test" with the key of its author's
// library: https://github.com/jedisct1/rust-minisign-verify/blob/master/README.md
const (
	knownKey       = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
	knownFile      = "test"
	knownSignature = "untrusted comment: signature from minisign secret key\n" +
		"RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n" +
		"trusted comment: timestamp:1556193335\tfile:test\n" +
		"y/rUw2y8/hOUYjZU71eHp/Wo1KZ40fGy2VJEDl34XMJM+TX48Ss/17u3IvIfbVR1FkZZSNCisQbuQY+bHwhEBg==\n"
)

func noPassword() (string, error) { return "", errors.New("asked for a password") }

func TestKnownSignature(t *testing.T) {
	k, err := manifest.ParsePublicKey([]byte(knownKey))
	if err != nil {
		t.Fatal(err)
	}
	comment, err := k.Check(strings.NewReader(knownFile), []byte(knownSignature))
	if err != nil || comment != "timestamp:1556193335\tfile:test" {
		t.Errorf("%q %v", comment, err)
	}
	if _, err := k.Check(strings.NewReader(knownFile+"x"), []byte(knownSignature)); !errors.Is(err, manifest.ErrRefused) {
		t.Error(err)
	}
}

// newKey returns a secret key as its file, and its public key.
func newKey(t *testing.T, password string) (file []byte, public minisign.PublicKey) {
	t.Helper()
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if password == "" {
		file, err = private.MarshalText()
	} else {
		file, err = minisign.EncryptKey(password, private)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file, public
}

// Another program checks what is signed here.
func TestSign(t *testing.T) {
	file, public := newKey(t, "")
	k, err := manifest.ParseKey(file, noPassword)
	if err != nil {
		t.Fatal(err)
	}
	data := made(t, some(3)...)
	signature, err := k.Sign(bytes.NewReader(data), "a\nb")
	if err != nil {
		t.Fatal(err)
	}
	if !minisign.Verify(public, data, signature) {
		t.Error("not verified")
	}
	text, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	p, err := manifest.ParsePublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if comment, err := p.Check(bytes.NewReader(data), signature); err != nil || comment != "a b" {
		t.Errorf("%q %v", comment, err)
	}
	// A changed file, a changed signature, and the key of somebody else.
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if _, err := p.Check(bytes.NewReader(bad), signature); !errors.Is(err, manifest.ErrRefused) {
			t.Fatalf("byte %d of the file: %v", i, err)
		}
	}
	second := bytes.IndexByte(signature, '\n') + 1
	for i := second; i < len(signature); i++ {
		bad := bytes.Clone(signature)
		bad[i] ^= 1
		if comment, err := p.Check(bytes.NewReader(data), bad); !errors.Is(err, manifest.ErrRefused) && comment != "a b" {
			t.Fatalf("byte %d of the signature: %v", i, err)
		}
	}
	otherFile, _ := newKey(t, "")
	other, err := manifest.ParseKey(otherFile, noPassword)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Sign(bytes.NewReader(data), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Check(bytes.NewReader(data), foreign); !errors.Is(err, manifest.ErrRefused) || !strings.Contains(err.Error(), "by the key") {
		t.Error(err)
	}
	// The number of a key is no secret, so a forger takes that of somebody else.
	if _, err := p.Check(bytes.NewReader(data), []byte(withKeyOf(t, foreign, signature))); !errors.Is(err, manifest.ErrRefused) {
		t.Error(err)
	}
}

// withKeyOf returns a signature under the number of the key of another.
func withKeyOf(t *testing.T, signature, other []byte) string {
	t.Helper()
	var a, b minisign.Signature
	if err := errors.Join(a.UnmarshalText(signature), b.UnmarshalText(other)); err != nil {
		t.Fatal(err)
	}
	a.KeyID = b.KeyID
	return a.String()
}

func TestProtectedKey(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a GiB of memory for a second")
	}
	file, _ := newKey(t, "open sesame")
	word := func(w string) func() (string, error) { return func() (string, error) { return w, nil } }
	if _, err := manifest.ParseKey(file, word("open sesame")); err != nil {
		t.Error(err)
	}
	if _, err := manifest.ParseKey(file, noPassword); err == nil || !strings.Contains(err.Error(), "asked") {
		t.Error(err)
	}
}

// A wrong password is told from a file that is no key. The key asks for little memory.
func TestWrongPassword(t *testing.T) {
	file := make([]byte, 158)
	copy(file, "EdScB2")
	binary.LittleEndian.PutUint64(file[38:], 1<<15)
	binary.LittleEndian.PutUint64(file[46:], 1<<20)
	text := "untrusted comment: x\n" + base64.StdEncoding.EncodeToString(file)
	if _, err := manifest.ParseKey([]byte(text), func() (string, error) { return "x", nil }); !errors.Is(err, manifest.ErrPassword) {
		t.Error(err)
	}
}

func TestNoKey(t *testing.T) {
	for _, file := range []string{"", "x", "untrusted comment: x\n", "untrusted comment: x\nAAAA\n", knownKey} {
		if _, err := manifest.ParseKey([]byte(file), noPassword); err == nil {
			t.Errorf("%q is a key", file)
		}
	}
	if _, err := manifest.ParsePublicKey([]byte("x")); err == nil {
		t.Error("x is a key")
	}
	k, err := manifest.ParsePublicKey([]byte(knownKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, signature := range []string{"", "x", knownSignature[:len(knownSignature)-30], strings.ReplaceAll(knownSignature, "RUQ", "RWQ")} {
		if _, err := k.Check(strings.NewReader(knownFile), []byte(signature)); !errors.Is(err, manifest.ErrRefused) {
			t.Errorf("%q: %v", signature, err)
		}
	}
}
