# The order in which a monitor ends.
load ../lib/harness

# traced: the monitor under strace; its calls are in $DIR/trace once it has ended
traced() {
	cat >"$DIR/traced" <<-X
		#!/bin/sh
		export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0" # it cannot trace a traced process
		exec strace -f -yy -s 200 -o "$DIR/trace" -e trace=accept,accept4,close,close_range,shutdown,rename,renameat,renameat2,fsync,fdatasync,unlink,unlinkat,write,sendto,execve "$MONITOR" "\$@"
	X
	chmod +x "$DIR/traced"
	MONITOR=$DIR/traced mon_started "$@"
}

# order_of NAME REGEX NAME REGEX: the last call like the first expression comes before the first like the second
order_of() {
	local last first
	last=$(grep -nE "$2" "$DIR/trace" | tail -n 1 | cut -d : -f 1)
	first=$(grep -nE "$4" "$DIR/trace" | head -n 1 | cut -d : -f 1)
	[ -n "$last" ] || fail "never: $1"
	[ -n "$first" ] || fail "never: $3"
	[ "$last" -lt "$first" ] || fail "$3 (line $first) comes before $1 (line $last)"
}

# Others close descriptors too: those before it (foreground, runtime), and those that it starts. It is the one that renames.
monitor_of_trace() { grep -E "rename.*exits/$ID\"" "$DIR/trace" | cut -d ' ' -f 1; }

@test "order: clients closed, persist file, exit file, attach socket, exit command" {
	bundle sh -c 'read x; echo "$x"; exit 3'
	traced -- -i --exit-command /bin/true
	client one
	send one 'x\n'
	mon_end
	client_ends one 0
	is "$(exit_file)" 3
	# The log is synced; with ours nobody waits for the disk to learn the status.
	grep -qE "f(data)?sync\([0-9]+<$LOG>" "$DIR/trace" || fail "the log was not synced"
	pid=$(monitor_of_trace)
	fd=$(grep -oE 'accept4?\(.*= [0-9]+' "$DIR/trace" | tail -n 1 | sed 's/.*= //')
	order_of "client end" "^$pid .*(close|shutdown)\($fd[<,)]" "persist file" "rename.*persist/exit\""
	order_of "persist file" "rename.*persist/exit\"" "exit file" "rename.*exits/$ID\""
	# Only the last one counts: an old socket is unlinked at the start as well.
	sed -i '1,/rename.*persist\/exit")/{/unlink.*attach/d}' "$DIR/trace"
	order_of "exit file" "rename.*exits/$ID\"" "attach socket" "unlink.*attach\""
	order_of "attach socket" "unlink.*attach\"" "exit command" 'execve\("/bin/true"'
}

@test "order: inherited descriptors are closed before the exit file appears" {
	bundle true
	traced --preserve "$DIR/port"
	mon_end
	pid=$(monitor_of_trace)
	grep "^$pid " "$DIR/trace" >"$DIR/trace.monitor"
	mv "$DIR/trace.monitor" "$DIR/trace"
	order_of "inherited closed" "close\([0-9]+<$DIR/port>|close_range\(" "persist file" "rename.*persist/exit\""
}

@test "order: the last sync line of a session comes after its exit file" {
	bundle sleep 1000
	rt_create
	rt start "$ID"
	exec_spec sh -c 'exit 4'
	exec_args one
	cat >"$DIR/traced" <<-X
		#!/bin/sh
		export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0"
		exec strace -f -yy -s 200 -o "$DIR/trace" -e trace=rename,renameat,renameat2,write,sendto,sendmsg "$MONITOR" "\$@"
	X
	chmod +x "$DIR/traced"
	MONITOR=$DIR/traced mon --attach-pipe -- "${ARGS[@]}"
	said '^attach'
	order start
	said '^gone'
	order_of "exit file" "rename.*one/exits/$ID\"" "last sync line" '\{\\"data\\": 4\}'
}

@test "--no-sync-log leaves the log unsynced" {
	bundle echo hello
	traced -- --no-sync-log
	mon_end
	is "$(grep -cE "f(data)?sync\([0-9]+<$LOG>" "$DIR/trace")" 0
}

@test "attach socket, control FIFOs: the socket goes, the engine removes the FIFOs" {
	mon_run true
	[ ! -e "$BUNDLE/attach" ] && [ -p "$BUNDLE/ctl" ] && [ -p "$BUNDLE/winsz" ]
}

@test "a background process that keeps the pipes open does not hold up the exit record" {
	bundle sh -c 'sleep 1000 & echo left; exit 3'
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	mon_started
	await exists "$DIR/exits/$ID"
	is "$(exit_file)" 3
	is "$(payload)" left
	rt kill --all "$ID" KILL || true
	rt delete --force "$ID"
	said '^gone'
}

@test "with a missing exit directory the persist file is still written" {
	bundle sh -c 'exit 6'
	rmdir "$DIR/exits"
	mon_started
	mon_end
	is "$(cat "$DIR/persist/exit")" 6
}

@test "with a missing persist directory the exit file is still written" {
	independent() {
		bundle sh -c 'exit 6'
		rmdir "$DIR/persist"
		mon_started
		mon_end
		is "$(exit_file)" 6
	}
	peer_fails monitor independent
}
