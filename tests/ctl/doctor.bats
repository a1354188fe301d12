# tallyctl doctor: what it says is so, on this host, on one with cgroup v2 alone, and on hosts where something is hidden.
load ctl

# doctor ARGS: its JSON is $output, $status 0 or 1
doctor() {
	attempt ctl doctor --json "$@"
	[ "$status" -le 1 ] || fail "status $status: $stderr"
	is "$stderr" ""
	is "$(jq -r .status <<<"$output")" "$(jq -r '[.findings[].level] | if index("problem") then "problem" elif index("warning") then "warning" else "ok" end' <<<"$output")"
	is "$status" "$(jq 'if .status == "ok" then 0 else 1 end' <<<"$output")"
}

# told NAME: level and text of a finding of $output
told() { jq -r --arg n "$1" '.findings[] | select(.name == $n) | .level + " " + .text' <<<"$output"; }
remedy() { jq -r --arg n "$1" '.findings[] | select(.name == $n) | .remedy' <<<"$output"; }

# elsewhere SCRIPT: doctor in a mount namespace where the script has been before
elsewhere() {
	# shellcheck disable=SC2016 # the inner shell expands it
	attempt unshare -m --propagation private sh -ec "$1"'; exec "$@"' sh "$TALLYCTL" --root "$CTL" doctor --json
	[ "$status" -le 1 ] || fail "status $status: $stderr"
}

# hidden FILE TEXT: doctor where this file says something else
hidden() {
	printf '%s\n' "$2" >"$DIR/instead"
	elsewhere "mount --bind $DIR/instead $1"
}

@test "all areas are told of, as JSON and as text" {
	doctor
	is "$(jq -r '[.findings[].area] | unique | join(" ")' <<<"$output")" \
		"cgroups kernel leftovers limits namespaces programs rootless security systemd"
	is "$(jq -r '.findings[] | select(.name == "release").text' <<<"$output")" "$(uname -r)"
	is "$(told monitor)" "ok $MONITOR"
	is "$(told runtime)" "ok $RUNTIME"
	is "$(told mode)" "ok $(! on_cgroup2 && echo hybrid || echo unified)"
	json=$output rc=$status
	exits "$rc" ctl doctor
	is "$(grep -Ec '^  (ok|note|warning|problem) ' <<<"$output")" "$(jq '.findings | length' <<<"$json")"
	is "$(grep -c remedy: <<<"$output")" "$(jq '[.findings[].remedy | values] | length' <<<"$json")"
	exits 125 ctl doctor nonsense
	one_line "$stderr"
}

@test "with cgroup v2 and no controllers their names are told" {
	[ "$LANE" != vm ] || return 0 # there they are: tests/vm/direct/doctor.bats
	local enter=()
	on_cgroup2 || enter=("$TESTS/lib/lane-cgroup2")
	attempt "${enter[@]}" "$TALLYCTL" --root "$CTL" doctor --json
	is "$status" 1
	is "$(told mode)" "ok unified"
	is "$(told device\ rules\ by\ BPF)" "ok there"
	like "$(told memory)" '^warning no such controller'
	is "$(remedy memory)" "unmount the hierarchy of version 1 that has memory"
}

@test "each system call that is missing is told with what is done instead" {
	local call n=0
	for call in clone3 close_range execveat fsopen memfd_create mount_setattr move_mount open_tree openat2 pidfd_getfd pidfd_open \
		pidfd_send_signal; do
		attempt nocall "$call" -- "$TALLYCTL" --root "$CTL" doctor --json
		[ "$status" -le 1 ] || fail "without $call: status $status: $stderr"
		like "$(told "$call")" '^note not there \(ENOSYS; Linux [0-9.]* has it\): .'
		n=$((n + 1))
	done
	is "$n" 12
}

@test "what is hidden, forbidden or wrong is told with its remedy" {
	elsewhere 'mount -t tmpfs tmpfs /sys/fs/cgroup'
	is "$status $(told mode)" "1 problem none: no cgroup file system is mounted at /sys/fs/cgroup"
	is "$(remedy mode)" "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
	elsewhere 'mount -t tmpfs tmpfs /sys/fs/cgroup; mkdir /sys/fs/cgroup/u; mount -t cgroup2 none /sys/fs/cgroup/u
		mount --bind /sys/fs/cgroup/u /sys/fs/cgroup; mount -o remount,bind,ro /sys/fs/cgroup'
	is "$(told access)" "problem /sys/fs/cgroup is read-only"
	hidden /proc/sys/user/max_user_namespaces 0
	is "$status $(told user)" "1 warning forbidden: max_user_namespaces is 0"
	hidden /proc/sys/kernel/seccomp/actions_avail "kill_process errno allow"
	is "$(told seccomp)" "note without the actions kill_thread trap user_notif trace log"
	hidden /proc/sys/kernel/core_pattern "|/usr/bin/no-such-program %p"
	is "$status $(told 'core dumps')" "1 warning are lost: there is no /usr/bin/no-such-program"
	hidden /proc/sys/fs/inotify/max_user_instances 5
	is "$(remedy 'inotify max_user_instances')" "sysctl -w fs.inotify.max_user_instances=1024"
	elsewhere 'mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system'
	is "$status" 1
	like "$(told 'system bus')" '^warning no answer at /run/dbus/system_bus_socket \(no such file or directory\)'
	attempt env PATH=/nowhere "$TALLYCTL" --root "$CTL" --monitor no-such doctor --json
	is "$(told monitor)" "problem monitor no-such: not found in \$PATH"
	is "$(told criu)" "note not there: no checkpoint and restore"
}

@test "a monitor that has died is found, and its container goes by the remedy" {
	started sleep 1000
	ctl_pids
	doctor
	is "$(told "$ID")$(told containers)" "ok none has left anything"
	kill -KILL "$MPID"
	await process-gone "$MPID"
	doctor
	is "$status" 1
	like "$(told "$ID")" '^problem the container runs, but its monitor has died'
	PATH=${TALLYCTL%/*}:$PATH eval "$(remedy "$ID")"
	doctor
	is "$(told "$ID")$(told containers)" "ok none has left anything"
}

@test "the state and the cgroups of a container that has gone are found, and go by the remedy" {
	local name=$ROOT/$ID
	bundle sleep 1000
	rt_create
	doctor --runtime-root "$ROOT"
	is "$(told "$name")$(told containers)" "ok none has left anything"
	kill -KILL "$(cat "$DIR/pid")"
	await process-gone "$(cat "$DIR/pid")"
	doctor --runtime-root "$ROOT"
	is "$status" 1
	like "$(told "$name")" '^warning the state of a process that has gone, and its cgroups are still there: [0-9]+, among them /sys/fs/cgroup/'
	is "$(remedy "$name")" "tallyrun --root $ROOT delete --force $ID"
	rt delete --force "$ID"
	doctor --runtime-root "$ROOT"
	is "$(told "$name")$(told containers)" "ok none has left anything"
}

@test "a container that runs on without its first thread is none that has gone" {
	bundle inside last-thread
	rt_create
	rt start "$ID"
	await match "$DIR/out" ready
	like "$(cat "/proc/$(cat "$DIR/pid")/stat")" '^[0-9]+ \(inside\) Z '
	doctor --runtime-root "$ROOT"
	is "$(told "$ROOT/$ID")$(told containers)" "ok none has left anything"
	kill -KILL "$(cat "$DIR/pid")" # runc finds a container of this kind stopped and does not
}

@test "an ordinary user is told what is missing for him alone" {
	[ ! -e /proc/sys/kernel/unprivileged_userns_clone ] || [ "$(cat /proc/sys/kernel/unprivileged_userns_clone)" = 1 ]
	mkdir "$DIR/bin"
	cp "$TALLYCTL" "$DIR/bin/tallyctl"
	chmod 755 "$DIR" "$DIR/bin"
	attempt setpriv --reuid 54321 --regid 54321 --clear-groups env -u XDG_RUNTIME_DIR "$DIR/bin/tallyctl" --root "$DIR/none" doctor --json
	[ "$status" -eq 1 ] || fail "status $status: $stderr"
	is "$(told XDG_RUNTIME_DIR)" "warning not set: --root is needed"
	is "$(told subuid)" "warning 0 ids: images need 65536"
	like "$(told delegation)" '^(note cgroups of version 1 are root.s|warning .* is not ours): no limits for containers of this user$'
	is "$(told open_tree)" "ok there" # in a user namespace of his own
}

@test "looking changes nothing: no file is written, no mount is made, no process is left" {
	grep -v " $DIR" /proc/self/mountinfo >"$DIR/before"
	ASAN_OPTIONS=detect_leaks=0 attempt strace -ff -o "$DIR/calls" "$TALLYCTL" --root "$CTL" doctor --json
	[ "$status" -le 1 ] || fail "status $status: $stderr"
	grep -v " $DIR" /proc/self/mountinfo | cmp "$DIR/before" -
	[ "$(cat "$DIR"/calls.* | grep -c '^openat2(')" -ge 1 ] # it was looked
	is "$(cat "$DIR"/calls.* | grep -E '^(mkdir|mknod|unlink|rename|symlink|link|truncate|mount|umount|move_mount|pivot_root|bind|setns|sethostname)[a-z0-9]*\(' |
		grep -v ' = -1 ')" ""
	is "$(cat "$DIR"/calls.* | grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC)' | grep -v ' = -1 ' | grep -vE '"/dev/null"|"/proc/[0-9]+/[ug]id_map"')" ""
	[ ! -e "$CTL" ]
	await no-children "$SUBREAP_PID" "$SUBREAP_CHILD"
}
