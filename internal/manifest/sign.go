package manifest

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"aead.dev/minisign"
)

// Signatures are those of minisign (https://jedisct1.github.io/minisign/), so that anybody
// can check them: Ed25519 of the BLAKE2b-512 of the file as it is stored, compressed or
// not.

// SignatureSuffix is what the name of a signature has after the name of the file.
const SignatureSuffix = ".minisig"

// MaxSignature bounds the size of a signature and of a key in bytes.
const MaxSignature = 16 << 10

// A Key signs files.
type Key struct{ private minisign.PrivateKey }

// ErrPassword says that a password is wrong, or that the key is damaged.
var ErrPassword = errors.New("the password is wrong, or the key is damaged")

// ParseKey reads the file of a secret key as minisign makes it.
// password is called if the key is protected by one.
func ParseKey(file []byte, password func() (string, error)) (*Key, error) {
	var k Key
	if !minisign.IsEncrypted(file) {
		if err := k.private.UnmarshalText(file); err != nil {
			return nil, fmt.Errorf("it is not a secret key of minisign: %w", err)
		}
		return &k, nil
	}
	word, err := password()
	if err != nil {
		return nil, err
	}
	if k.private, err = minisign.DecryptKey(word, file); err != nil {
		return nil, ErrPassword
	}
	return &k, nil
}

// Sign reads a file and returns its signature. The trusted comment is signed, too; it is
// one line.
func (k *Key) Sign(file io.Reader, trustedComment string) ([]byte, error) {
	r := minisign.NewReader(file)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	comment := strings.NewReplacer("\n", " ", "\r", " ").Replace(trustedComment)
	return r.SignWithComments(k.private, comment, "signature of a manifest of s3sync"), nil
}

// A PublicKey checks signatures.
type PublicKey struct{ public minisign.PublicKey }

// ParsePublicKey reads a public key: the text of its file, or its line in base64.
func ParsePublicKey(text []byte) (*PublicKey, error) {
	var k PublicKey
	if err := k.public.UnmarshalText(text); err != nil {
		return nil, fmt.Errorf("it is not a public key of minisign: %w", err)
	}
	return &k, nil
}

// Check reads a file and checks its signature. It returns the trusted comment. The error
// of a signature that is not of this file by this key is an ErrRefused.
func (k *PublicKey) Check(file io.Reader, signature []byte) (comment string, err error) {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return "", refused(0, "the signature is not one of minisign: %w", err)
	}
	if s.KeyID != k.public.ID() {
		return "", refused(0, "the signature is by the key %X, and not by %X", s.KeyID, k.public.ID())
	}
	if s.Algorithm != minisign.HashEdDSA {
		return "", refused(0, "the signature is not of a hashed file, as those of s3sync are")
	}
	r := minisign.NewReader(file)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return "", err
	}
	if !r.Verify(k.public, signature) {
		return "", refused(0, "the signature is not that of this file: the file or the signature was changed")
	}
	return s.TrustedComment, nil
}
