package address_test

import (
	"net"
	"testing"

	"s3sync/storage/bucket/internal/address"
)

func TestServerOf(t *testing.T) {
	for name, urls := range map[string][]string{
		"h:9000":      {"http://h:9000", "HTTP://H:9000/", "http://h.:9000//", "https://h:9000"},
		"h:80":        {"http://h", "http://h:80/", "http://h:80/."},
		"h:443":       {"https://h", "HTTPS://H.:443"},
		"h:80/s3":     {"http://h/s3", "http://h//s3/"},
		"10.0.0.7:80": {"http://10.0.0.7", "http://[::ffff:10.0.0.7]:80"},
		"[fe80::1]:1": {"http://[fe80:0::1]:1"},
		"localhost:9000": {
			"http://localhost:9000", "http://LOCALHOST:9000", "http://localhost.:9000", "http://127.0.0.1:9000", "http://127.1.2.3:9000",
			"http://[::1]:9000", "http://[0:0:0:0:0:0:0:1]:9000", "http://[::ffff:127.0.0.1]:9000", "http://0.0.0.0:9000", "http://b.localhost:9000",
		},
		"aws": {
			"", "https://s3.amazonaws.com", "https://s3.eu-west-1.amazonaws.com/", "https://s3-eu-west-1.amazonaws.com",
			"https://b.s3.eu-west-1.amazonaws.com", "https://s3.dualstack.us-east-1.amazonaws.com", "https://s3-fips.us-east-1.amazonaws.com",
			"https://address.vpce-1a2b3c.s3.us-east-1.vpce.amazonaws.com", "https://s3-accelerate.amazonaws.com",
		},
		"aws-cn":                   {"https://s3.cn-north-1.amazonaws.com.cn"},
		"aws-us-gov":               {"https://s3.us-gov-west-1.amazonaws.com"},
		"ec2.amazonaws.com:443":    {"https://ec2.amazonaws.com"},
		"s3.amazonaws.com.evil:80": {"http://s3.amazonaws.com.evil"},
	} {
		for _, url := range urls {
			if got := address.ServerOf(url); got != name {
				t.Errorf("ServerOf(%q) = %q, want %q", url, got, name)
			}
		}
	}
}

func TestSameServer(t *testing.T) {
	for name, tt := range map[string]struct {
		a, b string
		want bool
	}{
		"equal":                {"h:80", "h:80", true},
		"of AWS":               {"aws", "aws", true},
		"partitions":           {"aws", "aws-cn", false},
		"AWS and this machine": {"aws", "localhost:80", false},
		"ports":                {"localhost:80", "localhost:81", false},
		"paths":                {"localhost:80/a", "localhost:80/b", false},
		"other machines":       {"192.0.2.1:80", "192.0.2.2:80", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := address.SameServer(t.Context(), tt.a, tt.b); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
	// An address that this machine has on a network is this machine, too.
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		ip, ok := addr.(*net.IPNet)
		if !ok || ip.IP.To4() == nil {
			continue
		}
		server := address.ServerOf("http://" + ip.IP.String() + ":9000")
		if !address.SameServer(t.Context(), server, "localhost:9000") {
			t.Errorf("%s is not taken for this machine", server)
		}
	}
}
