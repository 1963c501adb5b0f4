#!/usr/bin/env bash
# Runs every fuzz target for the time given. What breaks one is written to its
# testdata/fuzz and is a test from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:?how long each, such as 5s}

found=0
for folder in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do
	for target in $(go test -list '^Fuzz' "$folder" | grep '^Fuzz'); do
		echo "-- $folder $target"
		go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" -fuzzminimizetime=1s "$folder"
		found=$((found + 1))
	done
done
if [ $found = 0 ]; then
	echo "no fuzz target was found" >&2
	exit 1
fi
