#!/bin/sh
# Runs in the base image: writes the network programs that kube-proxy and kube-router call, with the
# libraries and links they need, as a tar to standard output. The arguments are the programs' names.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# follow prints a path and every path that its links lead through, without links among the directories.
follow() {
	path="$(realpath "$(dirname "$1")")/$(basename "$1")"
	echo "$path"
	if [ -L "$path" ]; then
		target="$(readlink "$path")"
		case "$target" in
		/*) follow "$target" ;;
		*) follow "$(dirname "$path")/$target" ;;
		esac
	fi
}

libraries() {
	ldd "$1" 2>/dev/null | sed -n -e 's/.*=> \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) .*/\1/p'
}

paths() {
	for link in /bin /sbin /lib /lib64; do
		[ -L "$link" ] && echo "$link"
	done
	extensions="$(find /usr/lib -type d -name xtables)"
	find $extensions
	for program in "$@"; do
		file="$(command -v "$program")"
		follow "$file"
		for library in $(libraries "$(realpath "$file")"); do
			follow "$library"
		done
	done
	for extension in $(find $extensions -name '*.so'); do
		for library in $(libraries "$extension"); do
			follow "$library"
		done
	done
}

paths "$@" | sort -u | sed 's#^/##' | tar -C / --create --no-recursion --files-from=-
