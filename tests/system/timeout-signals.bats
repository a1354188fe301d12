# --timeout, and signals sent to the monitor.
load ../lib/harness

@test "--timeout kills the container and records -1" {
	bundle inside ignore-term
	mon_timed ready
	await exists "$DIR/exits/$ID"
	is "$(exit_file)" -1
	is "$(cat "$DIR/persist/exit")" -1
	mon_end
	has "$(events "^exit $MPID ")" "exit $MPID 255"
}

@test "--timeout fires between N and N+1 seconds" {
	local early end
	early=$(monitor_is_ours && echo 20 || echo 270) # conmon's timer fires up to a quarter of a second early
	bundle sleep 1000
	for _ in 1 2 3; do # too early is never right; too late may be the machine
		mon_timed
		await process-gone "$CPID"
		end=$(now_ms)
		mon_end
		[ $((end - FROM)) -ge $((TIMEOUT * 1000 - early)) ] || fail "--timeout $TIMEOUT: $((end - FROM)) ms at the most"
		[ $((end - CREATED)) -gt $((TIMEOUT * 1000 + 1600)) ] || return 0
		rt delete "$ID"
	done
	fail "--timeout $TIMEOUT: $((end - CREATED)) ms at the least"
}

@test "--timeout counts the created phase" {
	bundle sleep 1000
	mon_created -- --timeout 1
	mon_end
	is "$(exit_file)" -1
}

@test "a container that ends in time is not touched by --timeout" {
	bundle sh -c 'exit 4'
	mon_started -- --timeout 30
	mon_end
	is "$(exit_file)" 4
}

@test "--timeout of zero or below is none" {
	for t in 0 -5; do
		bundle sh -c 'sleep 0.2; exit 4'
		mon_started -- --timeout $t
		mon_end
		is "$(exit_file)" 4
		rt delete "$ID"
	done
}

@test "TERM, INT and QUIT are forwarded to the container" {
	bundle inside say-signals
	mon_started
	await match "$LOG" ready
	for s in TERM:15 INT:2 QUIT:3; do
		kill -s "${s%:*}" "$MPID"
		await match "$LOG" "signal ${s#*:}\$"
	done
	kill -USR2 "$CPID"
	mon_end
	is "$(exit_file)" 0
}

@test "a container that ends by a forwarded signal is recorded with its own status" {
	bundle sh -c 'trap "exit 44" TERM; echo ready; while :; do sleep 0.05; done'
	mon_started
	await match "$LOG" ready
	kill -TERM "$MPID"
	mon_end
	is "$(exit_file)" 44
}

@test "USR1, PIPE and CHLD do not disturb the monitor" {
	bundle cat
	mon_started -- -i
	client one
	for s in USR1 PIPE CHLD; do
		kill -s $s "$MPID"
		send one '%s\n' $s
		await match "$LOG" " $s\$"
	done
	hang_up one
	mon_end
	is "$(exit_file)" 0
}

@test "HUP does not end the monitor" {
	survives_hup() {
		bundle cat
		mon_started -- -i
		client one
		kill -HUP "$MPID"
		send one 'alive\n'
		await match "$LOG" ' alive$'
		hang_up one
		mon_end
		is "$(exit_file)" 0
	}
	peer_fails monitor survives_hup
}

@test "SIGTERM to the container through the runtime arrives" {
	bundle sh -c 'trap "exit 21" TERM; echo ready; while :; do sleep 0.05; done'
	mon_started
	await match "$LOG" ready
	rt kill "$ID" TERM
	mon_end
	is "$(exit_file)" 21
}

@test "when the monitor is killed the container lives on" {
	bundle sleep 1000
	mon_started
	kill -KILL "$MPID"
	await process-gone "$MPID"
	is "$(status_of)" running
	rt kill "$ID" KILL
	said '^gone'
}

@test "when the monitor is killed while the runtime works, the runtime dies with it" {
	export FAKE=$DIR/fake FAKE_MODE=wait
	mkdir "$FAKE"
	bundle true
	standard_args
	mon -- "${ARGS[@]}" -r "$TESTS/lib/fake-runtime"
	await exists "$FAKE/pid"
	monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(cat "$FAKE/pid")/status")
	[ "$(readlink -f "/proc/$monitor/exe")" = "$(readlink -f "$MONITOR_PROGRAM")" ]
	kill -KILL "$monitor"
	await process-gone "$(cat "$FAKE/pid")"
	said '^gone'
}
