package upstream

import (
	"net"
	"testing"
	"time"
)

func TestLinksAreBoundedAndGrowOld(t *testing.T) {
	s := links{limit: 2}
	begin := time.Now()
	var made []*Link
	for range 3 {
		here, there := net.Pipe()
		t.Cleanup(func() { _ = there.Close() })
		made = append(made, &Link{Conn: here})
		s.put(made[len(made)-1], begin.Add(time.Duration(len(made))*time.Second))
	}
	if _, err := made[2].Write(nil); err == nil {
		t.Error("the third is kept")
	}
	s.rest(begin.Add(maxRest + 1500*time.Millisecond))
	if len(s.idle) != 1 || s.take() != made[1] {
		t.Error("not the oldest was closed")
	}
	s.close()
	s.put(made[1], begin)
	if s.take() != nil {
		t.Error("a link is kept after the end")
	}
}
