// Package whence says where connections and requests come from: it reads the
// PROXY protocol, X-Forwarded-For, -Proto and -Host, and Forwarded (RFC 7239),
// and decides which of that to believe. Anybody can write those; they count
// only when they come from somebody trusted, and only as far as each hop that
// speaks is trusted itself.
package whence
