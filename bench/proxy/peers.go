package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// peer is one proxy and how it is started.
type peer struct {
	name    string
	address string
	program string // looked for on the path; empty is this program
	args    []string
}

// peers writes the configurations into dir and returns who is measured.
func peers(dir string) ([]peer, error) {
	nginx, haproxy := filepath.Join(dir, "nginx.conf"), filepath.Join(dir, "haproxy.cfg")
	for file, text := range map[string]string{
		nginx:   fmt.Sprintf(nginxConf, dir, originAddress, "127.0.0.1:18113"),
		haproxy: fmt.Sprintf(haproxyConf, "127.0.0.1:18114", originAddress),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	own := func(name, address string) peer {
		return peer{name: name, address: address, args: []string{"-serve", name, "-listen", address}}
	}
	return []peer{
		own("own", "127.0.0.1:18110"),
		own("own-nethttp", "127.0.0.1:18111"),
		own("reverseproxy", "127.0.0.1:18112"),
		{name: "nginx", address: "127.0.0.1:18113", program: "nginx", args: []string{"-c", nginx, "-e", "stderr"}},
		{name: "haproxy", address: "127.0.0.1:18114", program: "haproxy", args: []string{"-db", "-f", haproxy}},
	}, nil
}

// Both split 95 to 5 and keep connections to the origin, as we do.
const nginxConf = `daemon off; master_process off; worker_processes 1;
pid %[1]s/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off; error_log stderr crit; server_tokens off;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  keepalive_requests 1000000000; client_body_buffer_size 64k;
  upstream v1 { server %[2]s; keepalive 256; keepalive_requests 1000000000; }
  upstream v2 { server %[2]s; keepalive 256; keepalive_requests 1000000000; }
  split_clients "$remote_addr$connection" $version { 5%% v2; * v1; }
  server {
    listen %[3]s;
    location / {
      proxy_pass http://$version; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`

const haproxyConf = `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 3s
  timeout client 30s
  timeout server 30s
  option forwardfor
  http-reuse always
frontend web
  bind %[1]s
  default_backend shop
backend shop
  balance random
  server v1 %[2]s weight 95 pool-max-conn 256
  server v2 %[2]s weight 5 pool-max-conn 256
`
