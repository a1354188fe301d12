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

gone() { await gone "$GROUP" && [ "$(systemctl show -P LoadState "$UNIT")" = not-found ]; }

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

@test "what systemd resets for want of a property stays as it was set: by create, by updates of other limits" {
	scoped '.linux.resources += { memory: { limit: 67108864 }, blockIO: { weight: 500 }, unified: { "memory.oom.group": "1" },
		cpu: { quota: 12500, period: 100000 } }'
	local weight
	weight=$(cat "$GROUP"/io.bfq.weight 2>/dev/null || cat "$GROUP/io.weight")
	like "$weight" '^default (4950|500)$'
	is "$(cat "$GROUP/memory.oom.group")" 1
	is "$(show CPUQuotaPerSecUSec)" 130ms # whole percents are what it keeps
	like "$(cat "$GROUP/cpu.max")" '^1(2500|3000) 100000$'
	rts update --memory 50331648 "$ID"
	is "$(cat "$GROUP"/{memory.max,memory.oom.group} | paste -sd,)" 50331648,1
	is "$(cat "$GROUP"/io.bfq.weight 2>/dev/null || cat "$GROUP/io.weight")" "$weight"
	rts delete --force "$ID"
}

@test "the root slice is a slice" {
	bundle true
	config '.linux.cgroupsPath = "-.slice:tm:" + $id' --arg id "$ID"
	is "$(rts run --bundle "$BUNDLE" "$ID")" ""
	config '.linux.cgroupsPath = ".slice:tm:" + $id' --arg id "$ID"
	exits 1 rts run --bundle "$BUNDLE" "$ID"
	has "$stderr" "invalid slice name: .slice"
	nothing_left
}

@test "annotations are the scope's properties" {
	scoped '.annotations += {"org.systemd.property.TimeoutStopUSec": "uint64 12000000", "org.systemd.property.CollectMode": "'"'inactive'"'",
		"org.systemd.property.Description": "'"'of ours'"'"}'
	is "$(show TimeoutStopUSec)" 12s
	rts delete --force "$ID"
	local value
	for value in 'uint32 5' 'int64 5' 'byte 0x05' '5.0' 5; do
		scoped '.annotations += {"org.systemd.property.TimeoutStopSec": $v}' --arg v "$value"
		is "$(show TimeoutStopUSec)" 5s
		rts delete --force "$ID"
	done
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

@test "a unit of the same name that has failed is no obstacle" {
	systemd-run --quiet --scope --unit "tm-$ID" --slice machine.slice -p RuntimeMaxSec=1 sleep 1000 3>&- 4>&- || true
	UNIT=tm-$ID.scope
	is "$(show ActiveState)" failed
	scoped
	is "$(show ActiveState)" active
	rts delete --force "$ID"
	gone
}

# The first process of a pid namespace does not hear a SIGTERM: systemd kills it when the time to stop is over.
@test "one that was stopped from outside, and one that systemd gave a time and ended, leave no unit" {
	local second="uint64 1000000"
	scoped '.annotations += {"org.systemd.property.RuntimeMaxUSec": $s, "org.systemd.property.TimeoutStopUSec": $s}' --arg s "$second"
	rts start "$ID"
	await process-gone "$(cat "$DIR/pid")"
	rts delete "$ID"
	gone
	scoped '.annotations += {"org.systemd.property.TimeoutStopUSec": $s}' --arg s "$second"
	rts start "$ID"
	systemctl stop "$UNIT"
	is "$(status_of)" stopped
	rts delete "$ID"
	gone
}

@test "a hundred at once, and none of their units is left" {
	local i pids=()
	bundle true
	config 'del(.linux.cgroupsPath)'
	for i in $(seq 100); do
		rts run --bundle "$BUNDLE" "$ID-$i" </dev/null >"$DIR/out.$i" 2>&1 3>&- 4>&- &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do wait "${pids[i]}" || fail "$(cat "$DIR/out.$((i + 1))")"; done
	is "$(systemctl list-units --all --no-legend "runc-$ID-*")" ""
}

@test "device rules hold, also after a reload" {
	scoped '.process.capabilities[] += ["CAP_MKNOD", "CAP_SYSLOG", "CAP_SYS_RAWIO"] | .mounts |= map(if .destination == "/tmp" then .options -= ["nodev"] else . end)
		| .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "rm"},
			{allow: true, type: "c", major: 1, minor: 1, access: "m"}]'
	rts start "$ID"
	is "$(show DevicePolicy)" strict
	has "$(show DeviceAllow)" "/dev/char/1:11 rm"
	has "$(show DeviceAllow)" "char-pts rwm"
	local try
	for try in 1 2; do
		is "$(rts exec "$ID" sh -c 'rm -f /tmp/[kr]; mknod /tmp/k c 1 11; mknod /tmp/r c 1 1
			(: </tmp/k) && echo k; (: </tmp/r) 2>/dev/null && echo r; echo x >/dev/null && echo n')" $'k\nn'
		systemctl daemon-reload
	done
	rts update --pids-limit 44 "$ID"
	rts exec "$ID" sh -c '! (: </tmp/r) 2>/dev/null && : </tmp/k'
	rts delete --force "$ID"
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
