#!/usr/bin/env bash
# Runs every fuzz target for the time given. What breaks one is written to its
# testdata/fuzz and is a test from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:?how long each, such as 5s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz gives a target its time. Go now and then calls it a failure that the time
# was up while an input was under way, with no input to show for it; then the
# target gets its time again.
fuzz() {
	local folder=$1 target=$2
	for _ in 1 2 3; do
		if go test -pgo=off -run='^$' -fuzz="^$target\$" -fuzztime="$time" -fuzzminimizetime=1s "$folder" 2>&1 | tee "$log"; then
			return 0
		fi
		if grep -q 'Failing input' "$log" || ! grep -q 'context deadline exceeded' "$log"; then
			return 1
		fi
		echo "-- $folder $target once more: the time was up in the middle of an input"
	done
	return 1
}

found=0
for folder in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do
	for target in $(go test -list '^Fuzz' "$folder" | grep '^Fuzz'); do
		echo "-- $folder $target"
		fuzz "$folder" "$target"
		found=$((found + 1))
	done
done
if [ $found = 0 ]; then
	echo "no fuzz target was found" >&2
	exit 1
fi
