//go:build !race

package proxy

import (
	"bytes"
	"testing"
)

// TestAPlainRequestAllocatesNothing counts client and upstream in. The race
// detector throws away what is kept for the next request.
func TestAPlainRequestAllocatesNothing(t *testing.T) {
	allocatesNothing(t, fastProxy(t, plainAnswer))
}

// TestProtectionAllocatesNothing is the same with everything on that looks at
// every request.
func TestProtectionAllocatesNothing(t *testing.T) {
	allocatesNothing(t, proxyOver(t, plainAnswer, true, protected))
}

func allocatesNothing(t *testing.T, p *Proxy) {
	t.Helper()
	conn := dialProxy(t, p)
	request, b := []byte(plainRequest), make([]byte, 4<<10)
	once := func() {
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		for n := 0; !bytes.HasSuffix(b[:n], []byte("hello")); {
			k, err := conn.Read(b[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
	}
	for range 20 {
		once()
	}
	// A tick's cell is made once per quarter second.
	if n := testing.AllocsPerRun(2000, once); n >= 1 {
		t.Errorf("%v allocations per request", n)
	}
}
