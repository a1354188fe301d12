# tallyctl stats, events: what containers use, and what becomes of them.
load ctl

controllers() { ! on_cgroup2 || [ "$LANE" = vm ]; }

@test "stats --no-stream tells once what all that run use, and of one that is named" {
	exits 0 ctl --json stats --no-stream
	is "$output" ""
	local id=$ID
	started true
	ctl wait "$ID"
	ID=$id-2
	started sleep 1000
	exits 0 ctl --json stats --no-stream
	is "${#lines[@]}" 1
	is "$(jq -c '[.id, .cpu_percent, (.cpu_ns > 0), (.time | endswith("Z"))]' <<<"$output")" "[\"$ID\",null,true,true]"
	if controllers; then
		is "$(jq -c '[.memory_bytes > 0, .memory_bytes < 1000000000, .pids, .memory_limit_bytes, .pids_limit]' <<<"$output")" \
			'[true,true,1,null,null]'
		ctl update "$ID" <<<'{"memory": {"limit": 67108864}, "pids": {"limit": 40}}'
		is "$(ctl --json stats --no-stream "$ID" | jq -c '[.memory_limit_bytes, .pids_limit]')" '[67108864,40]'
	else
		is "$(jq .memory_bytes <<<"$output")" null
	fi
	exits 0 ctl stats --no-stream "$ID"
	is "${#lines[@]}" 2
	like "${lines[1]}" "^$ID +- +0\.[0-9]{3}s "
	exits 125 ctl stats "$id"
	is "$stderr" "tallyctl: container $id is not running: exited"
	exits 125 ctl stats --interval 0
	one_line "$stderr"
}

@test "stats of all goes on where one has no figures, which is said" {
	local id=$ID RUNTIME_GIVEN=$RUNTIME
	printf '#!/bin/sh\ncase "$*" in *" events "*) echo no figures >&2; exit 1;; *) exec %s "$@";; esac\n' "$RUNTIME" >"$DIR/rt"
	chmod +x "$DIR/rt"
	RUNTIME=$DIR/rt
	started sleep 1000
	RUNTIME=$RUNTIME_GIVEN
	ID=$id-2
	started sleep 1000
	attempt "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --json stats --no-stream
	is "$status" 0
	is "$(jq -c '[.id, .cpu_ns == null]' <<<"$output")" "[\"$id\",true]"$'\n'"[\"$ID\",false]"
	has "$stderr" "container $id: events: no figures"
	exits 125 "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" stats --no-stream "$id"
}

@test "stats goes on, with the share of CPU time since the look before, until the container ends or it is told to" {
	started sh -c 'while :; do :; done'
	"$TALLYCTL" --root "$CTL" --json stats --interval 1 "$ID" >"$DIR/s" 3>&- 4>&- &
	local pid=$! status=0
	await lines "$DIR/s" 2
	is "$(sed -n 1p "$DIR/s" | jq .cpu_percent)" null
	is "$(sed -n 2p "$DIR/s" | jq '.cpu_percent > 0')" true
	ctl kill "$ID" KILL
	wait "$pid" || status=$?
	is "$status" 0
	"$TALLYCTL" --root "$CTL" stats >"$DIR/t" 3>&- 4>&- &
	pid=$!
	await match "$DIR/t" WRITTEN
	kill -INT "$pid"
	wait "$pid" || status=$?
	is "$status" 130
}

# follow_events [ARGS]: tallyctl events into $DIR/events, from now on
follow_events() {
	"$TALLYCTL" --root "$CTL" --json events >"$DIR/events" 3>&- 4>&- &
	EVENTS=$!
	await match "$DIR/events" '"ready"'
}

# told JQ: the events but for "ready", as one line each
told() { jq -rc 'select(.type != "ready") | '"$1" "$DIR/events"; }

events_end() {
	local status=0
	kill -TERM "$EVENTS"
	wait "$EVENTS" || status=$?
	is "$status" 143
}

@test "events tells of create, start, commands, end and removal, with the times and statuses that were recorded" {
	local id=$ID sid
	started sleep 1000
	ID=$id-2
	follow_events
	bundle sh -c 'read x; exit 7'
	ctl create -i -b "$BUNDLE" "$ID"
	ctl start "$ID"
	sid=$(ctl exec -d "$ID" sleep 1000)
	await match "$DIR/events" '"exec"'
	ctl session stop -t 0 "$sid"
	exits 7 ctl attach "$ID" </dev/null
	ctl rm --force "$ID"
	await match "$DIR/events" '"remove"'
	is "$(told '[.type, .id, .session, .exit_code]')" "$(printf '%s\n' "[\"create\",\"$ID\",null,null]" "[\"start\",\"$ID\",null,null]" \
		"[\"exec\",\"$ID\",\"$sid\",null]" "[\"exec-die\",\"$ID\",\"$sid\",137]" "[\"die\",\"$ID\",null,7]" "[\"remove\",\"$ID\",null,null]")"
	is "$(told 'select(.type == "exec").command')" "sleep 1000"
	is "$(told 'select(.type == "start").command')" "sh -c read x; exit 7"
	# in their order, none later than when it was seen; of a removal nobody records the time
	is "$(told 'select(.time != null).time' | sort)" "$(told 'select(.time != null).time')"
	is "$(told 'select(.time != null and .time[:23] > .seen[:23]).type')" ""
	is "$(told 'select(.time == null).type')" remove
	ctl kill "$id" KILL
	await match "$DIR/events" '"exit_code": *137.*|'"\"die\".*$id\""
	is "$(told "select(.id == \"$id\") | [.type, .exit_code]")" '["die",137]'
	events_end
}

@test "events tells of containers and commands that remove themselves, too" {
	follow_events
	bundle sh -c 'read x; exit 3'
	ctl run -d -i --rm -b "$BUNDLE" "$ID"
	await match "$DIR/events" '"start"'
	mkfifo "$DIR/in"
	"$TALLYCTL" --root "$CTL" exec -i "$ID" -- sh -c 'read x; exit 4' <"$DIR/in" 3>&- 4>&- &
	local pid=$! status=0
	exec 9>"$DIR/in"
	await match "$DIR/events" '"exec"'
	exec 9>&-
	wait "$pid" || status=$?
	is "$status" 4
	await match "$DIR/events" '"exec-die"'
	exits 3 ctl attach "$ID" </dev/null
	await match "$DIR/events" '"remove"'
	is "$(told .type | paste -sd ' ')" "create start exec exec-die die remove"
	is "$(told 'select(.type == "die").exit_code')" 3
	# its files go at once: when they could not be read in time, that is said
	is "$(told 'select(.type == "exec-die") | .exit_code == 4 or (.unknown_because | length) > 0')" true
	events_end
}

@test "events tells of a monitor's death, and later of an end that nobody observed" {
	follow_events
	started sleep 1000
	ctl_pids
	kill -KILL "$MPID"
	await match "$DIR/events" '"orphan"'
	kill -KILL "$PID"
	await match "$DIR/events" '"die"'
	is "$(told 'select(.type == "die") | [.exit_code, .time, .unknown_because]')" '[null,null,"the monitor ended without recording it"]'
	events_end
}

@test "events tells of processes killed for want of memory" {
	controllers || skip "no controllers in this lane"
	monitor_is_ours || skip "conmon may see the end first"
	bundle sh -c 'echo 1000 >/proc/self/oom_score_adj; exec tail -c 100m /dev/zero'
	config '.linux.resources.memory = { limit: 20971520, swap: 20971520 }'
	follow_events
	ctl run -d -b "$BUNDLE" "$ID"
	await match "$DIR/events" '"die"'
	is "$(told .type | paste -sd ' ')" "create start oom die"
	is "$(told 'select(.type == "die").exit_code')" 137
	events_end
}

@test "events fails where it cannot watch all, and is not silent" {
	started sleep 1000
	# shellcheck disable=SC2016 # the inner shell
	exits 125 timeout 60 unshare --user --map-root-user sh -c 'echo 1 >/proc/sys/user/max_inotify_watches && exec "$@"' sh \
		"$TALLYCTL" --root "$CTL" events
	hasnt "$output" ready
	has "$stderr" max_user_watches
}

@test "events ends when its reader does" {
	"$TALLYCTL" --root "$CTL" events 3>&- 4>&- | head -n 1 >"$DIR/out"
	like "$(cat "$DIR/out")" '^-  *ready$'
	exits 125 ctl events x
	one_line "$stderr"
}
