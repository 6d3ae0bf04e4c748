// Package size reads and writes sizes in bytes, such as 8MiB.
package size

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// sizePattern is the grammar of sizes: a decimal number and a unit. A prefix with an i
// is a power of 1024, a prefix without it is a power of 1000. B means bytes. A
// lower-case b, bit and bits mean bits, so 8Mib is 1 MiB.
var sizePattern = regexp.MustCompile(`^(\d{1,40}(?:\.\d{1,40})?) *([KMGTPEkmgtpe]?)([iI]?)(B|b|bit|bits)?$`)

// Parse reads a size in bytes, rounded up to a whole byte.
func Parse(text string) (int64, error) {
	match := sizePattern.FindStringSubmatch(strings.TrimSpace(text))
	wrong := fmt.Errorf("must be a size such as 8MiB, not %q", text)
	if match == nil {
		return 0, wrong
	}
	number, prefix, binary, unit := match[1], strings.ToUpper(match[2]), match[3] != "", match[4]
	if binary && prefix == "" {
		return 0, wrong
	}
	size, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, wrong
	}
	base := int64(1000)
	if binary {
		base = 1024
	}
	power := big.NewInt(int64(strings.Index("KMGTPE", prefix) + 1))
	if prefix == "" {
		power.SetInt64(0)
	}
	size.Mul(size, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(base), power, nil)))
	if strings.HasPrefix(unit, "b") {
		size.Quo(size, big.NewRat(8, 1))
	}
	whole, rest := new(big.Int).QuoRem(size.Num(), size.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		whole.Add(whole, big.NewInt(1))
	}
	if !whole.IsInt64() {
		return 0, fmt.Errorf("must be less than 8EiB, not %q", text)
	}
	return whole.Int64(), nil
}

// Format writes a size so that Parse reads the same number.
func Format(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	unit := 0
	for n != 0 && n%1024 == 0 && unit < len(units)-1 {
		n /= 1024
		unit++
	}
	return fmt.Sprintf("%d%s", n, units[unit])
}
