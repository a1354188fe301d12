# What the guest side of a virtual machine's container service asks of a monitor and a runtime: which processes there are,
# who started them, what ends with what, and the runtime's own words. The numbers are rows of docs/compat.md.
load ctl

# zombies IDS: pids of $ID's zombies
zombies() { ctl --json top "$ID" | jq -r '.processes[] | select(.zombie).pid' | sort | paste -sd ' '; }
running() { ctl --json top --running "$ID" | jq -r '.processes[].pid' | sort | paste -sd ' '; }
sorted() { printf '%s\n' "$@" | sort | paste -sd ' '; }

# process JQ: of the one process whose command ends in $1
process() { ctl --json top "$ID" | jq -r --arg arg "$1" ".processes[] | select(.command[-1] == \$arg) | $2"; }

# sleeping N...: each of these processes has become the program it was started for, of which no event tells
sleeping() {
	local n end=$((SECONDS + 60))
	for n in "$@"; do
		until [ -n "$(process "$n" .pid)" ]; do
			[ "$SECONDS" -lt "$end" ] || fail "no process sleeps $n"
			sleep 0.1
		done
	done
}

@test "D26 D27 D28 top lists what runs, with commands word by word, and tells which of it we have started" {
	started sh -c 'sleep 1001 & exec sleep 1000'
	local sid a b
	sid=$(ctl exec -d "$ID" sh -c 'sleep 1003 & exec sleep 1002')
	sleeping 1000 1001 1002 1003
	exits 0 ctl --json top "$ID"
	is "$(jq -r .id <<<"$output")" "$ID"
	is "$(jq -c '[.processes[] | [.command[-1], .init, .created_by_runtime, .zombie, .session != null]] | sort' <<<"$output")" \
		'[["1000",true,true,false,false],["1001",false,false,false,false],["1002",false,true,false,true],["1003",false,false,false,false]]'
	is "$(process 1002 .session)" "$sid"
	is "$(process 1000 '.command | join("|")')" "sleep|1000"
	ctl_pids
	is "$(process 1000 .pid)" "$PID"
	is "$(process 1001 .ppid)" "$PID"
	a=$("$RUNTIME" --root "$CTL/runtime" ps --format json "$ID" | jq -r '.[]' | sort | paste -sd ' ')
	is "$(running)" "$a"
	b=$(ctl top "$ID")
	has "${b%%$'\n'*}" "STARTED AS"
	like "$b" "(^|"$'\n'")$PID +[0-9]+ +0 +[A-Z] +init +sleep 1000"
	like "$b" "${sid:0:12}  sleep 1002"
}

@test "D29 D30 zombies are listed until they are waited for: the container's own, and commands of ours" {
	started sh -c 'sleep 1001 & exec sleep 1000'
	local child command monitor sid
	sid=$(ctl exec -d "$ID" sleep 1002)
	sleeping 1000 1001 1002
	child=$(process 1001 .pid) command=$(process 1002 .pid)
	monitor=$(ctl session inspect "$sid" | jq .monitorPid)
	is "$(zombies)" ""
	# a parent that never waits, and a monitor that cannot
	kill -KILL "$child"
	await process-gone "$child"
	kill -STOP "$monitor"
	kill -KILL "$command"
	await process-gone "$command"
	exits 0 ctl --json top "$ID"
	is "$(jq -c --argjson c "$child" --argjson x "$command" '[.processes[] | select(.zombie) | [.pid == $c, .pid == $x, .created_by_runtime, .session, .state, .command]] | sort' <<<"$output")" \
		"[[false,true,true,\"$sid\",\"Z\",[]],[true,false,false,null,\"Z\",[]]]"
	ctl_pids
	is "$(running)" "$PID"
	like "$(ctl top "$ID")" "$command .* Z  ${sid:0:12}  \[sleep\]"
	kill -CONT "$monitor"
	await reaped "$command"
	is "$(zombies)" "$child"
}

@test "D36 top of a container that does not run says so" {
	started true
	ctl wait "$ID"
	exits 125 ctl top "$ID"
	is "$stderr" "tallyctl: container $ID is not running: exited"
	exits 125 ctl top nobody
	one_line "$stderr"
	has "$stderr" "does not exist"
}

@test "D18 TERM and KILL go to all processes, other signals to the first; options say otherwise" {
	bundle inside say-signals
	with_work
	ctl run -d -b "$BUNDLE" "$ID"
	await match "$CONTAINERS/$ID/container.log" ready
	exec_says() { ctl exec -d "$ID" sh -c "trap 'echo usr1 >>/work/$1' USR1; trap 'echo term >>/work/$1' TERM; echo ready >/work/$1; while :; do sleep 1000 & wait; kill \$!; done" >/dev/null; await match "$DIR/work/$1" ready; }
	exec_says a
	ctl kill "$ID" USR1
	await match "$CONTAINERS/$ID/container.log" "signal 10"
	is "$(cat "$DIR/work/a")" ready
	ctl kill --init-only "$ID" TERM
	await match "$CONTAINERS/$ID/container.log" "signal 15"
	is "$(cat "$DIR/work/a")" ready
	ctl kill "$ID"
	await match "$DIR/work/a" term
	ctl kill --all "$ID" 10
	await match "$DIR/work/a" usr1
	ctl kill "$ID" 9
	is "$(ctl wait "$ID")" 137
	exits 125 ctl kill --all --init-only "$ID"
	is "$stderr" "tallyctl: kill: --all and --init-only exclude each other"
}

@test "D31 D33 with the host's pids: when init has ended the others are ended, and wait returns after them" {
	bundle sh -c 'sleep 1001 & read x; exit 7'
	config '.linux.namespaces |= map(select(.type != "pid"))'
	ctl run -d -i -b "$BUNDLE" "$ID"
	local child a b i
	sleeping 1001
	child=$(process 1001 .pid)
	ctl exec -d "$ID" sleep 1002
	ctl exec -d "$ID" sleep 1003
	sleeping 1002 1003
	a=$(process 1002 .pid) b=$(process 1003 .pid)
	"$TALLYCTL" --root "$CTL" wait "$ID" >"$DIR/w" 3>&- 4>&- &
	local pid=$!
	exits 7 ctl attach "$ID" </dev/null
	wait "$pid"
	is "$(cat "$DIR/w")" 7
	for i in "$a" "$b"; do
		[ ! -e "/proc/$i" ] || [ "$(awk '/^State/ { print $2 }' "/proc/$i/status")" = Z ] || fail "$i runs"
	done
	await process-gone "$child"
	is "$(ctl wait "$ID")" 7
}

@test "D32 the status is the process's own, or 128 and the signal" {
	started sh -c 'exit 3'
	is "$(ctl wait "$ID")" 3
	ctl rm "$ID"
	started sleep 1000
	ctl_pids
	kill -KILL "$PID"
	is "$(ctl wait "$ID")" 137
}

@test "D20 D35 D23 delete takes the directory; what has ended and is not deleted exists" {
	exits 1 ctl exists "$ID"
	is "$output$stderr" ""
	started true
	ctl wait "$ID"
	exits 0 ctl exists "$ID"
	is "$output$stderr" ""
	ctl rm "$ID"
	exits 1 ctl exists "$ID"
	nothing_of
}

@test "D21 D22 state is the runtime's JSON and nothing else, paused or running" {
	started sleep 1000
	is "$(ctl state "$ID" 2>&1 | jq -r .status)" running
	ctl pause "$ID"
	is "$(ctl state "$ID" 2>&1 | jq -r .status)" paused
	ctl resume "$ID"
	is "$(ctl state "$ID" 2>&1 | jq -r '.status, .id')" "running"$'\n'"$ID"
	ctl_pids
	is "$(ctl state "$ID" | jq .pid)" "$PID"
	exits 125 ctl state nobody
	has "$stderr" "does not exist"
}

@test "D25 update takes resources from standard input or a file" {
	started sleep 1000
	on_cgroup2 && [ "$LANE" != vm ] && skip "no controllers in this lane"
	local limit
	ctl update "$ID" <<<'{"pids": {"limit": 41}}'
	limit=$(cgroups_of "$ID" | while read -r d; do cat "$d/pids.max" 2>/dev/null || true; done)
	is "$limit" 41
	echo '{"pids": {"limit": 42}}' >"$DIR/r"
	ctl update -r "$DIR/r" "$ID"
	limit=$(cgroups_of "$ID" | while read -r d; do cat "$d/pids.max" 2>/dev/null || true; done)
	is "$limit" 42
	exits 125 ctl update "$ID" <<<'[]'
	is "$stderr" "tallyctl: update: standard input: not an object"
	exits 125 ctl update "$ID" <<<'{'
	one_line "$stderr"
	exits 125 ctl update -r "$DIR/none" "$ID"
	is "$stderr" "tallyctl: update: read $DIR/none: no such file or directory"
	[ ! -e "$CONTAINERS/$ID/resources.json" ]
}

@test "prune removes what has ended, and nothing else" {
	exits 0 ctl prune
	is "$output" ""
	local id=$ID
	started true
	ctl wait "$ID"
	ID=$id-2 started sleep 1000
	ID=$id
	mkdir "$CONTAINERS/$ID-3" # a tallyctl that died
	exits 0 ctl prune --dry-run
	is "$output" "$ID"$'\n'"$ID-3"
	exits 0 ctl --json prune -n
	is "$(jq -c . <<<"$output")" "[\"$ID\",\"$ID-3\"]"
	exits 0 ctl exists "$ID"
	exits 0 ctl prune
	is "$output" "$ID"$'\n'"$ID-3"
	is "$(ls "$CONTAINERS")" "$ID-2"
	is "$(ctl_status "$ID-2")" running
	exits 0 ctl --json prune
	is "$(jq -c . <<<"$output")" "[]"
	exits 125 ctl prune "$ID-2"
	one_line "$stderr"
}

PIPES=io.microsoft.bmc.logging.pipelocation
SIDE_CAR=io.microsoft.bmc.logging.isLoggingSideCarContainer

# annotate KEY VALUE...: in the bundle
annotate() {
	while [ $# -gt 0 ]; do
		config '.annotations[$k] = $v' --arg k "$1" --arg v "$2"
		shift 2
	done
}

@test "D37 D40 a workload's output goes to the two pipes that an annotation names" {
	local logs=$CTL/containerlogs pid
	bundle sh -c 'echo out; echo err >&2; read x; echo more'
	annotate "$PIPES" web "$SIDE_CAR" false
	umask 077
	ctl create -i -b "$BUNDLE" "$ID"
	is "$(stat -c '%a %F' "$logs" "$logs/web-stdout" "$logs/web-stderr")" $'755 directory\n666 fifo\n666 fifo'
	cat "$logs/web-stdout" >"$DIR/out" 3>&- 4>&- &
	pid=$!
	cat "$logs/web-stderr" >"$DIR/err" 3>&- 4>&- &
	pid="$pid $!"
	ctl start "$ID"
	await match "$DIR/out" '^out$'
	await match "$DIR/err" '^err$'
	ctl attach "$ID" </dev/null
	wait $pid
	is "$(cat "$DIR/out")" $'out\nmore'
	is "$(cat "$DIR/err")" err
	is "$(ctl logs "$ID" 2>&1)" ""
	is "$(ctl wait "$ID")" 0
	ctl rm "$ID"
	# the next one takes the pipes that are there
	local inode
	inode=$(stat -c %i "$logs/web-stdout")
	ctl run -d -i -b "$BUNDLE" "$ID"
	is "$(stat -c %i "$logs/web-stdout")" "$inode"
	is "$(head -n 1 <"$logs/web-stdout")" out
}

@test "D41 a side-car gets the pipes as descriptors 3 and 4, and reads what the workload writes" {
	local id=$ID
	bundle sh -c 'readlink /proc/self/fd/3; ls /proc/self/fd | wc -l; head -n 1 <&3; head -n 1 <&4; sleep 1000'
	annotate "$PIPES" web "$SIDE_CAR" true
	ctl run -d -b "$BUNDLE" "$ID"
	ID=$id-2
	bundle sh -c 'echo to stdout; echo to stderr >&2; sleep 1000'
	annotate "$PIPES" web # without the other one it is a workload
	ctl run -d -b "$BUNDLE" "$ID"
	await match "$CONTAINERS/$id/container.log" 'to stderr'
	exits 0 ctl logs "$id"
	is "$output" "$CTL/containerlogs/web-stdout"$'\n6\nto stdout\nto stderr'
}

@test "D38 D39 pipes and a terminal, no boolean, no file name: refused in one line, and nothing is made" {
	bundle sleep 1000
	annotate "$PIPES" web "$SIDE_CAR" true
	exits 125 ctl create -t -b "$BUNDLE" "$ID"
	is "$stderr" "tallyctl: annotation $PIPES: a terminal and pipes are not supported together"
	annotate "$SIDE_CAR" maybe
	exits 125 ctl create -b "$BUNDLE" "$ID"
	is "$stderr" "tallyctl: annotation $SIDE_CAR: \"maybe\" is not a boolean"
	annotate "$PIPES" ../web "$SIDE_CAR" T
	exits 125 ctl run -b "$BUNDLE" "$ID"
	is "$stderr" "tallyctl: annotation $PIPES: \"../web\" is no file name"
	[ ! -e "$CTL/containerlogs" ]
	[ ! -e "$CONTAINERS/$ID" ]
	mkdir -p -m 700 "$CTL" "$CTL/containerlogs"
	touch "$CTL/containerlogs/web-stderr"
	annotate "$PIPES" web
	exits 125 ctl run -b "$BUNDLE" "$ID"
	is "$stderr" "tallyctl: $CTL/containerlogs/web-stderr is there and no pipe"
}

@test "D42 the side-car's annotation alone means nothing" {
	bundle sh -c 'echo out; ls /proc/self/fd | wc -l'
	annotate "$SIDE_CAR" true
	exits 0 ctl run --rm -b "$BUNDLE" "$ID"
	is "$output" $'out\n4'
	annotate "$SIDE_CAR" maybe
	exits 0 ctl run --rm -b "$BUNDLE" "$ID"
	is "$output" $'out\n4'
	[ ! -e "$CTL/containerlogs" ]
}

@test "D15 of a container with pipes, too, the runtime's own words are the error" {
	bundle /no/such/program
	annotate "$PIPES" web
	exits 127 ctl run -b "$BUNDLE" "$ID"
	one_line "$stderr"
	has "$stderr" "no such file or directory"
	nothing_of
}

# sockets [NAME...]: the options for these streams of $DIR/s
sockets() {
	local s
	for s in "$@"; do printf -- '--std%s-socket unix:%s/s/%s ' "$s" "$DIR" "$s"; done
}

# over_sockets INPUT ARGS...: tallyctl with the other side of its sockets; what happened is in $output
over_sockets() {
	rm -rf "$DIR/s"
	mkdir "$DIR/s"
	exits 0 on-sockets "$DIR/s" "$1" -- "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" "${@:2}"
}

# in_order STATUS: input was closed first, the outputs in any order, for one may still be read when the other is through
in_order() {
	is "${#lines[@]}" 4
	is "${lines[0]}" "in closed"
	has "$output" "out 3000000 bytes, closed"
	has "$output" "err 6 bytes, closed"
	is "${lines[3]}" "status $1"
}

@test "D14 D16 D34 streams go over sockets: every byte, input closed first, all before the status is told" {
	bundle sh -c 'read x; echo "$x" >&2; head -c 3000000 /dev/zero; exit 5'
	over_sockets $'hello\n' run --rm $(sockets in out err) -b "$BUNDLE" "$ID"
	in_order 5
	is "$(cat "$DIR/s/err.data")" hello
	started sleep 1000
	over_sockets $'hello\n' exec $(sockets in out err) "$ID" sh -c 'read x; echo "$x" >&2; head -c 3000000 /dev/zero; exit 6'
	in_order 6
}

@test "D13 D17 a terminal is one stream over sockets" {
	started sleep 1000
	over_sockets $'exit 7\n' exec -t $(sockets in out err) "$ID" sh
	is "${lines[0]}, ${lines[3]}" "in closed, status 7"
	has "$(cat "$DIR/s/out.data")" "exit 7"
}

@test "D14 streams that nobody asked for are empty, or our own" {
	started sleep 1000
	mkdir "$DIR/s"
	socat -u "UNIX-LISTEN:$DIR/s/out" "CREATE:$DIR/out" 3>&- 4>&- &
	local pid=$!
	await exists "$DIR/s/out"
	exits 3 ctl exec $(sockets out) "$ID" sh -c 'cat; echo out; echo err >&2; exit 3'
	wait "$pid"
	is "$(cat "$DIR/out")" out
	is "$output" ""
	is "$stderr" err
}

@test "D16 sockets with create, start and attach" {
	bundle sh -c 'read x; echo "$x"'
	ctl create -i -b "$BUNDLE" "$ID"
	over_sockets $'hello\n' start --attach $(sockets in out err) "$ID"
	is "$(tail -n 1 <<<"$output")" "status 0"
	is "$(cat "$DIR/s/out.data")" hello
	ctl rm "$ID"
	ctl run -d -i -b "$BUNDLE" "$ID"
	over_sockets $'again\n' attach $(sockets in out err) "$ID"
	is "$(cat "$DIR/s/out.data")" again
}

@test "D17 a socket that cannot be had is said in one line, and nothing is made" {
	bundle sleep 1000
	mkdir "$DIR/s"
	exits 125 ctl run $(sockets out) -b "$BUNDLE" "$ID"
	is "$stderr" "tallyctl: connect to unix:$DIR/s/out: no such file or directory"
	exits 125 ctl run --stdin-socket "$DIR/s/in" -b "$BUNDLE" "$ID"
	is "$stderr" "tallyctl: \"$DIR/s/in\" is neither unix:PATH nor vsock:CID:PORT"
	exits 125 ctl run --stdin-socket vsock:1 -b "$BUNDLE" "$ID"
	one_line "$stderr"
	# nobody listens there, or this kernel has no vsock
	exits 125 ctl run --stderr-socket vsock:1:4294967294 -b "$BUNDLE" "$ID"
	like "$stderr" '^tallyctl: connect to vsock:1:4294967294: [a-z ]+$'
	exits 125 ctl run -d $(sockets out) -b "$BUNDLE" "$ID"
	has "$stderr" "not for -d"
	nothing_of
	started sleep 1000
	exits 125 ctl exec -d $(sockets out) "$ID" true
	one_line "$stderr"
	exits 125 ctl start $(sockets out) "$ID"
	has "$stderr" "are for --attach"
}

# runtime_that SHELL: $DIR/rt, the runtime with these commands before it; they may use $verb and $log
runtime_that() {
	cat >"$DIR/rt" <<-END
		#!/bin/sh
		verb= log=
		for word; do
			case \$word in
			--log=*) log=\${word#--log=} ;;
			create | start | exec | state | kill | delete | pause | resume) [ -n "\$verb" ] || verb=\$word ;;
			esac
		done
		$1
		exec "$RUNTIME" "\$@"
	END
	chmod +x "$DIR/rt"
}

@test "D1 D2 a directory for the container and one for each command in it, with pids without a newline" {
	started sleep 1000
	local sid
	ctl_pids
	is "$(od -An -c "$CONTAINERS/$ID/pidfile" | tr -d ' ')" "$PID"
	ctl exec -d "$ID" sleep 1001
	ctl exec -d "$ID" sleep 1002
	is "$(cd "$CONTAINERS/$ID/exec" && ls -d */ | wc -l)" 2
	for sid in $(ctl --json session ls "$ID" | jq -r '.[].id'); do
		is "$(od -An -c "$CONTAINERS/$ID/exec/$sid/exec_pid" | tr -d ' ')" "$(ctl session inspect "$sid" | jq .pid)"
		jq -e '.args[0] == "sleep"' "$CONTAINERS/$ID/exec/$sid"/exec-process-*
	done
}

@test "D4 D12 every call of the runtime has a log of its own as JSON; commands go by a file and tell their pid" {
	runtime_that "echo \"\$*\" >>$DIR/calls"
	bundle sleep 1000
	ctl --runtime "$DIR/rt" create -b "$BUNDLE" "$ID"
	local verb call
	for verb in "start $ID" "exec -d $ID sleep 1000" "pause $ID" "resume $ID" "state $ID" "rm --force $ID"; do
		"$TALLYCTL" --root "$CTL" $verb
	done
	for verb in create start exec pause resume state delete; do
		call=$(grep -- " $verb " "$DIR/calls" | head -n 1)
		like "$call" '--log=[^ ]+ '
		like "$call" '--log-format=json '
	done
	like "$(grep -- ' create ' "$DIR/calls")" "--bundle $CONTAINERS/$ID .*--pid-file $CONTAINERS/$ID/pidfile $ID\$"
	like "$(grep -- ' exec ' "$DIR/calls")" "--pid-file [^ ]+/exec_pid --process [^ ]+/exec/[0-9a-f]{64}/exec-process-[^ ]+ .*$ID|--process [^ ]+ .*--pid-file [^ ]+/exec_pid .*$ID"
}

@test "D5 D11 D15 of the errors in the runtime's log the last one is told, and what it could not start is removed" {
	local verb
	bundle sleep 1000
	for verb in create start; do
		runtime_that "[ \$verb != $verb ] || { echo '{\"level\":\"error\",\"msg\":\"first reason\"}
{\"level\":\"error\",\"msg\":\"last reason\"}
{\"level\":\"warning\",\"msg\":\"no reason\"}' >\$log; echo 'not the log' >&2; exit 1; }"
		exits 125 ctl --runtime "$DIR/rt" run -d -b "$BUNDLE" "$ID"
		is "$stderr" "tallyctl: $verb: last reason"
		nothing_of
	done
	runtime_that '[ $verb != create ] || { echo "no log at all" >&2; exit 1; }'
	exits 125 ctl --runtime "$DIR/rt" run -b "$BUNDLE" "$ID"
	one_line "$stderr"
	has "$stderr" "no log at all"
	started sleep 1000
	exits 125 ctl start "$ID"
	one_line "$stderr"
	is "$(ctl_status)" running
}

@test "D7 the runtime is found by its name" {
	mkdir "$DIR/bin"
	ln -s "$RUNTIME" "$DIR/bin/some-runtime"
	bundle sleep 1000
	PATH=$DIR/bin:$PATH ctl --runtime some-runtime run -d -b "$BUNDLE" "$ID"
	is "$(ctl --json ps | jq -r '.[].runtime')" "$DIR/bin/some-runtime"
	exits 125 ctl --runtime no-such-runtime run -b "$BUNDLE" "$ID-2"
	is "$stderr" 'tallyctl: runtime no-such-runtime: not found in $PATH'
}

@test "D9 D33 in another's pid namespace what init leaves behind is ended, and the other notices nothing" {
	local id=$ID child
	started sleep 1000
	ctl_pids
	ID=$id-2
	bundle sh -c 'sleep 1001 & read x; exit 7'
	config '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)' --arg p "/proc/$PID/ns/pid"
	ctl run -d -i -b "$BUNDLE" "$ID"
	sleeping 1001
	child=$(process 1001 .pid)
	is "$(readlink "/proc/$child/ns/pid")" "$(readlink "/proc/$PID/ns/pid")"
	exits 7 ctl attach "$ID" </dev/null
	await process-gone "$child"
	is "$(ctl_status "$id")" running
	ctl exec "$id" true
}

@test "D10 the monitor is the reaper: of the first process, and of what is left over with the host's pids" {
	bundle sh -c '(sleep 1001 &); read x'
	config '.linux.namespaces |= map(select(.type != "pid"))'
	ctl run -d -i -b "$BUNDLE" "$ID"
	sleeping 1001
	ctl_pids
	is "$(awk '/^PPid/ { print $2 }' "/proc/$PID/status")" "$MPID"
	is "$(process 1001 .ppid)" "$MPID"
	local child
	child=$(process 1001 .pid)
	kill -KILL "$child"
	await reaped "$child"
	is "$(ctl_status)" running
}
