# What config.json says about the process, as the process itself sees it.
load ../lib/harness

prepare() { bundle true; }

# field NAME: a line of the container process's /proc/self/status
field() { in_container sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }

@test "args, env, cwd and user arrive" {
	config '.process.env += ["A=1", "B=x y", "A=2"] | .process.cwd = "/tmp" | .process.user = { uid: 1000, gid: 1000 }'
	is "$(in_container sh -c 'pwd; echo $A; echo $B; id -u; id -g')" $'/tmp\n2\nx y\n1000\n1000'
}

@test "HOME comes from the container's passwd where env has none" {
	config '.process.user = { uid: 1000, gid: 1000 }'
	is "$(in_container sh -c 'echo $HOME')" /home
	config '.process.env += ["HOME=/elsewhere"]'
	is "$(in_container sh -c 'echo $HOME')" /elsewhere
}

@test "additional groups are set, and cleared where there are none" {
	config '.process.user = { uid: 1000, gid: 1000, additionalGids: [2000, 3000] }'
	is "$(in_container id -G)" "1000 2000 3000"
	config '.process.user = { uid: 0, gid: 0 }'
	is "$(field Groups | tr -d ' ')" ""
}

@test "the annotation run.oci.keep_original_groups: the groups are the caller's" {
	runtime_is_ours || return 0
	for value in 1 0; do
		bundle sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status
		config '.annotations["run.oci.keep_original_groups"] = $v | .process.user = { uid: 1000, gid: 1000 }' --arg v $value
		out=$(setpriv --groups 2000,3000 "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")
		is "${out% }" "$([ $value = 0 ] || echo "2000 3000")"
	done
}

@test "the program is looked up in the container's PATH" {
	own_rootfs
	mkdir "$BUNDLE/rootfs/opt"
	printf '#!/bin/sh\necho found it\n' >"$BUNDLE/rootfs/opt/tool"
	chmod +x "$BUNDLE/rootfs/opt/tool"
	config '.process.env = ["PATH=/nowhere:/opt:/bin"]'
	is "$(in_container tool)" "found it"
}

@test "a missing cwd is made by create" {
	own_rootfs
	config '.process.cwd = "/made/by/create"'
	is "$(in_container pwd)" /made/by/create
}

@test "umask: 0022 unless the config says otherwise, whatever the caller's is" {
	umask 0077
	is "$(in_container sh -c umask)" 0022
	config '.process.user.umask = 63'
	is "$(in_container sh -c umask)" 0077
}

@test "capabilities: each of the five sets is exactly as asked" {
	config '.process.capabilities = {
		bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], effective: ["CAP_CHOWN", "CAP_KILL"],
		permitted: ["CAP_CHOWN", "CAP_KILL"], inheritable: ["CAP_CHOWN", "CAP_KILL"], ambient: ["CAP_KILL"] }
		| .process.user = { uid: 1000, gid: 1000 } | .process.noNewPrivileges = false'
	# A user other than root keeps over execve what is ambient.
	is "$(in_container grep ^Cap /proc/self/status | tr -d '\t')" $'CapInh:0000000000000021
CapPrm:0000000000000020
CapEff:0000000000000020
CapBnd:0000000000002021
CapAmb:0000000000000020'
}

@test "capabilities: root has the bounding set's, and none without a capabilities object" {
	config '.process.capabilities = { bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"] }'
	is "$(field CapEff)" 0000000000000001
	is "$(field CapBnd)" 0000000000000001
	config 'del(.process.capabilities)'
	is "$(field CapEff)" 0000000000000000
	is "$(field CapBnd)" 0000000000000000
}

@test "an unknown capability is a warning, not a failure" {
	config '.process.capabilities.bounding += ["CAP_FLY"]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	if runtime_is_ours || runtime_is_runc; then has "$stderr" CAP_FLY; fi
}

@test "a dropped capability is really gone" {
	is "$(in_container inside syscall sethostname)" EPERM
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	is "$(in_container inside syscall sethostname)" ok
}

@test "noNewPrivileges" {
	is "$(field NoNewPrivs)" 1
	config '.process.noNewPrivileges = false'
	is "$(field NoNewPrivs)" 0
}

@test "rlimits: soft and hard, also infinity" {
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }, { type: "RLIMIT_CORE", soft: 0, hard: 0 },
		{ type: "RLIMIT_STACK", soft: 4194304, hard: 8388608 }]'
	is "$(in_container sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -Ss')" $'100\n200\n0\n4096'
	config '.process.rlimits = [{ type: "RLIMIT_CPU", soft: "INFINITY", hard: "INFINITY" }]'
	config '.process.args = ["sh", "-c", "ulimit -t"]'
	sed -i 's/"INFINITY"/18446744073709551615/' "$BUNDLE/config.json" # jq would round it
	is "$(rt run --bundle "$BUNDLE" "$ID")" unlimited
}

@test "oomScoreAdj is set where given and left alone where not" {
	is "$(in_container cat /proc/self/oom_score_adj)" "$(cat /proc/self/oom_score_adj)"
	config '.process.oomScoreAdj = 500'
	is "$(in_container cat /proc/self/oom_score_adj)" 500
}

@test "the session keyring is the container's own, unless --no-new-keyring" {
	like "$(in_container inside keyring)" "_ses.*$ID"
	config '.process.args = ["inside", "keyring"]'
	hasnt "$(rt run --no-new-keyring --bundle "$BUNDLE" "$ID")" "$ID"
}

@test "a process killed by a signal inside has no signal blocked by us" {
	is "$(in_container inside signals | tr '\t' ' ')" $'SigPnd: 0000000000000000\nSigBlk: 0000000000000000\nSigIgn: 0000000000000000\nSigCgt: 0000000000000000'
}

@test "exactly descriptors 0, 1 and 2 are open, whatever the caller had" {
	config '.process.args = ["inside", "fds"]'
	exec {a}</etc/passwd {b}</etc
	is "$(rt run --bundle "$BUNDLE" "$ID")" "0 1 2"
	exec {a}<&- {b}<&-
}

@test "--preserve-fds N lets exactly that many more through" {
	config '.process.args = ["sh", "-c", "inside fds; cat <&3; cat <&4"]'
	echo three >"$DIR/3"
	echo four >"$DIR/4"
	is "$(exec 3<"$DIR/3" 4<"$DIR/4" 5</etc/passwd; rt run --preserve-fds 2 --bundle "$BUNDLE" "$ID")" $'0 1 2 3 4\nthree\nfour'
}

@test "--preserve-fds of a closed descriptor is refused" {
	runtime_is_ours || return 0 # runc 1.1.5 finds a descriptor of its own there
	refuses rt create --preserve-fds 2 --bundle "$BUNDLE" "$ID"
	has "$stderr" preserved-fd
	nothing_left
}

@test "LISTEN_FDS: the sockets arrive, LISTEN_PID is the container's 1" {
	config '.process.args = ["sh", "-c", "echo $LISTEN_FDS $LISTEN_PID; inside fds"]'
	out=$(exec 3</etc/passwd 4</etc/group; sh -c 'LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"' sh "$RUNTIME" --root "$ROOT" run \
		--bundle "$BUNDLE" "$ID")
	is "$out" $'2 1\n0 1 2 3 4'
}

@test "LISTEN_FDS meant for another process is not taken" {
	config '.process.args = ["sh", "-c", "echo \"$LISTEN_FDS\"; inside fds"]'
	runtime_is_ours || runtime_is_runc || return 0 # crun does not look at LISTEN_PID
	out=$(exec 3</etc/passwd; LISTEN_PID=1 LISTEN_FDS=1 "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")
	is "$out" $'\n0 1 2'
}

@test "stdio belongs to the container's user" {
	config '.process.user = { uid: 1000, gid: 1000 } | .process.args = ["sh", "-c", "echo ok >/dev/stdout; stat -c %u -L /proc/self/fd/1"]'
	is "$(rt run --bundle "$BUNDLE" "$ID" | cat)" $'ok\n1000'
}

@test "a terminal: console socket, size, controlling tty, /dev/console" {
	config '.process.terminal = true | .process.consoleSize = { height: 31, width: 91 }
		| .process.args = ["sh", "-c", "tty; stty size; test -c /dev/console && echo console; echo err >&2; inside fds"]'
	helper console "$DIR/sock" "$DIR/ready" --info "$DIR/info" >"$DIR/tty" </dev/null
	await exists "$DIR/ready"
	rt_create --console-socket "$DIR/sock"
	rt start "$ID"
	await process-gone "$(cat "$DIR/pid")"
	await match "$DIR/tty" '0 1 2'
	is "$(tr -d '\r' <"$DIR/tty")" $'/dev/pts/0\n31 91\nconsole\nerr\n0 1 2'
	has "$(cat "$DIR/info")" $'fds 1\nsize 31 91'
}

@test "a terminal without console socket, and a console socket without terminal, are refused" {
	runtime_is_ours || runtime_is_runc || return 0 # crun takes the second
	config '.process.terminal = true'
	exits 1 rt create --bundle "$BUNDLE" "$ID"
	has "$stderr" "cannot allocate tty if"
	has "$stderr" "will detach without setting console socket"
	nothing_left
	config '.process.terminal = false'
	exits 1 rt create --bundle "$BUNDLE" --console-socket "$DIR/none" "$ID"
	has "$stderr" "cannot use console socket if"
	nothing_left
}

@test "personality: LINUX32" {
	runtime_is_ours || return 0 # younger than runc 1.1.5
	config '.linux.personality = { domain: "LINUX32" }'
	is "$(in_container uname -m)" i686
}

@test "the runtime's binary cannot be overwritten through the container's /proc/PID/exe" {
	rt_create
	pid=$(cat "$DIR/pid")
	exec {exe}<"/proc/$pid/exe"
	rt delete --force "$ID"
	await process-gone "$pid"
	# Nobody runs it through this descriptor now, so the kernel no longer says "text file busy". Opening must fail
	# (a read-only mount), or it is a copy.
	if (: >>"/proc/self/fd/$exe") 2>/dev/null; then
		[ "$(stat -Lc %d:%i "/proc/self/fd/$exe")" != "$(stat -Lc %d:%i "$RUNTIME")" ] || fail "the host's binary is writable"
	fi
	exec {exe}<&-
}

@test "what a terminal shows goes to a file with plain newlines" {
	runtime_is_ours || return 0 # runc does the same, but wants a terminal of its own for it
	config '.process.terminal = true | .process.args = ["sh", "-c", "echo one; echo two; tty"]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$(od -An -c <<<"$output" | tr -d ' \n')" 'one\ntwo\n/dev/pts/0\n'
}

@test "on which CPUs the caller runs does not matter to the container, nor to exec" {
	[ "$(nproc)" -gt 1 ] || skip "one CPU"
	runtime_is_runc && return 0 # 1.1.5 passes the caller's on
	all=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
	one=${all%%[-,]*}
	config '.process.args = ["sh", "-c", "grep Cpus_allowed_list /proc/self/status; exec sleep 1000"]'
	taskset -c "$one" "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" </dev/null >"$DIR/out" 2>"$DIR/err"
	rt start "$ID"
	await match "$DIR/out" list
	is "$(cut -f 2 "$DIR/out")" "$all"
	is "$(taskset -c "$one" "$RUNTIME" --root "$ROOT" exec "$ID" grep Cpus_allowed_list /proc/self/status | cut -f 2)" "$all"
	exec_spec grep Cpus_allowed_list /proc/self/status
	jq --arg one "$one" '.execCPUAffinity = { initial: $one }' "$DIR/process.json" >"$DIR/p"
	is "$(rt exec --process "$DIR/p" "$ID" | cut -f 2)" "$one"
}

@test "the memory policy is exec's as well" {
	runtime_is_runc && return 0 # 1.1.5 knows none
	config '.linux.memoryPolicy = { mode: "MPOL_PREFERRED", nodes: "0", flags: ["MPOL_F_RELATIVE_NODES"] }
		| .process.args = ["sleep", "1000"]'
	rt_create
	like "$(rt exec "$ID" head -n 1 /proc/self/numa_maps)" ' prefer[^ ]*=relative:0 '
}

@test "an ambient capability that is not inheritable is a warning" {
	config '.process.args = ["true"] | .process.capabilities.inheritable = ["CAP_KILL"]
		| .process.capabilities.permitted += ["CAP_KILL", "CAP_CHOWN"] | .process.capabilities.bounding += ["CAP_KILL", "CAP_CHOWN"]
		| .process.capabilities.ambient = ["CAP_KILL", "CAP_CHOWN"]'
	out=$(rt run --bundle "$BUNDLE" "$ID" 2>&1)
	only_ours runtime has "$out" "can't raise ambient capability CAP_CHOWN: "
	hasnt "$out" "capability CAP_KILL"
}

@test "a deadline and a cpuset: refused, as the kernel refuses it for exec" {
	runtime_is_ours || return 0 # runc has schedulers from 1.2 on
	on_cgroup2 && return 0 # no cpuset here
	[ "$(nproc)" -gt 1 ] || skip "one CPU"
	config '.process.scheduler = { policy: "SCHED_DEADLINE", runtime: 42000, deadline: 1000000, period: 1000000 }'
	rt run --bundle "$BUNDLE" "$ID" || skip "no deadlines here"
	config '.linux.resources.cpu.cpus = "0"'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "process scheduler can't be used together with AllowedCPUs"
	nothing_left
}
