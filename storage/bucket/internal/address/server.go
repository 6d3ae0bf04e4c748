package address

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"
)

// The partitions of AWS that have S3 for everybody.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
const (
	PartitionAWS   = "aws"
	PartitionChina = "aws-cn"
	PartitionGov   = "aws-us-gov"
)

// PartitionOf returns the part of AWS in which a bucket of a region is.
func PartitionOf(bucket, region string) string {
	if IsAccessPoint(bucket) {
		return ParseARN(bucket).Partition
	}
	switch {
	case strings.HasPrefix(region, "cn-"):
		return PartitionChina
	case strings.HasPrefix(region, "us-gov-"):
		return PartitionGov
	}
	return PartitionAWS
}

// localName stands for all names of this machine that can be told without asking.
const localName = "localhost"

// ServerOf names the server behind the URL of an endpoint in one form: equal names
// are one server. It asks nobody; see SameServer. The endpoints of AWS are one
// server for each of its partitions, and so is no endpoint at all.
func ServerOf(endpoint string) string {
	if endpoint == "" {
		return PartitionAWS
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return endpoint
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if partition := partitionOfHost(host); partition != "" {
		return partition
	}
	switch addr, err := netip.ParseAddr(host); {
	case err == nil && isThisMachine(addr):
		host = localName
	case err == nil:
		host = addr.Unmap().WithZone("").String()
	case strings.HasSuffix(host, "."+localName): // RFC 6761, section 6.3
		host = localName
	}
	port := u.Port()
	switch {
	case port != "":
	case strings.EqualFold(u.Scheme, "https"):
		port = "443"
	default:
		port = "80"
	}
	below := strings.TrimSuffix(path.Clean("/"+u.Path), "/")
	return net.JoinHostPort(host, port) + below
}

// isThisMachine reports whether an address leads to this machine on every one.
func isThisMachine(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsUnspecified()
}

// partitionOfHost is the partition of AWS to which a host belongs that speaks S3,
// or empty if it is none.
// https://docs.aws.amazon.com/general/latest/gr/s3.html
func partitionOfHost(host string) string {
	rest, china := strings.CutSuffix(host, ".amazonaws.com.cn")
	rest, aws := strings.CutSuffix(rest, ".amazonaws.com")
	speaks := false
	for label := range strings.SplitSeq(rest, ".") {
		speaks = speaks || label == "s3" || strings.HasPrefix(label, "s3-") || strings.HasPrefix(label, "s3express-")
	}
	switch {
	case !speaks:
		return ""
	case china:
		return PartitionChina
	case aws && strings.Contains(rest, "us-gov-"):
		return PartitionGov
	case aws:
		return PartitionAWS
	}
	return ""
}

// lookupTime bounds the wait for the addresses of a host.
const lookupTime = 3 * time.Second

// SameServer reports whether two names of ServerOf are known to be one server: they
// are equal, or both lead to the same port of this machine. Two names of another
// machine are not taken for one server, as many servers can share an address.
func SameServer(ctx context.Context, a, b string) bool {
	if a == b {
		return true
	}
	hostA, restA, errA := splitServer(a)
	hostB, restB, errB := splitServer(b)
	if errors.Join(errA, errB) != nil || restA != restB {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	return isLocalHost(ctx, hostA) && isLocalHost(ctx, hostB)
}

// splitServer splits host:port/path behind the host.
func splitServer(server string) (host, rest string, err error) {
	address, below, _ := strings.Cut(server, "/")
	host, port, err := net.SplitHostPort(address)
	return host, port + "/" + below, err
}

// isLocalHost reports whether a host is this machine. If nobody knows its addresses
// it is not.
func isLocalHost(ctx context.Context, host string) bool {
	if host == localName {
		return true
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false
	}
	own := map[netip.Addr]bool{}
	interfaces, _ := net.InterfaceAddrs() // without them loopback is still known
	for _, a := range interfaces {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own[p.Addr().Unmap().WithZone("")] = true
		}
	}
	for _, addr := range addrs {
		if isThisMachine(addr) || own[addr.Unmap().WithZone("")] {
			return true
		}
	}
	return false
}

// IsPartition reports whether a name of ServerOf is that of a partition of AWS.
func IsPartition(server string) bool {
	return server == PartitionAWS || server == PartitionChina || server == PartitionGov
}
