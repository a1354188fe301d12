# Containers are ended on a kernel without cgroup.kill, too: the file is hidden, and opening what is there is refused.
load ../lib/harness

# unswitched CMD...: the runtime where cgroup.kill cannot be written. Its calls are in $DIR/calls.
unswitched() {
	# shellcheck disable=SC2016 # the inner shell expands it
	ASAN_OPTIONS=detect_leaks=0 unshare -m --propagation private sh -ec '
		for f in $(find "$1" -name cgroup.kill); do mount --bind /dev/null "$f"; done
		shift
		exec "$@"' sh "$(group_of pids)" strace -f -qq -e trace=openat2,openat,open,pidfd_send_signal,kill -o "$DIR/calls" "$RUNTIME" --root "$ROOT" "$@" 3>&- 4>&-
}

# The switch was tried and refused, and signals were sent instead.
fell_back() {
	like "$(grep '"cgroup\.kill"' "$DIR/calls" | head -n 1)" ' = -1 '
	grep -qE '(pidfd_send_signal|kill)\(.*SIGKILL' "$DIR/calls"
}

applies() { runtime_is_ours && on_cgroup2; } # version 1 has no such file, and the whole suite is the test

procs() { cat "$(group_of pids)"/{,*/}cgroup.procs 2>/dev/null | wc -l; }

# Many processes, some of which go on forking; the first one's pid namespace is the host's, so that nobody dies with it.
crowd() {
	# shellcheck disable=SC2016 # the container's shell expands it
	bundle sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done
		while :; do (sleep 0.01 & true); done &
		echo there >/work/ready; exec sleep 1000'
	with_work
	config '.linux.namespaces |= map(select(.type != "pid")) | .linux.resources.pids.limit = 60 |
		if $v then . else del(.linux.resources.pids) end' --argjson v "$([ "$LANE" = vm ] && echo true || echo false)"
	rt_create
	rt start "$ID"
	await exists "$DIR/work/ready"
}

@test "without cgroup.kill: kill --all ends all processes, those that fork meanwhile too" {
	applies || return 0
	crowd
	unswitched kill --all "$ID" KILL
	fell_back
	await process-gone "$(cat "$DIR/pid")"
	# systemd does not leave an empty one
	if in_scopes; then await gone "$(group_of pids)"; else await match "$(group_of pids)/cgroup.events" '^populated 0$'; fi
	is "$(procs)" 0
	rt delete "$ID"
	nothing_left
}

@test "without cgroup.kill: delete --force of a container that shares the host's pids leaves none" {
	applies || return 0
	crowd
	unswitched delete --force "$ID"
	fell_back
	nothing_left
}

@test "without cgroup.kill: a paused container is killed and thawed" {
	applies || return 0
	crowd
	rt pause "$ID"
	is "$(cat "$(group_of pids)/cgroup.freeze")" 1
	unswitched delete --force "$ID"
	fell_back
	nothing_left
}

@test "without cgroup.kill: processes in cgroups that the container made go as well" {
	applies || return 0
	crowd
	local group
	group=$(group_of pids)
	mkdir "$group/below"
	sleep 1000 3>&- 4>&- &
	local extra=$!
	echo "$extra" >"$group/below/cgroup.procs"
	unswitched delete --force "$ID"
	fell_back
	await process-gone "$extra"
	wait "$extra" || true
	nothing_left
}
