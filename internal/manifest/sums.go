package manifest

import "strings"

// SumLine returns the line of a file for sha256sum -c, as GNU coreutils prints it: if the
// name has a backslash or a line break, these are escaped, and the line begins with a
// backslash.
// https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html
func SumLine(sha256, name string) []byte {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	var b []byte
	if escaped != name {
		b = append(b, '\\')
	}
	b = append(b, sha256...)
	b = append(b, "  "...)
	b = append(b, escaped...)
	return append(b, '\n')
}
