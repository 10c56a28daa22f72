package outbound

import (
	"net/netip"
	"testing"
)

func TestAddresses(t *testing.T) {
	const no, private, public = "no", "private", "public"
	for text, want := range map[string]string{
		"93.184.215.14": public, "1.1.1.1": public, "100.63.255.255": public, "100.128.0.0": public, "172.15.0.1": public, "172.32.0.1": public, "192.167.1.1": public, "2606:4700::1111": public, "2a00::1": public,
		"127.0.0.1": private, "127.255.255.254": private, "10.0.0.1": private, "172.16.0.1": private, "172.31.255.255": private, "192.168.1.1": private, "100.64.0.1": private, "100.127.255.255": private,
		"169.254.1.1": private, "::1": private, "fc00::1": private, "fdff::1": private, "fe80::1": private, "fe80::1%eth0": private, "::ffff:127.0.0.1": private, "::ffff:10.1.2.3": private,
		"64:ff9b::7f00:1": private, "64:ff9b::a00:1": private, "64:ff9b::5db8:d70e": public, "::ffff:93.184.215.14": public,
		"169.254.169.254": no, "::ffff:169.254.169.254": no, "64:ff9b::a9fe:a9fe": no, "fd00:ec2::254": no, "100.100.100.200": no, "168.63.129.16": no, "169.254.170.2": no,
		"0.0.0.0": no, "0.1.2.3": no, "::": no, "255.255.255.255": no, "224.0.0.1": no, "239.255.255.255": no, "240.0.0.1": no, "192.0.2.1": no, "198.51.100.1": no, "203.0.113.9": no, "198.18.0.1": no, "192.0.0.8": no,
		"ff02::1": no, "2001:db8::1": no, "2001::1": no, "2002:7f00:1::": no, "2002:a00:1::1": no, "3fff::1": no, "64:ff9b:1::1": no, "::7f00:1": no, "100::1": no, "4000::1": no, "fec0::1": no, "2606:4700::1111%eth0": no,
	} {
		a := netip.MustParseAddr(text)
		got := no
		switch {
		case allowed(a, false):
			got = public
		case allowed(a, true):
			got = private
		}
		if got != want && (text != "2606:4700::1111%eth0" || got == public) {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if allowed(netip.Addr{}, true) {
		t.Error("no address is allowed")
	}
}

// Whatever the address, what package netip itself calls private is not public, in
// none of the forms that it may have; and what is public may be called with the
// flag too.
func FuzzAddress(f *testing.F) {
	for _, b := range [][]byte{{127, 0, 0, 1}, {10, 0, 0, 1}, {169, 254, 169, 254}, {1, 1, 1, 1}, netip.MustParseAddr("fe80::1").AsSlice(), netip.MustParseAddr("64:ff9b::a00:1").AsSlice()} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		forms := []netip.Addr{a}
		if a.Is4() {
			v4 := a.As4()
			mapped := netip.AddrFrom16(a.As16())
			via := netip.MustParseAddr("64:ff9b::").As16()
			copy(via[12:], v4[:])
			forms = append(forms, mapped, netip.AddrFrom16(via))
		}
		for _, a := range forms {
			u := a.Unmap()
			bad := u.IsPrivate() || u.IsLoopback() || u.IsLinkLocalUnicast() || u.IsMulticast() || u.IsUnspecified()
			if allowed(a, false) && (bad || !allowed(a, true)) {
				t.Errorf("%s is allowed", a)
			}
			if allowed(a, false) != allowed(forms[0], false) {
				t.Errorf("%s and %s are decided differently", a, forms[0])
			}
		}
	})
}
