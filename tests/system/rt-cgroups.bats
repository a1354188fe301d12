# cgroups: where the container is, and its limits.
load ../lib/harness

prepare() { bundle sleep 1000; }

@test "the container is in the cgroup of its cgroupsPath, in every hierarchy" {
	rt_create
	pid=$(cat "$DIR/pid")
	if on_cgroup2; then
		group=$(group_of cpu)
		is "$(grep ^0: "/proc/$pid/cgroup")" "0::${group#/sys/fs/cgroup}"
		is "$(cat "$group/cgroup.procs")" "$pid"
	else
		for c in cpu cpuacct cpuset memory devices freezer blkio pids; do
			is "$(grep -E "^[0-9]+:$c:" "/proc/$pid/cgroup" | cut -d : -f 3)" "/$ID"
		done
	fi
	rt delete --force "$ID"
	nothing_left
}

@test "without cgroupsPath the cgroup is named after the container" {
	config 'del(.linux.cgroupsPath)'
	rt_create
	has "$(cat "/proc/$(cat "$DIR/pid")/cgroup")" "$ID"
	rt delete --force "$ID"
	nothing_left
}

@test "nested cgroupsPath: the container's own goes, and the test cleans up the parent" {
	! in_scopes || return 0 # scopes have no cgroups above them but slices
	config '.linux.cgroupsPath = "/" + $id + "/deep/er"' --arg id "$ID"
	rt_create
	has "$(cat "/proc/$(cat "$DIR/pid")/cgroup")" "/$ID/deep/er"
	rt delete --force "$ID"
	is "$(find /sys/fs/cgroup -type d -path "*$ID/deep/er" 2>/dev/null)" ""
	cgroups_of "$ID" | while read -r g; do find "$g" -depth -type d -exec rmdir {} +; done
}

@test "limits are written: memory, pids, cpu, cpuset, blkio" {
	limited_by memory || return 0
	config '.linux.resources += { memory: { limit: 67108864, reservation: 33554432 }, pids: { limit: 20 },
		cpu: { shares: 512, quota: 50000, period: 100000, cpus: "0", mems: "0" } }'
	rt_create
	if on_cgroup2; then
		is "$(cat "$(group_of cpu)"/{memory.max,memory.low,pids.max,cpu.max,cpuset.cpus,cpuset.mems} | paste -sd,)" \
			"67108864,33554432,20,50000 100000,0,0"
		return
	fi
	is "$(cat "$(group_of memory)/memory.limit_in_bytes" "$(group_of memory)/memory.soft_limit_in_bytes")" $'67108864\n33554432'
	is "$(cat "$(group_of pids)/pids.max")" 20
	is "$(cat "$(group_of cpu)/cpu.shares" "$(group_of cpu)/cpu.cfs_quota_us" "$(group_of cpu)/cpu.cfs_period_us")" $'512\n50000\n100000'
	is "$(cat "$(group_of cpuset)/cpuset.cpus" "$(group_of cpuset)/cpuset.mems")" $'0\n0'
}

@test "the pids limit holds" {
	limited_by pids || return 0
	config '.linux.resources.pids = { limit: 5 }'
	out=$(in_container sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait' 2>&1) || true
	has "$out" "fork"
}

@test "the memory limit holds: the process is killed by it" {
	limited_by memory || return 0
	config '.linux.resources.memory = { limit: 33554432, swap: 33554432 }'
	runtime_is_ours || config '.linux.resources.memory = { limit: 33554432 }'
	exits 137 in_container sh -c 'exec head -c 200000000 /dev/zero | exec tail -c 150000000 >/dev/null; exit 137'
}

@test "a bad limit fails the create with the file's name and the reason, and leaves nothing" {
	limited_by cpuset || return 0
	config '.linux.resources.cpu = { cpus: "9999" }'
	refuses rt_create
	has "$(cat "$DIR/err")" cpuset.cpus
	nothing_left
}

@test "on cgroup v2 unified keys are written; on v1 they are refused" {
	if on_cgroup2; then
		config '.linux.resources.unified = { "cgroup.max.depth": "7" }'
		rt_create
		is "$(cat "$(group_of cpu)/cgroup.max.depth")" 7
	else
		config '.linux.resources.unified = { "memory.max": "10000000" }'
		refuses rt_create
		has "$(cat "$DIR/err")" unified
		nothing_left
	fi
}

@test "on cgroup v2 a controller that is not there is an error by its name" {
	! limited_by memory || return 0
	config '.linux.resources.memory = { limit: 67108864 }'
	refuses rt_create
	has "$(cat "$DIR/err")" memory
	nothing_left
}

@test "a cgroup that is not empty is refused, and its process is not touched" {
	runtime_is_ours || return 0 # crun shares it, runc 1.1.5 warns
	rt_create
	first=$(cat "$DIR/pid")
	ID2=$ID-2
	BUNDLE=$DIR/b2 bundle sleep 1000
	refuses rt create --bundle "$DIR/b2" "$ID2"
	has "$stderr" "cgroup"
	[ -d "/proc/$first" ]
	[ ! -e "$ROOT/$ID2" ]
	is "$(status_of)" created
}

@test "delete ends processes that are left in the cgroup" {
	config 'del(.linux.namespaces[] | select(.type == "pid")) | .process.args = ["sh", "-c", "sleep 1000 & sleep 1001 & exit 0"]'
	rt_create
	rt start "$ID"
	await process-gone "$(cat "$DIR/pid")"
	rt delete --force "$ID"
	nothing_left
}

@test "processes' own sub-cgroups are removed with the container" {
	config '.linux.namespaces += [{ type: "cgroup" }]'
	rt_create
	if on_cgroup2; then
		mkdir -p "$(group_of cpu)/sub/sub"
	else
		mkdir -p "$(group_of pids)/sub/sub" "$(group_of freezer)/sub"
	fi
	rt delete --force "$ID"
	nothing_left
}

@test "pause freezes sub-cgroups too" {
	rt_create
	rt start "$ID"
	rt pause "$ID"
	if on_cgroup2; then
		has "$(cat "$(group_of cpu)/cgroup.events")" "frozen 1"
	else
		is "$(cat "$(group_of freezer)/freezer.state")" FROZEN
	fi
	rt kill "$ID" KILL
	rt resume "$ID" || true
	await process-gone "$(cat "$DIR/pid")"
}

@test "a memory limit of 512 KiB is enough to start" {
	# Where nothing is charged for what was there before the limit (v1), and nothing but the program is left after it.
	limited_by memory || return 0
	runtime_is_runc && return 0 # needs 6 MiB and more
	config '.linux.resources.memory = { limit: 524288 } | .process.args = ["sh", "-c", "echo alive; cat /proc/self/cgroup >/dev/null"]'
	for _ in 1 2 3; do
		exits 0 rt run --bundle "$BUNDLE" "$ID"
		is "$output" alive
	done
}

# scope_double TEXT: a copy of the runtime with a helper beside it that names a scope, and then does this
scope_double() {
	mkdir "$DIR/bin"
	cp "$RUNTIME_PROGRAM" "$DIR/bin/tallyrun"
	printf '#!/bin/sh\n[ "$1" = start ] || exit 0\necho "cgroup /%s"\n%s\n' "$ID" "$1" >"$DIR/bin/tallyrun-scope"
	chmod 755 "$DIR/bin/tallyrun-scope"
	config '.linux.cgroupsPath = "system.slice:a:b"'
}

@test "--systemd-cgroup: when a hook fails the helper is not waited for while the child holds its pipe" {
	runtime_is_ours || return 0
	scope_double "cat >/dev/null; echo >$DIR/left"
	config '.hooks.createRuntime = [{ path: "/bin/false" }]'
	exits 1 "$DIR/bin/tallyrun" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID"
	has "$stderr" createRuntime
	[ -e "$DIR/left" ]
	nothing_left
}

@test "--systemd-cgroup: a helper that has died is an error, with what it said" {
	runtime_is_ours || return 0
	scope_double "echo \$\$ >$DIR/helper; echo 'systemd: this is why' >&2; exit 1"
	config '.hooks.createRuntime = [{ path: "/bin/sh", args: ["sh", "-c",
		"until grep -q ^State:.Z /proc/$(cat \($d)/helper)/status; do sleep 0.1; done"] }]' --arg d "$DIR"
	exits 1 "$DIR/bin/tallyrun" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID"
	has "$stderr" "this is why"
	nothing_left
}
