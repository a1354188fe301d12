# podman.bash - a podman with storage and settings of the test's own, which drives the pair under test. In a test file, beside
# lib/harness: load ../podman
#
#   podman_begins [LINE...]   writes its containers.conf, with these lines of [engine], and brings in the image "bb"
#   pod ARGS...               that podman

podman_begins() {
	printf '%s\n' '[engine]' "conmon_path = [\"$MONITOR\"]" 'runtime = "ours"' 'runtime_supports_json = ["ours"]' "$@" \
		'[engine.runtimes]' "ours = [\"$RUNTIME\"]" >"$DIR/containers.conf"
	export CONTAINERS_CONF=$DIR/containers.conf
	pod import -q /usr/share/testvm/busybox.tar bb >/dev/null
}

pod() { timeout 300 podman --root "$DIR/store" --runroot "$DIR/runroot" --storage-opt overlay.skip_mount_home=true "$@"; }
