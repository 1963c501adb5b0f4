package config

// listener is one place where requests come in.
var listener = object("",
	field{"name", text("How services refer to it, and by which sockets that are handed over are found.")},
	field{"address", text("host:port, port 0 takes any free one; or unix:/a/path.")},
	field{"also", list("More addresses of the same listener.", text(""))},
	field{"tls", tlsSpec},
	field{"redirect_https", count("Send every client that asks without TLS to this port of https, with 308.").or("nobody is sent away")},
	field{"proxy_protocol", choice("Whether those in trusted_proxies begin connections with the PROXY protocol, version 1 or 2: never, as they like, or always, and then nobody else is let in.",
		"off", "optional", "required").or("off")},
	field{"trusted_proxies", list("Addresses, networks such as 10.0.0.0/8, or unix, whose word about the client is taken. What anybody else says of it is removed.", text("")).or("nobody")},
	field{"forwarded", choice("How the client is told of: x-forwarded reads and writes X-Forwarded-For, -Proto and -Host; rfc7239 reads and writes Forwarded; both reads X-Forwarded-* and writes both.",
		"x-forwarded", "rfc7239", "both").or("x-forwarded")},
).need("name", "address")

// tlsSpec is how a port proves itself.
var tlsSpec = object("Speak TLS, with HTTP/2 for clients that can. Files that change are used within seconds; SIGHUP reads them at once.",
	field{"certificates", list("The certificates; a client gets the one that fits the name it asks for, or the first.", object("",
		field{"certificate", text("A file: the certificate and its chain, in PEM.")},
		field{"key", text("A file: its private key, in PEM.")},
	).need("certificate", "key"))},
	field{"client_ca", text("A file of certificates in PEM; clients must show one that is signed by one of these.").or("clients show none")},
	field{"min_version", choice("The least version.", "tls1.2", "tls1.3").or("tls1.2")},
	field{"acme", object("Get and renew certificates from an authority. It must reach this port as 443 of each name.",
		field{"hosts", list("For these names, and no others.", text(""))},
		field{"email", text("Where the authority may write to.")},
		field{"cache", text("A directory of certificates and keys; it is made when missing.")},
		field{"directory", text("The authority's ACME directory.").or("Let's Encrypt")},
		field{"directory_ca", text("A file of certificates in PEM that sign the directory's own.").or("the system's")},
	).need("hosts", "cache")},
)
