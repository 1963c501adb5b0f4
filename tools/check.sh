#!/usr/bin/env bash
# All that has to pass before a change lands, with the seconds each part took.
set -euo pipefail
cd "$(dirname "$0")/.."

# A test that needs a program fails without it here, where it may skip elsewhere.
export CI=1
# The commit is not built in: git refuses to name it in a clone somebody else
# owns, and nothing here asks for it.
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

phase() {
	local name=$1 begin=$SECONDS
	shift
	echo "== $name"
	"$@"
	echo "== $name: $((SECONDS - begin)) s"
}

modules() {
	go mod verify
	go mod tidy -diff
	go -C tools mod tidy -diff
	go -C tools/oidc mod tidy -diff
	go -C tools/pebble mod tidy -diff
	go -C tools/wire mod tidy -diff
}

phase setup make --no-print-directory setup
phase modules modules
phase lint make --no-print-directory lint
phase race make --no-print-directory race
phase e2e make --no-print-directory e2e
phase fuzz make --no-print-directory fuzz
phase bench make --no-print-directory bench
echo "== all: $SECONDS s"
