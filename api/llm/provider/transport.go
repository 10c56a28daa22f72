package provider

import (
	"net"
	"net/http"
	"time"

	"stemma/api/outbound"
)

// Transport makes a transport for calls of seconds to a few hosts: those that the
// operator named.
func Transport() *http.Transport { return transport(false, false) }

// ForeignTransport is one for hosts that tenants named. Addresses are checked as
// in [outbound], where they are connected to.
func ForeignTransport(allowPrivate bool) *http.Transport { return transport(true, allowPrivate) }

func transport(foreign, allowPrivate bool) *http.Transport {
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
	if foreign {
		t.Proxy = nil // it would connect for us
		dialer.Control = outbound.Control(allowPrivate)
	}
	t.DialContext = dialer.DialContext
	return t
}
