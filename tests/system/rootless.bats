# Containers of an ordinary user: no rights but over user namespaces of its own. The account is made for the tests.
load ../lib/harness
load ../lib/account

rt() { as_user "$RUNTIME" --root "$ROOT" "$@"; }

many_ids() {
	config '.linux.uidMappings += [{ containerID: 1, hostID: 600000, size: 65536 }]
		| .linux.gidMappings += [{ containerID: 1, hostID: 700000, size: 65536 }]'
}

in_container() {
	config '.process.args = $ARGS.positional' --args -- "$@"
	own
	rt run --bundle "$BUNDLE" "$ID"
}

# A filter is loaded while there is the right to; and an ordinary user is not given scopes of the system's.
prepare() {
	UNDER=() RUNTIME=$RUNTIME_PROGRAM MONITOR=$MONITOR_PROGRAM
	[ -z "$LACKING" ] || UNDER=("$TOOLS/nocall" "$LACKING" --)
	user_bundle true
}

@test "rootless: the user is root inside, and itself outside" {
	is "$(in_container sh -c 'id -u; id -g; tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map; cat /proc/self/setgroups
		touch /work/file; stat -c %u:%g /work/file')" \
		$'0\n0\n 0 4711 1\n 0 4712 1\ndeny\n0:0'
	is "$(stat -c %u:%g "$BUNDLE/rootfs/work/file")" 4711:4712
}

@test "rootless: more ids by newuidmap and newgidmap" {
	many_ids
	config '.process.user = { uid: 1000, gid: 1000, additionalGids: [2000] }'
	runtime_is_ours || config 'del(.process.user.additionalGids)' # runc gives none, and does not drop its own
	only_ours runtime is "$(in_container sh -c 'id -G' 2>/dev/null)" "1000 2000"
	only_ours runtime is "$(in_container sh -c 'id -G' 2>/dev/null)" "1000 2000"
	is "$(in_container sh -c 'id -u; id -g; tr -s " " </proc/self/uid_map; cat /proc/self/setgroups')" \
		$'1000\n1000\n 0 4711 1\n 1 600000 65536\nallow'
}

@test "rootless: without the helpers the error says so, and one id needs none" {
	runtime_is_ours || return 0 # runc looks for them at other times
	mkdir "$DIR/empty"
	as_user() {
		"${UNDER[@]}" setpriv --reuid "$USER_ID" --regid "$GROUP_ID" --clear-groups env -i PATH="$DIR/empty" "$@"
	}
	in_container true
	many_ids
	refuses in_container true
	has "$stderr" "linux.gidMappings: an ordinary user may map nothing but the own id without newgidmap"
	nothing_left
}

@test "rootless: ids that are not the user's are refused, with the helper's words" {
	config '.linux.uidMappings += [{ containerID: 1, hostID: 900000, size: 10 }]'
	refuses in_container true
	only_ours runtime has "$stderr" "linux.uidMappings: "
	has "$stderr" "newuidmap"
	nothing_left
}

@test "rootless: create, start, exec, kill, delete" {
	config '.process.args = ["sleep", "1000"]'
	own
	rt_create
	is "$(status_of)" created
	rt start "$ID"
	is "$(status_of)" running
	is "$(rt exec "$ID" sh -c 'id -u; readlink /proc/self/ns/pid; readlink /proc/self/ns/user; readlink /proc/self/ns/net')" \
		"0"$'\n'"$(for n in pid user net; do readlink "/proc/$(cat "$DIR/pid")/ns/$n"; done)"
	exits 3 rt exec "$ID" sh -c 'exit 3'
	rt exec -d --pid-file "$DIR/exec.pid" "$ID" sleep 1000
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	await process-gone "$(cat "$DIR/exec.pid")"
	is "$(status_of)" stopped
	rt delete "$ID"
	nothing_left
}

# With these the kernel makes memfds that cannot be executed, or none that could (Linux 6.3). Nobody in the container may write
# to the program that joins it.
@test "rootless: with vm.memfd_noexec of 1 and of 2 containers run, and have no way to the runtime" {
	runtime_is_ours || return 0 # runc 1.1 does not know of it
	[ -e /proc/sys/vm/memfd_noexec ] || return 0
	local level
	ln -sf /proc/self/exe "$BUNDLE/rootfs/bin/again"
	config '.process.args = ["sh", "-c", "echo ready; while :; do for p in /proc/[0-9]*/exe; do
		case $(readlink $p) in /bin/*) ;; *) (echo bad >>$p) 2>/dev/null && echo written; esac; done; done"]'
	own
	for level in 1 2; do
		# shellcheck disable=SC2016 # the inner shell expands it
		attempt unshare -p -f -m --mount-proc sh -ec '
			echo "$1" >/proc/sys/vm/memfd_noexec
			id=$2 bundle=$3 out=$4
			shift 4
			"$@" run --detach --bundle "$bundle" "$id" >"$out" 2>&1 </dev/null
			await match "$out" ready
			for i in 1 2 3 4 5; do "$@" exec "$id" /bin/again --version >&2 || true; done # (it may lack its libraries there)
			"$@" exec "$id" echo inside
			"$@" delete --force "$id"' sh "$level" "$ID" "$BUNDLE" "$DIR/said" \
			"${UNDER[@]}" setpriv --reuid "$USER_ID" --regid "$GROUP_ID" --clear-groups "$RUNTIME" --root "$ROOT"
		[ "$status" -eq 0 ] || fail "$level: $stderr"
		is "$output" inside
		is "$(cat "$DIR/said")" ready
	done
}

@test "rootless: the config.json of spec --rootless runs as it is, for the user who wrote it" {
	rm "$BUNDLE/config.json"
	as_user "$RUNTIME" spec --rootless --bundle "$BUNDLE"
	is "$(jq -c '[.linux.uidMappings[0].hostID, .linux.gidMappings[0].hostID, .linux.resources, .process.terminal]' <"$BUNDLE/config.json")" \
		'[4711,4712,null,true]'
	config '.process.terminal = false'
	is "$(in_container sh -c 'id -u; ls /sys/class/net')" "0"$'\n'"$(ls /sys/class/net)"
}

@test "rootless: a terminal, in run and in exec" {
	config '.process.terminal = true | .process.args = ["sleep", "1000"]'
	own
	as_user "$TOOLS/console" "$DIR/console.sock" "$DIR/console.ready" </dev/null 3>&- 4>&- >"$DIR/console.out" 2>&1 &
	echo $! >>"$DIR/helpers"
	await exists "$DIR/console.ready"
	rt_create --console-socket "$DIR/console.sock"
	rt start "$ID"
	is "$(rt exec "$ID" sh -c 'ls -l /dev/console | cut -c1; stat -c %u /dev/pts/0')" $'c\n0'
	rt kill "$ID" KILL
}

@test "rootless: device nodes are the host's, and work" {
	like "$(in_container sh -c 'echo x >/dev/null && head -c 4 /dev/zero | wc -c; ls -l /dev/urandom; [ -c /dev/full ] && echo full')" \
		$'^4\ncrw-rw-rw-.*\nfull$'
}

@test "rootless: bind mounts, options, masked and read-only paths" {
	mkdir -p "$DIR/data"
	echo content >"$DIR/data/file"
	config '.mounts += [{ destination: "/mnt", type: "bind", source: $d, options: ["rbind", "ro", "nosuid"] },
		{ destination: "/x/file", type: "bind", source: ($d + "/file"), options: ["bind"] }]' --arg d "$DIR/data"
	is "$(in_container sh -c 'exec 2>&1; cat /mnt/file /x/file; touch /mnt/y; echo >/proc/sys/kernel/domainname; ls /sys/firmware; [ -s /proc/keys ] || echo masked' 2>&1)" \
		$'content\ncontent\ntouch: /mnt/y: Read-only file system\nsh: can\'t create /proc/sys/kernel/domainname: Read-only file system\nmasked'
}

@test "rootless: what the source may not, the container may not" {
	runtime_is_ours || return 0 # runc 1.1.5 goes by other rules
	mkdir "$DIR/locked"
	mount -t tmpfs -o nosuid,nodev,mode=777 tmpfs "$DIR/locked"
	config '.mounts += [{ destination: "/mnt", type: "bind", source: $d, options: ["bind", "ro"] }]' --arg d "$DIR/locked"
	like "$(in_container grep ' /mnt ' /proc/self/mountinfo)" ' /mnt ro,nosuid,nodev'
	config '.mounts[-1].options = ["bind", "suid"]'
	refuses in_container true
	umount "$DIR/locked"
	has "$stderr" "cannot clear locked flags"
	nothing_left
}

@test "rootless: sysfs of the host, where the network is the host's" {
	config 'del(.linux.namespaces[] | select(.type == "network"))'
	runtime_is_ours || return 0 # runc fails (its issue 3672)
	if lacks open_tree move_mount mount_setattr; then # what is below it cannot be made read-only (before Linux 5.12)
		refuses in_container true
		has "$stderr" "set mount attributes recursively: function not implemented"
		return 0
	fi
	has "$(in_container sh -c 'ls /sys/class; grep -c " /sys " /proc/self/mountinfo')" net
}

@test "rootless: procfs of the host, where the processes are the host's" {
	runtime_is_ours || return 0 # runc fails
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	has "$(in_container ls /proc)" "$$"
}

@test "rootless: no cgroup is no error, but limits and paths that cannot be had are" {
	config '.mounts += [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] }]'
	in_container true
	config '.linux.resources.pids.limit = 10'
	refuses in_container true
	has "$stderr" "rootless needs no limits + no cgrouppath when no permission is granted for cgroups" ||
		has "$stderr" "cannot set pids limit"
	nothing_left
	if runtime_is_ours; then # of 0 it depends on the specification's version whether it is a limit
		config '.linux.resources.pids.limit = 0'
		in_container true
		config '.ociVersion = "1.3.0"'
		refuses in_container true
	fi
	config 'del(.linux.resources.pids) | .linux.cgroupsPath = "/" + $id' --arg id "$ID"
	refuses in_container true
	nothing_left
}

@test "rootless: --rootless=false insists on cgroups, --rootless=true lets root go without" {
	runtime_is_ours || return 0 # runc 1.1.5 asks for --systemd-cgroup or rights first
	exits 1 rt --rootless=false run --bundle "$BUNDLE" "$ID"
	has "$stderr" "mkdir /sys/fs/cgroup"
	rt --rootless=true run --bundle "$BUNDLE" "$ID"
	rt --rootless=auto run --bundle "$BUNDLE" "$ID"
	nothing_left
}

@test "rootless: a delegated cgroup is used" {
	on_cgroup2 || return 0 # delegation is for cgroup v2
	mkdir "/sys/fs/cgroup/$ID-given"
	chown "$USER_ID" "/sys/fs/cgroup/$ID-given" "/sys/fs/cgroup/$ID-given/cgroup.procs" "/sys/fs/cgroup/$ID-given/cgroup.subtree_control"
	config '.linux.cgroupsPath = "/" + $id + "-given/inner" | .process.args = ["sleep", "1000"]' --arg id "$ID"
	own
	# Who starts it must be in there itself: the nearest common ancestor has to be the user's.
	mkdir "/sys/fs/cgroup/$ID-given/caller"
	chown "$USER_ID" "/sys/fs/cgroup/$ID-given/caller" "/sys/fs/cgroup/$ID-given/caller/cgroup.procs"
	sh -c 'echo $$ >/sys/fs/cgroup/$1/cgroup.procs && shift && exec "$@"' sh "$ID-given/caller" \
		setpriv --reuid "$USER_ID" --regid "$GROUP_ID" --clear-groups "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" \
		--pid-file "$DIR/pid" "$ID" </dev/null >"$DIR/out" 2>"$DIR/err"
	has "$(cat "/proc/$(cat "$DIR/pid")/cgroup")" "$ID-given/inner"
	rt pause "$ID" 2>/dev/null || rt start "$ID"
	rt delete --force "$ID"
	rmdir "/sys/fs/cgroup/$ID-given/caller" "/sys/fs/cgroup/$ID-given"
}

@test "rootless: what needs more than a user has is refused by name" {
	config 'del(.linux.namespaces[] | select(.type == "user"))'
	refuses in_container true
	has "$stderr" "rootless container requires user namespaces"
	user_bundle true
	config '.process.user.additionalGids = [5]'
	refuses in_container true
	has "$stderr" "cannot set any additional groups in a rootless container"
	user_bundle true
	config '.process.user.uid = 7'
	refuses in_container true
	runtime_is_ours && has "$stderr" "cannot setuid to unmapped uid 7 in user namespace"
	nothing_left
}

@test "rootless: time offsets, oom score, rlimits" {
	config '.process.oomScoreAdj = 500 | .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }]'
	is "$(in_container sh -c 'cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn')" $'500\n100\n200'
	runtime_is_ours || return 0 # younger than runc 1.1.5
	config '.linux.namespaces += [{ type: "time" }] | .linux.timeOffsets = { boottime: { secs: 1000000 } }'
	[ "$(in_container sh -c 'cut -d. -f1 /proc/uptime')" -gt 1000000 ]
}

@test "rootless: the namespaces of another container of the same user are joined" {
	runtime_is_ours || return 0 # runc 1.1.5 wants the mappings repeated
	config '.process.args = ["sleep", "1000"]'
	own
	rt_create
	rt start "$ID"
	first=$(cat "$DIR/pid")
	out=$(ID=$ID-2 && BUNDLE=$DIR/b2 && user_bundle true && config '(.linux.namespaces[] | select(.type == "network" or .type == "user" or .type == "ipc" or .type == "pid")) |=
		(.path = "/proc/" + $p + "/ns/" + ({ ipc: "ipc", network: "net", user: "user", pid: "pid" }[.type]))
		| del(.linux.uidMappings, .linux.gidMappings)' --arg p "$first" &&
		in_container sh -c 'for n in ipc net user pid; do readlink /proc/self/ns/$n; done; id -u')
	is "$out" "$(for n in ipc net user pid; do readlink "/proc/$first/ns/$n"; done)"$'\n'0
}

@test "rootless: the state directory is the user's own" {
	mkdir -p "$DIR/xdg"
	own
	as_user "$RUNTIME" run --bundle "$BUNDLE" "$ID"
	name=$(basename "$RUNTIME")
	is "$(stat -c '%a %u' "$DIR/xdg/${name%%.*}")" "1700 $USER_ID"
}

@test "rootless: root of a user namespace, as under podman" {
	config 'del(.linux.namespaces[] | select(.type == "user")) | del(.linux.uidMappings, .linux.gidMappings)
		| .process.args = ["sh", "-c", "id -u; ls /dev | wc -l; echo x >/dev/null"]'
	own
	attempt as_user unshare -Urm "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || fail "$stderr"
	is "${lines[0]}" 0
}

@test "rootless: a monitor of the user: created, started, logged, ended" {
	engine() {
		exec "${UNDER[@]}" setpriv --reuid "$USER_ID" --regid "$GROUP_ID" --clear-groups env XDG_RUNTIME_DIR="$DIR/xdg" "$TOOLS/engine" "$@"
	}
	user_bundle sh -c 'echo out; echo err >&2; exit 7'
	umask 0 # the engine is the user's too
	mon_started
	mon_end
	is "$(payload stdout)" out
	is "$(payload stderr)" err
	is "$(exit_file)" 7
}

@test "rootless: E29 E30 readiness is told by the user's container, too" {
	user_bundle sh -c 'stat -c "%u %A" /run/notify/notify.sock >/work/sock; inside notify READY=1; read x </work/end'
	with_work
	mkfifo "$DIR/work/end"
	helper notify-host "$DIR/host.sock" "$DIR/heard"
	await exists "$DIR/heard"
	chmod 777 "$DIR/host.sock" "$DIR/work/end"
	own
	as_user NOTIFY_SOCKET="$DIR/host.sock" "$RUNTIME" --root "$ROOT" run --detach --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" \
		</dev/null >/dev/null 2>"$DIR/err" || fail "$(cat "$DIR/err")"
	await match "$DIR/heard" "^MAINPID=$(cat "$DIR/pid")\$"
	is "$(head -n 1 "$DIR/heard")" READY=1
	is "$(cat "$DIR/work/sock")" "0 srwxrwxrwx"
	rt delete --force "$ID"
	nothing_left
}

@test "rootless: symlinks as sources and destinations" {
	runtime_is_runc && return 0 # options of crun's
	ln -s to/nowhere "$DIR/dangling"
	ln -s point-to-nowhere "$BUNDLE/rootfs/target"
	config '.mounts += [
		{ destination: "/target", source: ($dir + "/dangling"), options: ["bind", "src-nofollow", "dest-nofollow"] },
		{ destination: "/a/link", source: ($dir + "/dangling"), options: ["rbind", "copy-symlink"] }]' --arg dir "$DIR"
	is "$(in_container sh -c 'readlink /target; readlink /a/link')" $'to/nowhere\nto/nowhere'
}
