#!/bin/sh
# Runs in a privileged container of the base image with the runtime's programs in the path: imports
# the images of /in/images.tar into containerd's own store and writes the store to standard output.
set -eu
mkdir -p /run/preload
# Version 2 of the format is the one that all versions of containerd read.
cat >/run/preload/config.toml <<'CONFIG'
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"]
CONFIG
containerd --config /run/preload/config.toml >&2 &
pid=$!
tries=0
until ctr version >/dev/null 2>&1; do
	tries=$((tries + 1))
	if [ "$tries" -gt 150 ] || ! kill -0 "$pid"; then
		echo "containerd did not answer" >&2
		exit 1
	fi
	sleep 0.2
done
ctr --namespace k8s.io images import --local --discard-unpacked-layers /in/images.tar >&2
for name in $(ctr --namespace k8s.io images list --quiet); do
	ctr --namespace k8s.io images label "$name" io.cri-containerd.image=managed >&2
done
# The layer is unpacked, and its tar in the content store would double the size of the node. Deleting a
# lease in sync collects the garbage at once.
for layer in $(tar -xOf /in/images.tar manifest.json | grep -o '[0-9a-f]\{64\}\.tar' | sort -u); do
	ctr --namespace k8s.io content delete "sha256:${layer%.tar}" >&2
done
ctr --namespace k8s.io leases create --id preload >&2
ctr --namespace k8s.io leases delete --sync preload >&2
kill "$pid"
wait "$pid" || true
tar -C / --create --sparse --xattrs var/lib/containerd
