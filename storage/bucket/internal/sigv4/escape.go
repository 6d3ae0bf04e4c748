package sigv4

const hexDigits = "0123456789ABCDEF"

// unreserved are the characters that RFC 3986, section 2.3, calls so. S3 wants all others
// escaped.
var unreserved = func() (table [256]bool) { //nolint:gochecknoglobals // a table, never written to
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		table[c] = true
	}
	return table
}()

// AppendEscaped appends text with all bytes escaped but those that are unreserved, and the
// slash if it is kept.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (UriEncode)
func AppendEscaped(b []byte, text string, keepSlash bool) []byte {
	for i := range len(text) {
		if c := text[i]; unreserved[c] || c == '/' && keepSlash {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
}

// NeedsEscape reports whether AppendEscaped would change a text that keeps its slashes.
func NeedsEscape(text string) bool {
	for i := range len(text) {
		if c := text[i]; !unreserved[c] && c != '/' {
			return true
		}
	}
	return false
}

// AppendParameter appends a parameter to a query as it is signed. Parameters must come in
// the order of their names.
func AppendParameter(b []byte, name, value string) []byte {
	if len(b) > 0 {
		b = append(b, '&')
	}
	b = AppendEscaped(b, name, false)
	b = append(b, '=')
	return AppendEscaped(b, value, false)
}
