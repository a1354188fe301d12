# tallyctl ps, wait, kill, rm: what becomes of containers.
load ctl

@test "ps shows what runs and what has ended" {
	exits 0 ctl ps
	like "$output" '^ID +STATUS +PID +COMMAND$'
	started sleep 1000
	ctl_pids
	exits 0 ctl ps
	like "${lines[1]}" "^$ID +running [0-9]+s +$PID +sleep 1000\$"
	ctl kill "$ID" KILL
	ctl wait "$ID"
	exits 0 ctl ps
	like "${lines[1]}" "^$ID +exited \(137\) [0-9]+s ago +- +sleep 1000\$"
	exits 0 ctl ps --json
	is "$(jq -c '.[] | [.id, .status, .exit_code, .rm, .terminal]' <<<"$output")" "[\"$ID\",\"exited\",137,false,false]"
	is "$(jq -r '.[].monitor' <<<"$output")" "$MONITOR"
	is "$(jq -r '.[].log' <<<"$output")" "$CONTAINERS/$ID/container.log"
	like "$(jq -r '.[].ended' <<<"$output")" '^[0-9]{4}-.*Z$'
}

@test "what a container calls its command cannot steer the terminal" {
	started sh -c $'sleep 1000 # \e[2J\x07 and so on, longer than any column'
	exits 0 ctl ps
	hasnt "$output" $'\e'
	has "$output" '...'
}

@test "wait prints the exit status, also of one that has ended, also to several" {
	bundle sh -c 'read x; exit 5'
	ctl run -d -i -b "$BUNDLE" "$ID"
	local i pids=()
	for i in 1 2 3; do
		"$TALLYCTL" --root "$CTL" wait "$ID" >"$DIR/w$i" 3>&- 4>&- &
		pids+=($!)
	done
	exits 5 ctl attach "$ID" </dev/null
	for i in 1 2 3; do
		wait "${pids[i - 1]}"
		is "$(cat "$DIR/w$i")" 5
	done
	exits 0 ctl wait "$ID"
	is "$output" 5
	exits 0 ctl --json wait "$ID"
	is "$(jq -c '[.id, .exit_code, (.duration_ms >= 0), (.exit | type)]' <<<"$output")" \
		"[\"$ID\",5,true,\"$(monitor_is_ours && echo object || echo null)\"]"
}

@test "wait hears of the end of a container that is removed meanwhile" {
	bundle sh -c 'read x; exit 5'
	ctl run -d -i --rm -b "$BUNDLE" "$ID"
	"$TALLYCTL" --root "$CTL" wait "$ID" >"$DIR/w" 3>&- 4>&- &
	local pid=$!
	holding "$pid" '*inotify'
	ctl attach "$ID" </dev/null || true
	wait "$pid"
	is "$(cat "$DIR/w")" 5
	await gone "$CONTAINERS/$ID" # the waiting ends before the removal does
	started sleep 1000
	"$TALLYCTL" --root "$CTL" wait "$ID" >"$DIR/w" 3>&- 4>&- &
	pid=$!
	ctl rm --force "$ID"
	wait "$pid" || true
	like "$(cat "$DIR/w")" '^(137|)$'
}

@test "the end that nobody observed is called unknown" {
	started sleep 1000
	ctl_pids
	"$TALLYCTL" --root "$CTL" wait "$ID" >"$DIR/w" 2>"$DIR/err" 3>&- 4>&- &
	local pid=$! status=0
	kill -KILL "$MPID"
	wait "$pid" || status=$?
	is "$status" 124
	is "$(cat "$DIR/w")" unknown
	has "$(cat "$DIR/err")" "exit status unknown"
	is "$(ctl_status)" orphaned
	exits 125 ctl rm "$ID"
	has "$stderr" orphaned
	ctl kill "$ID" KILL
	await process-gone "$PID"
	is "$(ctl_status)" lost
	exits 124 ctl --json wait "$ID"
	is "$(jq -c '[.exit_code, (.unknown_because | length > 0)]' <<<"$output")" '[null,true]'
	exits 0 ctl rm "$ID"
	nothing_of
}

@test "a foreground run whose monitor is killed says that the end is unknown" {
	bundle sh -c 'echo ready; sleep 1000'
	"$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -b "$BUNDLE" "$ID" >"$DIR/out" 2>"$DIR/err" 3>&- 4>&- &
	local pid=$! status=0
	await match "$DIR/out" ready
	ctl_pids
	kill -KILL "$MPID"
	wait "$pid" || status=$?
	is "$status" 124
	has "$(cat "$DIR/err")" "exit status unknown"
}

@test "kill sends the signal that is named" {
	started inside say-signals
	await match "$CONTAINERS/$ID/container.log" ready
	ctl kill "$ID"
	await match "$CONTAINERS/$ID/container.log" "signal 15"
	ctl kill "$ID" hup
	await match "$CONTAINERS/$ID/container.log" "signal 1$"
	ctl kill "$ID" SIGUSR1
	await match "$CONTAINERS/$ID/container.log" "signal 10"
	ctl kill "$ID" 2
	await match "$CONTAINERS/$ID/container.log" "signal 2$"
	exits 125 ctl kill "$ID" NOSUCH
	is "$stderr" 'tallyctl: unknown signal "NOSUCH"'
	ctl kill "$ID" USR2
	is "$(ctl wait "$ID")" 0
	exits 125 ctl kill "$ID"
	is "$stderr" "tallyctl: container $ID is not running: exited"
	exits 125 ctl kill nobody
	one_line "$stderr"
}

@test "rm refuses what runs; --force kills it; both leave nothing" {
	started sleep 1000
	exits 125 ctl rm "$ID"
	one_line "$stderr"
	has "$stderr" running
	is "$(ctl_status)" running
	exits 0 ctl rm --force "$ID"
	nothing_of
	exits 125 ctl rm "$ID"
	has "$stderr" "does not exist"
	exits 0 ctl rm --force "$ID"
	started true
	ctl wait "$ID"
	exits 0 ctl rm "$ID"
	nothing_of
}

@test "rm --force takes exec sessions along" {
	started sleep 1000
	ctl exec -d "$ID" sleep 1000
	ctl exec -d "$ID" sleep 1000
	exits 0 ctl rm --force "$ID"
	nothing_of
}

@test "the runtime has forgotten a container soon after it has ended, also when nobody removes it" {
	started true
	ctl wait "$ID"
	await gone "$CTL/runtime/$ID"
	is "$(ctl_status)" exited
	is "$(ctl wait "$ID")" 0
}

@test "what a tallyctl that was killed has left is shown as broken and can be removed" {
	bundle sleep 1000
	# a runtime that does not come back: tallyctl dies while it creates
	printf '#!/bin/sh\ncase "$*" in *create*) echo $$ >%s; exec sleep 1000;; *) exec %s "$@";; esac\n' "$DIR/rt.pid" "$RUNTIME" >"$DIR/rt"
	chmod +x "$DIR/rt"
	"$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$DIR/rt" run -d -b "$BUNDLE" "$ID" 3>&- 4>&- &
	local pid=$!
	await size "$DIR/rt.pid" 1
	is "$(ctl_status)" creating
	exits 125 ctl attach "$ID"
	kill -KILL "$pid"
	wait "$pid" || true
	is "$(ctl_status)" broken
	kill -KILL "$(cat "$DIR/rt.pid")"
	exits 0 ctl rm "$ID"
	nothing_of
	mkdir "$CONTAINERS/$ID"
	is "$(ctl_status)" broken
	exits 125 ctl logs "$ID"
	one_line "$stderr"
	exits 0 ctl rm "$ID"
	[ ! -e "$CONTAINERS/$ID" ]
}

@test "a container whose record cannot be read is not taken for one that has ended" {
	started sleep 1000
	ctl_pids
	cp "$CONTAINERS/$ID/record.json" "$DIR/record"
	jq '.version = 99' "$DIR/record" >"$CONTAINERS/$ID/record.json" # by a later tallyctl
	attempt ctl --json ps
	is "$(jq -r '.[0].status' <<<"$output")" unknown
	has "$stderr" "version is not 1"
	exits 1 ctl --json doctor
	like "$(jq -r --arg id "$ID" '.findings[] | select(.name == $id).text' <<<"$output")" "is unknown"
	exits 0 ctl prune
	is "$output" ""
	exits 125 ctl rm "$ID"
	exits 125 ctl destroy "$ID"
	[ -d "/proc/$PID" ]
	cp "$DIR/record" "$CONTAINERS/$ID/record.json"
	is "$(ctl_status)" running
}

@test "wait and cleanup of a record that cannot be read say so, and its end is not lost" {
	started sleep 1000
	ctl_pids
	cp "$CONTAINERS/$ID/record.json" "$DIR/record"
	jq '.version = 99' "$DIR/record" >"$CONTAINERS/$ID/record.json"
	kill -KILL "$PID"
	await process-gone "$MPID"
	for verb in wait cleanup; do
		exits 125 ctl "$verb" "$ID"
		one_line "$stderr"
		has "$stderr" "container $ID (tallyctl rm --force removes what is left of it): record.json: version is not 1"
	done
	cp "$DIR/record" "$CONTAINERS/$ID/record.json"
	is "$(ctl wait "$ID")" 137
	exits 0 ctl cleanup "$ID"
	exits 0 ctl rm "$ID"
	nothing_of
	exits 0 ctl cleanup "$ID"
	exits 125 ctl cleanup ../containers
	has "$stderr" "invalid container id"
}

@test "a create that is interrupted twice leaves nothing" {
	bundle sleep 1000
	printf '#!/bin/sh\ncase "$*" in *create*) echo $$ >%s; exec sleep 1000;; *) exec %s "$@";; esac\n' "$DIR/rt.pid" "$RUNTIME" >"$DIR/rt"
	chmod +x "$DIR/rt"
	"$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$DIR/rt" run -b "$BUNDLE" "$ID" 2>"$DIR/err" 3>&- 4>&- &
	local pid=$! status=0
	await size "$DIR/rt.pid" 1
	takes_signal "$pid" TERM # waits for the runtime
	kill -TERM "$pid"
	# the runtime is the monitor's child: it ends when the monitor does, which is told to
	wait "$pid" || status=$?
	is "$status" 143
	nothing_of
}

@test "a machine that was restarted has no running containers" {
	started sleep 1000
	ctl_pids
	cp "$CONTAINERS/$ID/record.json" "$DIR/record"
	jq '.boot_id = "another"' "$DIR/record" >"$CONTAINERS/$ID/record.json"
	is "$(ctl_status)" lost
	cp "$DIR/record" "$CONTAINERS/$ID/record.json" # its monitor lives, and would write while a lost container is removed
	is "$(ctl_status)" running
	exits 0 ctl rm --force "$ID"
}

@test "--help and --version tell; options that make no sense are refused" {
	local verb
	exits 0 ctl --help
	for verb in run create start exec attach logs ps inspect wait stop kill pause resume rm; do
		has "$output" $'\n'"  $verb "
		exits 0 ctl "$verb" --help
		has "$output" "tallyctl $verb"
		exits 0 ctl --help
	done
	exits 0 ctl --version
	like "$output" '^tallyctl version [0-9]+\.[0-9]+\.[0-9]+$'
	for verb in attach start stop kill pause rm; do # what prints nothing says its errors so
		exits 125 ctl --json "$verb" nosuch
		has "$(jq -r .error <<<"$stderr")" "nosuch does not exist"
	done
	exits 125 ctl --frob ps
	one_line "$stderr"
	exits 125 ctl ps too much
	one_line "$stderr"
	exits 125 ctl wait
	one_line "$stderr"
	exits 125 ctl rm
	one_line "$stderr"
}
