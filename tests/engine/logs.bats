load engine

# What a k8s-file record looks like; $1 is the rest of the expression.
record() {
	echo "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}[+-][0-9]{2}:[0-9]{2} $1\$"
}

log_of() { # CONTAINER
	inspect "$1" .HostConfig.LogConfig.Path
}

@test "logs gives both streams back, each on its own" {
	podman run -d --name both $BB sh -c 'echo out; echo err >&2; echo out2'
	podman wait both
	run -0 --separate-stderr podman logs both
	is "$output" $'out\nout2' stdout
	is "$stderr" err stderr
}

@test "the file holds k8s records, and others cannot read it" {
	podman run --name file $BB sh -c 'echo first; echo; printf "no newline"'
	mapfile -t records <"$(log_of file)"
	is "${#records[@]}" 3 "number of records"
	like "${records[0]}" "$(record 'stdout F first')" "first record"
	like "${records[1]}" "$(record 'stdout F ')" "record of an empty line"
	like "${records[2]}" "$(record 'stdout P no newline')" "record of an unended line"
	like "$(stat -c %a "$(log_of file)")" '^6[04]0$' mode # conmon has changed from 0600 to 0640 in 2.1.13
}

@test "logs joins what was cut, long lines too" {
	podman run --name long $BB sh -c 'head -c 100000 /dev/zero | tr "\0" x; echo; echo end' >/dev/null
	run -0 podman logs long
	is "${#lines[0]}" 100000 "length of the line"
	is "${lines[1]}" end "next line"
}

@test "every line of a million bytes is in the log once and in order" {
	podman run --name many $BB seq 150000 >"$D/attached"
	podman logs many >"$D/logged"
	seq 150000 | cmp - "$D/attached"
	seq 150000 | cmp - "$D/logged"
}

@test "two streams at once are complete" {
	podman run --name streams $BB sh -c 'seq 50000 & seq 50000 >&2; wait' >"$D/o" 2>"$D/e"
	seq 50000 | cmp - "$D/o"
	seq 50000 | cmp - "$D/e"
	podman logs streams >"$D/lo" 2>"$D/le"
	seq 50000 | cmp - "$D/lo"
	seq 50000 | cmp - "$D/le"
}

@test "logs --tail, --since, --timestamps" {
	podman run --name some $BB seq 20 >/dev/null
	run -0 podman logs --tail 2 some
	is "$output" $'19\n20' "last two"
	run -0 podman logs --since 1h some
	is "${#lines[@]}" 20 "lines of the last hour"
	run -0 podman logs --since "$(date -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)" some
	is "$output" '' "lines of the hour to come"
	run -0 podman logs --timestamps --tail 1 some
	like "$output" '^[0-9-]{10}T[0-9:]{8}[^ ]* 20$' "line with its time"
}

@test "logs -f follows until the container ends" {
	start --name f -i $BB sh -c 'echo one; read x; echo two; read x; echo three'
	mkfifo "$D/follow"
	podman logs -f f >"$D/follow" &
	follower=$!
	exec 6<"$D/follow"
	read -rt 20 line <&6
	is "$line" one "line before"
	(echo; echo) | podman attach f >/dev/null
	read -rt 20 line <&6
	is "$line" two "line while following"
	read -rt 20 line <&6
	is "$line" three "last line"
	wait $follower
	exec 6<&-
}

@test "max-size keeps the file small and the last lines in it" {
	podman run --name small --log-opt max-size=20k $BB seq 20000 >"$D/attached"
	seq 20000 | cmp - "$D/attached"
	size=$(stat -c %s "$(log_of small)")
	[ "$size" -le 20480 ] || fail "the log has $size bytes"
	run -0 podman logs --tail 1 small
	is "$output" 20000 "last line"
}

@test "the log goes where path= says" {
	podman run --name elsewhere --log-opt path="$D/elsewhere.log" $BB echo there
	like "$(cat "$D/elsewhere.log")" "$(record 'stdout F there')" record
	run -0 podman logs elsewhere
	is "$output" there logs
}

@test "log driver none writes nothing, the output is attached all the same" {
	run -0 podman run --name quiet --log-driver none $BB echo hi
	is "$output" hi output
	run ! podman logs quiet
}

@test "log driver passthrough gives the container podman's own descriptors" {
	podman run -d --name through --log-driver passthrough $BB sh -c 'echo straight' >"$D/straight"
	podman wait through
	like "$(cat "$D/straight")" 'straight' output
}

@test "logs of several containers at once" {
	for name in n1 n2; do podman run --name $name $BB echo "from $name"; done
	run -0 podman logs -n n1 n2
	like "$output" 'n1 from n1' output
	like "$output" 'n2 from n2' output
}

@test "what an exec session prints is not in the container's log" {
	start --name quietly $BB sh -c 'echo mine; exec sleep 1000'
	podman exec quietly echo theirs
	run -0 podman logs quietly
	is "$output" mine logs
}

@test "a new run appends to the log" {
	podman run --name twice $BB echo round
	podman start -a twice
	run -0 podman logs twice
	is "$output" $'round\nround' logs
}
