# tallyctl of an ordinary user: the store, the monitors and the containers are its own.
load ctl
load ../lib/account

prepare() {
	CTL=$DIR/ctl CONTAINERS=$DIR/ctl/containers UNDER=()
	! monitor_is_ours || MONITOR=$MONITOR_PROGRAM
	RUNTIME=$RUNTIME_PROGRAM
}

ctl() { as_user "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" "$@" 3>&- 4>&-; }

@test "an ordinary user runs, enters, looks at, ends and removes containers" {
	user_bundle sh -c 'sleep 1000 & sleep 1000'
	is "$(ctl run -d -b "$BUNDLE" "$ID")" "$ID"
	exits 0 ctl ps
	like "${lines[1]}" "^$ID +running "
	is "$(ctl exec "$ID" id -u)" 0
	exits 0 ctl --json top "$ID"
	is "$(jq -r '[.processes[].uid] | unique | join(" ")' <<<"$output")" "$USER_ID"
	is "$(jq '.processes | length > 1' <<<"$output")" true
	only_ours runtime fails_in_one_line ctl stats --no-stream "$ID"
	ctl kill "$ID" KILL
	exits 0 ctl wait "$ID"
	is "$output" 137
	is "$(ctl prune)" "$ID"
	exits 1 ctl exists "$ID"
}

@test "an ordinary user sees the events of its containers, and no others" {
	user_bundle sleep 1000
	as_user sh -c 'echo $$ >"$0/events.pid"; exec "$@"' "$DIR" "$TALLYCTL" --root "$CTL" --json events >"$DIR/events" 3>&- 4>&- &
	await match "$DIR/events" ready
	is "$(ctl run -d -b "$BUNDLE" "$ID")" "$ID"
	ctl rm --force "$ID"
	await match "$DIR/events" '"remove"'
	kill "$(cat "$DIR/events.pid")"
	wait $! || true
	is "$(jq -r .type "$DIR/events" | xargs)" "ready create start die remove"
}
