// Package recording re-judges what was recorded: it reads JSON Lines of what two
// versions did, puts them into ticks and shows them to the judge that decides
// live rollouts.
//
// A line is an object that says what one version did with the requests that
// began in one interval, on one route:
//
//	{"at":"2026-01-02T03:04:05Z","version":"candidate","started":120,"failed":1,
//	 "latency":{"schema":5,"buckets":{"-130":4,"-129":115}}}
//
//	at               when the interval begins, RFC 3339
//	version          one of two names; a file of one version may leave it out
//	started          requests begun, without those their clients gave up
//	failed           of those: 5xx, broken connections, timeouts
//	unfinished       of those: without an answer when the line was written; 0
//	seconds          the length of the interval; the smallest gap, or 1
//	route            what the request was for; "all"
//	latency          of every finished request, in base-2 exponential buckets:
//	                 schema 5 to 8, "zero" for durations of zero, and counts by
//	                 index. Bucket i holds 2^((i-1)/2^schema) < d <= 2^(i/2^schema)
//	                 seconds, as in Prometheus native histograms; OpenTelemetry
//	                 counts from one less
//	latency_seconds  the same as a list of durations, in place of latency
//	gauges           measured levels by name, {"cpu":0.4}, for guardrails that name
//	                 them as metric
//	counts           how often things happened, by name, {"refunds":3}; likewise
//	host             the line is this host's part: lines that differ by nothing else
//	                 add up, and gauges are those of the host
//	proxy            who counted, where proxies need not share a split: each is
//	                 compared within itself
//	arrived          subjects that nobody had seen before, each once in a recording
//	share            of subjects, that the candidate should get, 0 to 1: what
//	                 arrived is held against it. All lines of a time say the same
//
// An interval in which nothing was asked has a line with "started":0. One for
// which a version has no line at all is missing telemetry: it is not judged, and
// it makes the judge blind as in a live rollout.
//
// The package opens no file and reads no clock: lines come in as data, and no
// more than a window of them is kept.
package recording
