# podman's log in the journal of a host with systemd, while the daemon is stopped or away.
load ../../lib/harness
load ../podman

prepare() {
	NAME=jn-${DIR##*.}
	podman_begins 'events_logger = "file"' # podman's own messages are not what is tested
}

SOCKETS=(systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket)

# Whatever a test has done to the host's journal is undone.
eval "usual_$(declare -f teardown)"
teardown() {
	systemctl kill --signal=CONT systemd-journald.service
	systemctl start "${SOCKETS[@]}" systemd-journald.service
	pod rm -fa -t 0 >/dev/null 2>&1
	usual_teardown
}

# told MESSAGE: wait until the journal has this of the container; what it has then is in $DIR/entries
told() {
	local reader
	journalctl --follow --lines=all --output=json CONTAINER_NAME="$NAME" >"$DIR/entries" 2>"$DIR/journalctl" &
	reader=$!
	await match "$DIR/entries" "\"MESSAGE\":\"$1"
	kill "$reader"
	wait "$reader" || true
}

# dropped N: wait until the monitor has dropped so many entries; each answer takes a turn of it
dropped() {
	local dir from=$SECONDS
	dir=$(pod inspect -f '{{.StaticDir}}' "$NAME")
	until [ "$(jq '.logs[0].stdout.dropped_records' "$dir/state-dump.json" 2>/dev/null)" = "$1" ]; do
		[ $((SECONDS - from)) -lt 120 ] || fail "not dropped: $(cat "$dir/state-dump.json")"
		rm -f "$dir/state-dump.json"
		printf 'dump\n' 1<>"$dir/ctl"
		await exists "$dir/state-dump.json"
	done
}

record() { jq -c "$1" "$(pod inspect -f '{{.StaticDir}}' "$NAME")/exit.json"; }

@test "journald stopped by a signal: the container is not slowed, and what was dropped is counted" {
	systemctl kill --signal=STOP systemd-journald.service
	pod run -d --name "$NAME" --network none --log-driver journald bb \
		sh -c "yes $(printf '%063d' 0) | head -n 65536; exit 7" >/dev/null
	is "$(pod wait "$NAME")" 7
	systemctl kill --signal=CONT systemd-journald.service
	is "$(record '.streams.stdout | [.bytes, .lines, .records + .dropped_records, .dropped_records > 0, .dropped_bytes == 64 * .dropped_records]')" \
		'[4194304,65536,65536,true,true]'
	pod rm "$NAME" >/dev/null
}

@test "journald and its sockets stopped by systemctl: the container runs, and its later lines are in the journal that is started again" {
	mkfifo "$DIR/go"
	exec {go}<>"$DIR/go"
	pod run -d --name "$NAME" --network none --log-driver journald -v "$DIR/go:/go" bb \
		sh -c 'read x </go; seq 5000; read x </go; echo later; exit 7' >/dev/null
	systemctl stop "${SOCKETS[@]}" systemd-journald.service # not before: podman itself makes sure that there is one
	echo >&"$go"
	dropped 5000
	systemctl start "${SOCKETS[@]}" systemd-journald.service
	echo >&"$go"
	told later
	is "$(pod wait "$NAME")" 7
	exec {go}>&-
	is "$(wc -l <"$DIR/entries")" 1
	is "$(record '.streams.stdout | [.lines, .records, .dropped_records]')" '[5001,1,5000]'
	pod rm "$NAME" >/dev/null
}
