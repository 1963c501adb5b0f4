package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where the origin listens, and the proxies: each has a port for every way.
const (
	originAddress = "127.0.0.1:18100"
	proxyAddress  = "127.0.0.1:18110"
	h2cAddress    = "127.0.0.1:18111"
	tlsAddress    = "127.0.0.1:18112"
)

// peer is one proxy and how it is started. Only one runs at a time, so they
// share their addresses.
type peer struct {
	name      string
	program   string // looked for on the path; empty is this program
	args      []string
	overTLS   []string       // more arguments where it listens with TLS or without
	version   []string       // arguments that make the program tell its version
	addresses map[way]string // by the ways it offers
}

// names of those that are treated apart.
const (
	ours        = "stagger"
	overNetHTTP = "stagger over net/http"
	direct      = "direct"
)

// peers writes the configurations into dir and returns who is measured. The
// first is no proxy: the origin, asked directly.
func peers(dir, newest string) ([]peer, error) {
	files := map[string]string{
		"nginx.conf": configuration(nginxConf, dir, " http2", ""), "newest.conf": configuration(nginxConf, dir, "", "http2 on;"),
		"haproxy.cfg": configuration(haproxyConf, dir, "", ""),
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	if err := certify(dir); err != nil {
		return nil, err
	}
	own := func(name string, addresses map[way]string) peer {
		return peer{name: name, args: []string{"-serve", name, "-dir", dir}, overTLS: []string{"-tls"}, addresses: addresses}
	}
	nginx := func(name, program, file string) peer {
		return peer{
			name: name, program: program, addresses: everyWay(), version: []string{"-v"},
			args: []string{"-c", filepath.Join(dir, file), "-e", "stderr"},
		}
	}
	all := []peer{
		{name: direct, addresses: map[way]string{plain: originAddress}},
		own(ours, ownWays()), own(overNetHTTP, ownWays()),
		{name: "ReverseProxy", args: []string{"-serve", "ReverseProxy", "-dir", dir}, addresses: everyWay()},
		nginx("nginx", "nginx", "nginx.conf"),
		{
			name: "HAProxy", program: "haproxy", addresses: everyWay(), version: []string{"-v"},
			args: []string{"-db", "-f", filepath.Join(dir, "haproxy.cfg")},
		},
	}
	if newest != "" {
		all = append(all, nginx("newest nginx", newest, "newest.conf"))
	}
	return all, nil
}

// reached returns how a peer is started to be asked in one way.
func (p peer) reached(w way) peer {
	if len(p.overTLS) == 0 {
		return p
	}
	if w == tls {
		p.args = append(slices.Clone(p.args), p.overTLS...)
	}
	p.addresses = map[way]string{w: p.addresses[w]}
	return p
}

func everyWay() map[way]string {
	return map[way]string{plain: proxyAddress, h2c: h2cAddress, tls: tlsAddress}
}

// chosen returns the peers that a list names, all for none.
func chosen(all []peer, list string) ([]peer, error) {
	if list == "" {
		return all, nil
	}
	var some []peer
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(p peer) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no proxy %q", name)
		}
		some = append(some, all[i])
	}
	return some, nil
}

// configuration fills in what differs from machine to machine: the directory,
// and how this nginx is told to speak HTTP/2.
func configuration(text, dir, onListen, directive string) string {
	return strings.NewReplacer(
		"{dir}", dir, "{origin}", originAddress, "{plain}", proxyAddress, "{h2c}", h2cAddress, "{tls}", tlsAddress,
		"{ http2}", onListen, "{http2 on}", directive,
	).Replace(text)
}

// Both split users 95 to 5 for good, tell the origin of the client, the host and
// the scheme it used, and keep connections to the origin, as we do. Bodies are never written to a disk.
const nginxConf = `daemon off; master_process off; worker_processes 1;
pid {dir}/nginx.pid;
events { worker_connections 9900; }
http {
  access_log off; error_log stderr crit; server_tokens off;
  client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
  keepalive_requests 1000000000; keepalive_timeout 120s; client_body_buffer_size 64k;
  upstream v1 { server {origin}; keepalive 2048; keepalive_requests 1000000000; }
  upstream v2 { server {origin}; keepalive 2048; keepalive_requests 1000000000; }
  split_clients "$http_x_user" $version { 5% v2; * v1; }
  ssl_certificate {dir}/certificate.pem; ssl_certificate_key {dir}/key.pem;
  ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;
  proxy_buffers 16 32k; proxy_busy_buffers_size 64k; proxy_max_temp_file_size 0;
  server { listen {plain}; location / { proxy_pass http://$version; } }
  server { listen {h2c}{ http2}; {http2 on} location / { proxy_pass http://$version; } }
  server { listen {tls} ssl{ http2}; {http2 on} location / { proxy_pass http://$version; } }
}
`

const haproxyConf = `global
  nbthread 1
  maxconn 9900
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
defaults
  mode http
  timeout connect 3s
  timeout client 120s
  timeout server 30s
  option forwardfor
  http-reuse always
frontend web
  bind {plain}
  bind {h2c} proto h2
  bind {tls} ssl crt {dir}/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.3
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  default_backend shop
backend shop
  balance hdr(X-User)
  server v1 {origin} weight 95
  server v2 {origin} weight 5
`
