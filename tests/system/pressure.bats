# Logs that take nothing, or too little, or fail; and the requests that tell what the monitor is doing meanwhile.
load ../lib/harness

prepare() { DUMP=$BUNDLE/state-dump.json; }

# dump_of: asks for the state; it is in $DUMP then
dump_of() {
	rm -f "$DUMP"
	ctl 'dump\n'
	await exists "$DUMP"
	jq -e . <"$DUMP" >/dev/null || fail "no JSON: $(cat "$DUMP")"
}

# dumped JQ: what the state says
dumped() {
	dump_of
	jq -r "$1" "$DUMP"
}

# dumped_until JQ: asks until it is true; each answer takes a turn of the monitor, which is what passes the time
dumped_until() {
	local from=$SECONDS
	until [ "$(dumped "$1")" = true ]; do
		[ $((SECONDS - from)) -lt 60 ] || fail "never: $1 in $(cat "$DUMP")"
	done
}

# fifo_log: $FIFO, with a reader that does not read
fifo_log() {
	FIFO=$DIR/fifo
	mkfifo "$FIFO"
	exec {STUCK}<>"$FIFO"
}

# started_on LOG ARGS: a container that was started with this log file alone
started_on() {
	standard_args
	mon -- "${ARGS[@]/#k8s-file:*/k8s-file:$1}" "${@:2}"
	said_created
	CPID=$(sed -n 's/^sync {"data": \([0-9]*\)}$/\1/p' "$E/events" | head -n 1)
	MPID=$(cat "$DIR/monitor.pid")
	rt start "$ID"
}

# read_all SECONDS: what comes out of the FIFO until its end, into $DIR/got
read_all() {
	local fd
	exec {fd}<"$FIFO" # before the one that does not read goes: a peer would take that for the end
	let_go
	timeout "$1" cat <&"$fd" >"$DIR/got"
	exec {fd}<&-
}

let_go() { exec {STUCK}<&-; }

# flooded ARGS: a container that writes without end to stdout into a FIFO that nobody reads, with these options; it ends
# with 7 on SIGTERM
flooded() {
	fifo_log
	bundle sh -c 'trap "exit 7" TERM; yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx & while :; do wait; done'
	started_on "$FIFO" "$@"
}

ended_with() {
	await exists "$DIR/exits/$ID"
	is "$(exit_file)" "$1"
	let_go
	mon_end
}

streams() { jq -r ".streams.stdout | .$1" "$BUNDLE/exit.json"; }

@test "promise 3: a log that takes nothing delays neither signals nor requests nor the end" {
	at_once() {
		flooded
		if monitor_is_ours; then
			dumped_until '.logs[0].stdout.waits and .streams.stdout.held_up'
		else
			said_created
		fi
		kill -TERM "$MPID"
		ended_with 7
		is "$(jq -r .cause "$BUNDLE/exit.json")" stop
		[ "$(streams dropped_bytes)" -gt 0 ]
	}
	peer_fails monitor at_once
}

@test "a FIFO without a reader holds up no start, and a reader that comes late gets all of it" {
	gets_all() {
		mkfifo "$DIR/fifo"
		bundle sh -c 'numbers emit 100000'
		started_on "$DIR/fifo"
		timeout 60 cat "$DIR/fifo" >"$DIR/got"
		mon_end
		exits 0 numbers check 100000 "$DIR/got"
		is "$(streams dropped_bytes)" 0
	}
	peer_fails monitor gets_all
}

@test "a reader that leaves and comes back finds the records whole" {
	whole() {
		mkfifo "$DIR/fifo"
		bundle sh -c 'echo one; read x; echo two'
		started_on "$DIR/fifo" -i
		head -n 1 <"$DIR/fifo" >"$DIR/got"
		client one
		send one '\n'
		timeout 60 cat "$DIR/fifo" >>"$DIR/got"
		mon_end
		is "$(klog payload "$DIR/got")" $'one\ntwo'
	}
	if monitor_is_ours; then whole; fi
}

@test "block: the container waits for a FIFO, and nothing is lost" {
	fifo_log
	bundle sh -c 'numbers emit 3000000'
	started_on "$FIFO" $(monitor_is_ours && echo --log-policy block)
	if monitor_is_ours; then dumped_until '.logs[0].stdout.waits'; fi
	read_all 100
	mon_end
	exits 0 numbers check 3000000 "$DIR/got"
}

@test "drop-newest: the container does not wait, and what came first is kept without a gap" {
	not_held_up() {
		fifo_log
		bundle sh -c 'numbers emit 5000000; exit 3'
		started_on "$FIFO" --log-policy drop-newest
		said '^exit' # no reader reads before the end
		timeout 60 head -c 60000 "$FIFO" >"$DIR/got"
		let_go
		mon_end
		is "$(exit_file)" 3
		has "$(head -n 1 "$DIR/got")" " stdout F 000000000000 "
		is "$(($(streams bytes) > 5000000 - 20000))" 1
		[ "$(streams dropped_bytes)" -gt 4000000 ]
		[ "$(streams dropped_records)" -gt 30000 ]
	}
	if monitor_is_ours; then not_held_up; fi
}

@test "drop-oldest: the container does not wait, and what comes last is kept" {
	not_held_up() {
		fifo_log
		bundle sh -c 'numbers emit 5000000; echo last words; exit 4'
		started_on "$FIFO" --log-policy drop-oldest
		await process-gone "$CPID"
		read_all 60
		mon_end
		is "$(exit_file)" 4
		klog records "$DIR/got" >/dev/null
		has "$(tail -n 1 "$DIR/got")" " stdout F last words"
		[ "$(streams dropped_bytes)" -gt 3000000 ]
	}
	if monitor_is_ours; then not_held_up; fi
}

@test "policies are for each stream: one waits and the other does not" {
	each() {
		fifo_log
		bundle sh -c 'numbers emit 2000000 & numbers emit 2000000 >&2; echo done >/work/done; wait'
		with_work
		started_on "$FIFO" --log-policy stderr:drop-newest
		await exists "$DIR/work/done"
		is "$(dumped '.logs[0] | .stdout.waits, .stderr.waits, .stdout.dropped_bytes, .stderr.dropped_bytes > 0' | tr '\n' ' ')" \
			"true false 0 true "
		read_all 60
		mon_end
		is "$(klog payload "$DIR/got" stdout | numbers stream 2000000; echo $?)" 0
		is "$(streams dropped_bytes)" 0
	}
	if monitor_is_ours; then each; fi
}

@test "promise 7: policy STREAM POLICY changes it while the container waits" {
	changed() {
		flooded
		dumped_until '.logs[0].stdout.waits'
		ctl 'policy stdout drop-oldest\n'
		dumped_until '.logs[0].stdout.dropped_bytes > 1000000'
		is "$(dumped '.logs[0] | .stdout.policy, .stderr.policy' | tr '\n' ' ')" "drop-oldest block "
		ctl 'policy both block\n'
		dumped_until '.logs[0].stdout.waits'
		rt kill "$ID" KILL
		ended_with 137
	}
	if monitor_is_ours; then changed; fi
}

@test "promises 4 and 5: a full disk leaves whole records, and every byte that is not there is counted" {
	counted() {
		bundle sh -c 'numbers emit 2000000; exit 5'
		started_on "$DIR/small/log"
		mon_end
		is "$(exit_file)" 5
		klog records "$DIR/small/log" >"$DIR/records"
		is "$(jq '.streams.stdout | .bytes - .dropped_bytes' "$BUNDLE/exit.json")" "$(klog payload "$DIR/small/log" | wc -c)"
		is "$(streams records)" "$(wc -l <"$DIR/records")"
		[ "$(streams dropped_records)" -gt 10000 ]
	}
	mkdir "$DIR/small"
	mount -t tmpfs -o size=300k tmpfs "$DIR/small"
	peer_fails monitor counted
	umount "$DIR/small"
}

@test "promise 5: when there is space again the log goes on, and says what is missing if it is asked to" {
	goes_on() {
		bundle sh -c 'numbers emit 2000000; read x; echo after'
		started_on "$DIR/small/log" -i --log-drop-marker --log-policy drop-oldest
		dumped_until '.streams.stdout | .read_bytes > 1990000 and .unread_bytes == 0'
		is "$(dumped '.logs[0].error')" ENOSPC
		dropped=$(jq '.logs[0].stdout.dropped_bytes' "$DUMP")
		records=$(jq '.logs[0].stdout.dropped_records' "$DUMP")
		rm "$DIR/small/ballast"
		dumped_until '.logs[0].error == null' # without any output: it is tried again by itself
		client one
		send one '\n'
		mon_end
		is "$(grep -c 'tallyman: dropped' "$DIR/small/log")" 1
		like "$(grep 'tallyman: dropped' "$DIR/small/log")" \
			" stdout F tallyman: dropped $dropped bytes in $records records of stdout from 20[^ ]+ to 20[^ ]+\$"
		has "$(tail -n 1 "$DIR/small/log")" " stdout F after"
		grep -v 'tallyman: dropped' "$DIR/small/log" >"$DIR/log"
		is "$(jq '.streams.stdout | .bytes - .dropped_bytes' "$BUNDLE/exit.json")" "$(klog payload "$DIR/log" | wc -c)"
	}
	mkdir "$DIR/small"
	mount -t tmpfs -o size=1m tmpfs "$DIR/small"
	head -c 700k /dev/zero >"$DIR/small/ballast"
	if monitor_is_ours; then goes_on; fi
	umount "$DIR/small"
}

@test "promise 3: who lags while the log begins to drop, its disk full or its policy changed, gets every byte" {
	gets_everything() {
		local once=$(numbers emit 4000000 | wc -c)
		bundle sh -c 'read go; numbers emit 4000000; read go; numbers emit 4000000; read go; echo end'
		started_on "$DIR/small/log" -i --leave-stdin-open
		client slow --no-stdin
		client driver
		kill -STOP "${CLIENT_PID[slow]}"
		send driver '\n'
		dumped_until ".logs[0].stdout.dropped_bytes > 1000000 and .streams.stdout.read_bytes == $once and .attach.spill"
		ctl 'policy both drop-oldest\n'
		send driver '\n'
		dumped_until ".streams.stdout.read_bytes == $((2 * once))"
		kill -CONT "${CLIENT_PID[slow]}"
		dumped_until '.attach.spill | not'
		send driver '\n'
		mon_end
		client_ends slow 0
		{ numbers emit 4000000; numbers emit 4000000; echo end; } | cmp - "$DIR/slow.out"
		is "$(jq .attach_clients_cut_off,.attach_skipped_bytes "$BUNDLE/exit.json" | xargs)" "0 0"
	}
	mkdir "$DIR/small"
	mount -t tmpfs -o size=1m tmpfs "$DIR/small"
	if monitor_is_ours; then gets_everything; fi
	umount "$DIR/small"
}

@test "a disk whose writes fail now and then loses nothing" {
	loses_nothing() {
		cat >"$DIR/failing" <<-X
			#!/bin/sh
			export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0"
			exec strace -f -o "$DIR/trace" -P "$LOG" -e trace=write -e inject=write:error=EIO:when=2+3 "$MONITOR" "\$@"
		X
		chmod +x "$DIR/failing"
		bundle sh -c 'numbers emit 1000000; read x; echo'
		standard_args
		MONITOR=$DIR/failing mon -- "${ARGS[@]}" -i
		said_created
		rt start "$ID"
		await match "$DIR/trace" INJECTED
		client one
		send one '\n'
		mon_end
		exits 0 numbers check 1000000 <(head -n -1 "$LOG")
		is "$(streams dropped_bytes)" 0
	}
	if monitor_is_ours; then loses_nothing; fi
}

@test "a rate limit slows the container down, or what is too fast is dropped" {
	limited() {
		bundle sh -c 'numbers emit 400000'
		mon_started -- --log-rate-limit 200000/s,10000
		dumped_until '.logs[0].stdout.waits'
		mon_end
		exits 0 numbers check 400000 "$LOG"
		rt delete "$ID"
		rm "$LOG"
		bundle sh -c 'numbers emit 400000; echo a word >&2'
		mon_started -- --log-rate-limit stdout:1000/s,10000 --log-policy drop-newest
		mon_end
		is "$(payload stderr)" "a word"
		is "$(($(streams dropped_bytes) > 300000))" 1
		is "$(($(payload stdout | wc -c) >= 10000))" 1
		is "$(jq '.streams.stdout | .bytes - .dropped_bytes' "$BUNDLE/exit.json")" "$(payload stdout | wc -c)"
	}
	if monitor_is_ours; then limited; fi
}

@test "policies, limits and markers that mean nothing are refused by name" {
	refused() {
		bundle true
		while read -r log option; do
			standard_args
			# shellcheck disable=SC2086 # an option and its value
			exits 1 "$MONITOR" "${ARGS[@]/#k8s-file:*/$log}" $option
			one_line "$stderr"
			has "$stderr" "${option%% *}"
		done <<-X
			k8s-file:$LOG --log-policy drop
			k8s-file:$LOG --log-policy stdin:block
			k8s-file:$LOG --log-rate-limit 100
			k8s-file:$LOG --log-rate-limit 0/s
			none --log-policy block
			none --log-rate-limit 5/s
			passthrough --log-policy block
			journald --log-drop-marker
		X
	}
	if monitor_is_ours; then refused; fi
}

# --- the state dump -----------------------------------------------------------------------------------------------

@test "dump writes the state: descriptors, counters, queues, children, clients, the log's position" {
	told() {
		bundle sh -c 'echo out; echo err >&2; read x; exec sleep 1000'
		mon_started -- -i
		client one
		dumped_until '.streams | .stdout.read_bytes == 4 and .stderr.read_bytes == 4'
		is "$(jq -c '[.version, .id, .kind, .state, .monitor_pid, .container_pid, .runtime_pid]' "$DUMP")" \
			"[1,\"$ID\",\"container\",\"running\",$MPID,$CPID,null]"
		is "$(jq -c '.logs | map([.driver, .path, .position, .stdout.records, .stderr.records, .error])' "$DUMP")" \
			"[[\"k8s-file\",\"$LOG\",$(stat -c %s "$LOG"),1,1,null]]"
		is "$(jq -c '.attach.clients | map([.pid, .unsent_stdout_bytes, .sends])' "$DUMP")" "[[${CLIENT_PID[one]},0,true]]"
		is "$(jq -c .children "$DUMP")" "[$CPID]"
		is "$(jq -r '.descriptors[] | select(.descriptor == '"$(jq '.logs[0].descriptor' "$DUMP")"') | .is' "$DUMP")" "$LOG"
		is "$(jq '.descriptors | length' "$DUMP")" "$(ls "/proc/$MPID/fd" | wc -l)"
		before=$(jq .time.boottime_ns "$DUMP")
		is "$(dumped ".time.boottime_ns > $before")" true
		is "$(ls -A "$BUNDLE" | grep -c state-dump)" 1
		rt kill "$ID" KILL
		mon_end
	}
	if monitor_is_ours; then told; fi
}

@test "promise 7: a thousand dumps, junk and sizes from many writers at once leave every channel working" {
	working() {
		local w writers=()
		bundle cat
		mon_started -- -i
		client one
		for w in 1 2 3 4 5 6; do
			(
				for i in $(seq 1 200); do
					case $((i % 5)) in
					0) printf 'dump\n' ;;
					1) printf '1 20 %d\n' "$i" ;;
					2) printf 'policy both drop-%s\n' newest ;;
					3) head -c "$((w * 100))" /dev/urandom ;;
					4) printf 'policy stderr block\n\0\0\n2 0 0 0\n' ;;
					esac
				done 1<>"$BUNDLE/ctl"
			) 3>&- &
			writers+=($!)
		done
		head -c 65536 /dev/zero 1<>"$BUNDLE/ctl"
		wait "${writers[@]}"
		ctl '\npolicy both block\n'
		dumped_until '.logs[0] | .stdout.policy == "block" and .stderr.policy == "block"'
		send one 'alive\n'
		await match "$LOG" ' alive$'
		hang_up one
		mon_end
		is "$(payload)" alive
		is "$(ls -A "$BUNDLE" | grep -c state-dump)" 1
	}
	if monitor_is_ours; then working; fi
}

@test "a dump that cannot be written stops nothing" {
	goes_on() {
		bundle cat
		mon_started -- -i
		mkdir "$BUNDLE/state-dump.json"
		ctl 'dump\n'
		client one
		send one 'on\n'
		await match "$LOG" ' on$'
		rmdir "$BUNDLE/state-dump.json"
		is "$(dumped .state)" running
		hang_up one
		mon_end
		is "$(ls -A "$BUNDLE" | grep -c state-dump)" 1
	}
	if monitor_is_ours; then goes_on; fi
}
