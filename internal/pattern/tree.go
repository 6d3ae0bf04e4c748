package pattern

// A node is a part of a parsed expression.
type node interface{ isNode() }

type (
	// set matches one character of a set. A literal is a set of one.
	set struct{ runes runeSet }

	// sequence matches its parts one after the other. Without parts it matches the
	// empty text.
	sequence struct{ parts []node }

	// choice matches one of its branches, the first one preferred.
	choice struct{ branches []node }

	// group captures what its body matches, under a number.
	group struct {
		number int
		body   node
	}

	// repeat matches its body min to max times: as often as possible or, if lazy, as
	// rarely as possible. A max of -1 means no maximum. If possessive, it never gives
	// matches back.
	repeat struct {
		body             node
		min, max         int
		lazy, possessive bool
	}

	// atomic matches its body in one way only, without backtracking into it.
	atomic struct{ body node }

	// look matches the empty text if its body matches ahead, or behind. If negated, it
	// matches if the body does not.
	look struct {
		behind, negated bool
		body            node
	}

	// reference matches the text that a group matched. If fold is set, it ignores case.
	reference struct {
		number int
		fold   bool
	}

	// position matches the empty text at certain places.
	position struct {
		kind place
		// ascii: words consist of characters of ASCII.
		ascii bool
	}
)

// A place is a kind of position.
type place int

const (
	textStart place = iota
	textEnd
	lineStart
	lineEnd
	lineStartCR // lines may end in \r\n, \r and \n
	lineEndCR
	wordBoundary
	noWordBoundary
	wordStart
	wordEnd
	wordStartHalf // no word character before
	wordEndHalf   // no word character behind
)

func (set) isNode()       {}
func (sequence) isNode()  {}
func (choice) isNode()    {}
func (group) isNode()     {}
func (repeat) isNode()    {}
func (atomic) isNode()    {}
func (look) isNode()      {}
func (reference) isNode() {}
func (position) isNode()  {}

// A need is the kind of engine that an expression needs.
type need int

const (
	// linear time, for every text.
	linear need = iota
	// linear time for ASCII texts. The linear engine does not know the word characters
	// outside of ASCII.
	linearInASCII
	// backtracking.
	backtracking
)

// needOf returns the need of n.
func needOf(n node) need {
	most := func(nodes ...node) need {
		all := linear
		for _, n := range nodes {
			all = max(all, needOf(n))
		}
		return all
	}
	switch n := n.(type) {
	case sequence:
		return most(n.parts...)
	case choice:
		return most(n.branches...)
	case group:
		return needOf(n.body)
	case repeat:
		if n.possessive {
			return backtracking
		}
		return needOf(n.body)
	case atomic, look, reference:
		return backtracking
	case position:
		switch n.kind {
		case lineStartCR, lineEndCR, wordStart, wordEnd, wordStartHalf, wordEndHalf:
			return backtracking
		case wordBoundary, noWordBoundary:
			if !n.ascii {
				return linearInASCII
			}
		default:
		}
	}
	return linear
}
