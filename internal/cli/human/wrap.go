package human

import "strings"

// Columns is the width of what is printed to no terminal.
const Columns = 80

// Wrap returns a text in lines of at most width characters. Longer words are cut.
func Wrap(text string, width int) []string {
	width = max(width, 8)
	var lines []string
	var line []rune
	for word := range strings.FieldsSeq(text) {
		w := []rune(word)
		switch {
		case len(line) == 0:
		case len(line)+1+len(w) <= width:
			line = append(line, ' ')
		default:
			lines, line = append(lines, string(line)), nil
		}
		for line = append(line, w...); len(line) > width; line = line[width:] {
			lines = append(lines, string(line[:width]))
		}
	}
	return append(lines, string(line))
}
