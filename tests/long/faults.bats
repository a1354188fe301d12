# One fault at a time: whatever call of the monitor fails, no status is lost and nobody waits for ever.
load ../lib/harness

@test "no single fault in the life of a container loses its status" {
	exits 0 "$TESTS/lib/fault-sweep" "$DIR/sweep" "$MONITOR"
}

@test "no single fault in the life of a session loses its status" {
	exits 0 "$TESTS/lib/fault-sweep" --exec "$DIR/sweep" "$MONITOR"
}

@test "no single fault in the life of a container with a terminal loses its status" {
	exits 0 "$TESTS/lib/fault-sweep" --terminal "$DIR/sweep" "$MONITOR"
}
