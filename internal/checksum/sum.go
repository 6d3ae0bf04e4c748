package checksum

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// A Sum computes an additional checksum of one object in one layout from bytes
// that arrive in any order. Its methods may be called concurrently.
type Sum struct {
	lanes

	typ Type
}

// NewSum returns a Sum without bytes. t matters only for a layout of an object written
// in parts, because an object written whole has the digest of its bytes. NewSum fails
// if S3 has no such checksum.
func NewSum(alg Algorithm, layout Layout, t Type) (*Sum, error) {
	r := row(alg)
	switch {
	case r == nil:
		return nil, fmt.Errorf("unknown checksum algorithm %q", string(alg))
	case t != Composite && t != FullObject:
		return nil, fmt.Errorf("unknown checksum type %q", string(t))
	case !layout.multipart:
		t = FullObject
	case !Allows(alg, t):
		return nil, fmt.Errorf("%s has no %s checksum of objects written in parts", alg, t)
	}
	s := &Sum{typ: t}
	s.start(r, layout)
	return s, nil
}

// Algorithm returns the algorithm given to [NewSum].
func (s *Sum) Algorithm() Algorithm { return s.alg.name }

// Type returns the type of the checksum, which is [FullObject] for an object
// written whole.
func (s *Sum) Type() Type { return s.typ }

// SetPart sets the digest of the whole part i, counted from 0, in place of its bytes.
// It fails if the part already has other bytes or another digest, or if the digest
// does not have the size of the algorithm.
func (s *Sum) SetPart(i int, digest []byte) error { return s.setPart(i, digest) }

// PartSum returns the digest of part i, counted from 0, or false if bytes of it are
// missing. S3 accepts it as base64, too.
func (s *Sum) PartSum(i int) (digest []byte, ok bool) { return s.partSum(i) }

// Value returns the checksum as S3 writes it: base64 of the digest, and "-N" if
// it is the composite of N parts. It fails if bytes are missing.
func (s *Sum) Value() (string, error) {
	if s.typ == Composite {
		digest, err := s.composite()
		if err != nil {
			return "", err
		}
		return base64.StdEncoding.EncodeToString(digest) + "-" + strconv.Itoa(s.layout.Len()), nil
	}
	digest, err := s.fullObject()
	return base64.StdEncoding.EncodeToString(digest), err
}

// Matches reports whether value is the checksum, as [ValueMatches] does. It fails if
// bytes are missing.
func (s *Sum) Matches(value string) (bool, error) {
	computed, err := s.Value()
	if err != nil {
		return false, err
	}
	return ValueMatches(computed, value), nil
}

// ValueMatches compares a computed additional checksum with one that a server
// reported. Some responses of S3, such as that of GetObjectAttributes, omit the number
// of parts of a composite. Then the digest alone must match.
func ValueMatches(computed, told string) bool {
	digest, _, _ := strings.Cut(computed, "-")
	return told == computed || told == digest
}

// fullObject returns the digest of all bytes.
func (s *Sum) fullObject() ([]byte, error) {
	sums, err := s.partSums()
	if err != nil || len(s.parts) == 1 {
		return sums, err
	}
	var whole uint64
	for i := range s.parts {
		_, size := s.layout.Bounds(i)
		whole = s.alg.crc.shift(whole, size) ^ s.alg.crc.value(s.sum(i))
	}
	return s.alg.crc.appendTo(nil, whole), nil
}
