# `make` prints what there is. `make check` is what has to pass before a change
# lands; it needs Go, and installs the rest when it may.

GO ?= go
GOLANGCI := .cache/golangci-lint
FUZZTIME ?= 5s
RUNS ?= 100

# Servers stand in sbin, which is not everybody's to search.
export PATH := $(PATH):/usr/sbin:/sbin

# Builds of the program are guided by a profile, cmd/stagger/default.pgo. Tests
# are not: all that the program is made of would be compiled a second time.
UNGUIDED = -pgo=off

# e2e drives servers under traffic; it has the machine to itself.
PACKAGES = $(shell $(GO) list ./... | grep -v /e2e$$)

.DEFAULT_GOAL := help

.PHONY: help
help: ## print this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## show a whole rollout in under a minute
	$(GO) run ./cmd/stagger demo

.PHONY: run
run: ## run the server with examples/stagger.yaml
	$(GO) run ./cmd/stagger serve -c examples/stagger.yaml

.PHONY: build
build: ## build a static bin/stagger
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/stagger ./cmd/stagger

.PHONY: setup
setup: ## install what the tests drive and is missing (Debian, as root)
	@tools/setup.sh

.PHONY: test
test: ## run the tests but e2e
	$(GO) test $(UNGUIDED) $(PACKAGES)

.PHONY: race
race: ## run the tests but e2e, shuffled, with the race detector
	$(GO) test $(UNGUIDED) -race -shuffle=on -timeout=10m $(PACKAGES)

.PHONY: e2e
e2e: ## run the built program between nginx and wrk
	$(GO) test -race -shuffle=on -timeout=10m -count=1 ./e2e

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (5s)
	@tools/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## run every benchmark once, to see that it still does
	$(GO) test $(UNGUIDED) -run=NONE -bench=. -benchtime=1x $(PACKAGES)

.PHONY: bench-judge
bench-judge: ## measure false alarms and delays, ours and the peers', on RUNS lives (100) a cell
	$(GO) run ./bench/judge -runs $(RUNS) -out bench/judge/results/$(shell date -u +%F).json

.PHONY: bench-proxy
bench-proxy: ## measure a proxied request, ours and the peers', on cores 0 and 1 of a quiet machine; over an hour
	$(GO) build -pgo=cmd/stagger/default.pgo -o .cache/bench-proxy ./bench/proxy
	NGINX_NEWEST=$(NGINX_NEWEST) .cache/bench-proxy -rounds 5 -seconds 6 -note "$(shell git describe --always --dirty)" -out bench/proxy/results/$(shell date -u +%F).json
	.cache/bench-proxy -write docs/performance.md bench/proxy/results/*.json

.PHONY: profile
profile: ## take anew the profile that builds are guided by, in five minutes under load
	$(GO) build $(UNGUIDED) -trimpath -o .cache/bench-proxy ./bench/proxy
	.cache/bench-proxy -profile cmd/stagger/default.pgo -seconds 60

.PHONY: bench-dashboard
bench-dashboard: ## measure what an open tab of the dashboard costs, for 3 minutes a page
	STAGGER_TAB_FOR=3m $(GO) test -count=1 -timeout=20m ./internal/dashboard -run TestAnOpenTabCostsLittle -v

.PHONY: screenshots
screenshots: ## take pictures of every page, in light and dark, wide and narrow, into docs/images/all
	mkdir -p docs/images/all
	STAGGER_SCREENSHOTS=$(CURDIR)/docs/images/all $(GO) test -count=1 ./internal/dashboard -run TestEverySightIsFitForEverybody

.PHONY: lint
lint: $(GOLANGCI) ## look for mistakes and for what is not formatted
	$(GO) vet $(UNGUIDED) ./...
	$(GOLANGCI) run

.PHONY: fmt
fmt: $(GOLANGCI) ## format
	$(GOLANGCI) fmt

.PHONY: gen
gen: ## write the golden files and the reference anew; read the diff
	$(GO) test -count=1 $(shell grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

.PHONY: check
check: ## all of it: what CI runs
	@tools/check.sh

$(GOLANGCI): tools/go.mod tools/go.sum
	$(GO) -C tools build -trimpath -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
