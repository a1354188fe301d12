# The systemd cgroup driver for an ordinary user: scopes of the user's own manager, on the user's bus (tests/vm/inside has
# started it).
load ../../lib/harness

prepare() {
	NUMBER=$(id -u tester)
	bundle sleep 1000
	own_rootfs
	config '.linux.cgroupsPath = ":tm:" + $id | .linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: $n, size: 1 }] | .linux.gidMappings = .linux.uidMappings' \
		--arg id "$ID" --argjson n "$NUMBER"
	chown -R tester:tester "$DIR"
	UNIT=tm-$ID.scope
}

as_tester() {
	setpriv --reuid tester --regid tester --init-groups env -i PATH="$PATH" XDG_RUNTIME_DIR="/run/user/$NUMBER" \
		DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$NUMBER/bus" "$@"
}
rts() { as_tester "$RUNTIME" --root "$ROOT" --systemd-cgroup "$@"; }
show() { as_tester systemctl --user show -P "$1" "$UNIT"; }

created() {
	chown -R tester:tester "$BUNDLE"
	rts create --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" </dev/null >"$DIR/out" 2>"$DIR/err" || fail "$(cat "$DIR/err")"
	GROUP=/sys/fs/cgroup$(sed -n s/^0:://p "/proc/$(cat "$DIR/pid")/cgroup")
}

gone() { await gone "$GROUP" && [ "$(show LoadState)" = not-found ]; }

@test "the container is in a scope of the user's, with its limits, and nothing is left" {
	config '.linux.resources += { memory: { limit: 67108864, swap: 134217728 }, pids: { limit: 33 }, cpu: { quota: 50000, period: 100000, cpus: "0" } }'
	created
	like "$GROUP" "^/sys/fs/cgroup/user.slice/user-$NUMBER.slice/user@$NUMBER.service/user.slice/$UNIT\$"
	is "$(show ActiveState),$(show Delegate)" active,yes
	is "$(stat -c %u "$GROUP")" "$NUMBER"
	is "$(cat "$GROUP"/{memory.max,memory.swap.max,pids.max,cpu.max,cpuset.cpus} | paste -sd,)" "67108864,67108864,33,50000 100000,0"
	is "$(show MemoryMax),$(show TasksMax),$(show CPUQuotaPerSecUSec)" 67108864,33,500ms
	rts start "$ID"
	is "$(rts exec "$ID" sh -c 'id -u; sed -n s/^0:://p /proc/self/cgroup')" "0"$'\n'"${GROUP#/sys/fs/cgroup}"
	rts update --memory 50331648 --pids-limit 44 "$ID"
	as_tester systemctl --user daemon-reload
	is "$(cat "$GROUP"/{memory.max,pids.max} | paste -sd,)" 50331648,44
	rts pause "$ID"
	is "$(cat "$GROUP/cgroup.freeze")" 1
	rts resume "$ID"
	rts delete --force "$ID"
	gone
}

@test "without cgroupsPath the scope is in user.slice" {
	config 'del(.linux.cgroupsPath)'
	UNIT=runc-$ID.scope
	created
	like "$GROUP" "/user.slice/$UNIT\$"
	rts delete --force "$ID"
	gone
}

@test "one killed for lack of memory says so to the monitor, and leaves no failed unit" {
	config '.process.args = ["sh", "-c", "exec tail -c 100m /dev/zero"] | .linux.resources.memory = { limit: 20971520, swap: 20971520 }'
	chown -R tester:tester "$BUNDLE"
	exits 137 rts run --bundle "$BUNDLE" "$ID"
	is "$(as_tester systemctl --user list-units --failed --no-legend "tm-*")" ""
}

@test "a user whose manager cannot be reached is told so" {
	chown -R tester:tester "$BUNDLE"
	exits 1 as_tester env DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent XDG_RUNTIME_DIR=/nonexistent \
		"$RUNTIME" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID"
	one_line "$stderr"
	has "$stderr" /nonexistent
	nothing_left
}
