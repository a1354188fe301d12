# Ways to die, each with its own true record. A test makes somebody die and says in one line what has to be recorded:
#	recorded CAUSE STATUS EXIT-CODE|- SIGNAL|- [JQ]...
# The plain files and the monitor's own status are asked of everybody, exit.json only of ours; JQ are expressions over it
# that have to be true.
load ../lib/harness

no_pid_namespace() { config 'del(.linux.namespaces[] | select(.type == "pid"))'; }

# Signals have their default effect on a process that is not the first of a PID namespace.
dies_by() {
	bundle inside die-by "$1"
	no_pid_namespace
	mon_started
	mon_end
}

# running [ARGS of the monitor]: a container that says "ready"; $SCRIPT is what it does
running() {
	mon_started -- "$@"
	await match "$LOG" ' ready$'
}

true_of() {
	local record=$1 expression
	shift
	for expression in "$@"; do
		[ "$(jq "$expression" "$record")" = true ] || fail "not so: $expression"$'\n'"$(cat "$record")"
	done
}

# record_is FILE CAUSE STATUS EXIT-CODE SIGNAL [JQ]...
record_is() {
	is "$(jq -r '[.cause, .status, .exit_code // "-", .signal // "-"] | map(tostring) | join(" ")' "$1")" "$2 $3 $4 $5"
	[ $# -eq 5 ] || true_of "$1" "${@:6}"
}

recorded() {
	is "$(exit_file)" "$2"
	is "$(cat "$DIR/persist/exit")" "$2"
	[ -z "$MPID" ] || has "$(events "^exit $MPID ")" "exit $MPID $(($2 & 255))"
	monitor_is_ours || return 0
	record_is "$BUNDLE/exit.json" "$@" '.kind == "container"' ".pid == ${CPID:-.pid}" '.end.boottime_ns >= .start.boottime_ns'
	cmp "$BUNDLE/exit.json" "$DIR/persist/exit.json"
}

# not_begun [JQ]...: there was no container, so there is no status
not_begun() {
	said '^gone'
	is "$(ls "$DIR/exits")" ""
	[ ! -e "$DIR/persist/exit" ]
	monitor_is_ours || return 0
	is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
	record_is "$BUNDLE/exit.json" runtime-error -1 - - '.start == null and .evidence.observed_by == null and .rusage == null' "$@"
	# The record and the caller have the same words.
	is "$(jq -r .evidence.reason "$BUNDLE/exit.json" | head -c 100)" \
		"$(events '^sync ' | sed 's/^sync //' | jq -r .message | head -c 100)"
}

# --- by itself ------------------------------------------------------------------------------------------------------

@test "leaves with 0" {
	mon_run true
	recorded exit 0 0 - '.core_dumped == false' '.evidence.observed_by == "wait"' '.rusage.max_rss_kib > 0'
}

@test "leaves with 1" {
	mon_run false
	recorded exit 1 1 -
}

@test "leaves with 255, which is not -1" {
	mon_run sh -c 'exit 255'
	recorded exit 255 255 -
}

@test "leaves with 137, which is no kill" {
	mon_run sh -c 'exit 137'
	recorded exit 137 137 - '.core_dumped == false'
}

@test "leaves after all it had to say, counted" {
	mon_run sh -c 'printf "one\ntwo\nhalf"; echo three >&2; exit 4'
	recorded exit 4 4 - '.streams.stdout | [.bytes, .lines, .dropped_bytes] == [12, 2, 0]' \
		'.streams.stderr | [.bytes, .lines, .dropped_bytes] == [6, 1, 0]'
}

@test "leaves without a log, where nobody counts lines" {
	bundle sh -c 'echo one; exit 4'
	mon_started -- -l none
	mon_end
	recorded exit 4 4 - '.streams.stdout | [.bytes, .lines, .records] == [4, 1, 1]'
	rt delete "$ID"
	standard_args
	mon -- $(sed "s|k8s-file:$LOG|none|" <<<"${ARGS[*]}")
	said_created
	CPID= MPID=
	rt start "$ID"
	mon_end
	recorded exit 4 4 - '.streams.stdout | [.bytes, .lines, .records] == [4, "unavailable", 0]'
}

@test "leaves a terminal" {
	bundle sh -c 'echo out; exit 6'
	config '.process.terminal = true'
	mon_started -- -t
	mon_end
	recorded exit 6 6 - '.streams.stdout.bytes == 5'
}

@test "its first thread leaves, the last one is killed" {
	bundle inside last-thread
	running
	kill -KILL "$CPID" # runc says that it does not run
	mon_end
	recorded signal 137 - SIGKILL
}

@test "leaves while a daemon of its own goes on" {
	bundle sh -c '(sleep 1000 & echo $! >/work/daemon) >/dev/null 2>&1; exit 3'
	no_pid_namespace
	with_work
	mon_started
	await exists "$DIR/exits/$ID"
	recorded_daemon() { [ "$(cat "/proc/$daemon/comm")" = sleep ]; }
	daemon=$(cat "$DIR/work/daemon")
	recorded_daemon
	MPID=
	recorded exit 3 3 -
	kill -KILL "$daemon"
	said '^gone'
}

@test "its orphan, adopted by the monitor, ends before and otherwise" {
	bundle sh -c '(sh -c "echo \$\$ >/work/orphan; exit 9" &); echo ready; read -r go </work/go; exit 3'
	no_pid_namespace
	with_work
	mkfifo "$DIR/work/go"
	running
	await exists "$DIR/work/orphan"
	await reaped "$(cat "$DIR/work/orphan")"
	echo >"$DIR/work/go"
	mon_end
	recorded exit 3 3 -
}

# --- by a signal ----------------------------------------------------------------------------------------------------

@test "SIGSEGV" {
	dies_by 11
	recorded signal 139 - SIGSEGV '.core_dumped == false'
}

@test "SIGABRT" {
	dies_by 6
	recorded signal 134 - SIGABRT
}

@test "SIGFPE" {
	dies_by 8
	recorded signal 136 - SIGFPE
}

@test "SIGPIPE" {
	dies_by 13
	recorded signal 141 - SIGPIPE
}

@test "SIGHUP, SIGUSR1" {
	dies_by 1
	recorded signal 129 - SIGHUP
	rt delete "$ID"
	dies_by 10
	recorded signal 138 - SIGUSR1
}

@test "real-time signals, the two that libc hides among them" {
	dies_by 34
	recorded signal 162 - SIGRTMIN
	rt delete "$ID"
	dies_by 64
	recorded signal 192 - SIGRTMIN+30
	rt delete "$ID"
	dies_by 32
	recorded signal 160 - SIG32
}

@test "with a core dump" {
	bundle inside die-by 11
	no_pid_namespace
	config '.process.cwd = "/tmp" | .process.rlimits = [{ type: "RLIMIT_CORE", soft: 100000000, hard: 100000000 }]'
	mon_started
	mon_end
	pattern=$(cat /proc/sys/kernel/core_pattern)
	recorded signal 139 - SIGSEGV ".core_dumped == $([ -n "$pattern" ] && echo true || echo false)"
}

@test "over its file size limit" {
	bundle sh -c 'head -c 100000 /dev/zero >/tmp/file & wait $!; exec head -c 100000 /dev/zero >/tmp/file'
	no_pid_namespace
	config '.process.rlimits = [{ type: "RLIMIT_FSIZE", soft: 1000, hard: 1000 }]'
	mon_started
	mon_end
	recorded signal 153 - SIGXFSZ
}

@test "a forbidden system call" {
	bundle sh -c 'echo ready; mkdir /tmp/x; exec inside syscall mkdir'
	no_pid_namespace
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL_PROCESS" }] }
		| .process.args = ["mkdir", "/tmp/x"]'
	mon_started
	mon_end
	recorded signal 159 - SIGSYS
}

@test "killed through the runtime, as an engine does it" {
	bundle sleep 1000
	mon_started
	rt kill "$ID" KILL
	mon_end
	recorded signal 137 - SIGKILL '.evidence.stop == null'
}

@test "terminated through the runtime: not by us, so it is a signal" {
	bundle sleep 1000
	no_pid_namespace
	mon_started
	rt kill "$ID" TERM
	mon_end
	recorded signal 143 - SIGTERM '.evidence.stop == null'
}

@test "killed between create and start" {
	bundle sleep 1000
	mon_created
	rt kill "$ID" KILL
	mon_end
	recorded signal 137 - SIGKILL
}

@test "deleted by force, its cgroups too: what could not be read any more is no zero" {
	bundle sleep 1000
	mon_started
	rt delete --force "$ID"
	mon_end
	recorded signal 137 - SIGKILL '.cgroup | [.memory_peak_bytes, .pids_peak, .cpu_us] | all(. != 0)'
}

@test "stopped by SIGSTOP, then killed" {
	bundle sleep 1000
	mon_started
	kill -STOP "$CPID"
	kill -KILL "$CPID"
	mon_end
	recorded signal 137 - SIGKILL
}

@test "held by a debugger, then killed" {
	bundle sleep 1000
	mon_started
	python3 - "$CPID" <<-'P'
		import ctypes, os, signal, sys
		pid = int(sys.argv[1])
		libc = ctypes.CDLL(None, use_errno=True)
		if libc.ptrace(16, pid, None, None) < 0: # PTRACE_ATTACH
		    raise OSError(ctypes.get_errno(), "ptrace")
		os.waitpid(pid, 0)
		os.kill(pid, signal.SIGKILL)
	P
	mon_end
	recorded signal 137 - SIGKILL
}

@test "killed in a frozen cgroup" {
	bundle sleep 1000
	mon_started
	rt pause "$ID"
	kill -KILL "$CPID"
	on_cgroup2 || rt resume "$ID" # version 1 delivers nothing before
	mon_end
	recorded signal 137 - SIGKILL
}

# --- for lack of memory ---------------------------------------------------------------------------------------------

# limited SCRIPT: a container with 20 MiB; `eat` in it takes more
limited() {
	bundle sh -c "eat() { (echo 1000 >/proc/self/oom_score_adj; exec tail -c 100m /dev/zero); }; $1"
	config '.linux.resources.memory = { limit: 20971520, swap: 20971520 }'
	cd "$DIR" # where older conmons make the file oom
	mon_started
}

@test "the first process is killed for lack of memory" {
	limited_by memory || return 0
	limited 'exec tail -c 100m /dev/zero'
	mon_end
	recorded oom 137 - SIGKILL '.evidence.oom_kill >= 1' '.cgroup.memory_peak_bytes > 15000000' \
		'.cgroup.path | startswith("/sys/fs/cgroup/")'
	[ -e "$DIR/persist/oom" ]
	! monitor_is_ours || [ -e "$BUNDLE/oom" ]
}

@test "a child is killed for lack of memory, the first process leaves with 3" {
	limited_by memory || return 0
	limited 'eat; exit 3'
	mon_end
	recorded exit 3 3 - '.evidence.oom_kill >= 1'
	[ -e "$DIR/persist/oom" ]
}

@test "killed long after a child was killed for lack of memory" {
	limited_by memory || return 0
	limited 'eat; sleep 5; echo ready; sleep 1000'
	await match "$LOG" ready
	[ -e "$DIR/persist/oom" ] || { ! monitor_is_ours && on_cgroup2; } # conmon 2.1.6 sees it with version 1
	rt kill "$ID" KILL
	mon_end
	recorded signal 137 - SIGKILL '.evidence.oom_kill >= 1'
}

@test "without a memory cgroup nothing is known of its memory, and that is said" {
	! limited_by memory || return 0
	mon_run true
	! monitor_is_ours || true_of "$BUNDLE/exit.json" \
		'.evidence.oom_kill == "unavailable"' '.cgroup.memory_peak_bytes == "unavailable"' '.cgroup.cpu_us > 0'
}

# --- at our hands ---------------------------------------------------------------------------------------------------

@test "its time is over" {
	bundle sleep 1000
	mon_timed
	mon_end
	recorded timeout -1 - SIGKILL '.evidence.timeout_s == '"$TIMEOUT" '.rusage != null'
}

@test "asked to stop through the monitor, and stops by the signal" {
	bundle sh -c 'echo ready; exec sleep 1000'
	no_pid_namespace
	running
	kill -TERM "$MPID"
	mon_end
	recorded stop 143 - SIGTERM ".evidence.stop.sender_pid == $$" '.evidence.stop | .signal == "SIGTERM" and .requests == 1'
}

@test "asked to stop through the monitor, and leaves in order" {
	bundle sh -c 'trap "exit 44" INT; echo ready; while :; do sleep 0.05; done'
	running
	kill -INT "$MPID"
	mon_end
	recorded stop 44 44 - '.evidence.stop.signal == "SIGINT"'
}

@test "asked to stop through the monitor, does not, and is killed by somebody else" {
	bundle inside ignore-term
	running
	kill -TERM "$MPID"
	kill -KILL "$CPID"
	mon_end
	recorded signal 137 - SIGKILL '.evidence.stop == null or .evidence.stop.signal == "SIGTERM"'
}

# --- a session ------------------------------------------------------------------------------------------------------

# session CMD...: podman's exec of it in a sleeping container, started
session() {
	bundle sleep 1000
	rt_create
	rt start "$ID"
	exec_spec "$@"
	exec_args one
	mon --attach-pipe -- "${ARGS[@]}" -P "$DIR/one/monitor.pid" ${MORE:+$MORE}
	said '^attach'
	order start
}

# session_recorded STATUS CAUSE EXIT-CODE SIGNAL [JQ]...
session_recorded() {
	said '^gone'
	is "$(cat "$DIR/one/exits/$ID")" "$2"
	is "$(cat "$DIR/one/persist/exit")" "$2"
	like "$(events '^sync ' | tail -n 1)" "\"data\": $2[,}]"
	monitor_is_ours || return 0
	record_is "$DIR/one/exit.json" "$@" '.kind == "exec" and .cgroup == null'
	cmp "$DIR/one/exit.json" "$DIR/one/persist/exit.json"
}

@test "a session leaves with 5" {
	session sh -c 'exit 5'
	session_recorded exit 5 5 -
}

@test "a session is killed" {
	session sleep 1000
	said '^sync '
	kill -KILL "$(cat "$DIR/one/pid")"
	session_recorded signal 137 - SIGKILL
}

@test "a session dies with its container" {
	session sleep 1000
	said '^sync '
	rt kill "$ID" KILL
	session_recorded signal 137 - SIGKILL
}

@test "a session is asked to stop through its monitor" {
	session sleep 1000
	said '^sync '
	kill -TERM "$(cat "$DIR/one/monitor.pid")"
	session_recorded stop 143 - SIGTERM
}

@test "a session's time is over" {
	MORE='--timeout 1' session sleep 1000
	session_recorded timeout -1 - SIGKILL
	has "$(events '^sync ')" '"command timed out"'
}

@test "a session that could not begin" {
	session /no/such/program
	said '^gone'
	is "$(ls "$DIR/one/exits")" ""
	! monitor_is_ours || record_is "$DIR/one/exit.json" runtime-error -1 - - '.evidence.reason | contains("/no/such/program")'
}

# --- never begun ----------------------------------------------------------------------------------------------------

# faked MODE: the runtime is tests/lib/fake-runtime
faked() {
	export FAKE=$DIR/fake FAKE_MODE=$1
	mkdir -p "$FAKE"
	bundle true
	standard_args
	mon -- "${ARGS[@]}" -r "$TESTS/lib/fake-runtime"
}

@test "the runtime is not there" {
	bundle true
	standard_args
	mon -- "${ARGS[@]}" -r "$DIR/no/runtime"
	said '^gone'
	is "$(events '^status ')" "status 1"
	is "$(ls "$DIR/exits")" ""
	[ ! -e "$BUNDLE/exit.json" ]
}

@test "the runtime cannot be executed" {
	printf '#!/no/such/interpreter\n' >"$DIR/rt"
	chmod +x "$DIR/rt"
	bundle true
	standard_args
	mon -- "${ARGS[@]}" -r "$DIR/rt"
	not_begun '.evidence.runtime == { "exit_code": 127, "signal": null }'
}

@test "the runtime refuses the bundle" {
	bundle true
	config '.process.cwd = "relative"'
	mon_create
	CPID=
	not_begun '.evidence.runtime.exit_code == 1' '.evidence.reason | length > 0'
}

@test "the runtime fails with the words of a devil" {
	FAKE_TEXT='\xff"\\\n\001\xc0\x80' faked fail
	said '^gone'
	! monitor_is_ours || record_is "$BUNDLE/exit.json" runtime-error -1 - - '.evidence.runtime.exit_code == 1' \
		'.evidence.reason == "\ufffd\"\\\n\u0001\ufffd\ufffd"'
}

@test "the runtime is killed" {
	faked killed
	not_begun '.evidence.runtime == { "exit_code": null, "signal": "SIGKILL" }'
}

@test "the runtime leaves no pid" {
	faked no-pid
	not_begun '.evidence.runtime.exit_code == 0'
}

@test "the runtime is stopped through the monitor" {
	faked wait
	await exists "$FAKE/pid"
	kill -TERM "$(cat "$DIR/monitor.pid")"
	not_begun '.evidence.runtime.signal == "SIGTERM"' '.evidence.stop.signal == "SIGTERM"'
}

@test "the program cannot be started" {
	bundle sh
	config '.process.args = ["/tmp/in"]'
	printf 'no program' >"$DIR/text"
	chmod 755 "$DIR/text"
	with_file "$DIR/text"
	mon_created
	rt start "$ID" >/dev/null 2>&1 || true # crun and ours tell here, runc in the container's output
	mon_end
	[ "$(exit_file)" -gt 0 ]
	recorded exit "$(exit_file)" "$(exit_file)" -
}

# --- nobody saw it --------------------------------------------------------------------------------------------------

@test "a process that is nobody's child of ours: its status is the kernel's word, or unknown, never made up" {
	honest() {
		mkfifo "$DIR/go"
		sh -c 'read -r _ <"$1"; exit 3' sh "$DIR/go" 3>&- &
		pid=$!
		cat >"$DIR/rt" <<-X
			#!/bin/bash
			while [ \$# -gt 0 ]; do
				[ "\$1" != --pid-file ] || printf %s $pid >"\$2"
				shift
			done
		X
		chmod +x "$DIR/rt"
		bundle true
		standard_args
		mon -- "${ARGS[@]}" -r "$DIR/rt"
		said '^(sync |gone)'
		: >"$DIR/go"
		said '^gone'
		wait "$pid" || true
		if [ "$(exit_file)" = 3 ]; then
			record_is "$BUNDLE/exit.json" exit 3 3 - '.evidence.observed_by == "pidfd" and .rusage == null'
		else
			record_is "$BUNDLE/exit.json" unknown -1 - - '.evidence.reason | length > 0' '.core_dumped == null'
		fi
	}
	peer_fails monitor honest
}
