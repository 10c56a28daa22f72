package outbound

import (
	"net/netip"
	"syscall"
)

// prefixes parses a table of networks.
func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

var (
	// private are the networks of [Options.AllowPrivate]: RFC 1918, 4193, 6598,
	// 1122, 3927 and 4291.
	private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
	// metadata are where clouds serve credentials to whoever is inside. That of
	// Azure is among the public addresses.
	metadata = prefixes("169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128")
	// reserved are the rest of what is nobody's, of the registries of IANA for
	// special-purpose addresses.
	reserved = prefixes("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
	global = netip.MustParsePrefix("2000::/3") // outside of it nothing of IPv6 is public
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
)

func within(a netip.Addr, networks []netip.Prefix) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Control is for the [net.Dialer] of who has to call by a transport of its own, as
// it streams what is answered: connecting to an address that a [Client] would not
// call is [ErrRefused].
func Control(allowPrivate bool) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err != nil || !allowed(at.Addr(), allowPrivate) {
			return ErrRefused
		}
		return nil
	}
}

// allowed tells whether an address may be connected to.
func allowed(a netip.Addr, allowPrivate bool) bool {
	a = a.Unmap()
	if a.Is6() && nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case !a.IsValid() || a.Zone() != "" && !allowPrivate:
		return false
	case within(a.WithZone(""), metadata):
		return false
	case within(a.WithZone(""), private):
		return allowPrivate
	case within(a, reserved):
		return false
	}
	return a.Is4() || global.Contains(a)
}
