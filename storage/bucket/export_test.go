package bucket

import (
	"context"
	"net"
	"strings"
)

// InXML reports whether XML can hold a text.
func InXML(text string) bool { return inXML(text) }

// Dial makes a store reach its server by dial.
func (s *Store) Dial(dial func() (net.Conn, error)) {
	s.access.Wire.HTTP().HTTP().DialContext = func(context.Context, string, string) (net.Conn, error) { return dial() }
}

// Resolve makes a store reach that address in place of its server, but proxies
// where they are.
func (s *Store) Resolve(address string) {
	s.access.Wire.HTTP().HTTP().DialContext = func(ctx context.Context, network, asked string) (net.Conn, error) {
		if !strings.HasPrefix(asked, "127.0.0.1:") {
			asked = address
		}
		return new(net.Dialer).DialContext(ctx, network, asked)
	}
}

// MaxEmptyPages sets how many empty pages of a listing may follow each other.
func (s *Store) MaxEmptyPages(n int) { s.listing.MaxEmptyPages = n }
