#!/usr/bin/env bash
# Installs the programs that the tests drive, as far as they are missing.
set -euo pipefail

declare -A package=(
	[gcc]="gcc libc6-dev" # the race detector is linked by it
	[nginx]=nginx-light   # what e2e proxies to
	[wrk]=wrk             # the traffic of e2e
	[curl]=curl           # what the how-to pages ask servers with
	[haproxy]=haproxy    # who speaks the PROXY protocol to us
	[chromium]=chromium   # the dashboard's reader
)

missing=()
for program in "${!package[@]}"; do
	command -v "$program" >/dev/null || missing+=("$program")
done
if [ ${#missing[@]} = 0 ]; then
	exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "missing: ${missing[*]}" >&2
	echo "install them, or run this as root on Debian" >&2
	exit 1
fi

echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
packages=()
for program in "${missing[@]}"; do
	read -ra words <<<"${package[$program]}"
	packages+=("${words[@]}")
done
apt-get -qq update
apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
for program in "${missing[@]}"; do
	command -v "$program" >/dev/null || { echo "$program is still missing" >&2; exit 1; }
done
