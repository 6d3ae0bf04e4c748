package transport

import (
	"net/url"
	"testing"
)

// TestDirectHosts: NO_PROXY is understood as by net/http.
func TestDirectHosts(t *testing.T) {
	for name, tt := range map[string]struct {
		text, url string
		want      bool
	}{
		"nothing":            {"", "http://h", false},
		"this machine":       {"", "http://localhost:9000", true},
		"loopback":           {"", "http://127.0.0.2", true},
		"loopback, IPv6":     {"", "http://[::1]:9000", true},
		"name":               {"h", "http://h", true},
		"name, dot":          {"h", "http://h.", true},
		"below":              {"h.com", "http://a.h.com", true},
		"not below":          {"h.com", "http://ah.com", false},
		"below only":         {".h.com", "http://h.com", false},
		"star":               {"*.h.com", "http://a.h.com", true},
		"port":               {"h:9000", "http://h:9000", true},
		"port of the scheme": {"h:443", "https://h", true},
		"another port":       {"h:9000", "http://h", false},
		"address":            {"10.0.0.1", "http://10.0.0.1:9000", true},
		"address and port":   {"10.0.0.1:80", "http://10.0.0.1:9000", false},
		"network":            {"10.0.0.0/8", "http://10.1.2.3", true},
		"another network":    {"10.0.0.0/8", "http://11.1.2.3", false},
		"IPv6":               {"[fe80::1]", "http://[fe80::1]:9000", true},
		"IPv6 and port":      {"[fe80::1]:9000", "http://[fe80::1]:9000", true},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			if got := newDirectHosts(tt.text).has(u); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
