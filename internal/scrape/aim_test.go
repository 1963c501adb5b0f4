package scrape

import "testing"

func TestAnEndpointIsNamedAsTheProxyNamesIt(t *testing.T) {
	for upstream, want := range map[string]string{
		"http://127.0.0.1:9001": "127.0.0.1:9001",
		"h2c://shop:9001":       "shop:9001",
		"http://shop":           "shop:80",
		"http://shop:":          "shop:80",
		"http://[::1]":          "[::1]:80",
	} {
		if got := (aim{upstream: upstream}).address(); got != want {
			t.Errorf("%s is %s, want %s", upstream, got, want)
		}
	}
}
