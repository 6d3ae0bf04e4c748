package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// The tree is the Merkle Hash Tree of RFC 6962, section 2.1, with SHA-256
// (https://www.rfc-editor.org/rfc/rfc6962#section-2.1). Its leaves are the lines of the
// manifest in order, without their newlines and without the last line.

// A hash is a node of the tree.
type hash = [sha256.Size]byte

// leafHash returns MTH({d}) = SHA-256(0x00 || d).
func leafHash(line []byte) hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(line)
	return hash(h.Sum(nil))
}

// nodeHash returns SHA-256(0x01 || left || right).
func nodeHash(left, right *hash) hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}

// A tree takes leaves one by one. It keeps the roots of the perfect trees among them, of
// which there are as many as the number of leaves has ones in binary.
type tree struct {
	leaves int64
	roots  []node
	// paths are the audit paths of the two leaves that are followed, as far as they are
	// known.
	paths [2][]hash
}

// A node is the root of a perfect tree.
type node struct {
	hash

	// holds says which of the followed leaves are below the node.
	holds [2]bool
}

// add adds a leaf.
func (t *tree) add(line []byte) { t.addNode(node{hash: leafHash(line)}) }

// follow adds a leaf and keeps its audit path as path i. It forgets the leaf that had
// this path before.
func (t *tree) follow(line []byte, i int) {
	t.paths[i] = nil
	for r := range t.roots {
		t.roots[r].holds[i] = false
	}
	n := node{hash: leafHash(line)}
	n.holds[i] = true
	t.addNode(n)
}

func (t *tree) addNode(n node) {
	for rest := t.leaves; rest&1 == 1; rest >>= 1 {
		last := len(t.roots) - 1
		n = t.join(&t.roots[last], &n)
		t.roots = t.roots[:last]
	}
	t.roots = append(t.roots, n)
	t.leaves++
}

// join returns the node above two others.
func (t *tree) join(left, right *node) node {
	above := node{hash: nodeHash(&left.hash, &right.hash)}
	for i := range t.paths {
		switch {
		case left.holds[i]:
			t.paths[i] = append(t.paths[i], right.hash)
		case right.holds[i]:
			t.paths[i] = append(t.paths[i], left.hash)
		}
		above.holds[i] = left.holds[i] || right.holds[i]
	}
	return above
}

// root returns the root of the whole tree. Nothing may be added after it.
func (t *tree) root() hash {
	if len(t.roots) == 0 {
		return sha256.Sum256(nil)
	}
	for len(t.roots) > 1 {
		last := len(t.roots) - 1
		t.roots[last-1] = t.join(&t.roots[last-1], &t.roots[last])
		t.roots = t.roots[:last]
	}
	return t.roots[0].hash
}

var errPath = errors.New("its path does not fit the number of lines")

// rootOf returns the root to which the audit path of a leaf leads. index counts from 0.
// The algorithm is that of RFC 9162, section 2.1.3.2.
func rootOf(leaf hash, index, leaves int64, path []hash) (hash, error) {
	if index < 0 || index >= leaves {
		return hash{}, errPath
	}
	at, last, r := index, leaves-1, leaf
	for i := range path {
		if last == 0 {
			return hash{}, errPath
		}
		if at&1 == 1 || at == last {
			r = nodeHash(&path[i], &r)
			for at&1 == 0 && at != 0 {
				at, last = at>>1, last>>1
			}
		} else {
			r = nodeHash(&r, &path[i])
		}
		at, last = at>>1, last>>1
	}
	if last != 0 {
		return hash{}, errPath
	}
	return r, nil
}

func hexOf(h hash) string { return hex.EncodeToString(h[:]) }

// parseHash reads 64 hexadecimal digits in lower case.
func parseHash(text string) (h hash, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) || hex.EncodeToString(b) != text {
		return h, errors.New("it is not a SHA-256 in 64 hexadecimal digits")
	}
	return hash(b), nil
}
