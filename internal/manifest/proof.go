package manifest

import "fmt"

// A Proof shows that one line belongs to a manifest, to whoever trusts the root of the
// manifest. It needs nothing else of the manifest.
type Proof struct {
	Format  string `json:"format"` // ProofFormat
	Version int    `json:"version"`
	// Root is the root of the manifest. It proves nothing by itself: compare it with one
	// that you trust.
	Root string `json:"root"`
	// Leaves is the number of lines in the tree: all but the last one.
	Leaves int64 `json:"leaves"`
	// Header is the first line, which names the run; Entry is the line of the object.
	Header Leaf `json:"header"`
	Entry  Leaf `json:"entry"`
}

// A Leaf is a line with its audit path.
type Leaf struct {
	// Index counts from 0. It is one less than the number of the line.
	Index int64 `json:"index"`
	// Line is the line without its newline.
	Line string `json:"line"`
	// Path are the hashes beside the way from the leaf to the root, the deepest first.
	Path []string `json:"path"`
}

// ProofFormat is the Format of a Proof.
const ProofFormat = "s3sync-proof"

// newProof returns the proof of a tree whose root was computed, and which follows the
// header and one entry.
func newProof(t *tree, root hash, header, entry []byte, index int64) *Proof {
	return &Proof{
		Format: ProofFormat, Version: Version, Root: hexOf(root), Leaves: t.leaves,
		Header: Leaf{0, string(header), hexes(t.paths[pathOfHeader])},
		Entry:  Leaf{index, string(entry), hexes(t.paths[pathOfEntry])},
	}
}

func hexes(path []hash) []string {
	text := make([]string, len(path))
	for i, h := range path {
		text[i] = hexOf(h)
	}
	return text
}

// Check checks a proof against a root that the caller trusts, and returns what it proves.
func (p *Proof) Check(root string) (*Header, *Entry, error) {
	if p.Format != ProofFormat || p.Version != Version {
		return nil, nil, fmt.Errorf("it is not a proof of version %d of s3sync", Version)
	}
	want, err := parseHash(root)
	if err != nil {
		return nil, nil, fmt.Errorf("the root: %w", err)
	}
	if p.Header.Index != 0 {
		return nil, nil, refused(0, "its header is not the first line")
	}
	for _, part := range []struct {
		name string
		leaf *Leaf
	}{{"header", &p.Header}, {"entry", &p.Entry}} {
		got, err := part.leaf.root(p.Leaves)
		if err != nil {
			return nil, nil, refused(0, "its %s: %w", part.name, err)
		}
		if got != want {
			return nil, nil, refused(0, "its %s leads to the root %s, and not to %s", part.name, hexOf(got), root)
		}
	}
	header, entry := new(Header), new(Entry)
	if err := parseHeader([]byte(p.Header.Line), header); err != nil {
		return nil, nil, err
	}
	return header, entry, parseEntry([]byte(p.Entry.Line), p.Entry.Index+1, entry)
}

// root returns the root to which the leaf leads.
func (l *Leaf) root(leaves int64) (hash, error) {
	path := make([]hash, len(l.Path))
	for i, text := range l.Path {
		h, err := parseHash(text)
		if err != nil {
			return hash{}, err
		}
		path[i] = h
	}
	return rootOf(leafHash([]byte(l.Line)), l.Index, leaves, path)
}
