// Package listen opens the doors of the house: it takes addresses (TCP, unix
// sockets, sockets that systemd or an earlier Stagger hands over), greets who
// comes in (the PROXY protocol, TLS) and hands the connections on, each with the
// address of its client. Whoever serves them sees no difference.
package listen
