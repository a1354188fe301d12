# What the caller is told, and when: start pipe, sync pipe, failures.
load ../lib/harness

fake() {
	export FAKE=$DIR/fake
	mkdir -p "$FAKE"
	bundle true
	standard_args
	mon -- "${ARGS[@]}" -r "$TESTS/lib/fake-runtime" "$@"
}

# sync_message: the text of the one failure line
sync_message() { events '^sync ' | sed 's/^sync //' | jq -r .message; }

@test "api 1 says data, without it create says pid" {
	bundle sleep 1000
	mon_created
	is "$(events '^sync ')" "sync {\"data\": $CPID}"
	rt delete --force "$ID"
	mon_end
	bundle sleep 1000
	standard_args
	mon --sync stream -- "${ARGS[@]:2}"
	said_created
	is "$(events '^sync ')" "sync {\"pid\": $(cat "$DIR/pidfile")}"
	rt delete --force "$ID"
	mon_end
}

@test "each line is one write, and after the pid there is nothing but the end" {
	mon_run sh -c 'exit 3'
	is "$(grep -c '^sync' "$E/events")" 2
	like "$(grep '^sync' "$E/events" | tr '\n' ' ')" '^sync \{"data": [0-9]+\} sync-eof $'
}

@test "nothing is started before the start pipe has spoken" {
	bundle true
	standard_args
	mon --hold -- "${ARGS[@]}"
	await exists "$LOG" # it is opened in the foreground, before that
	exits 1 await -t 1 match "$E/events" '^(sync|status)'
	[ ! -e "$ROOT/$ID" ]
	order start
	said_created
	rt start "$ID"
	mon_end
}

@test "the end of the start pipe starts as well as a byte" {
	bundle true
	standard_args
	mon --hold -- "${ARGS[@]}"
	order start-eof
	said_created
	rt start "$ID"
	mon_end
	is "$(exit_file)" 0
}

@test "the sync pipe may be a plain pipe or missing" {
	bundle sleep 1000
	mon_created --sync pipe
	rt delete --force "$ID"
	mon_end
	bundle true
	standard_args
	mon --sync none -- "${ARGS[@]}"
	await match "$DIR/pidfile" '[0-9]'
	until [ "$(status_of)" = created ]; do :; done
	rt start "$ID"
	mon_end
	is "$(exit_file)" 0
}

@test "a reader of the sync pipe that has gone away does not end the monitor" {
	goes_on() {
		bundle sh -c 'exit 5'
		standard_args
		mon --hold -- "${ARGS[@]}"
		order drop-sync
		order start
		await match "$DIR/pidfile" '[0-9]'
		for _ in $(seq 100); do [ "$(status_of)" = created ] && break; done
		rt start "$ID"
		mon_end
		is "$(exit_file)" 5
	}
	peer_fails monitor goes_on # from 2.1.8 on
}

@test "promise 10: a mistake in the options is told on the sync pipe as well as on stderr" {
	local mistake
	for mistake in '--log-level nonsense' '-r /missing/runtime' '--exit-delay -1' '--log-max-files -1' '--no-such-option' '--timeout soon'; do
		bundle true
		standard_args
		# shellcheck disable=SC2086
		mon -- "${ARGS[@]}" $mistake
		said '^status 1'
		if monitor_is_ours; then
			like "$(events '^sync ')" '^sync \{"data": -1, "message": "[^"]+.*"\}$'
			has "$(cat "$E/stderr")" "$(sync_message)"
		else
			is "$(events '^sync ')" ""
		fi
	done
}

@test "a failed create says -1 with the runtime's words, and the monitor ends with 1" {
	export FAKE_MODE=fail FAKE_TEXT='it "broke" here: a\\b\n'
	fake
	said '^gone'
	is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
	is "$(sync_message)" $'it "broke" here: a\\b'
	has "$(events '^exit ')" " 1"
	is "$(ls "$DIR/exits")" ""
	is "$(ls "$DIR/persist")" "$(only_ours monitor echo exit.json)"
}

@test "a failure without words is -1 too" {
	export FAKE_MODE=fail FAKE_TEXT=''
	fake
	said '^gone'
	only_ours monitor is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1 # 2.1.6 says nothing
	only_ours monitor has "$(sync_message)" "status 1"
	hasnt "$(events '^sync ')" '"data": 0'
}

@test "a long failure text is cut so that the line is one packet below 4096 bytes" {
	short_enough() {
		fake
		said '^gone'
		is "$(events '^sync-len')" ""
		like "$(sync_message)" '^x{1000,}'
	}
	export FAKE_MODE=fail
	FAKE_TEXT=$(printf 'x%.0s' $(seq 6000))
	export FAKE_TEXT
	peer_fails monitor short_enough
}

@test "control bytes in a failure text still make valid JSON" {
	export FAKE_MODE=fail FAKE_TEXT='tab\there\x01\x02 esc\x1b[0m\n'
	fake
	said '^gone'
	is "$(sync_message)" $'tab\there\x01\x02 esc\x1b[0m'
}

@test "a runtime that writes more than a pipe holds before it fails is no dead-lock" {
	no_deadlock() {
		export FAKE_MODE=chatty
		fake
		said '^sync '
		is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
		said '^gone'
	}
	peer_fails monitor no_deadlock
}

@test "a runtime that is killed is a failed create" {
	export FAKE_MODE=killed
	fake
	said '^gone'
	only_ours monitor is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
	has "$(events '^exit ')" " 1"
	[ ! -e "$DIR/exits/$ID" ]
}

@test "a runtime that succeeds without a pid file is a failed create" {
	export FAKE_MODE=no-pid
	fake
	said '^gone'
	only_ours monitor is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
	only_ours monitor has "$(sync_message)" "$DIR/pidfile"
	hasnt "$(events '^sync ')" '"data": 0'
}

@test "a runtime that cannot be executed is a failed create" {
	printf 'not a program\n' >"$DIR/broken"
	chmod 755 "$DIR/broken"
	bundle true
	standard_args
	mon -- "${ARGS[@]}" -r "$DIR/broken"
	said '^gone'
	only_ours monitor is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
	[ ! -e "$DIR/exits/$ID" ]
}

@test "the real runtime's error text arrives whole" {
	bundle /no/such/program
	mon_create
	said '^gone'
	has "$(sync_message)" "/no/such/program"
	has "$(sync_message | tr A-Z a-z)" "no such file or directory"
	nothing_left
}

@test "a number that is no descriptor in _OCI_STARTPIPE or _OCI_SYNCPIPE is refused" {
	bundle true
	standard_args
	_OCI_STARTPIPE=abc exits 1 "$MONITOR" "${ARGS[@]}"
	has "$output$stderr" "_OCI_STARTPIPE"
	_OCI_STARTPIPE=250 exits 1 "$MONITOR" "${ARGS[@]}"
	has "$output$stderr" "_OCI_STARTPIPE"
	_OCI_SYNCPIPE=250 attempt "$MONITOR" "${ARGS[@]}" --sync
	[ "$status" -ne 0 ]
	has "$output$stderr" "_OCI_SYNCPIPE"
	nothing_left
}

@test "the runtime is called as conmon calls it: create" {
	fake --runtime-opt --one --runtime-opt two --no-pivot --no-new-keyring --systemd-cgroup
	said '^gone'
	is "$(tr '\n' ' ' <"$FAKE/argv")" "--systemd-cgroup --root $ROOT create --bundle $BUNDLE --pid-file $DIR/pidfile \
--no-pivot --no-new-keyring --one two $ID "
}

@test "the runtime is called as conmon calls it: terminal" {
	export FAKE_MODE=fail FAKE_TEXT=no
	TMPDIR=/tmp fake -t --runtime-opt --x
	said '^gone'
	like "$(tr '\n' ' ' <"$FAKE/argv")" "^--root $ROOT create --bundle $BUNDLE --pid-file $DIR/pidfile \
--x --console-socket /tmp/[^ ]+ $ID \$"
	rm -f "$(grep ^/tmp/ "$FAKE/argv")"
}

@test "the runtime is called as conmon calls it: restore" {
	fake --restore /images/one --runtime-opt --tcp-established
	said '^gone'
	is "$(tr '\n' ' ' <"$FAKE/argv")" "--root $ROOT restore --bundle $BUNDLE --pid-file $DIR/pidfile --detach \
--image-path /images/one --work-path $BUNDLE --tcp-established $ID "
}

@test "the runtime gets stdio, the preserved descriptors and nothing else" {
	export FAKE=$DIR/fake
	mkdir "$FAKE"
	bundle true
	standard_args
	mon --preserve "$DIR/three" -- "${ARGS[@]}" -r "$TESTS/lib/fake-runtime"
	said '^gone'
	is "$(cat "$FAKE/fds")" "0 1 2 3"
	is "$(cat "$FAKE/stdin")" /dev/null
	is "$(cat "$FAKE/three")" "$DIR/three"
}

@test "the runtime starts with umask 0022 whatever the engine's is" {
	umask_is_0022() {
		umask 0077
		fake
		said '^gone'
		is "$(cat "$FAKE/umask")" 0022
	}
	peer_fails monitor umask_is_0022 # from 2.1.8 on
}

@test "the runtime gets the caller's environment and oom_score_adj" {
	TALLYMAN_TEST=present fake
	said '^gone'
	has "$(cat "$FAKE/env")" "TALLYMAN_TEST=present"
	is "$(cat "$FAKE/oom")" "$(cat /proc/self/oom_score_adj)"
}

@test "LISTEN_PID is rewritten for the runtime with --replace-listen-pid, LISTEN_FDS is not touched" {
	LISTEN_PID=4242 LISTEN_FDS=1 fake --replace-listen-pid
	said '^gone'
	has "$(cat "$FAKE/env")" "LISTEN_PID=$(cat "$FAKE/pid")"
	has "$(cat "$FAKE/env")" "LISTEN_FDS=1"
}

@test "a foreign LISTEN_PID stays as it is without that option" {
	LISTEN_PID=4242 LISTEN_FDS=1 fake
	said '^gone'
	has "$(cat "$FAKE/env")" "LISTEN_PID=4242"
}

@test "--sync: the foreground process is the monitor and ends with the container's code" {
	bundle sh -c 'exit 13'
	standard_args
	mon -- "${ARGS[@]}" --sync
	said_created
	[ ! -e "$DIR/monitor.pid" ]
	is "$(events '^status')" ""
	rt start "$ID"
	mon_end
	is "$(events '^status')" "status 13"
	is "$(exit_file)" 13
}
