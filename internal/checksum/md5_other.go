//go:build !amd64

package checksum

// multiMD5s returns nothing: there is crypto/md5 only.
func multiMD5s() []multiMD5 { return nil }
