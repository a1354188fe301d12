load engine

# The engine can set limits only where the machine has given the controllers to this kind of hierarchy.
v1=/sys/fs/cgroup

setup() {
	check_info
	[ "$(stat -f -c %T $v1)" != cgroup2fs ] || skip "no controllers in this cgroup2 hierarchy"
}

limit() { # CONTROLLER FILE
	cat "$v1/$1$CGROUP_PARENT/libpod-$cid/$2"
}

@test "--memory, --memory-reservation, --memory-swap" {
	start --memory 64m --memory-reservation 32m --memory-swap 96m $BB sleep 1000
	is "$(limit memory memory.limit_in_bytes)" $((64 << 20)) memory
	is "$(limit memory memory.soft_limit_in_bytes)" $((32 << 20)) reservation
	is "$(limit memory memory.memsw.limit_in_bytes)" $((96 << 20)) "memory and swap"
}

@test "--cpus, --cpu-shares, --cpuset-cpus" {
	start --cpus 0.5 --cpu-shares 333 --cpuset-cpus 0 $BB sleep 1000
	is "$(limit cpu cpu.cfs_quota_us) of $(limit cpu cpu.cfs_period_us)" '50000 of 100000' "CPU time"
	is "$(limit cpu cpu.shares)" 333 shares
	is "$(limit cpuset cpuset.cpus)" 0 CPUs
	run -0 podman exec "$cid" grep Cpus_allowed_list /proc/self/status
	like "$output" $'\t0$' "CPUs allowed in an exec session"
}

@test "--pids-limit holds" {
	start --pids-limit 10 $BB sh -c 'sh -c "while :; do sleep 1000 & done"; exec sleep 1000'
	is "$(limit pids pids.max)" 10 limit
	events=$v1/pids$CGROUP_PARENT/libpod-$cid/pids.events
	until_true 10 grep -q '^max [1-9]' "$events" # a fork was refused
	[ "$(limit pids pids.current)" -le 10 ] || fail "$(limit pids pids.current) processes"
}

@test "--device-write-bps" {
	dev=$(findmnt -nvo SOURCE / | head -1)
	[ -b "$dev" ] || dev=/dev/vda
	start --device-write-bps "$dev:1mb" $BB sleep 1000
	like "$(limit blkio blkio.throttle.write_bps_device)" ' 1048576' "write rate"
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
	is "$(limit memory memory.limit_in_bytes)" $((48 << 20)) memory
	is "$(limit cpu cpu.shares)" 444 shares
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
