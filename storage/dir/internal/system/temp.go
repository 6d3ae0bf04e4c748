package system

import (
	"math/rand/v2"
	"strings"
)

const (
	tempPrefix = ".s3sync-"
	tempSuffix = ".tmp"
	markSize   = 13 // 65 bits in base 32
	tempRandom = 2 * markSize
	base32     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// NewMark returns a mark that no other program has: the names of the temporary files of one
// writer have it in common.
func NewMark() string {
	var mark [markSize]byte
	random(mark[:])
	return string(mark[:])
}

// TempName returns a name with a mark that no other file has, in this program or another
// one. It need not be a secret: a file is created only if there is none of its name.
func TempName(mark string) string {
	var name [len(tempPrefix) + tempRandom + len(tempSuffix)]byte
	copy(name[:], tempPrefix)
	copy(name[len(tempPrefix):], mark)
	random(name[len(tempPrefix)+markSize : len(tempPrefix)+tempRandom])
	copy(name[len(tempPrefix)+tempRandom:], tempSuffix)
	return string(name[:])
}

func random(text []byte) {
	var bits uint64
	for i := range text {
		if i%12 == 0 { // 5 bits each
			bits = rand.Uint64()
		}
		text[i] = base32[bits%32]
		bits /= 32
	}
}

// MarkOf returns the mark of a name of TempName.
func MarkOf(name string) string { return name[len(tempPrefix):][:markSize] }

// IsTemp reports whether a name is one of TempName. It is as narrow as can be:
// a user's file must not vanish for looking alike.
func IsTemp(name string) bool {
	middle, ok := strings.CutPrefix(name, tempPrefix)
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, tempSuffix)
	return ok && len(middle) == tempRandom &&
		strings.Trim(middle, base32) == ""
}
