#!/bin/sh
# Writes into the folder $1 what a release has besides the binary: completions, the
# manual page, and the licences of all modules that are in a binary.
set -eu
out=$1
rm -rf "$out"
mkdir -p "$out/completions"

# The machine that builds the release runs this one.
CGO_ENABLED=0 go build -buildvcs=false -o "$out/command" ./cmd/s3sync
for shell in bash:s3sync.bash zsh:_s3sync fish:s3sync.fish powershell:s3sync.ps1 elvish:s3sync.elv; do
	"$out/command" completion "${shell%:*}" >"$out/completions/${shell#*:}"
done
"$out/command" help man >"$out/s3sync.1"
rm "$out/command"
# Without the name and the time of the file: the same bytes each time.
gzip -9nc "$out/s3sync.1" >"$out/s3sync.1.gz"

# In a file, because a pipe would hide that a list failed.
for system in linux darwin windows; do
	GOOS=$system CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/s3sync
done >"$out/modules"
LC_ALL=C sort -u "$out/modules" | while read -r module version dir; do
	printf '==== %s %s\n\n' "$module" "$version"
	found=
	for file in "$dir"/LICEN[CS]E* "$dir"/COPYING* "$dir"/NOTICE*; do
		[ -f "$file" ] || continue
		cat "$file"
		echo
		found=1
	done
	# A module inside of a repository has the licence of the repository.
	[ -n "$found" ] || { echo "no licence of $module in $dir" >&2; exit 1; }
done >"$out/THIRD_PARTY_LICENSES"
rm "$out/modules"
{
	printf '==== The Go standard library\n\n'
	cat "$(go env GOROOT)/LICENSE"
} >>"$out/THIRD_PARTY_LICENSES"
