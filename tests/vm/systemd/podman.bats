# podman as it is set up on a host with systemd: scopes for cgroups, the real journal, AppArmor's default profile.
load ../../lib/harness
load ../podman

prepare() { podman_begins; }

@test "run, exec, logs from the journal, limits in a scope, the default AppArmor profile" {
	is "$(pod info --format '{{.Host.CgroupManager}} {{.Host.OCIRuntime.Path}} {{.Host.Conmon.Path}}')" "systemd $RUNTIME $MONITOR"
	pod run -d --name c1 --network none --memory 64m --pids-limit 50 --log-driver journald bb sh -c 'echo from the container; exec sleep 1000' >/dev/null
	local pid group
	pid=$(pod inspect -f '{{.State.Pid}}' c1)
	group=/sys/fs/cgroup$(sed -n s/^0:://p "/proc/$pid/cgroup")
	like "$group" '/machine.slice/libpod-[0-9a-f]{64}\.scope(/container)?$'
	is "$(cat "$group/memory.max" "$group/pids.max" | paste -sd,)" 67108864,50
	is "$(systemctl show -P MemoryMax "$(basename "$(grep -o 'libpod-[0-9a-f]*.scope' <<<"$group")")")" 67108864
	like "$(cat "/proc/$pid/attr/current")" '^containers-default-.* \(enforce\)$'
	like "$(cat "/proc/$(pod inspect -f '{{.ConmonPidFile}}' c1 | xargs cat)/cgroup")" 'libpod-conmon-[0-9a-f]{64}\.scope'
	is "$(pod logs c1)" "from the container"
	is "$(journalctl -o cat CONTAINER_NAME=c1 | head -n 1)" "from the container"
	is "$(pod exec c1 echo inside)" inside
	pod update --memory 48m c1 >/dev/null 2>&1 || [ "$(podman --version | grep -o '[0-9]*' | head -n 1)" -lt 5 ]
	pod stop -t 0 c1 >/dev/null
	is "$(pod inspect -f '{{.State.ExitCode}}' c1)" 137
	pod rm c1 >/dev/null
	await gone "$group"
}

@test "a container killed for lack of memory says so" {
	run pod run --name c2 --network none --memory 20m --memory-swap 20m bb sh -c 'exec dd if=/dev/zero of=/dev/null bs=100M'
	is "$status" 137
	is "$(pod inspect -f '{{.State.OOMKilled}}' c2)" true
	pod rm c2 >/dev/null
}
