# What clients who come late or lag behind get: --attach-replay and --attach-overflow, which conmon does not have.
load ../lib/harness

# lagging POLICY [ARGS]: a container that has written 4,000,000 bytes which a stopped client has not taken. Whoever
# asks for more than is in the monitor has to get it from the log.
lagging() {
	bundle sh -c 'read go; numbers emit 4000000; echo end; read go
		echo after; while test "$1" && ! test -e /work/stop; do sleep 0.05; echo after; done' sh "${1#disconnect}"
	with_work
	mon_started -- -i --leave-stdin-open --attach-overflow "$@"
	client slow --no-stdin
	client driver
	kill -STOP "${CLIENT_PID[slow]}"
	send driver '\n'
	await match "$LOG" ' end$'
	await match "$DIR/driver.out" 'end$'
}

# let_go: the rest of the container's life
let_go() {
	send driver '\n'
	mon_end
	client_ends driver 0
}

@test "--attach-overflow disconnect: a lagging client is served from the log" {
	monitor_is_ours || return 0
	lagging disconnect
	kill -CONT "${CLIENT_PID[slow]}"
	let_go
	client_ends slow 0
	{ numbers emit 4000000; printf 'end\nafter\n'; } | cmp - "$DIR/slow.out"
	is "$(jq .attach_clients_cut_off,.attach_skipped_bytes "$BUNDLE/exit.json" | xargs)" "0 0"
}

@test "--attach-overflow disconnect: a client that the log cannot serve is let go, and what it got is right" {
	monitor_is_ours || return 0
	lagging disconnect
	: >"$LOG"
	kill -CONT "${CLIENT_PID[slow]}"
	client_ends slow 0 # while the container goes on
	let_go
	size=$(stat -c %s "$DIR/slow.out")
	[ "$size" -lt 4000000 ]
	cmp -n "$size" "$DIR/slow.out" <(numbers emit 4000000)
	is "$(jq .attach_clients_cut_off,.attach_skipped_bytes "$BUNDLE/exit.json" | xargs)" "1 0"
}

@test "--attach-overflow skip: a client that the log cannot serve goes on with what comes then, and what it missed is counted" {
	monitor_is_ours || return 0
	lagging skip
	: >"$LOG"
	kill -CONT "${CLIENT_PID[slow]}"
	send driver '\n'
	await match "$DIR/slow.out" 'after$'
	touch "$DIR/work/stop"
	mon_end
	client_ends slow 0
	client_ends driver 0
	is "$(awk '$1 != 2 || $2 < 1 || $2 > 8192' "$DIR/slow.packets")" ""
	missed=$(jq .attach_skipped_bytes "$BUNDLE/exit.json")
	[ "$missed" -gt 0 ]
	is "$(($(stat -c %s "$DIR/slow.out") + missed))" "$(stat -c %s "$DIR/driver.out")"
	is "$(jq .attach_clients_cut_off "$BUNDLE/exit.json")" 0
}

@test "--attach-overflow block: a container waits for its client, but its end does not" {
	monitor_is_ours || return 0
	bundle sh -c 'read go; numbers emit 8000000; exit 5'
	mon_started -- -i --attach-overflow block
	client slow --no-stdin
	client driver
	kill -STOP "${CLIENT_PID[slow]}"
	send driver '\n'
	sleep 1 # what is measured is time passing: without a reader most of it is never written
	refuses numbers check 8000000 "$LOG"
	kill -CONT "${CLIENT_PID[slow]}"
	mon_end
	client_ends slow 0
	exits 0 numbers stream 8000000 <"$DIR/slow.out"
	exits 0 numbers check 8000000 "$LOG"
	is "$(exit_file)" 5
}

@test "--attach-overflow block: of a container that is killed the log has everything, whatever its client does" {
	monitor_is_ours || return 0
	bundle sh -c 'read go; exec numbers emit 8000000'
	mon_started -- -i --attach-overflow block
	client slow --no-stdin
	client driver
	kill -STOP "${CLIENT_PID[slow]}"
	send driver '\n'
	await size "$LOG" 100000
	rt kill "$ID" KILL
	await exists "$DIR/exits/$ID"
	is "$(exit_file)" 137
	is "$(jq .streams.stdout.dropped_bytes,.attach_clients_cut_off "$BUNDLE/exit.json" | xargs)" "0 1"
	is "$(payload | wc -c)" "$(jq .streams.stdout.bytes "$BUNDLE/exit.json")"
	kill -CONT "${CLIENT_PID[slow]}"
	mon_end
}

@test "--attach-overflow disconnect: a session does not wait for its client" {
	monitor_is_ours || return 0
	bundle sleep 1000
	rt_create
	rt start "$ID"
	exec_spec sh -c 'numbers emit 8000000; exit 6'
	exec_args one
	mon --attach-pipe -- "${ARGS[@]}" --attach-overflow disconnect
	said '^attach '
	client stuck "$DIR/one" --stall
	order start
	said '^sync [{]"data": 6[}]'
	said '^gone'
	is "$(jq .attach_clients_cut_off "$DIR/one/exit.json")" 1
	kill -TERM "${CLIENT_PID[stuck]}"
	rt delete --force "$ID"
}

@test "--attach-replay: who comes later is shown the last output, and then what follows" {
	monitor_is_ours || return 0
	# Two pipes have no order between them but the one that waiting gives them.
	bundle sh -c 'seq 10000; while ! test -e /work/go; do sleep 0.05; done; echo oops >&2; echo last; read x; echo "got $x"'
	with_work
	mon_started -- -i --attach-replay 3000
	await match "$LOG" ' 10000$'
	touch "$DIR/work/go"
	await match "$LOG" ' oops$'
	await match "$LOG" ' last$'
	client late
	send late 'it\n'
	mon_end
	client_ends late 0
	is "$(cat "$DIR/late.out" "$DIR/late.err" | wc -c)" $((3000 + 7))
	payload stdout | tail -c "$(stat -c %s "$DIR/late.out")" | cmp - "$DIR/late.out"
	is "$(cat "$DIR/late.err")" oops
	is "$(awk '($1 != 2 && $1 != 3) || $2 < 1 || $2 > 8192' "$DIR/late.packets")" ""
}

@test "--attach-replay: what is shown does not depend on a log" {
	monitor_is_ours || return 0
	bundle sh -c 'echo early; echo before >&2; touch /work/said; read x; echo "got $x"'
	with_work
	mon_started -- -i -l none --attach-replay 1000000
	client first
	await match "$DIR/first.out" early
	await match "$DIR/first.err" before
	client late
	await match "$DIR/late.out" early
	await match "$DIR/late.err" before
	send late 'it\n'
	mon_end
	for c in first late; do
		client_ends $c 0
		is "$(cat "$DIR/$c.out")" $'early\ngot it'
		is "$(cat "$DIR/$c.err")" before
	done
}
