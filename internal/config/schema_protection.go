package config

// retries is when a request is sent again.
var retries = object("When a request is sent again after an attempt that failed, only ever within the budget. The version is judged by the first attempt, whatever becomes of it.",
	field{"attempts", count("How often a request is sent at most, the first time included; 2 to 10.").or("2")},
	field{"on", list("The failures that are worth it: the upstream was not reached, it broke off, it took too long, or it answered with one of these.",
		choice("", "connect", "broken", "timeout", "429", "500", "502", "503", "504")).or("connect, broken, 502, 503, 504")},
	field{"methods", list("Methods to repeat beside GET, HEAD, OPTIONS, TRACE, PUT and DELETE. A request of which nothing was sent is repeated whatever its method.", text(""))},
	field{"budget", share("Retries per request, over ten seconds; at most 100%.").or("20%")},
	field{"least", number("Retries a second that the budget never forbids.").or("3")},
)

// circuit is when a version is left alone.
var circuit = object("When a version, or one of its endpoints, gets no more requests because those before failed. While a candidate's is open its rollout is cut to the probe.",
	field{"consecutive", count("Failures in a row that open it, of a version as many for each of its endpoints; 0 does not count them.").or("5")},
	field{"rate", share("The share of failures that opens it; 0% does not look at it.").or("50%")},
	field{"window", duration("The time over which the rate is taken, 1s to 10m.").or("10s")},
	field{"least", count("Requests within the window before the rate counts.").or("20")},
	field{"open", duration("How long nothing is let through, 10ms to 10m.").or("5s")},
	field{"probes", count("Requests that try it then, 1 to 100: when all succeed it closes, when one fails it opens again.").or("3")},
)

// concurrency is how much a version bears.
var concurrency = object("How many requests a version has at once. The limit follows the latency; beyond it requests are refused, those of low priority first.",
	field{"adaptive", flag("Whether there is a limit.").or("true")},
	field{"min", count("The least it may be.").or("4")},
	field{"max", count("The most it may be; at most 100000.").or("1000")},
	field{"priority_header", text("A request header that tells a priority, believed from trusted clients only.")},
	field{"trusted", list("Networks of those clients, such as 10.0.0.0/8.", text(""))},
)

// degrade is what users get when their service fails them.
var degrade = object("What users of the route get when the service fails them; the answer says so in a header Degraded. One of these.",
	field{"static", object("An answer that is always the same.",
		field{"status", count("Its status, 200 to 599.").or("200")},
		field{"body", text("Its body, at most 4096 bytes.").or("none")},
		field{"content_type", text("What the body is.").or("text/plain; charset=utf-8")},
	)},
	field{"cached", object("The last good answer to the same request, where a shared cache may keep it: nothing private, nothing for somebody in particular.",
		field{"for", duration("The age up to which it is given, 1s to 24h.").or("10m")},
		field{"max_bytes", count("The memory for all of them, up to 1073741824.").or("8388608")},
	)},
	field{"drop", flag("Refuse the route at once while its version is in trouble, to leave what it bears to the others.")},
	field{"accept", object("Hand requests of which nothing was sent over to somebody who brings them to the service later, and answer 202.",
		field{"hook", text("An http URL that the body is posted to; it takes it by an answer of 2xx.")},
	).need("hook")},
)
