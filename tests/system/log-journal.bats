# The journal as a log, when its daemon does not take what it is sent: the container must not notice.
load ../lib/harness
load ../lib/journal

prepare() { ID=tm-long-enough-${DIR##*.}; } # peers want 12 characters

LINE=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx # 64 bytes with its newline

# to_journal CMD...: a container of these args that has started, and whose log is the journal alone
to_journal() {
	bundle "$@"
	standard_args
	mon -- "${ARGS[@]/#k8s-file:*/journald}" -i
	said_created
	MPID=$(cat "$DIR/monitor.pid")
	rt start "$ID"
}

# streams JQ: of the exit record
streams() { jq -r ".streams.stdout | $1" "$BUNDLE/exit.json"; }

# dumped JQ: what the monitor says of its state
dumped() {
	rm -f "$BUNDLE/state-dump.json"
	ctl 'dump\n'
	await exists "$BUNDLE/state-dump.json"
	jq -r "$1" "$BUNDLE/state-dump.json"
}

# dumped_until JQ: asks until it is true; each answer takes a turn of the monitor
dumped_until() {
	local from=$SECONDS
	until [ "$(dumped "$1")" = true ]; do
		[ $((SECONDS - from)) -lt 90 ] || fail "never: $1 in $(cat "$BUNDLE/state-dump.json")"
	done
}

@test "a journald that is stopped holds nothing up: the container ends in time, and what it dropped is counted" {
	local n=262144 kept
	ends_in_time() { said '^gone' "$(if monitor_is_ours; then echo 90; fi)"; }
	monitor_is_ours || n=8192
	journal_start
	journal_stop
	to_journal sh -c "yes $LINE | head -n $n; exit 7"
	peer_fails monitor ends_in_time
	journal_go_on
	mon_end
	is "$(exit_file)" 7
	monitor_is_ours || return 0
	kept=$(streams .records)
	[ "$kept" -gt 0 ] && [ "$kept" -lt "$n" ]
	is "$(streams '[.bytes, .lines, .dropped_records, .dropped_bytes] | join(" ")')" \
		"$((64 * n)) $n $((n - kept)) $((64 * (n - kept)))"
	entries_are "$kept" # what was counted as logged is there, and nothing else
}

@test "a journald that is stopped and goes on gets the lines of later; the state tells of those that were lost" {
	local n=8192 kept
	journal_start
	journal_stop
	to_journal sh -c "yes $LINE | head -n $n; read x; echo later"
	if monitor_is_ours; then
		dumped_until '.logs[0] | .driver == "journald" and .stalled and .stdout.dropped_records > 0 and
			.stdout.records + .stdout.dropped_records == '"$n"
		is "$(dumped '.logs[0].stdout | .dropped_bytes == 64 * .dropped_records')" true
		kept=$(dumped .logs[0].stdout.records)
	else
		kept=$n
	fi
	journal_go_on
	entries_are "$kept"
	client one
	send one '\n'
	hang_up one
	entries_are $((kept + 1))
	is "$(messages | tail -n 1)" later
	client_ends one 0
	mon_end
	is "$(exit_file)" 0
	! monitor_is_ours || is "$(streams '[.records, .dropped_records] | join(" ")')" "$((kept + 1)) $((n - kept))"
}

@test "without a journald the container runs; the lines are counted, and those after its start are in the journal" {
	journal_dirs # without the host's
	to_journal sh -c "yes $LINE | head -n 10000; read x; echo after; echo err >&2; exit 3"
	client one
	if monitor_is_ours; then
		dumped_until '.logs[0].stdout | .dropped_records == 10000 and .dropped_bytes == 640000 and .records == 0'
	fi
	journal_start
	send one '\n'
	hang_up one
	client_ends one 0
	mon_end
	is "$(exit_file)" 3
	if monitor_is_ours; then # a peer may have lines left to say when the daemon comes
		entries_are 2
		is "$(messages | sort)" $'after\nerr'
		is "$(streams '[.records, .dropped_records, .dropped_bytes] | join(" ")')" "1 10000 640000"
		is "$(jq -c '.streams.stderr | [.records, .dropped_records]' "$BUNDLE/exit.json")" "[1,0]"
	fi
}

@test "a journald that is started anew gets the lines of later; what came while there was none is counted" {
	to_journal_in_turns() {
		# shellcheck disable=SC2016 # the container's shell expands it
		to_journal sh -c 'for i in one two three; do read x; echo $i; done; exit 5'
		client one
	}
	journal_start
	to_journal_in_turns
	send one '\n'
	entries_are 1
	journal_end
	send one '\n'
	await match "$DIR/one.out" two
	! monitor_is_ours || dumped_until '.logs[0].stdout.dropped_records == 1'
	journal_start
	send one '\n'
	hang_up one
	client_ends one 0
	mon_end
	is "$(exit_file)" 5
	if monitor_is_ours; then
		entries_are 2
		is "$(messages)" $'one\nthree'
		is "$(streams '[.records, .dropped_records, .dropped_bytes] | join(" ")')" "2 1 4"
	fi
}
