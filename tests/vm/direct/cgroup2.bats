# cgroup v2 with all its controllers: what the kernel is asked for is what it has.
load ../../lib/harness

value() { cat "/sys/fs/cgroup/$ID/$1"; }

sleeping() {
	bundle sleep 1000
	[ $# -eq 0 ] || config "$@"
	rt_create || fail "$(cat "$DIR/err")"
	rt start "$ID"
}

@test "every limit of version 1 is in its version 2 file" {
	sleeping '.linux.resources += {
		memory: { limit: 67108864, reservation: 33554432, swap: 134217728 },
		cpu: { shares: 1024, quota: 50000, period: 100000, cpus: "0", mems: "0" },
		pids: { limit: 33 } }'
	is "$(value memory.max)" 67108864
	is "$(value memory.low)" 33554432
	is "$(value memory.swap.max)" 67108864
	is "$(value cpu.max)" "50000 100000"
	[ "$(value cpu.weight)" -ge 39 ] && [ "$(value cpu.weight)" -le 100 ] # 1024 shares: 39 by the old formula, 100 by the new
	is "$(value cpuset.cpus)" 0
	is "$(value cpuset.mems)" 0
	is "$(value pids.max)" 33
}

@test "unified values go to the files they name, after the others" {
	sleeping '.linux.resources += { memory: { limit: 67108864 },
		unified: { "memory.high": "50331648", "memory.low": "1048576", "pids.max": "77", "cpu.weight": "321", "memory.oom.group": "1" } }'
	is "$(value memory.max)" 67108864
	is "$(value memory.high)" 50331648
	is "$(value memory.low)" 1048576
	is "$(value pids.max)" 77
	is "$(value cpu.weight)" 321
	is "$(value memory.oom.group)" 1
}

@test "a unified file that is not there is named, and nothing is left" {
	bundle true
	config '.linux.resources.unified = { "memory.nosuch": "1" }'
	rt_create && fail created
	has "$(cat "$DIR/err")" memory.nosuch
	nothing_left
	bundle true
	config '.linux.resources.unified = { "../escape": "1" }'
	rt_create && fail created
	nothing_left
}

@test "blockIO: weights and throttles" {
	local disk
	disk=$(cat /sys/block/vda/dev)
	sleeping '.linux.resources.blockIO = { throttleReadBpsDevice: [{ major: ($d | split(":")[0] | tonumber), minor: ($d | split(":")[1] | tonumber), rate: 1048576 }],
		throttleWriteIOPSDevice: [{ major: ($d | split(":")[0] | tonumber), minor: ($d | split(":")[1] | tonumber), rate: 120 }] }' --arg d "$disk"
	is "$(value io.max)" "$disk rbps=1048576 wbps=max riops=max wiops=120"
}

@test "the pids limit holds, and unlimited is max" {
	bundle sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
	config '.linux.resources.pids.limit = 4'
	attempt rt run --bundle "$BUNDLE" "$ID"
	like "$stderr" "fork"
	sleeping '.linux.resources.pids.limit = -1'
	is "$(value pids.max)" max
}

@test "killed for lack of memory: the record says oom, and the files are where engines look" {
	bundle sh -c 'exec tail -c 100m /dev/zero'
	config '.linux.resources.memory = { limit: 20971520, swap: 20971520 }'
	cd "$DIR"
	mon_run_configured
	is "$(cat "$DIR/exits/$ID")" 137
	[ -e "$DIR/persist/oom" ]
	monitor_is_ours || return 0
	[ -e "$BUNDLE/oom" ]
	is "$(jq -r '.cause, .signal' "$BUNDLE/exit.json")" $'oom\nSIGKILL'
	jq -e '.evidence.oom_kill >= 1' "$BUNDLE/exit.json"
	jq -e '.cgroup.memory_peak_bytes == "unavailable" or .cgroup.memory_peak_bytes > 15000000' "$BUNDLE/exit.json"
}
mon_run_configured() { mon_started; mon_end; }

@test "a child that is killed for lack of memory is no oom of the container, and the oom file is there" {
	bundle sh -c '(echo 1000 >/proc/self/oom_score_adj; exec tail -c 100m /dev/zero); exit 3'
	config '.linux.resources.memory = { limit: 20971520, swap: 20971520 }'
	cd "$DIR"
	mon_run_configured
	is "$(cat "$DIR/exits/$ID")" 3
	monitor_is_ours || return 0
	is "$(jq -r .cause "$BUNDLE/exit.json")" exit
	jq -e '.evidence.oom_kill >= 1' "$BUNDLE/exit.json"
	[ -e "$DIR/persist/oom" ]
}

@test "max and high events do not end the watch for memory" {
	bundle sh -c 'tail -c 30m /dev/zero >/dev/null 2>&1 || true; dd if=/dev/zero of=/tmp/x bs=1M count=12 2>/dev/null; exec tail -c 100m /dev/zero'
	config '.linux.resources += { memory: { limit: 20971520, swap: 20971520 }, unified: { "memory.high": "16777216" } }'
	cd "$DIR"
	mon_run_configured
	is "$(cat "$DIR/exits/$ID")" 137
	[ -e "$DIR/persist/oom" ]
}

@test "update changes each limit of a container that runs" {
	sleeping
	rt update --memory 67108864 --memory-swap 100663296 --cpu-quota 20000 --cpu-period 50000 --pids-limit 44 --cpuset-cpus 0 "$ID"
	is "$(value memory.max)" 67108864
	is "$(value memory.swap.max)" 33554432
	is "$(value cpu.max)" "20000 50000"
	is "$(value pids.max)" 44
	is "$(value cpuset.cpus)" 0
	echo '{"memory": {"limit": 50331648}, "unified": {"memory.high": "40000000"}}' | rt update -r - "$ID"
	is "$(value memory.max)" 50331648
	! runtime_is_ours || is "$(value memory.high)" "$((40000000 / 4096 * 4096))"
}

@test "events tell what the controllers count" {
	runtime_is_ours || return 0
	sleeping '.linux.resources += { memory: { limit: 67108864 }, pids: { limit: 20 } }'
	rt events --stats "$ID" >"$DIR/stats"
	jq -e '.data.memory.usage.limit == 67108864 and .data.memory.usage.usage > 0' "$DIR/stats"
	jq -e '.data.pids.current == 1 and .data.pids.limit == 20' "$DIR/stats"
	jq -e '.data.cpu.usage.total > 0' "$DIR/stats"
}

@test "pause stops it, kill --all reaches a frozen container, and delete removes its cgroup" {
	sleeping
	rt pause "$ID"
	is "$(value cgroup.freeze)" 1
	is "$(status_of)" paused
	rt delete --force "$ID"
	[ ! -e "/sys/fs/cgroup/$ID" ]
}

@test "a cgroup inside the container can be made and given controllers when the namespace is its own" {
	bundle sh -c 'cat /proc/self/cgroup; mkdir /sys/fs/cgroup/inner && echo made && rmdir /sys/fs/cgroup/inner'
	config '.linux.namespaces += [{type: "cgroup"}] | .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"]}]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" $'0::/\nmade'
}

@test "a threaded cgroup is refused clearly" {
	runtime_is_ours || return 0
	mkdir "/sys/fs/cgroup/$ID-t"
	echo threaded >"/sys/fs/cgroup/$ID-t/cgroup.type"
	bundle true
	config '.linux.cgroupsPath = $p' --arg p "/$ID-t/inner"
	rt_create && fail created
	one_line "$(tail -n 1 "$DIR/err")"
	has "$(cat "$DIR/err")" "cannot enter cgroupv2"
	[ ! -e "/sys/fs/cgroup/$ID-t/inner" ]
	rmdir "/sys/fs/cgroup/$ID-t"
}

@test "starts under a memory limit of 512 KiB" {
	runtime_is_ours || return 0
	bundle sh -c 'echo started'
	config '.linux.resources.memory.limit = 512 * 1024'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" started
}

@test "device rules: none, all of a kind, one of them; and they can be seen to hold" {
	bundle sh -c 'mknod /tmp/kmsg c 1 11 && (: </tmp/kmsg) && echo open || echo shut'
	config '.process.capabilities[] += ["CAP_MKNOD", "CAP_SYSLOG"] | .mounts |= map(if .destination == "/tmp" then .options -= ["nodev"] else . end)'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "${lines[-1]}" shut
	config '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "rm"}]'
	rt delete --force "$ID" 2>/dev/null || true
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "${lines[-1]}" open
}
