# From create to the exit record.
load ../lib/harness

@test "exit codes arrive in the exit file, the persist file and nowhere else altered" {
	for code in 0 1 7 125 255; do
		rm -f "$DIR/exits/$ID" "$DIR/persist/exit"
		mon_run sh -c "exit $code"
		is "$(exit_file)" "$code"
		is "$(cat "$DIR/persist/exit")" "$code"
		rt delete "$ID"
	done
}

@test "the exit files have no newline and mode 0644" {
	mon_run sh -c 'exit 42'
	for f in "$DIR/exits/$ID" "$DIR/persist/exit"; do
		is "$(stat -c '%s %a' "$f")" "2 644"
		is "$(od -An -c "$f" | tr -d ' ')" 42
	done
}

@test "the exit file appears whole, by one rename over its own name" {
	helper watch "$DIR/watched" "$DIR/exits" "$DIR/persist"
	await match "$DIR/watched" '^ready$'
	mon_run true
	await match "$DIR/watched" "^moved_to $ID$"
	await match "$DIR/watched" "^moved_to exit$"
	hasnt "$(cat "$DIR/watched")" "create $ID"$'\n'
	is "$(grep -cE "^(moved_to|modify) $ID$" "$DIR/watched")" 1
	is "$(grep -cE "^(create|moved_to|modify) exit$" "$DIR/watched")" 1
	# What engines must overlook is named so that they do: <cid>.XXXXXX
	like "$(grep -E "^moved_from $ID" "$DIR/watched")" "^moved_from $ID\.[A-Za-z0-9]{6}$"
	is "$(ls "$DIR/exits")" "$ID"
}

@test "the persist file is there before the exit file that engines watch" {
	helper watch "$DIR/watched" "$DIR/exits" "$DIR/persist"
	await match "$DIR/watched" '^ready$'
	mon_run true
	await match "$DIR/watched" "^moved_to $ID$"
	is "$(grep -xE "moved_to (exit|$ID)" "$DIR/watched" | head -n 2 | tr '\n' ' ')" "moved_to exit moved_to $ID "
}

@test "death by SIGKILL is 137" {
	bundle sleep 1000
	mon_started
	rt kill "$ID" KILL
	mon_end
	is "$(exit_file)" 137
	is "$(cat "$DIR/persist/exit")" 137
}

@test "death by SIGSEGV is 139, by SIGABRT 134" {
	for s in SEGV:139 ABRT:134; do
		bundle sh -c "kill -${s%:*} \$\$"
		config 'del(.linux.namespaces[] | select(.type == "pid"))'
		rm -f "$DIR/exits/$ID"
		mon_started
		mon_end
		is "$(exit_file)" "${s#*:}"
		rt delete "$ID"
	done
}

@test "the pid on the sync pipe, in the pid file and in the state are the container's, and the monitor is its parent" {
	bundle sleep 1000
	mon_started
	is "$(cat "$DIR/pidfile")" "$CPID"
	is "$(stat -c %s "$DIR/pidfile")" "${#CPID}"
	is "$(rt state "$ID" | jq .pid)" "$CPID"
	is "$(awk '/^PPid/ { print $2 }' "/proc/$CPID/status")" "$MPID"
	rt kill "$ID" KILL
	mon_end
}

@test "--conmon-pidfile holds the monitor's pid, without newline, before the foreground process ends" {
	bundle sleep 1000
	mon_started
	said '^status 0$'
	is "$(stat -c %s "$DIR/monitor.pid")" "${#MPID}"
	is "$(readlink -f "/proc/$MPID/exe")" "$(readlink -f "$MONITOR_PROGRAM")"
	rt kill "$ID" KILL
	mon_end
}

@test "the monitor's own status is the container's code, as the service manager sees it" {
	mon_run sh -c 'exit 9'
	has "$(events "^exit $MPID ")" "exit $MPID 9"
}

@test "without --container-pidfile the pid file is pidfile-<cid> in the working directory" {
	bundle sleep 1000
	cd "$DIR"
	standard_args
	mon -- --api-version 1 -c "$ID" -u "$ID" -r "$RUNTIME" -b "$BUNDLE" -l none --full-attach \
		--runtime-arg --root --runtime-arg "$ROOT"
	said '^sync '
	is "$(events '^sync ')" "sync {\"data\": $(cat "$DIR/pidfile-$ID")}"
	rt kill "$ID" KILL
	mon_end
}

@test "a container that ends between create and start is recorded" {
	bundle sleep 1000
	mon_created
	kill -KILL "$CPID"
	mon_end
	is "$(exit_file)" 137
}

@test "a created container that is deleted by force is recorded as killed" {
	bundle sleep 1000
	mon_created
	rt delete --force "$ID"
	mon_end
	is "$(exit_file)" 137
}

@test "orphans that end up with the monitor are reaped" {
	bundle sh -c '(sh -c "echo \$\$; exec sleep 0.1" &) ; exec sleep 1000'
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	mon_started
	await match "$LOG" ' stdout F [0-9]+$'
	await reaped "$(payload)"
	rt kill "$ID" KILL
	mon_end
}

@test "the monitor has a session of its own and no descriptor of the caller's stdio" {
	bundle sleep 1000
	mon_started
	is "$(ps -o sid= -p "$MPID" | tr -d ' ')" "$MPID"
	for fd in 0 1 2; do
		is "$(readlink "/proc/$MPID/fd/$fd")" /dev/null
	done
	rt kill "$ID" KILL
	mon_end
}

@test "every descriptor of the monitor is close-on-exec" {
	bundle sleep 1000
	mon_started
	for f in /proc/"$MPID"/fdinfo/*; do
		[ "${f##*/}" -gt 2 ] || continue
		# conmon 2.1.6's own, for memory.events, is not
		monitor_is_ours || [ "$(readlink "/proc/$MPID/fd/${f##*/}")" != anon_inode:inotify ] || continue
		flags=$(awk '/^flags:/ { print $2 }' "$f")
		[ $((flags & 02000000)) -ne 0 ] || fail "descriptor ${f##*/}: $(readlink "/proc/$MPID/fd/${f##*/}")"
	done
	rt kill "$ID" KILL
	mon_end
}

@test "hundreds of short-lived children inside do not disturb the record" {
	mon_run sh -c 'i=0; while [ $i -lt 300 ]; do true & i=$((i+1)); done; wait; exit 5'
	is "$(exit_file)" 5
}
