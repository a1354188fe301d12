# tallyctl create, start, stop, pause, resume, inspect: the single steps of a container's life.
load ctl

@test "what was created waits for start, which can be attended from the first byte on" {
	bundle sh -c 'echo hello; cat; exit 6'
	exits 0 ctl create -i -b "$BUNDLE" "$ID"
	is "$output" "$ID"
	is "$(ctl_status)" created
	ctl_pids
	exits 125 ctl run -b "$BUNDLE" "$ID"
	exits 6 ctl start -a "$ID" <<<input
	is "$output" $'hello\ninput'
	is "$(ctl_status)" exited
	exits 125 ctl start "$ID"
	is "$stderr" "tallyctl: container $ID cannot be started: it is exited"
}

# connected PID: it has a socket which is, not one which is about to be
connected() {
	local socket
	while read -r socket; do
		socket=${socket#socket:[}
		! grep -q "^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* 03 *${socket%]}" /proc/net/unix || return 0
	done < <(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null)
	return 1
}

@test "attach before start sees the first byte, too" {
	bundle sh -c 'echo first; exit 3'
	ctl create -b "$BUNDLE" "$ID"
	"$TALLYCTL" --root "$CTL" attach "$ID" >"$DIR/out" 3>&- 4>&- &
	local pid=$! status=0
	ctl_pids
	until connected "$pid"; do
		kill -0 "$pid"
		sleep 0.02 # no event tells of it
	done
	exits 0 ctl start "$ID"
	is "$output" ""
	wait "$pid" || status=$?
	is "$status" 3
	is "$(cat "$DIR/out")" first
}

@test "exec works in a container that was created; create --rm is obeyed" {
	bundle true
	exits 0 ctl --json create --rm -b "$BUNDLE" "$ID"
	[ -d "/proc/$(jq .pid <<<"$output")" ]
	is "$(ctl exec "$ID" echo in)" in
	ctl start "$ID"
	await gone "$CONTAINERS/$ID"
	nothing_of
}

@test "what was created can be removed without force" {
	bundle true
	ctl create -b "$BUNDLE" "$ID"
	exits 0 ctl rm "$ID"
	nothing_of
}

@test "of several starts at once exactly one starts it" {
	bundle sleep 1000
	ctl create -b "$BUNDLE" "$ID"
	local i n=0 pids=()
	for i in 1 2 3 4; do
		ctl start "$ID" 2>"$DIR/err$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then n=$((n + 1)); fi
	done
	is "$n" 1
	is "$(ctl_status)" running
}

@test "stop asks first: a process that obeys ends with its own status" {
	started sh -c 'trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done'
	await match "$CONTAINERS/$ID/container.log" ready
	exits 0 ctl stop "$ID"
	is "$(ctl wait "$ID")" 4
	exits 0 ctl stop "$ID"
}

@test "stop insists: a process that does not obey is killed, not before its time" {
	started inside ignore-term
	await match "$CONTAINERS/$ID/container.log" ready
	local before=$SECONDS
	exits 0 ctl stop -t 2 "$ID"
	[ $((SECONDS - before)) -ge 1 ]
	is "$(ctl wait "$ID")" 137
	ctl rm "$ID"
	started sleep 1000
	exits 0 ctl stop --time 0 "$ID"
	is "$(ctl wait "$ID")" 137
}

@test "stop sends the signal that --signal names" {
	started inside say-signals
	await match "$CONTAINERS/$ID/container.log" ready
	exits 0 ctl stop -s usr2 "$ID"
	is "$(ctl wait "$ID")" 0
	exits 125 ctl stop -s NOSUCH "$ID"
	exits 125 ctl stop -t -1 "$ID"
	one_line "$stderr"
}

@test "a paused container does nothing, says so, and goes on when resumed" {
	started sh -c 'echo ready; while :; do sleep 0.05; done'
	await match "$CONTAINERS/$ID/container.log" ready
	exits 0 ctl pause "$ID"
	is "$(ctl_status)" paused
	exits 125 ctl exec "$ID" true
	one_line "$stderr"
	exits 125 ctl rm "$ID"
	has "$stderr" paused
	exits 0 ctl resume "$ID"
	is "$(ctl_status)" running
	exits 0 ctl exec "$ID" true
	# resumed by somebody else
	ctl pause "$ID"
	"$RUNTIME" --root "$CTL/runtime" resume "$ID"
	is "$(ctl_status)" running
	exits 125 ctl pause nobody
	one_line "$stderr"
}

@test "a paused container can be stopped and removed" {
	started sleep 1000
	ctl pause "$ID"
	exits 0 ctl stop -t 0 "$ID"
	is "$(ctl wait "$ID")" 137
	ctl rm "$ID"
	started sleep 1000
	ctl pause "$ID"
	exits 0 ctl rm --force "$ID"
	nothing_of
}

@test "inspect shows the record, the runtime's state and the sessions" {
	started sleep 1000
	ctl exec -d "$ID" sleep 999
	exits 0 ctl inspect "$ID"
	is "$(jq -c '[.id, .status, .state.id, .state.status, (.state.pid == .pid), (.sessions | length), .sessions[0].command]' <<<"$output")" \
		"[\"$ID\",\"running\",\"$ID\",\"running\",true,1,\"sleep 999\"]"
	ctl stop -t 0 "$ID"
	ctl wait "$ID"
	exits 0 ctl inspect "$ID"
	is "$(jq -c '[.status, .exit_code, .state]' <<<"$output")" '["exited",137,null]'
	exits 125 ctl inspect nobody
	one_line "$stderr"
}

@test "inspect --monitor-state shows what the monitor is doing" {
	local n before
	started sh -c 'echo hello; exec sleep 1000'
	for n in 1 2; do # the second answer is not the first one's file
		if [ "${MONITOR##*/}" = tallyman ]; then
			before=$(awk '{ printf "%d", ($1 - 1) * 1000000000 }' /proc/uptime)
			exits 0 ctl inspect --monitor-state "$ID"
			is "$(jq -c '[.version, .id, .state, .kind, (.children | length)]' <<<"$output")" "[1,\"$ID\",\"running\",\"container\",1]"
			[ "$(jq .time.boottime_ns <<<"$output")" -gt "$before" ]
		fi
	done
	if [ "${MONITOR##*/}" = conmon ]; then
		exits 125 ctl inspect --monitor-state "$ID"
		has "$stderr" "$ID"
	fi
	ctl stop -t 0 "$ID"
	ctl wait "$ID"
	exits 125 ctl inspect --monitor-state "$ID"
	one_line "$stderr"
	has "$stderr" "no monitor"
}

@test "steps that make no sense are refused in one line" {
	local verb
	bundle true
	for verb in create start stop pause resume inspect; do
		exits 125 ctl "$verb"
		one_line "$stderr"
		has "$stderr" "$verb"
	done
	started true
	ctl wait "$ID"
	for verb in pause resume "start -a"; do
		# shellcheck disable=SC2086
		exits 125 ctl $verb "$ID"
		one_line "$stderr"
		has "$stderr" exited
	done
}
