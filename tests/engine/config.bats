load engine

# The lines that the documents tell people to put into podman's configuration.

top=$here/../..

@test "examples/containers.conf makes podman use both programs, with JSON errors" {
	cp -a /etc/containers "$D/etc-containers"
	mkdir -p "$D/etc-containers/containers.conf.d"
	sed "s,/usr/local/bin/tallyman,$MONITOR,; s,/usr/local/bin/tallyrun,$RUNTIME," "$top/examples/containers.conf" \
		>"$D/etc-containers/containers.conf.d/tallyman.conf"
	printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\npids_limit = 0\n' \
		>"$D/etc-containers/containers.conf.d/limits.conf"
	# The real podman, told nothing of monitor and runtime.
	podman=(env -u CONTAINERS_CONF /usr/bin/podman --root "$D/root" --runroot "$D/runroot" --tmpdir "$D/tmp"
		--storage-driver "${ENGINE_STORAGE:-overlay}" --cgroup-manager "$ENGINE_MANAGER" --events-backend file)
	mount --bind "$D/etc-containers" /etc/containers
	info=$("${podman[@]}" info --format '{{.Host.Conmon.Path}} {{.Host.OCIRuntime.Path}} {{.Host.OCIRuntime.Name}}')
	"${podman[@]}" run -d --network none --cgroup-parent "$CGROUP_PARENT" --name configured --conmon-pidfile "$D/pid" $BB 3>&- 4>&- ||
		echo "podman run: status $?"
	exe=$(readlink "/proc/$(cat "$D/pid")/exe") || true
	command=$(tr '\0' ' ' <"/proc/$(cat "$D/pid")/cmdline") || true
	"${podman[@]}" rm -f -t 0 configured
	umount /etc/containers
	is "$info" "$MONITOR $RUNTIME tallyrun" "podman info"
	is "$exe" "$MONITOR" "monitor of the container"
	like "$command" ' --log-format=json ' "command line of the monitor"
}

@test "the lines in README.md are those of the examples" {
	for example in containers.conf crio.conf; do
		while IFS= read -r line; do
			case $line in '' | '#'*) continue ;; esac
			grep -qxF "    $line" "$top/README.md" || fail "$example: not in README.md: $line"
		done <"$top/examples/$example"
	done
}
