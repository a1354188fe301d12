load engine

v1=/sys/fs/cgroup

setup() {
	trace_the_test_alone
	has_controllers || skip "no controllers in this cgroup2 hierarchy"
}

# value CONTROLLER FILE: of the cgroup that podman has given to the container
value() {
	if on_cgroup2; then
		cat "$(group)/$2"
	else
		cat "$v1/$1$CGROUP_PARENT/libpod-$cid/$2"
	fi
}

# Some runtimes make another one in it.
group() {
	local path
	path=$(sed -n s/^0:://p "/proc/$(inspect "$cid" .State.Pid)/cgroup")
	echo "$v1${path%/container}"
}

# limit CONTROLLER FILE-OF-V1 FILE-OF-V2
limit() {
	if on_cgroup2; then value "$1" "$3"; else value "$1" "$2"; fi
}

@test "--memory, --memory-reservation, --memory-swap" {
	start --memory 64m --memory-reservation 32m --memory-swap 96m $BB sleep 1000
	is "$(limit memory memory.limit_in_bytes memory.max)" $((64 << 20)) memory
	is "$(limit memory memory.soft_limit_in_bytes memory.low)" $((32 << 20)) reservation
	# Version 2 limits swap alone.
	is "$(limit memory memory.memsw.limit_in_bytes memory.swap.max)" "$(on_cgroup2 && echo $((32 << 20)) || echo $((96 << 20)))" "memory and swap"
}

@test "--cpus, --cpu-shares, --cpuset-cpus" {
	start --cpus 0.5 --cpu-shares 333 --cpuset-cpus 0 $BB sleep 1000
	if on_cgroup2; then
		is "$(value cpu cpu.max)" '50000 100000' "CPU time"
		[ "$(value cpu cpu.weight)" -lt 100 ] || fail "weight $(value cpu cpu.weight)"
	else
		is "$(value cpu cpu.cfs_quota_us) of $(value cpu cpu.cfs_period_us)" '50000 of 100000' "CPU time"
		is "$(value cpu cpu.shares)" 333 shares
	fi
	is "$(value cpuset cpuset.cpus)" 0 CPUs
	run -0 podman exec "$cid" grep Cpus_allowed_list /proc/self/status
	like "$output" $'\t0$' "CPUs allowed in an exec session"
}

@test "--pids-limit holds" {
	start --pids-limit 10 $BB sh -c 'sh -c "while :; do sleep 1000 & done"; exec sleep 1000'
	is "$(value pids pids.max)" 10 limit
	until_true eval "value pids pids.events | grep -q '^max [1-9]'" # a fork was refused
	[ "$(value pids pids.current)" -le 10 ] || fail "$(value pids pids.current) processes"
}

@test "--device-write-bps" {
	dev=$(findmnt -nvo SOURCE / | head -1)
	[ -b "$dev" ] || dev=/dev/vda
	start --device-write-bps "$dev:1mb" $BB sleep 1000
	like "$(limit blkio blkio.throttle.write_bps_device io.max)" '[ =]1048576' "write rate"
}

@test "a container that takes too much memory is killed, and that is seen" {
	status=0
	podman run --name oom --memory 16m --memory-swap 16m $BB sh -c 'x=x; while :; do x=$x$x; done' || status=$?
	is "$status" 137 "status of run"
	is "$(inspect oom .State.ExitCode)" 137 "status in inspect"
}

@test "update changes the limits of a running container" {
	start --memory 64m --memory-swap 64m $BB sleep 1000
	podman update --memory 48m --memory-swap 48m --cpu-shares 444 "$cid"
	is "$(limit memory memory.limit_in_bytes memory.max)" $((48 << 20)) memory
	on_cgroup2 || is "$(value cpu cpu.shares)" 444 shares
}

@test "stats tells what a container uses" {
	start --memory 64m $BB sleep 1000
	run -0 podman stats --no-stream --format '{{.MemLimit}} {{.PIDs}}' "$cid"
	like "$output" '^67108864|^67.1' "memory limit"
	like "$output" ' 1$' "number of processes"
}

@test "the monitor is not in the container's cgroup and is not limited with it" {
	start --memory 64m --pids-limit 5 $BB sleep 1000
	pid=$(monitor_pid "$cid")
	run grep -c "libpod-$cid" "/proc/$pid/cgroup"
	is "$output" 0 "cgroups of the container that hold the monitor"
}

@test "the cgroups of a container are gone when it is" {
	start --memory 64m --cpus 1 --pids-limit 10 $BB sh -c 'sleep 989 & sleep 989 & sleep 1000'
	podman rm -f -t 0 "$cid"
	no_trace "$cid"
}
