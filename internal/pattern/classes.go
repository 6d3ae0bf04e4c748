package pattern

import (
	"strings"
	"unicode"
)

// digits, blanks and words are \d, \s and \w, as UTS #18 defines them
// (https://www.unicode.org/reports/tr18/#Compatibility_Properties). With ascii set they
// are limited to ASCII.
func digits(ascii bool) runeSet {
	if ascii {
		return runeSet{{'0', '9'}}
	}
	return setOf(unicode.Nd)
}

func blanks(ascii bool) runeSet {
	if ascii {
		return newSet(span{'\t', '\r'}, span{' ', ' '})
	}
	return setOf(unicode.White_Space)
}

func words(ascii bool) runeSet {
	if ascii {
		return newSet(span{'0', '9'}, span{'A', 'Z'}, span{'_', '_'}, span{'a', 'z'})
	}
	return alphabetic().union(setOf(unicode.M, unicode.Nd, unicode.Pc, unicode.Join_Control))
}

// hexDigits is \h.
func hexDigits() runeSet { return newSet(span{'0', '9'}, span{'A', 'F'}, span{'a', 'f'}) }

// lineBreaks are the single characters that end a line.
func lineBreaks() runeSet { return newSet(span{'\n', '\r'}, span{0x85, 0x85}, span{0x2028, 0x2029}) }

func alphabetic() runeSet { return setOf(unicode.L, unicode.Nl, unicode.Other_Alphabetic) }
func lowercase() runeSet  { return setOf(unicode.Ll, unicode.Other_Lowercase) }
func uppercase() runeSet  { return setOf(unicode.Lu, unicode.Other_Uppercase) }

// cased returns the characters with a case. Every character that has another case is
// among them.
func cased() runeSet {
	return setOf(unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func idStart() runeSet {
	return setOf(unicode.L, unicode.Nl, unicode.Other_ID_Start).without(noID())
}

// noID returns the characters that occur in no identifier.
func noID() runeSet { return setOf(unicode.Pattern_Syntax, unicode.Pattern_White_Space) }

// posixClass returns the class [:name:], whose members are all ASCII.
func posixClass(name string) (runeSet, bool) {
	class, ok := map[string]runeSet{
		"alnum":  {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}},
		"alpha":  {{'A', 'Z'}, {'a', 'z'}},
		"ascii":  {{0, 0x7f}},
		"blank":  {{'\t', '\t'}, {' ', ' '}},
		"cntrl":  {{0, 0x1f}, {0x7f, 0x7f}},
		"digit":  {{'0', '9'}},
		"graph":  {{'!', '~'}},
		"lower":  {{'a', 'z'}},
		"print":  {{' ', '~'}},
		"punct":  {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}},
		"space":  {{'\t', '\r'}, {' ', ' '}},
		"upper":  {{'A', 'Z'}},
		"word":   {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
		"xdigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}},
	}[name]
	return class, ok
}

// loose returns a Unicode name in the form in which names are compared: without case
// and word separators (https://www.unicode.org/reports/tr44/#UAX44-LM3).
func loose(name string) string {
	name = strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(name))
	if rest, ok := strings.CutPrefix(name, "is"); ok && rest != "" && rest != "c" {
		return rest
	}
	return name
}

// property returns the class \p{text}: a binary property, a general category or a
// script. The text may also name the kind, as in sc=Greek.
func property(text string) (runeSet, bool) {
	kind, name, found := strings.Cut(text, "=")
	negated := false
	if found {
		kind, negated = strings.CutSuffix(kind, "!")
	} else if kind, name, found = strings.Cut(text, ":"); !found {
		kind, name = "", text
	}
	name = loose(name)
	var class runeSet
	ok := false
	switch loose(kind) {
	case "":
		for _, find := range []func(string) (runeSet, bool){binaryProperty, category, script} {
			if class, ok = find(name); ok {
				break
			}
		}
	case "gc", "generalcategory":
		class, ok = category(name)
	case "sc", "script":
		class, ok = script(name)
	}
	if negated {
		class = class.negate()
	}
	return class, ok
}

// binaryProperty returns a property that package unicode has, or that follows from its
// tables.
func binaryProperty(name string) (runeSet, bool) {
	switch name {
	case "any":
		return allRunes(), true
	case "ascii":
		return runeSet{{0, 0x7f}}, true
	case "alphabetic", "alpha":
		return alphabetic(), true
	case "lowercase", "lower":
		return lowercase(), true
	case "uppercase", "upper":
		return uppercase(), true
	case "cased":
		return cased(), true
	case "math":
		return setOf(unicode.Sm, unicode.Other_Math), true
	case "idstart", "ids":
		return idStart(), true
	case "idcontinue", "idc":
		return idStart().union(setOf(unicode.M, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)).without(noID()), true
	case "whitespace", "wspace", "space":
		return setOf(unicode.White_Space), true
	}
	for long, table := range unicode.Properties {
		if loose(long) == name {
			return setOf(table), true
		}
	}
	return nil, false
}

// category returns a general category by its short or long name.
func category(name string) (runeSet, bool) {
	switch name {
	case "any":
		return allRunes(), true
	case "assigned":
		return setOf(unicode.Categories["Cn"]).negate(), true
	}
	for long, short := range unicode.CategoryAliases {
		if loose(long) == name {
			name = loose(short)
			break
		}
	}
	for short, table := range unicode.Categories {
		if loose(short) == name {
			return setOf(table), true
		}
	}
	return nil, false
}

// script returns a script by its long or short name.
func script(name string) (runeSet, bool) {
	name = longScript(name)
	for long, table := range unicode.Scripts {
		if loose(long) == name {
			return setOf(table), true
		}
	}
	return nil, false
}
