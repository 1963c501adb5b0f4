package upstream

import (
	"context"
	"net"
	"net/netip"
	"testing"
)

// crowd is a resolver whose answer is far too long.
type crowd struct{}

func (crowd) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	var list []netip.Addr
	for i := range 100_000 {
		list = append(list, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	return list, nil
}

func (crowd) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, nil
}

func TestUpstreamsAreReadStrictly(t *testing.T) {
	for upstream, want := range map[string]target{
		"http://127.0.0.1:9001":        {speaks: plain, network: "tcp", host: "127.0.0.1", port: "9001"},
		"http://shop":                  {speaks: plain, network: "tcp", host: "shop", port: "80"},
		"http://shop:/":                {speaks: plain, network: "tcp", host: "shop", port: "80"},
		"h2c://[::1]:9001":             {speaks: h2c, network: "tcp", host: "::1", port: "9001"},
		"https://shop":                 {speaks: https, network: "tcp", host: "shop", port: "443"},
		"unix:///run/shop.sock":        {network: "unix", host: "/run/shop.sock"},
		"srv+http://_http._tcp.shop":   {speaks: plain, network: "tcp", host: "_http._tcp.shop", port: "", srv: true},
		"srv+https://_https._tcp.shop": {speaks: https, network: "tcp", host: "_https._tcp.shop", srv: true},
	} {
		want.text = upstream
		if want.srv {
			want.port = map[scheme]string{plain: "80", https: "443"}[want.speaks]
		}
		if got, err := parse(upstream); err != nil || got != want {
			t.Errorf("%s: %+v, %v", upstream, got, err)
		}
	}
	for _, upstream := range []string{
		"", "shop:80", "ftp://shop", "http://", "http://shop/x", "http://shop?x", "http://shop#x", "http://me@shop",
		"unix://run/shop.sock", "unix:run.sock", "unix:///", "srv+unix:///x", "srv+http://shop:80", "srv+srv+http://shop", "http://shop:x",
		"unix:///" + string(make([]byte, 200)),
	} {
		if err := Check(upstream); err == nil {
			t.Errorf("%q is taken", upstream)
		}
	}
}
