# The systemd cgroup driver, under a systemd that is pid 1.
load ../../lib/harness

rts() { "$RUNTIME" --root "$ROOT" --systemd-cgroup "$@"; }
show() { systemctl show -P "$1" "$UNIT"; }

# scoped [JQ ARGS...]: a container in systemd's scope, created
scoped() {
	bundle sleep 1000
	UNIT=tm-$ID.scope
	config '.linux.cgroupsPath = "machine.slice:tm:" + $id' --arg id "$ID"
	[ $# -eq 0 ] || config "$@"
	rts create --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" </dev/null >"$DIR/out" 2>"$DIR/err" || fail "$(cat "$DIR/err")"
	GROUP=/sys/fs/cgroup/machine.slice/$UNIT
}

gone() { await -t 60 gone "$GROUP" && [ "$(systemctl show -P LoadState "$UNIT")" = not-found ]; }

@test "the container is in the scope that cgroupsPath names, and nobody else" {
	scoped
	is "$(sed -n s/^0:://p "/proc/$(cat "$DIR/pid")/cgroup")" "/machine.slice/$UNIT"
	is "$(cat "$GROUP/cgroup.procs")" "$(cat "$DIR/pid")"
	is "$(show ActiveState)" active
	is "$(show Delegate)" yes
	rts start "$ID"
	is "$(rts exec "$ID" sh -c 'sed -n s/^0:://p /proc/self/cgroup')" "/machine.slice/$UNIT"
	rts delete --force "$ID"
	gone
}

@test "limits are in the cgroup's files and in the unit's properties, and a reload changes neither" {
	scoped '.linux.resources += { memory: { limit: 67108864, swap: 134217728, reservation: 33554432 }, pids: { limit: 33 },
		cpu: { quota: 50000, period: 100000, shares: 512, cpus: "0" } }'
	rts start "$ID"
	local try
	for try in 1 2; do
		is "$(cat "$GROUP"/{memory.max,memory.low,memory.swap.max,pids.max,cpu.max,cpuset.cpus} | paste -sd,)" \
			"67108864,33554432,67108864,33,50000 100000,0"
		is "$(show MemoryMax),$(show MemoryLow),$(show MemorySwapMax),$(show TasksMax),$(show CPUQuotaPerSecUSec),$(show AllowedCPUs)" \
			"67108864,33554432,67108864,33,500ms,0"
		systemctl daemon-reload
	done
	rts update --memory 50331648 --pids-limit 44 "$ID"
	systemctl daemon-reload
	is "$(cat "$GROUP"/{memory.max,pids.max} | paste -sd,)" "50331648,44"
	is "$(show MemoryMax),$(show TasksMax)" "50331648,44"
	rts delete --force "$ID"
}

@test "annotations are the scope's properties" {
	scoped '.annotations += {"org.systemd.property.TimeoutStopUSec": "uint64 12000000", "org.systemd.property.CollectMode": "'"'inactive'"'",
		"org.systemd.property.Description": "'"'of ours'"'"}'
	is "$(show TimeoutStopUSec)" 12s
	rts delete --force "$ID"
	bundle true
	config 'del(.linux.cgroupsPath) | .annotations += {"org.systemd.property.NoSuchThing": "true"}'
	exits 1 rts create --bundle "$BUNDLE" "$ID"
	one_line "$stderr"
	has "$stderr" NoSuchThing
	nothing_left
}

@test "without cgroupsPath the scope is named after the container; a wrong one is refused" {
	bundle sleep 1000
	config 'del(.linux.cgroupsPath)'
	exits 0 rts run -d --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID"
	is "$(sed -n s/^0:://p "/proc/$(cat "$DIR/pid")/cgroup")" "/system.slice/runc-$ID.scope"
	rts delete --force "$ID"
	config '.linux.cgroupsPath = "/not/systemds"'
	exits 1 rts create --bundle "$BUNDLE" "$ID"
	has "$stderr" 'slice:prefix:name'
	config '.linux.cgroupsPath = "../x.slice:a:b"'
	exits 1 rts create --bundle "$BUNDLE" "$ID"
	has "$stderr" slice
	nothing_left
}

@test "the same name again, at once, eight times; and one that was killed for lack of memory leaves no failed unit" {
	local i
	for i in $(seq 8); do
		bundle true
		config '.linux.cgroupsPath = "system.slice:again:" + $id' --arg id "$ID"
		exits 0 rts run --bundle "$BUNDLE" "$ID"
	done
	bundle sh -c 'exec tail -c 100m /dev/zero'
	config '.linux.cgroupsPath = "system.slice:again:" + $id | .linux.resources.memory = {limit: 20971520, swap: 20971520}' --arg id "$ID"
	exits 137 rts run --bundle "$BUNDLE" "$ID"
	is "$(systemctl list-units --failed --no-legend 'again-*')" ""
}

@test "many at once" {
	local i pids=()
	bundle true
	config 'del(.linux.cgroupsPath)'
	for i in $(seq 10); do
		rts run --bundle "$BUNDLE" "$ID-$i" </dev/null >"$DIR/out.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do wait "${pids[i]}" || fail "$(cat "$DIR/out.$((i + 1))")"; done
}

@test "systemd that cannot be reached is told, in time" {
	bundle true
	config 'del(.linux.cgroupsPath)'
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent
	exits 1 rts create --bundle "$BUNDLE" "$ID"
	one_line "$stderr"
	has "$stderr" /nonexistent
	nothing_left
}
