# One fault at a time: whatever call of the monitor fails, no status is lost and nobody waits for ever.
load ../lib/harness

# sweep WORDS [ARGS]: ours passes; the peer, of whom no exit.json is asked, works without a fault and breaks like this
sweep() {
	if monitor_is_ours; then
		exits 0 "$TESTS/lib/fault-sweep" "${@:2}" "$DIR/sweep" "$MONITOR"
	else
		exits 1 "$TESTS/lib/fault-sweep" --plain "${@:2}" "$DIR/sweep" "$MONITOR"
		hasnt "$output" "without a fault"
		has "$output" "$1"
	fi
}

@test "no single fault in the life of a container loses its status" {
	sweep "exits/cid: None"
}

@test "no single fault in the life of a session loses its status" {
	sweep "exits/cid: None" --exec
}

@test "no single fault in the life of a container with a terminal loses its status" {
	sweep "exits/cid: None" --terminal
}
