package server_test

import (
	"errors"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/server"
)

// TestOrWithout: what a server lacks is left out from the first success without it on,
// and not for any other failure.
func TestOrWithout(t *testing.T) {
	errRefused, errOther := errors.New("refused"), errors.New("other")
	for name, tt := range map[string]struct {
		with, without error // the answers of the server
		want          error
		lacks         bool
	}{
		"known":                    {nil, errOther, nil, false},
		"not known":                {errRefused, nil, nil, true},
		"fails for another reason": {errOther, nil, errOther, false},
		"refused in both ways":     {errRefused, errOther, errRefused, false},
		"may pass without it":      {errRefused, storage.ErrTransient, storage.ErrTransient, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := server.New(nil)
			var asked []bool
			request := func(with bool) (int, error) {
				asked = append(asked, with)
				if with {
					return 1, tt.with
				}
				return 2, tt.without
			}
			refused := func(err error) bool { return errors.Is(err, errRefused) }
			if _, err := server.OrWithout(s, "x", refused, request); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if s.Lacks("x") != tt.lacks || s.Knows("x") || s.Lacks("y") {
				t.Errorf("lacks x %t, y %t, knows x %t", s.Lacks("x"), s.Lacks("y"), s.Knows("x"))
			}
			asked = nil
			got, _ := server.OrWithout(s, "x", refused, request)
			if tt.lacks && (got != 2 || len(asked) != 1 || asked[0]) || !tt.lacks && !asked[0] {
				t.Errorf("the next request: %d of %v", got, asked)
			}
		})
	}
}

// TestNotice: each text is told once.
func TestNotice(t *testing.T) {
	var told []string
	s := server.New(func(n storage.Notice) { told = append(told, n.Text) })
	for _, text := range []string{"a", "b", "a"} {
		s.Notice(storage.Notice{Text: text})
	}
	if len(told) != 2 || told[0] != "a" || told[1] != "b" {
		t.Errorf("told %q", told)
	}
	server.New(nil).Notice(storage.Notice{Text: "nobody listens"})
}
