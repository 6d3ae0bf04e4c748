package transport

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"s3sync/storage/bucket/internal/failure"
)

// proxiesOfEnvironment are the variables that name proxies, which may hold
// passwords.
func proxiesOfEnvironment() []string {
	var proxies []string
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"} {
		if text := variable(name); text != "" {
			proxies = append(proxies, text)
		}
	}
	return proxies
}

// variable is a variable of the environment in upper or lower case.
func variable(name string) string {
	for _, spelling := range []string{name, strings.ToLower(name)} {
		if text := os.Getenv(spelling); text != "" { //nolint:forbidigo // as net/http reads the others of this kind
			return text
		}
	}
	return ""
}

// proxy returns the proxy of a request. The option wins over the variables that net/http
// knows, and these win over ALL_PROXY, as in other programs. NO_PROXY applies to all of
// them but the option.
func (o *Options) proxy() (func(*http.Request) (*url.URL, error), error) {
	var option, all *url.URL
	var err error
	if o.HTTPSProxy != "" {
		option, err = url.Parse(o.HTTPSProxy)
		if err != nil || option.Host == "" || option.Scheme != "http" && option.Scheme != "https" {
			// The text is not shown, because it may contain a password.
			return nil, failure.Unusable("the https proxy is not of the form http(s)://[user:password@]host:port")
		}
	}
	own := map[string]bool{"https": variable("HTTPS_PROXY") != "", "http": variable("HTTP_PROXY") != ""}
	allProxy := variable("ALL_PROXY")
	var allErr error
	if allProxy != "" {
		all, allErr = parseAllProxy(allProxy)
	}
	// Where other settings win, the variable may be meant for other programs.
	if allErr != nil && option == nil && !own["https"] && !own["http"] && o.Given == nil {
		return nil, allErr
	}
	direct := newDirectHosts(variable("NO_PROXY"))
	return func(req *http.Request) (*url.URL, error) {
		switch {
		case option != nil && req.URL.Scheme == "https":
			return option, nil
		case allProxy != "" && !own[req.URL.Scheme]:
			if direct.has(req.URL) {
				return nil, nil //nolint:nilnil // means that there is no proxy
			}
			return all, allErr
		}
		return http.ProxyFromEnvironment(req)
	}, nil
}

// parseAllProxy reads ALL_PROXY, which may also name a SOCKS proxy.
func parseAllProxy(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err == nil && u.Hostname() != "" {
		switch u.Scheme {
		case "http", "https", "socks5", "socks5h":
			return u, nil
		}
	}
	return nil, failure.Unusable("the variable ALL_PROXY is not of the form scheme://[user:password@]host[:port], where the scheme is http, https, socks5 or socks5h")
}

// directHosts are those that need no proxy, as net/http understands NO_PROXY.
type directHosts struct {
	all   bool
	nets  []netip.Prefix
	hosts []directHost
}

// A directHost is a name, whether its subdomains match, and a port or none.
type directHost struct {
	name, port string
	exact, sub bool // the name itself; names below it
}

// newDirectHosts reads NO_PROXY: names, addresses and networks, separated by commas. A
// name also matches its subdomains. .name and *.name match only the subdomains. Each may
// have a port.
func newDirectHosts(text string) directHosts {
	var d directHosts
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "*" {
			d.all = true
		}
		if prefix, err := netip.ParsePrefix(entry); err == nil {
			d.nets = append(d.nets, prefix.Masked())
			continue
		}
		h := directHost{name: strings.Trim(entry, "[]"), exact: true, sub: true}
		if host, port, err := net.SplitHostPort(entry); err == nil {
			h.name, h.port = host, port
		}
		if below := strings.TrimPrefix(h.name, "*"); strings.HasPrefix(below, ".") {
			h.name, h.exact = below[1:], false
		}
		if _, err := netip.ParseAddr(h.name); err == nil {
			h.sub = false
		}
		if h.name != "" {
			d.hosts = append(d.hosts, h)
		}
	}
	return d
}

// has reports whether a URL is reached without a proxy. This machine always is.
func (d directHosts) has(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	address, err := netip.ParseAddr(host)
	if d.all || host == "localhost" || err == nil && address.IsLoopback() {
		return true
	}
	for _, network := range d.nets {
		if err == nil && network.Contains(address.Unmap()) {
			return true
		}
	}
	for _, h := range d.hosts {
		if (h.port == "" || h.port == port) && (h.exact && host == h.name || h.sub && strings.HasSuffix(host, "."+h.name)) {
			return true
		}
	}
	return false
}

// A ProxyError is the refusal of a request by a proxy.
type ProxyError struct {
	Host   string
	Status int
}

func (e *ProxyError) Error() string {
	if e.Status == http.StatusProxyAuthRequired {
		return fmt.Sprintf("the proxy %s wants another user or password (give them in its URL)", e.Host)
	}
	return fmt.Sprintf("the proxy %s refuses the connection with status %d %s (ask whoever runs it, or name the host in NO_PROXY)", e.Host, e.Status, http.StatusText(e.Status))
}

func checkProxy(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &ProxyError{Host: proxy.Host, Status: resp.StatusCode}
	}
	return nil
}
