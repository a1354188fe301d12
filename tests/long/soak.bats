# Ten thousand short containers, four at a time: no byte and no status is missing.
load ../lib/harness

@test "10,000 short containers: every byte, every status" {
	exits 0 "$TESTS/lib/soak" 10000 "$DIR/soak" "$MONITOR" "$TOOLS/brief"
	like "$output" "10000 containers, [0-9]+ bytes, 0 with something missing"
	echo "# $output" >&3
}
