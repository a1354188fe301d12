# The runtime in a person's or a service's hands: run in the foreground and detached, its terminal, signals, orphans, and what
# becomes of a container when something fails behind its start. (Rows E1 to E26 of "Seed features" in docs/compat.md.)
load ../lib/harness

runner() { "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$@" "$ID"; }

on_terminal() { "$TESTS/ctl/on-terminal" "$@" 3>&- 4>&-; }

@test "E2 systemd's cgroups where no systemd runs: an error that says so" {
	! [ -d /run/systemd/system ] || return 0
	bundle true
	config '.linux.cgroupsPath = "system.slice:tm:" + $id' --arg id "$ID"
	exits 1 rt --systemd-cgroup create --bundle "$BUNDLE" "$ID"
	like "$stderr" '[Ss]ystemd|system_bus_socket'
	nothing_left
}

@test "E12 a console socket in the foreground is refused" {
	runtime_is_ours || runtime_is_runc || return 0
	bundle true
	config '.process.terminal = true'
	exits 1 runner --console-socket "$DIR/none"
	has "$stderr" "cannot use console socket if"
	has "$stderr" "will not detach or allocate tty"
	nothing_left
}

@test "E13 foreground: the terminal is ours, follows our size, and is what it was in the end" {
	bundle sh
	config '.process.terminal = true'
	out=$(on_terminal 'expect:# ' 'send:stty size; tty\r' 'expect:30 90' 'expect:/dev/' 'size:50:132' \
		"send:until stty size | grep 132; do usleep 10000; done\\r" 'expect:50 132' \
		"send:sh -c 'echo rea\"\"dy; exec sleep 1000'\\r" 'expect:ready' 'send:\x03' 'expect:# ' 'send:exit 7\r' -- "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")
	is "$(tail -n 2 <<<"$out" | tr '\n' ' ')" "status 7 modes same "
	nothing_left
}

@test "E15 detached, without a terminal: the container has our own standard files" {
	bundle sh -c 'cat; echo err >&2; echo end'
	echo in | rt run --detach --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" >"$DIR/out" 2>"$DIR/err"
	await process-gone "$(cat "$DIR/pid")"
	is "$(cat "$DIR/out")" $'in\nend'
	is "$(cat "$DIR/err")" err
}

@test "E16 root of a user namespace may open its standard files again" {
	runtime_is_ours || return 0 # what runc 1.1.5 makes of its /dev/null there depends on what the caller's files are
	bundle sh -c 'echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin'
	own_rootfs
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 500000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chown -R 500000:500000 "$BUNDLE/rootfs"
	chmod 755 "$DIR"
	is "$(echo in | runner 2>&1 | cat)" $'out\nerr\nin'
}

@test "standard files get the process's user; pipes its group too, files keep theirs" {
	runtime_is_ours || return 0 # runc 1.1.5 copies in the foreground: its pipes are others
	bundle stat -L -c %u:%g /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2
	config '.process.user = { uid: 1234, gid: 567 }'
	echo in >"$DIR/in"
	chown 0:9 "$DIR/in"
	is "$(rt run --bundle "$BUNDLE" "$ID" <"$DIR/in" 2> >(cat >&2) | cat)" $'1234:9\n1234:567\n1234:567'
}

@test "E14 E17 a console that closes before it has the terminal: an error, and nothing is left" {
	bundle sleep 1000
	socat -u /dev/null "UNIX-LISTEN:$DIR/sock" 3>&- 4>&- </dev/null &
	listener=$!
	await exists "$DIR/sock"
	# The runtime has connected by then, and who listens is gone.
	config '.process.terminal = true | .hooks.createRuntime = [{ path: $await, args: ["await", "-t", "30", "process-gone", $p] }]' \
		--arg await "$TOOLS/await" --arg p "$listener"
	exits 1 rt create --bundle "$BUNDLE" --console-socket "$DIR/sock" "$ID"
	only_ours runtime one_line "$stderr"
	nothing_left
	wait "$listener"
}

@test "E17 E25 foreground: when the terminal does not arrive, the container is killed and removed" {
	runtime_is_ours || return 0
	! lacks || return 0
	bundle sh -c 'trap "" HUP TERM; sleep 1000'
	config '.process.terminal = true'
	exits 1 strace -qq -o /dev/null -e trace=recvmsg -e inject=recvmsg:error=EIO "$RUNTIME_PROGRAM" --root "$ROOT" run \
		--bundle "$BUNDLE" "$ID"
	has "$stderr" "receive the terminal: input/output error"
	nothing_left
}

@test "E19 a pid file that is left from before is replaced, as a whole" {
	bundle sleep 1000
	echo 'of somebody else' >"$DIR/pid"
	before=$(stat -c %i "$DIR/pid")
	ln "$DIR/pid" "$DIR/kept"
	rt run --detach --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" </dev/null >/dev/null 2>&1
	is "$(cat "$DIR/pid")" "$(rt state "$ID" | jq .pid)"
	[ "$(stat -c %i "$DIR/pid")" != "$before" ]
	is "$(cat "$DIR/kept")" 'of somebody else'
	is "$(find "$DIR" -maxdepth 1 -name '*pid*' -printf '%f ')" "pid "
}

@test "E20 run, too: a pid file that cannot be written, and the container is gone" {
	bundle sleep 1000
	exits 1 runner --pid-file "$DIR/no/such/pid"
	exits 1 runner --detach --pid-file "$DIR/no/such/pid"
	has "$stderr" "no such file or directory"
	is "$(rt list -q)" ""
	nothing_left
}

@test "E21 orphans of the container come to the runtime that stays, which reaps them; with --no-subreaper they do not" {
	bundle sh -c 'sh -c "sh /work/orphan &"; touch /work/alone; read x </work/end'
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	with_work
	cat >"$DIR/work/orphan" <<-'X'
		until [ -e /work/alone ]; do usleep 10000; done
		sed -n 's/^PPid:.//p' /proc/$$/status >/work/parent.new
		mv /work/parent.new /work/parent
	X
	mkfifo "$DIR/work/end"
	for option in '' --no-subreaper; do
		rm -f "$DIR/work/alone" "$DIR/work/parent"
		"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" $option "$ID" 3>&- 4>&- &
		pid=$!
		await exists "$DIR/work/parent"
		[ -n "$option" ] || is "$(cat "$DIR/work/parent")" "$pid"
		[ -z "$option" ] || [ "$(cat "$DIR/work/parent")" != "$pid" ]
		echo >"$DIR/work/end"
		wait "$pid"
	done
	nothing_left
}

@test "E22 signals for us are the container's, but for SIGURG" {
	bundle sh -c 'trap "echo USR1 >>/work/got" USR1; trap "echo URG >>/work/got" URG; trap "exit 33" INT
		echo >/work/ready; while :; do usleep 10000; done'
	with_work
	(trap - INT; exec "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID") 3>&- 4>&- &
	pid=$!
	await exists "$DIR/work/ready"
	kill -URG "$pid"
	kill -USR1 "$pid"
	await match "$DIR/work/got" USR1
	kill -INT "$pid"
	rc=0
	wait "$pid" || rc=$?
	is "$rc" 33
	only_ours runtime is "$(cat "$DIR/work/got")" USR1 # runc 1.1.5 passes on what its own runtime sends to itself
}

@test "E26 what cannot be removed in the end is told, and the status is the container's" {
	runtime_is_ours || return 0 # runc removes whatever is there
	bundle sh -c 'echo >/work/ready; read x </work/end; exit 9'
	with_work
	mkfifo "$DIR/work/end"
	"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" 2>"$DIR/said" 3>&- 4>&- &
	pid=$!
	await exists "$DIR/work/ready"
	mkdir -p "$ROOT/$ID/strange/thing"
	echo >"$DIR/work/end"
	rc=0
	wait "$pid" || rc=$?
	is "$rc" 9
	has "$(cat "$DIR/said")" "unable to delete container"
	rmdir "$ROOT/$ID/strange/thing"
	rt delete --force "$ID"
	nothing_left
}
