#!/bin/sh
# Builds a release of the last commit twice: from two copies in folders of other names,
# the second without any build cache. Compares the two, compares the binary of this
# machine with that of `make build`, and looks into the first one: TestRelease….
set -eu
make=${MAKE:-make}
bin=$PWD/.cache/bin
stamp=$PWD/.cache/stamp
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT INT TERM
# Nothing of the caller's make reaches those that this script starts.
unset MAKEFLAGS MAKELEVEL MFLAGS VERSION COMMIT 2>/dev/null || true

[ -z "$(git status --porcelain)" ] || echo 'NOTE: changes that are not committed are not in it'

snapshot() { # folder
	git clone -q . "$1"
	mkdir "$1/.cache"
	ln -s "$bin" "$1/.cache/bin"
	ln -s "$stamp" "$1/.cache/stamp"
	(cd "$1" && "$make" --no-print-directory release-snapshot)
}
first=$work/first
second=$work/with/another/name
snapshot "$first"
mkdir -p "$work/with/another"
GOCACHE=$work/go-build snapshot "$second"

if ! diff "$first/.cache/release/checksums.txt" "$second/.cache/release/checksums.txt"; then
	echo 'two builds of one commit differ' >&2
	exit 1
fi
echo 'two builds of one commit are the same'

version=$(sed -n 's/.*"version":"\([^"]*\)".*/\1/p' "$first/.cache/release/metadata.json")
(cd "$first" && "$make" --no-print-directory build VERSION="v$version")
released=$(echo "$first/.cache/release/s3sync_$(go env GOOS)_$(go env GOARCH)"*/s3sync*)
cmp "$first/s3sync$(go env GOEXE)" "$released"
echo 'make build makes the same binary'

S3SYNC_TEST_RELEASE=$first/.cache/release go test -count=1 -timeout 10m -run '^TestRelease' -v ./cmd/s3sync
