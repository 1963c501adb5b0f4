package proxy

import (
	"io"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestTroublesAreCounted(t *testing.T) {
	p := fastProxy(t, plainAnswer)
	kept := p.table.Load()
	for kind, text := range map[trouble]string{
		malformedRequest: "GET / HTTP/1.1\nHost: a\r\n\r\n",
		panicked:         plainRequest,
	} {
		if kind == panicked {
			p.table.Store(&table{services: kept.services}) // no routes, as only a mistake could
		}
		conn := dialProxy(t, p)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadAll(conn)
		if n := p.troubles[kind].Load(); n != 1 {
			t.Errorf("%s: %d are counted", troubleNames[kind], n)
		}
		p.table.Store(kept)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(p.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, f := range families {
		if f.GetName() == "stagger_proxy_troubles_total" {
			for _, m := range f.GetMetric() {
				told = append(told, m.GetLabel()[0].GetValue())
			}
		}
	}
	if got := strings.Join(told, " "); got != "malformed not_accepted panic slow_head" {
		t.Errorf("the metrics tell of %q", got)
	}
}
