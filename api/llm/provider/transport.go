package provider

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errPrivate is why an address was not connected to.
var errPrivate = errors.New("the address is not public")

// Transport makes a transport for calls of seconds to a few hosts. A public
// one connects to no address of a private network, whatever its name resolves
// to: it is checked when it is connected to.
func Transport(public bool) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // streams are relayed as they come
	}
	if public {
		t.Proxy = nil // it would connect for us
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !isPublic(at.Addr().Unmap()) {
				return errPrivate
			}
			return nil
		}
	}
	t.DialContext = dialer.DialContext
	return t
}

// shared is the address space between carriers and their customers, RFC 6598.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func isPublic(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a) && a != netip.MustParseAddr("168.63.129.16") // Azure's metadata
}
