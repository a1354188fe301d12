# What tallyctl tells of a container whose log is the journal, while the journal's daemon takes nothing.
load ctl
load ../lib/journal

@test "inspect --monitor-state tells what a journald that is stopped has not taken; the container has not waited for it" {
	[ "${MONITOR##*/}" = tallyman ] || return 0 # others have no state to tell
	local n=65536 line state from=$SECONDS
	ID=tm-long-enough-${DIR##*.}
	line=$(printf '%063d' 0)
	printf '#!/bin/bash\nexec %q "${@/#k8s-file:*/journald}"\n' "$MONITOR" >"$DIR/tallyman"
	chmod 755 "$DIR/tallyman"
	MONITOR=$DIR/tallyman
	journal_start
	journal_stop
	started sh -c "yes $line | head -n $n; exec sleep 1000"
	until state=$(ctl inspect --monitor-state "$ID") && jq -e ".streams.stdout.read_bytes == 64 * $n and .logs[0].stdout.unlogged_bytes == 0" <<<"$state" >"$DIR/now"; do
		[ $((SECONDS - from)) -lt 90 ] || fail "$state"
	done
	is "$(jq -c '.logs | map([.driver, .stalled, .stdout.waits, (.stdout.records + .stdout.dropped_records)])' <<<"$state")" \
		"[[\"journald\",true,false,$n]]"
	is "$(jq '.logs[0].stdout | .dropped_records > 0 and .dropped_bytes == 64 * .dropped_records' <<<"$state")" true
	ctl stop -t 0 "$ID"
	ctl wait "$ID" || [ $? -eq 137 ]
	is "$(jq -c '.streams.stdout | [.records, .dropped_records, .dropped_bytes]' "$CONTAINERS/$ID/exit.json")" \
		"$(jq -c '.logs[0].stdout | [.records, .dropped_records, .dropped_bytes]' <<<"$state")"
}
