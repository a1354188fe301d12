# cgroup v2 beyond one container's limits: groups that die together, pressure, containers in containers, delegated groups.
load ../../lib/harness

value() { cat "/sys/fs/cgroup/$ID/$1"; }

@test "memory.oom.group: all processes of the container die together, and the record says oom" {
	# shellcheck disable=SC2016 # the container's shell expands it
	bundle sh -c 'sleep 1000 & dd if=/dev/zero of=/dev/null bs=100M & wait; exit 3'
	config '.linux.resources += { memory: { limit: 33554432, swap: 33554432 }, unified: { "memory.oom.group": "1" } }'
	mon_started
	mon_end 120
	is "$(exit_file)" 137
	monitor_is_ours || return 0
	is "$(jq -r '.cause, .signal' "$BUNDLE/exit.json" | paste -sd,)" oom,SIGKILL
	[ "$(jq .evidence.oom_kill "$BUNDLE/exit.json")" -ge 2 ] # more than the one who asked for too much
}

@test "without memory.oom.group only the process that asked for too much dies" {
	bundle sh -c 'dd if=/dev/zero of=/dev/null bs=100M & wait $!; exit 3'
	config '.linux.resources += { memory: { limit: 33554432, swap: 33554432 } }'
	mon_started
	mon_end 120
	is "$(exit_file)" 3
}

@test "statistics tell of the pressure on cpu, memory and io" {
	runtime_is_ours || return 0
	bundle sleep 1000
	rt_create
	rt start "$ID"
	rt events --stats "$ID" >"$DIR/stats"
	for part in .data.cpu .data.memory .data.blkio; do
		jq -e "$part.psi.some | has(\"avg10\") and has(\"avg60\") and has(\"avg300\") and has(\"total\")" "$DIR/stats" ||
			fail "no pressure in $part: $(cat "$DIR/stats")"
	done
	is "$(jq .data.memory.psi.full.total "$DIR/stats")" "$(sed -n 's/^full .*total=//p' "/sys/fs/cgroup/$ID/memory.pressure")"
}

@test "a container in a container has its limits below the outer one's" {
	runtime_is_ours || return 0
	local outer
	bundle sleep 1000
	own_rootfs
	mkdir -p "$BUNDLE/rootfs/inner/bundle" "$BUNDLE/rootfs/run" "$BUNDLE/rootfs/tmp"
	cp "$RUNTIME_PROGRAM" "$BUNDLE/rootfs/inner/tallyrun"
	jq '.root.path = "/" | .process.args = ["sh", "-c", "cat /proc/self/cgroup; exec sleep 1000"]
		| .linux.cgroupsPath = "/nested" | .linux.resources = { memory: { limit: 16777216 }, pids: { limit: 7 } }
		| .linux.maskedPaths = [] | .linux.readonlyPaths = [] | del(.linux.seccomp)' \
		<"$BUNDLE/config.json" >"$BUNDLE/rootfs/inner/bundle/config.json"
	config '.linux.namespaces += [{ type: "cgroup" }] | .linux.resources = { memory: { limit: 67108864 } }
		| .linux.maskedPaths = [] | .linux.readonlyPaths = []
		| .mounts += [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"] }]
		| .process.capabilities |= with_entries(.value = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_CHOWN", "CAP_SETPCAP", "CAP_SYS_RESOURCE", "CAP_FOWNER"])
		| .process.noNewPrivileges = false'
	rt_create || fail "$(cat "$DIR/err")"
	rt start "$ID"
	# cgroup v2 allows no processes beside groups with controllers: the outer one's go into a group of their own.
	exits 0 rt exec "$ID" sh -c 'mkdir /sys/fs/cgroup/own && for p in $(cat /sys/fs/cgroup/cgroup.procs); do echo $p >/sys/fs/cgroup/own/cgroup.procs; done
		echo "+memory +pids" >/sys/fs/cgroup/cgroup.subtree_control'
	attempt rt exec "$ID" sh -c 'echo $$ >/sys/fs/cgroup/own/cgroup.procs; exec /inner/tallyrun --root /run/inner run -d --bundle /inner/bundle one </dev/null >/inner/out 2>&1'
	[ "$status" -eq 0 ] || fail "$stderr $(cat "$BUNDLE/rootfs/inner/out")"
	is "$(value nested/memory.max) $(value nested/pids.max) $(value memory.max)" "16777216 7 67108864"
	is "$(wc -l <"/sys/fs/cgroup/$ID/nested/cgroup.procs")" 1
	exits 0 rt exec "$ID" sh -c 'echo $$ >/sys/fs/cgroup/own/cgroup.procs; exec /inner/tallyrun --root /run/inner delete --force one'
	[ ! -e "/sys/fs/cgroup/$ID/nested" ]
	rt delete --force "$ID"
	nothing_left
}

@test "an ordinary user's container is limited in the group that was delegated to him, and refused outside of it" {
	runtime_is_ours || return 0
	local user=54321 group=/sys/fs/cgroup/$ID-user
	bundle sh -c 'exec sleep 1000'
	config '.linux.namespaces += [{ type: "user" }, { type: "cgroup" }] | .linux.uidMappings = [{ containerID: 0, hostID: 54321, size: 1 }]
		| .linux.gidMappings = .linux.uidMappings | .linux.cgroupsPath = $p | .linux.resources = { memory: { limit: 33554432 }, pids: { limit: 9 } }
		| .mounts |= map(select(.type != "cgroup" and .type != "sysfs") | if .options then .options |= map(select(test("^gid=") | not)) else . end)' \
		--arg p "/$ID-user/one"
	mkdir "$group" "$group/leaf"
	echo '+memory +pids' >"$group/cgroup.subtree_control"
	chown "$user" "$group" "$group/cgroup.procs" "$group/cgroup.subtree_control" "$group/cgroup.threads" "$group/leaf" "$group/leaf/cgroup.procs"
	chmod 755 "$DIR" "$BUNDLE"
	chown -R "$user" "$ROOT"
	as_user() { # GROUP CMD...
		sh -c 'echo $$ >"$0/cgroup.procs"; exec setpriv --reuid 54321 --regid 54321 --clear-groups env -u XDG_RUNTIME_DIR "$@"' "$@"
	}
	attempt as_user "$group/leaf" "$RUNTIME" --root "$ROOT" run -d --bundle "$BUNDLE" "$ID" </dev/null
	[ "$status" -eq 0 ] || fail "$stderr"
	is "$(cat "$group/one/memory.max" "$group/one/pids.max" | paste -sd,)" 33554432,9
	is "$(wc -l <"$group/one/cgroup.procs")" 1
	exits 0 as_user "$group/leaf" "$RUNTIME" --root "$ROOT" delete --force "$ID"
	[ ! -e "$group/one" ]
	rmdir "$group/leaf" "$group"
	config '.linux.cgroupsPath = $p' --arg p "/$ID-other/one"
	mkdir "/sys/fs/cgroup/$ID-other"
	attempt as_user "/sys/fs/cgroup/init" "$RUNTIME" --root "$ROOT" run -d --bundle "$BUNDLE" "$ID" </dev/null
	rmdir "/sys/fs/cgroup/$ID-other"
	[ "$status" -ne 0 ]
	like "$stderr" "permission denied"
}
