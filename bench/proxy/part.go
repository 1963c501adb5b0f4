package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"time"
)

// part is what this program does when it is started by itself: one of the
// servers that are measured, or one of the clients.
type part struct {
	serve string // the server
	dir   string // where certificates are, and room for files
	tls   bool   // ours listens with TLS

	ask     string // the load
	address string
	seconds int
}

func (p *part) flags(f *flag.FlagSet) {
	f.StringVar(&p.serve, "serve", "", "be one of the servers that are measured")
	f.StringVar(&p.dir, "dir", "", "where -serve finds its certificate")
	f.BoolVar(&p.tls, "tls", false, "-serve listens with TLS, where that is one or the other")
	f.StringVar(&p.ask, "ask", "", "be the client of a load")
	f.StringVar(&p.address, "address", "", "whom -ask asks")
	f.IntVar(&p.seconds, "for", 1, "how many seconds -ask asks")
}

// named says whether a part was given out.
func (p *part) named() bool { return p.serve != "" || p.ask != "" }

func (p *part) play(ctx context.Context, out io.Writer) error {
	switch p.serve {
	case "":
		return p.beClient(ctx, out)
	case direct:
		return serveOrigin(ctx, originAddress)
	case "ReverseProxy":
		return serveReverseProxy(ctx, p.dir)
	case ours, overNetHTTP:
		return serveOwn(ctx, p.dir, p.serve == ours, p.tls)
	}
	return fmt.Errorf("there is no server %q", p.serve)
}

// answered is what a client of ours saw.
type answered struct {
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
}

func (p *part) beClient(ctx context.Context, out io.Writer) error {
	some, err := loadsOf(p.ask)
	if err != nil {
		return err
	}
	l, during := some[0], time.Duration(p.seconds)*time.Second
	var seen answered
	switch l.client {
	case openLoop:
		seen, err = askAtRate(p.address, l, during)
	case idling:
		seen, err = askAndIdle(ctx, p.address, l, during)
	case byWrk, byH2load:
		err = fmt.Errorf("the client of %s is another program", l.name)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(seen)
}
