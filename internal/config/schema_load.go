package config

import "github.com/stagger-dev/stagger/internal/scenario"

// checks are what a load must keep to.
var checks = object("What the load must keep to; one that it does not makes 'stagger load' end with 16.",
	field{scenario.ErrorShare, share("The greatest share of requests that may fail. What was due and not made, as too many were in flight, failed.")},
	field{scenario.RateShare, share("The least share of the requests due that must come to an end.")},
	field{scenario.P50, duration("The longest that the quickest half of the requests may take, from when they were due.")},
	field{scenario.P90, duration("The same for 90 in a hundred.")},
	field{scenario.P95, duration("The same for 95 in a hundred.")},
	field{scenario.P99, duration("The same for 99 in a hundred.")},
	field{scenario.P999, duration("The same for 999 in a thousand.")},
)

// What requests have in common, and each of them.
var (
	headersOf = named("Headers. In a value, {user} is the number of the user, {n} that of the request, {random} any.", text(""))
	cookiesOf = named("Cookies, with the same places.", text(""))
)

// load is all of load.yaml.
var load = object("What 'stagger load' does.",
	field{"targets", list("Where requests go, http://host:port or https://host:port; each request to one of them at random. Or those of the command line.", text(""))},
	field{"for", duration("How long, at most 24h.").or("30s")},
	field{"rate", number("Requests per second, at most 100000; where the profile goes up and down, its height.").or("100")},
	field{"profile", object("How the rate goes over time.",
		field{"kind", choice("One rate all the time; from one to another in a line or in steps; up to the rate in the middle and down again, as in a peak hour; a whole day in the time there is; bursts.", scenario.Profiles...).or("constant")},
		field{"from", number("The other rate: where a ramp begins, and what there is before, after and between peaks.").or("0")},
		field{"steps", count("How many steps.").or("5")},
		field{"every", duration("From the beginning of one burst to the next.").or("10s")},
		field{"burst", duration("How long a burst lasts.").or("1s")},
	)},
	field{"arrivals", choice("Whether requests come as those of many people do, independently, or as evenly as can be.", "poisson", "even").or("poisson")},
	field{"users", count("How many people the requests come from, each at random.").or("1000")},
	field{"headers", headersOf},
	field{"cookies", cookiesOf},
	field{"requests", list("The requests, and how often each is made.", object("",
		field{"name", text("How the report calls it.")},
		field{"weight", number("How often it is made, compared with the others.").or("1")},
		field{"edge_case", choice("An edge case, made of this request's path; it has a method and a body of its own.", scenario.EdgeNames()...)},
		field{"method", text("The method.").or("GET")},
		field{"path", text("The path and the query, as they go over the wire, with the same places as headers.").or("/")},
		field{"headers", headersOf},
		field{"cookies", cookiesOf},
		field{"body", text("The body, with the same places.")},
		field{"body_file", text("A file that holds the body, beside this one.")},
		field{"expect", object("What the answer must be.",
			field{"status", list("Statuses, such as 404 or 2xx.", text("")).or("below 500")},
			field{"contains", text("A text that the first 64 KiB of the body must hold.")},
		)},
	).need("name")).or("GET /")},
	field{"edge_cases", object("Requests that are allowed and seldom tried, mixed in; a service may refuse them and must not fail over them.",
		field{"share", share("Of all requests.").or("5%")},
		field{"only", list("Some of them.", choice("", scenario.EdgeNames()...)).or("all")},
	)},
	field{"checks", checks},
	field{"stop", object("When to give up before the end.",
		field{"errors", share("More than this share of requests fail.").or("never")},
		field{"over", duration("In so long, 1s to 1h.").or("10s")},
	)},
	field{"max_in_flight", count("Requests under way at once, at most 100000; what is due beyond is not made, and counts as failed.").or("2000")},
	field{"timeout", duration("Until a request has failed, at most 10m.").or("10s")},
	field{"http2", flag("HTTP/2, without TLS where the target has none.").or("false")},
	field{"version_header", text("The header of answers that names the version.").or("Stagger-Version")},
	field{"seed", count("Of all that is left to chance.").or("1")},
)
