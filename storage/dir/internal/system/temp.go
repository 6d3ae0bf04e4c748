package system

import (
	"math/rand/v2"
	"strings"
)

const (
	tempPrefix = ".s3sync-"
	tempSuffix = ".tmp"
	tempRandom = 26 // 130 bits in base 32
	base32     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// TempName returns a name that no other file has, in this program or another one. It need
// not be a secret: a file is created only if there is none of its name.
func TempName() string {
	var name [len(tempPrefix) + tempRandom + len(tempSuffix)]byte
	copy(name[:], tempPrefix)
	copy(name[len(tempPrefix)+tempRandom:], tempSuffix)
	var bits uint64
	for i := range tempRandom {
		if i%12 == 0 { // 5 bits each
			bits = rand.Uint64()
		}
		name[len(tempPrefix)+i] = base32[bits%32]
		bits /= 32
	}
	return string(name[:])
}

// IsTemp reports whether a name is one of TempName. It is as narrow as can be:
// a user's file must not vanish for looking alike.
func IsTemp(name string) bool {
	random, ok := strings.CutPrefix(name, tempPrefix)
	if !ok {
		return false
	}
	random, ok = strings.CutSuffix(random, tempSuffix)
	return ok && len(random) == tempRandom &&
		strings.Trim(random, base32) == ""
}
