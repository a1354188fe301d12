load engine
load journal

# podman's usual log driver on hosts with systemd.

entries() { # CONTAINER, as JSON, its own words only
	journalctl --output json --no-pager CONTAINER_NAME="$1"
}

@test "podman logs reads both streams back from the journal" {
	podman run --name both --log-driver journald $BB sh -c 'echo out; echo err >&2; echo out2'
	until_true eval '[ "$(podman logs both 2>&1 | wc -l)" -eq 3 ]'
	run -0 --separate-stderr podman logs both
	is "$output" $'out\nout2' stdout
	is "$stderr" err stderr
}

@test "entries have the fields that readers know" {
	id=$(podman run -d --name fields --log-driver journald --log-opt tag=label $BB sh -c 'echo out; echo err >&2; printf part')
	podman wait fields
	until_true eval '[ "$(entries fields | wc -l)" -eq 3 ]'
	run -0 jq -r '[.PRIORITY, .CONTAINER_ID, .CONTAINER_ID_FULL, .CONTAINER_TAG, .SYSLOG_IDENTIFIER,
		.CONTAINER_PARTIAL_MESSAGE // "whole", (.MESSAGE | rtrimstr("\n"))] | join(" ")' <<<"$(entries fields)"
	common="${id:0:12} $id label label"
	is "$output" "6 $common whole out"$'\n'"3 $common whole err"$'\n'"6 $common true part" entries
	is "$(entries fields | jq -r ._EXE | sort -u)" "$MONITOR" "the sender"
}

# dropped CONTAINER: entries that a journald too slow for them did not take, by the monitor's record; 0 where it has none
dropped() {
	local record
	record=$D/root/overlay-containers/$(inspect "$1" .Id)/userdata/exit.json
	if [ -e "$record" ]; then jq '[.. | .dropped_records? // empty] | add' "$record"; else echo 0; fi
}

@test "many lines are in the journal once and in order, and what it did not take is counted" {
	podman run --name many --log-driver journald $BB seq 2000 >/dev/null
	until_true eval '[ "$(($(entries many | wc -l) + $(dropped many)))" -eq 2000 ]'
	[ "$(dropped many)" -lt 200 ] || fail "the journal did not take $(dropped many) of 2000 entries"
	podman logs many >"$D/many"
	sort -nuc "$D/many"
	[ "$(dropped many)" -gt 0 ] || seq 2000 | cmp - "$D/many"
}
