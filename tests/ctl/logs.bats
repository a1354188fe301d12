# tallyctl logs: output as it was.
load ctl

@test "both streams are printed as they were, apart" {
	started sh -c 'for i in 1 2 3; do echo "o $i"; echo "e $i" >&2; done; printf "no end"'
	ctl wait "$ID"
	exits 0 ctl logs "$ID"
	is "$output" $'o 1\no 2\no 3\nno end'
	is "$stderr" $'e 1\ne 2\ne 3'
}

@test "long lines are put together again, any byte is kept" {
	started sh -c 'head -c 100000 /dev/zero | tr "\000" x; echo; printf "a\000b\377\r\n\n"; head -c 8192 /dev/zero | tr "\000" y; echo'
	ctl wait "$ID"
	is "$(ctl logs "$ID" | md5sum)" "$({ head -c 100000 /dev/zero | tr '\000' x; echo; printf 'a\000b\377\r\n\n'
		head -c 8192 /dev/zero | tr '\000' y; echo; } | md5sum)"
}

@test "--tail prints the last lines of both streams, whole ones" {
	# the order of two streams is certain only when the first has been seen
	bundle sh -c 'seq 5; seq 11 12 >&2; read x; head -c 20000 /dev/zero | tr "\000" z; echo; echo last'
	ctl run -d -i -b "$BUNDLE" "$ID"
	await match "$CONTAINERS/$ID/container.log" 'stderr F 12'
	await match "$CONTAINERS/$ID/container.log" 'stdout F 5'
	ctl attach "$ID" <<<go >/dev/null
	exits 0 ctl logs --tail 2 "$ID"
	is "$stderr" ""
	is "${#output}" $((20000 + 5))
	exits 0 ctl logs -n 0 "$ID"
	is "$output$stderr" ""
	exits 0 ctl logs -n 100 "$ID"
	has "$output" $'1\n2\n'
	is "$stderr" $'11\n12'
	exits 125 ctl logs --tail -5 "$ID"
	one_line "$stderr"
}

@test "--timestamps puts each line's time in front" {
	started sh -c 'echo a; head -c 9000 /dev/zero | tr "\000" x; echo'
	ctl wait "$ID"
	exits 0 ctl logs -t "$ID"
	is "${#lines[@]}" 2
	like "${lines[0]}" '^[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9:]{8}\.[0-9]{9}[+-][0-9][0-9]:[0-9][0-9] a$'
	like "${lines[1]}" '^[0-9]{4}-[^ ]* x{9000}$'
}

@test "--json gives one object a line" {
	started sh -c 'printf "a\"\\\\\001\n"; echo b >&2; printf c'
	ctl wait "$ID"
	exits 0 ctl --json logs "$ID"
	is "$(jq -c 'select(.stream == "stdout") | [.text, .partial]' <<<"$output")" $'["a\\"\\\\\\u0001",null]\n["c",true]'
	is "$(jq -r 'select(.stream == "stderr").text' <<<"$output")" b
	like "$(jq -r .time <<<"$output" | head -n 1)" '^[0-9]{4}-'
}

@test "-f follows to the end, which it sees" {
	bundle sh -c 'seq 1000; read x; seq 1001 200000; printf end; exit 2'
	ctl run -d -i -b "$BUNDLE" "$ID"
	"$TALLYCTL" --root "$CTL" logs -f "$ID" >"$DIR/out" 3>&- 4>&- &
	local pid=$!
	await match "$DIR/out" '^1000$'
	exits 2 ctl attach "$ID" <<<go
	wait "$pid"
	is "$(md5sum <"$DIR/out")" "$({ seq 200000; printf end; } | md5sum)"
	exits 0 ctl logs -f --tail 1 "$ID"
	is "$output" end
}

@test "-f goes on when the log is rotated, and the whole log is printed later" {
	bundle sh -c 'echo one; read x; echo two; read x; echo three'
	ctl run -d -i -b "$BUNDLE" "$ID"
	local log=$CONTAINERS/$ID/container.log pid
	mkfifo "$DIR/in"
	"$TALLYCTL" --root "$CTL" attach "$ID" <"$DIR/in" >/dev/null 3>&- 4>&- &
	local attached=$!
	exec 8>"$DIR/in"
	"$TALLYCTL" --root "$CTL" logs -f "$ID" >"$DIR/out" 3>&- 4>&- &
	pid=$!
	await match "$DIR/out" one
	# as kubelet and its kind do it: rename, then tell the monitor
	mv "$log" "$log.1"
	echo '2 0 0' >"$CONTAINERS/$ID/ctl"
	await exists "$log"
	echo >&8
	await match "$DIR/out" two
	mv "$log.1" "$log.2"
	mv "$log" "$log.1"
	echo '2 0 0' >"$CONTAINERS/$ID/ctl"
	await exists "$log"
	echo >&8
	exec 8>&-
	wait "$pid"
	wait "$attached"
	is "$(cat "$DIR/out")" $'one\ntwo\nthree'
	is "$(ctl logs "$ID")" $'one\ntwo\nthree'
	is "$(ctl logs --tail 2 "$ID")" $'two\nthree'
	gzip "$log.2" # as --log-compress does it
	exits 0 ctl logs "$ID"
	is "$output$stderr" $'one\ntwo\nthree'
	is "$(ctl logs --tail 2 "$ID")" $'two\nthree'
}

@test "-f ends when its reader does, and when it is told to" {
	started sh -c 'echo a; sleep 1000'
	ctl logs -f "$ID" | head -n 1 >"$DIR/out"
	is "$(cat "$DIR/out")" a
	"$TALLYCTL" --root "$CTL" logs -f "$ID" >"$DIR/out2" 3>&- 4>&- &
	local pid=$! status=0
	await match "$DIR/out2" a
	kill -TERM "$pid"
	wait "$pid" || status=$?
	is "$status" 143
}

@test "lines that are no records are left out, and that is said" {
	started sh -c 'echo a'
	ctl wait "$ID"
	printf 'torn\n2026-01-01T00:00:00.000000000Z stdout F b\n' >>"$CONTAINERS/$ID/container.log"
	exits 0 ctl logs "$ID"
	is "$output" $'a\nb'
	has "$stderr" "1 lines of the log are no records"
}

@test "a container that does not exist has no log" {
	exits 125 ctl logs nobody
	one_line "$stderr"
	exits 125 ctl logs
	one_line "$stderr"
}
