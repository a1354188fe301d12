# exec: another process in a running container.
load ../lib/harness

prepare() {
	bundle sleep 1000
	rt_create
	rt start "$ID"
}

@test "it runs in the container's namespaces and cgroup, and relays output and code" {
	exits 7 rt exec "$ID" sh -c 'echo out; echo err >&2; for n in mnt pid ipc uts net; do readlink /proc/self/ns/$n; done; exit 7'
	is "$(head -n 1 <<<"$output")" out
	is "$stderr" err
	is "$(tail -n +2 <<<"$output")" "$(for n in mnt pid ipc uts net; do readlink "/proc/$(cat "$DIR/pid")/ns/$n"; done)"
	if on_cgroup2; then
		is "$(rt exec "$ID" grep ^0: /proc/self/cgroup)" "$(grep ^0: "/proc/$(cat "$DIR/pid")/cgroup")"
	else
		is "$(rt exec "$ID" cat /proc/self/cgroup)" "$(cat "/proc/$(cat "$DIR/pid")/cgroup")"
	fi
}

@test "stdin is relayed" {
	is "$(echo through | rt exec "$ID" cat)" through
}

@test "options after the id belong to the command" {
	is "$(rt exec "$ID" echo -n -e --cwd x)" "--cwd x"
}

@test "--cwd, --env, --user, --cap, --no-new-privs" {
	is "$(rt exec --cwd /tmp "$ID" pwd)" /tmp
	is "$(rt exec -e A=1 -e B=2 -e A=3 "$ID" sh -c 'echo $A $B')" "3 2"
	is "$(rt exec --env A=1 --env B=2 "$ID" sh -c 'echo $A $B')" "1 2"
	is "$(rt exec --user 1000:2000 "$ID" sh -c 'id -u; id -g; id -G')" $'1000\n2000\n2000'
	is "$(rt exec -u 1000 "$ID" id -u)" 1000
	is "$(rt exec "$ID" grep CapEff /proc/self/status)" $'CapEff:\t0000000020000420'
	is "$(rt exec --cap CAP_CHOWN "$ID" grep -E 'Cap(Eff|Inh)' /proc/self/status)" $'CapInh:\t0000000000000000\nCapEff:\t0000000020000421'
}

@test "a user that is neither a number nor known in the container is refused" {
	for u in nosuch 1000x 1000:x tester:nosuch -1 4294967296 "0 " 00x0 :5 5:; do
		[ "$u" != 4294967296 ] || runtime_is_ours || continue # 1.1.5 takes it for 0
		refuses rt exec --user "$u" "$ID" true
	done
}

@test "--process FILE replaces everything" {
	exec_spec sh -c 'echo $A; pwd; id -u; grep NoNewPrivs /proc/self/status'
	jq '.env += ["A=5"] | .cwd = "/etc" | .user = { uid: 1000, gid: 1000 } | .noNewPrivileges = false' "$DIR/process.json" >"$DIR/p"
	is "$(rt exec --process "$DIR/p" "$ID")" $'5\n/etc\n1000\nNoNewPrivs:\t0'
}

@test "--process FILE: rlimits, capabilities, umask" {
	exec_spec sh -c 'ulimit -n; grep CapEff /proc/self/status; umask'
	jq '.rlimits = [{ type: "RLIMIT_NOFILE", soft: 77, hard: 88 }] | .capabilities |= map_values(["CAP_KILL"]) | .user.umask = 63' \
		"$DIR/process.json" >"$DIR/p"
	out=$(rt exec --process "$DIR/p" "$ID")
	runtime_is_ours || out=${out/#88/77} # Go sometimes raises the soft limit (docs/compat.md)
	is "$(head -n 2 <<<"$out")" $'77\nCapEff:\t0000000000000020'
	only_ours runtime is "$(tail -n 1 <<<"$out")" 0077 # 1.1.5 knows it for create only
}

@test "--detach with a pid file: the process runs on, and is the one named" {
	rt exec --detach --pid-file "$DIR/exec.pid" "$ID" sleep 555 </dev/null >/dev/null 2>&1
	pid=$(cat "$DIR/exec.pid")
	is "$(stat -c %s "$DIR/exec.pid")" "${#pid}"
	is "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 555 "
	# Whoever reaps children is its parent: a monitor needs that.
	is "$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")" "$SUBREAP_PID"
}

@test "a terminal through a console socket" {
	exec_spec sh -c 'tty; stty size; inside fds'
	jq '.terminal = true | .consoleSize = { height: 22, width: 77 }' "$DIR/process.json" >"$DIR/p"
	helper console "$DIR/sock" "$DIR/ready" --info "$DIR/info" >"$DIR/tty" </dev/null
	await exists "$DIR/ready"
	rt exec --detach --process "$DIR/p" --console-socket "$DIR/sock" --pid-file "$DIR/exec.pid" "$ID" </dev/null >/dev/null 2>&1
	await match "$DIR/tty" '0 1 2'
	like "$(tr -d '\r' <"$DIR/tty")" '^/dev/pts/[0-9]+'
	has "$(cat "$DIR/info")" "fds 1"
	only_ours runtime has "$(cat "$DIR/tty")" "22 77" # 1.1.5 does not set it for exec
}

@test "exactly descriptors 0, 1 and 2, and those preserved" {
	exec {a}</etc/passwd
	is "$(rt exec "$ID" inside fds)" "0 1 2"
	echo three >"$DIR/3"
	is "$(exec 3<"$DIR/3" 4</etc/passwd; rt exec --preserve-fds 1 "$ID" sh -c 'inside fds; cat <&3')" $'0 1 2 3\nthree'
	exec {a}<&-
}

@test "what cannot be started: status 255 and the reason, nothing left" {
	for c in /no/such/program nosuch /etc /etc/plain; do
		refuses rt exec "$ID" "$c"
		if runtime_is_ours || runtime_is_runc; then is "$status" 255; fi
		has "$stderr" "$c"
		one_line "$stderr"
	done
	refuses rt exec --cwd /no/such/dir "$ID" true
	has "$stderr" /no/such/dir
	is "$(rt ps -f json "$ID" | jq length)" 1
}

@test "no command, or an empty process object, is refused" {
	refuses rt exec "$ID"
	echo '{}' >"$DIR/p"
	refuses rt exec --process "$DIR/p" "$ID"
	echo '{' >"$DIR/p"
	refuses rt exec --process "$DIR/p" "$ID"
	refuses rt exec --process "$DIR/missing" "$ID"
	has "$stderr" "$DIR/missing"
}

@test "exec in a created container works; in a stopped one it is refused" {
	ID2=$ID-2
	BUNDLE=$DIR/b2 ID=$ID2 bundle sleep 1000
	rt create --bundle "$DIR/b2" --pid-file "$DIR/pid2" "$ID2" </dev/null >/dev/null 2>&1
	is "$(rt exec "$ID2" echo in)" in
	rt kill "$ID2" KILL
	await process-gone "$(cat "$DIR/pid2")"
	refuses rt exec "$ID2" true
	if runtime_is_ours || runtime_is_runc; then has "$stderr" "cannot exec in a stopped container"; fi
}

@test "exec in a paused container is refused at once" {
	rt pause "$ID"
	refuses rt exec "$ID" true
	if runtime_is_ours || runtime_is_runc; then has "$stderr" "cannot exec in a paused container"; fi
	rt resume "$ID"
	rt exec "$ID" true
}

@test "a process killed by a signal gives 128 and the signal" {
	exits 139 rt exec "$ID" inside die-by 11
	exits 137 rt exec "$ID" sh -c 'kill -KILL $$'
}

@test "signals to a foreground exec reach its process" {
	"$RUNTIME" --root "$ROOT" exec "$ID" sh -c 'trap "exit 33" TERM; echo ready; while :; do sleep 0.05; done' >"$DIR/o" 3>&- 4>&- &
	runner=$!
	await match "$DIR/o" ready
	kill -TERM "$runner"
	rc=0
	wait "$runner" || rc=$?
	is "$rc" 33
}

@test "an exec'd process cannot be reached by the container before it is confined" {
	# Its /proc/PID/exe must at no time be the runtime on a writable mount; what can be seen from here is the end state.
	rt exec --detach --pid-file "$DIR/exec.pid" "$ID" sleep 555 </dev/null >/dev/null 2>&1
	is "$(rt exec "$ID" sh -c 'readlink /proc/1/exe')" /bin/busybox
	is "$(rt exec "$ID" grep -c Seccomp /proc/self/status)" 2
}

@test "twenty execs one after the other leave nothing" {
	for _ in $(seq 20); do rt exec "$ID" true; done
	is "$(rt ps -f json "$ID" | jq length)" 1
}

# taker NAME: a receiver of pidfds at $DIR/NAME; what it takes is in $DIR/NAME.out
taker() {
	helper takefd "$DIR/$1" "$DIR/$1.ready" "$DIR/$1.out" </dev/null >/dev/null
	await exists "$DIR/$1.ready"
}

@test "--pidfd-socket gets the process of create, run and exec" {
	runtime_is_ours || return 0 # runc has it from 1.2 on
	taker e
	rt exec --detach --pidfd-socket "$DIR/e" --pid-file "$DIR/exec.pid" "$ID" sleep 1000 </dev/null >/dev/null 2>&1
	await exists "$DIR/e.out"
	is "$(cat "$DIR/e.out")" "setns $(cat "$DIR/exec.pid")"
	rt delete --force "$ID"
	taker c
	rt_create --pidfd-socket "$DIR/c"
	await exists "$DIR/c.out"
	is "$(cat "$DIR/c.out")" "standard $(cat "$DIR/pid")"
	rt delete --force "$ID"
	taker r
	rt run --detach --bundle "$BUNDLE" --pidfd-socket "$DIR/r" --pid-file "$DIR/pid" "$ID" </dev/null >/dev/null 2>&1
	await exists "$DIR/r.out"
	is "$(cat "$DIR/r.out")" "standard $(cat "$DIR/pid")"
	rt delete --force "$ID"
	exits 1 rt create --bundle "$BUNDLE" --pidfd-socket "$DIR/none" "$ID"
	has "$stderr" "connect to pidfd socket $DIR/none"
	nothing_left
}

@test "exec --cgroup: below the container's cgroup" {
	runtime_is_ours || return 0 # 1.1.5 words its errors otherwise
	path=$(group_of cpu) prefix=
	on_cgroup2 || prefix=cpu:
	[ -d "$path" ] || path=$(group_of cpu,cpuacct)
	mkdir "$path/sub"
	has "$(rt exec --cgroup "${prefix}sub" "$ID" sh -c 'cat /proc/1/cgroup /proc/self/cgroup' | sort -u)" "/${path##*/}/sub"
	hasnt "$(cat "/proc/$(cat "$DIR/pid")/cgroup")" sub
	bad() {
		exits 255 rt exec --cgroup "$2" "$ID" true
		has "$stderr" "$1"
	}
	bad "no such file" "${prefix}none"
	bad "bad sub cgroup path: sub/../.." "${prefix}sub/../.."
	bad "bad sub cgroup path: ../x" "${prefix}../x"
	bad "unknown controller nothing" nothing:sub
	bad "empty <controller> prefix" :sub
	exits 255 rt exec --cgroup "${prefix}sub" --cgroup sub "$ID" true
	has "$stderr" "missing <controller>: prefix"
	rmdir "$path/sub"
}

@test "exec --ignore-paused waits for resume" {
	rt pause "$ID"
	rt exec --ignore-paused "$ID" echo resumed </dev/null >"$DIR/exec.out" 2>&1 3>&- 4>&- &
	waiting=$!
	# Its process is in the cgroup, and has done nothing.
	procs=$(group_of freezer)/cgroup.procs
	for _ in $(seq 300); do [ "$(wc -l <"$procs")" -lt 2 ] || break; read -r -t 0.1 <> <(:) || true; done
	[ "$(wc -l <"$procs")" -ge 2 ]
	is "$(cat "$DIR/exec.out")" ""
	rt resume "$ID"
	wait "$waiting"
	is "$(cat "$DIR/exec.out")" resumed
}
