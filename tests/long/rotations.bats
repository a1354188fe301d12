# Ten thousand rotations: at the limit, on request and after a rename from outside, while the monitor is stopped and continued.
load ../lib/harness

# soak ROUNDS AT-LEAST ARGS
soak() {
	bundle sh -c 'while read a b; do while [ $a -le $b ]; do echo $a; a=$((a + 1)); done; echo $b >&2; done'
	mon_started -- -i --log-rotate --log-max-files 2000 "${@:3}"
	exits 0 "$TESTS/lib/rotation-soak" "$LOG" "$BUNDLE" "$MPID" "$1"
	echo "# $output" >&3
	[ "$(sed 's/rotations \([0-9]*\).*/\1/' <<<"$output")" -ge "$2" ]
	mon_end
	is "$(exit_file)" 0
	is "$(jq .streams.stdout.dropped_bytes "$BUNDLE/exit.json")" 0
}

@test "10000 rotations lose no byte, write no NUL and end every file with a record" {
	soak 60 10000 --log-size-max 12288
}

@test "1000 rotations with compression lose no byte either" {
	soak 6 1000 --log-size-max 12288 --log-compress gzip
}
