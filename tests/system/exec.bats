# Exec sessions: podman's (api 1, attached) and CRI-O's (legacy, synchronous).
load ../lib/harness

# A running container to exec into
prepare() {
	bundle sleep 1000
	rt_create
	rt start "$ID"
}

# session NAME [engine options] -- ARGS: podman's exec of $DIR/process.json; returns when the attach pipe has spoken
session() {
	local name=$1 opts=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	exec_args "$name"
	mon --attach-pipe "${opts[@]}" -- "${ARGS[@]}" "${@:2}"
	said '^(attach |sync|gone)'
}

# legacy ARGS: CRI-O's exec-sync of $DIR/process.json
legacy() {
	mon --sync pipe -- -c "$ID" -n "$ID-name" -r "$RUNTIME" -p "$DIR/exec.pid" -e -l "$DIR/exec.log" --socket-dir-path "$DIR" \
		--exec-process-spec "$DIR/process.json" --runtime-arg "--root=$ROOT" "$@"
}

@test "api 1: ready on the attach pipe, then the pid, then the exit code, in two lines" {
	exec_spec sh -c 'exit 7'
	session one
	is "$(events '^attach ')" 'attach {"data": 0}'
	is "$(events '^sync')" ""
	order start
	said '^gone'
	like "$(grep -E '^(attach|sync) ' "$E/events" | tr '\n' ' ')" \
		'^attach \{"data": 0\} sync \{"data": [1-9][0-9]*\} sync \{"data": 7\} $'
	is "$(cat "$DIR/one/exits/$ID")" 7
	is "$(cat "$DIR/one/persist/exit")" 7
}

@test "api 1: the process does not start before the second start byte" {
	exec_spec sh -c 'exit 7'
	session one
	exits 1 await -t 1 match "$E/events" '^sync'
	[ ! -e "$DIR/one/pid" ]
	order start-eof
	said '^gone'
	has "$(events '^sync')" '{"data": 7}'
}

@test "api 1: an attached client gets all output, each stream for itself" {
	exec_spec sh -c 'echo out; echo err >&2; exit 3'
	session one
	client a "$DIR/one" --no-stdin
	order start
	said '^gone'
	client_ends a 0
	is "$(cat "$DIR/a.out")" out
	is "$(cat "$DIR/a.err")" err
}

@test "api 1: megabytes for a slow client arrive whole, and the code after them" {
	exec_spec sh -c 'numbers emit 5000000; exit 6'
	session one
	client a "$DIR/one" --no-stdin
	order start
	said '^gone'
	client_ends a 0
	exits 0 numbers stream 5000000 <"$DIR/a.out"
	has "$(events '^sync')" '{"data": 6}'
}

@test "api 1: stdin of the client reaches the process until its half-close" {
	exec_spec sh -c 'cat; echo end'
	session one -- -i
	client a "$DIR/one"
	send a 'before the start\n'
	order start
	said '^sync'
	send a 'after it\n'
	hang_up a
	said '^gone'
	client_ends a 0
	is "$(cat "$DIR/a.out")" $'before the start\nafter it\nend'
}

@test "api 1: a terminal, with the size given before the start" {
	exec_spec inside window
	jq '.terminal = true' "$DIR/process.json" >"$DIR/p" && mv "$DIR/p" "$DIR/process.json"
	session one -- -t -i
	client a "$DIR/one"
	printf '1 30 100\n' 1<>"$DIR/one/ctl"
	order start
	await match "$DIR/a.out" 'window 30 100'
	rt kill "$ID" KILL
	said '^gone'
	client_ends a 0
	has "$(events '^sync')" '{"data": 137}'
}

@test "api 1: the code of a process killed by a signal is 128 and the signal" {
	exec_spec inside die-by 11
	session one
	order start
	said '^gone'
	has "$(events '^sync')" '{"data": 139}'
	is "$(cat "$DIR/one/exits/$ID")" 139
}

@test "api 1: a process that cannot be started is told with the reason, and nothing is left" {
	exec_spec /no/such/program
	session one
	order start
	said '^gone'
	is "$(events '^sync ' | head -n 1 | sed 's/^sync //' | jq .data)" -1
	has "$(events '^sync ' | head -n 1 | sed 's/^sync //' | jq -r .message)" /no/such/program
	is "$(ls "$DIR/one/exits")" ""
	is "$(ls "$DIR/one/persist")" "$(only_ours monitor echo exit.json)"
	is "$(status_of)" running
}

@test "api 1: a session in a container that does not exist is told so" {
	exec_spec true
	exec_args one
	mon --attach-pipe -- "${ARGS[@]}" -c nosuch
	said '^attach'
	order start
	said '^gone'
	is "$(events '^sync ' | head -n 1 | sed 's/^sync //' | jq .data)" -1
	has "$(events '^sync ')" "does not exist"
}

@test "api 1: the exit command of a session runs after its exit file" {
	exec_spec sh -c 'exit 2'
	session one -- --exit-command /bin/cp --exit-command-arg "$DIR/one/exits/$ID" --exit-command-arg "$DIR/copied"
	order start
	said '^gone'
	is "$(cat "$DIR/copied")" 2
}

@test "api 1: --timeout of a session ends it with -1 and says so" {
	exec_spec sleep 1000
	session one -- --timeout 1
	order start
	said '^gone'
	has "$(events '^sync')" 'sync {"data": -1, "message": "command timed out"}'
	is "$(cat "$DIR/one/exits/$ID")" -1
	is "$(status_of)" running
}

@test "api 1: several sessions at once do not disturb each other" {
	for n in 1 2 3 4; do
		exec_spec sh -c "numbers emit ${n}00000; exit $n"
		cp "$DIR/process.json" "$DIR/process.$n.json"
		exec_args "s$n"
		mon --attach-pipe -- "${ARGS[@]}" --exec-process-spec "$DIR/process.$n.json"
		said '^attach'
		client "c$n" "$DIR/s$n" --no-stdin
	done
	for n in 0 1 2 3; do
		E=$DIR/e$n
		order start
	done
	for n in 1 2 3 4; do
		E=$DIR/e$((n - 1))
		said '^gone'
		has "$(events '^sync')" "{\"data\": $n}"
		client_ends "c$n" 0
		exits 0 numbers stream "${n}00000" <"$DIR/c$n.out"
	done
}

@test "api 1: the session's process has exactly descriptors 0, 1 and 2" {
	exec_spec inside fds
	session one
	client a "$DIR/one" --no-stdin
	order start
	said '^gone'
	is "$(cat "$DIR/a.out")" "0 1 2"
}

@test "api 1: preserved descriptors reach the session's process" {
	exec_spec sh -c 'inside fds; cat <&3'
	echo content >"$DIR/three"
	session one --preserve "$DIR/three" -- --runtime-opt --preserve-fds --runtime-opt 1
	client a "$DIR/one" --no-stdin
	order start
	said '^gone'
	is "$(cat "$DIR/a.out")" $'0 1 2 3\ncontent'
}

@test "legacy: one line with the exit code at the end, output in the log" {
	exec_spec sh -c 'echo out; echo err >&2; exit 5'
	legacy
	said '^gone'
	is "$(events '^sync ')" 'sync {"exit_code": 5}'
	is "$(klog payload "$DIR/exec.log" stdout)" out
	is "$(klog payload "$DIR/exec.log" stderr)" err
	is "$(events '^status')" "status 0"
}

@test "legacy with --sync: the process we started ends with the code" {
	exec_spec sh -c 'exit 5'
	legacy --sync
	said '^gone'
	is "$(events '^sync ')" 'sync {"exit_code": 5}'
	is "$(events '^status')" "status 5"
}

@test "legacy: no bundle, so no socket and no FIFO anywhere" {
	exec_spec sleep 0.2
	cd "$DIR"
	legacy
	await match "$DIR/exec.pid" '^[0-9]+$'
	is "$(find "$DIR" -maxdepth 1 \( -type s -o -type p \))" ""
	said '^gone'
}

@test "legacy: --timeout answers with the literal words that CRI-O compares" {
	exec_spec sleep 1000
	legacy --sync -T 1
	said '^gone'
	is "$(events '^sync ')" 'sync {"exit_code": -1, "message": "command timed out"}'
	is "$(events '^status')" "status 255"
}

@test "legacy: a program that does not exist is -1 with the runtime's words, also when the pid file exists already" {
	exec_spec /no/such/program
	: >"$DIR/exec.pid" # CRI-O makes it with mkstemp
	legacy --sync
	said '^gone'
	is "$(events '^sync ' | sed 's/^sync //' | jq .exit_code)" -1
	has "$(events '^sync ' | head -n 1 | sed 's/^sync //' | jq -r .message)" /no/such/program
	is "$(events '^status')" "status 1"
}

@test "legacy: output beyond --log-global-size-max is dropped, the code is right" {
	exec_spec sh -c 'numbers emit 300000; exit 9'
	legacy --sync --log-global-size-max 100000
	said '^gone'
	is "$(events '^status')" "status 9"
	[ "$(stat -c %s "$DIR/exec.log")" -lt 121000 ]
}

@test "the runtime is called as conmon calls it: exec" {
	export FAKE=$DIR/fake FAKE_CMD='sleep 0.1'
	mkdir "$FAKE"
	exec_spec true
	exec_args one
	mon --attach-pipe -- "${ARGS[@]}" -r "$TESTS/lib/fake-runtime" --runtime-opt --opt --systemd-cgroup --no-pivot --no-new-keyring
	said '^attach'
	order start
	said '^gone'
	is "$(tr '\n' ' ' <"$FAKE/argv")" "--root $ROOT exec --pid-file $DIR/one/pid --process $DIR/process.json --detach --opt $ID "
}
