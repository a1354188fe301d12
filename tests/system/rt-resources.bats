# Limits, device rules and what hangs on the container's cgroups: create, update, events, refusals.
load ../lib/harness

# says TEXT CMD...: status 1 and this in the message
says() {
	exits 1 "${@:2}"
	has "$stderr" "$1"
	one_line "$stderr"
}

# value CONTROLLER FILE
value() { cat "$(group_of "$1")/$2"; }

sleeping() {
	bundle sleep 1000
	[ $# -eq 0 ] || config "$@"
	rt_create || fail "$(cat "$DIR/err")"
	rt start "$ID"
}

@test "v1: every limit of the bundle is in its file" {
	on_cgroup2 && return 0 # the controllers are on v1
	sleeping '.linux.resources += { memory: { limit: 67108864, reservation: 33554432, swap: 134217728, swappiness: 7 },
		cpu: { shares: 512, quota: 50000, period: 100000, cpus: "0", mems: "0" }, pids: { limit: 33 } }'
	is "$(value memory memory.limit_in_bytes)" 67108864
	is "$(value memory memory.soft_limit_in_bytes)" 33554432
	is "$(value memory memory.memsw.limit_in_bytes)" 134217728
	is "$(value memory memory.swappiness)" 7
	is "$(value cpu cpu.shares)" 512
	is "$(value cpu cpu.cfs_quota_us)" 50000
	is "$(value cpu cpu.cfs_period_us)" 100000
	is "$(value cpuset cpuset.cpus)" 0
	is "$(value cpuset cpuset.mems)" 0
	is "$(value pids pids.max)" 33
}

@test "v1: init is in every hierarchy" {
	on_cgroup2 && return 0
	sleeping
	! grep -v ":/$ID\$" "/proc/$(cat "$DIR/pid")/cgroup" || fail "not everywhere"
}

@test "v2: init is in its cgroup, and so is what exec adds" {
	on_cgroup2 || return 0
	sleeping
	local group
	group=$(group_of pids)
	is "$(grep ^0:: "/proc/$(cat "$DIR/pid")/cgroup")" "0::${group#/sys/fs/cgroup}"
	is "$(rt exec "$ID" sh -c 'grep ^0:: /proc/self/cgroup')" "0::${group#/sys/fs/cgroup}"
}

@test "v2: unified values are written" {
	on_cgroup2 || return 0
	sleeping '.linux.resources.unified = { "hugetlb.2MB.max": "4194304" }'
	is "$(value hugetlb hugetlb.2MB.max)" 4194304
}

@test "a pids limit of 0 is none, as engines mean it; from version 1.3 of the specification on it is a limit" {
	local group
	# runc takes it for one in update, crun never
	sleeping '.linux.resources.pids.limit = 0'
	limited_by pids || return 0
	is "$(value pids pids.max)" max
	! runtime_is_ours || exits 0 rt update --pids-limit 44 "$ID"
	! runtime_is_ours || exits 0 rt update --pids-limit 0 "$ID"
	is "$(value pids pids.max)" max
	runtime_is_ours || return 0
	rt delete --force "$ID"
	config '.ociVersion = "1.3.0"'
	rt_create
	is "$(value pids pids.max)" 1
}

@test "v2: a limit whose controller is not there is refused, and nothing is left" {
	! limited_by memory || return 0
	bundle true
	config '.linux.resources.memory.limit = 67108864'
	rt_create && fail created
	has "$(cat "$DIR/err")" memory.max
	nothing_left
}

@test "v1: unified values are refused" {
	on_cgroup2 && return 0
	bundle true
	config '.linux.resources.unified = { "pids.max": "7" }'
	rt_create && fail created
	has "$(cat "$DIR/err")" "cannot use unified on cgroup v1"
	nothing_left
}

@test "limits that the kernel refuses are told with file and reason" {
	limited_by cpuset || return 0
	bundle true
	config '.linux.resources.cpu.cpus = "4096"'
	rt_create && fail created
	has "$(cat "$DIR/err")" cpuset.cpus
	like "$(cat "$DIR/err")" 'numerical result out of range|invalid argument'
	nothing_left
}

@test "limits that this version of cgroups has not are ignored with a warning, at create and at update" {
	runtime_is_ours || return 0
	local ignored=(memory.kernel memory.kernelTCP) name
	if on_cgroup2; then
		ignored+=(memory.swappiness memory.disableOOMKiller cpu.realtimePeriod cpu.realtimeRuntime blockIO.leafWeight network)
	fi
	bundle true
	for name in "${ignored[@]}"; do
		config --arg p "$name" '.linux.resources = {} | setpath(["linux", "resources"] + ($p / ".");
			if $p == "memory.disableOOMKiller" then true elif $p == "network" then { classID: 1 } else 50 end)'
		exits 0 rt run --bundle "$BUNDLE" "$ID"
		has "$stderr" "linux.resources.$name is ignored: cgroup v"
		one_line "$stderr"
	done
	bundle sleep 1000
	rt_create
	exits 0 rt update --resources - "$ID" <<<'{ "memory": { "kernel": 1000000 } }'
	has "$stderr" "linux.resources.memory.kernel is ignored"
}

@test "a wrong swappiness, cpu share or swap limit is refused" {
	on_cgroup2 && return 0
	local edit
	for edit in '.memory.swappiness = 200' '.cpu.shares = 1' '.memory = { limit: 100000000, swap: 50000000 }'; do
		bundle true
		config ".linux.resources$edit"
		rt_create && fail "created: $edit"
		one_line "$(tail -n 1 "$DIR/err")"
		nothing_left
	done
}

# A device that no container may open by default: mknod is allowed, access is not.
@test "devices that are not allowed cannot be opened, the usual ones can" {
	bundle sh -c 'mknod /tmp/kmsg c 1 11 && mknod /tmp/null c 1 3 && echo made
		echo x >/tmp/null && echo wrote; cat /tmp/kmsg 2>&1 | head -n 1'
	config '.process.capabilities[] += ["CAP_MKNOD"]
		| .mounts |= map(if .destination == "/tmp" then .options -= ["nodev"] else . end)'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "${lines[0]}" made
	is "${lines[1]}" wrote
	has "${lines[2]}" "Operation not permitted"
}

@test "the last device rule that fits decides" {
	bundle sh -c 'mknod /tmp/k c 1 11 && mknod /tmp/m c 1 1
		(exec 3</tmp/k) 2>/dev/null && echo "k r"; (exec 3>/tmp/k) 2>/dev/null && echo "k w"
		(exec 3</tmp/m) 2>/dev/null && echo "m r"; true'
	config '.process.capabilities[] += ["CAP_MKNOD", "CAP_SYS_RAWIO", "CAP_SYSLOG"]
		| .mounts |= map(if .destination == "/tmp" then .options -= ["nodev"] else . end)
		| .linux.resources.devices = [ { allow: false, access: "rwm" }, { allow: true, type: "c", major: 1, minor: 11, access: "rwm" },
			{ allow: true, type: "c", major: 1, minor: 1, access: "rw" }, { allow: false, type: "c", major: 1, minor: 11, access: "r" },
			{ allow: false, type: "c", major: 1, minor: 1, access: "rw" } ]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" "k w"
}

@test "a rule that takes a part out of a wider one works on v2 and is refused on v1, where it would do nothing" {
	bundle sh -c 'mknod /tmp/k c 1 11; (exec 3</tmp/k) 2>/dev/null && echo "k r"; (exec 3>/tmp/k) 2>/dev/null && echo "k w"; true'
	config '.process.capabilities[] += ["CAP_MKNOD", "CAP_SYSLOG"]
		| .mounts |= map(if .destination == "/tmp" then .options -= ["nodev"] else . end)
		| .linux.resources.devices = [ { allow: false, access: "rwm" }, { allow: true, type: "c", major: 1, access: "rwm" },
			{ allow: false, type: "c", major: 1, minor: 11, access: "r" } ]'
	if on_cgroup2; then
		runtime_is_ours || return 0 # runc refuses it there too
		exits 0 rt run --bundle "$BUNDLE" "$ID"
		is "$output" "k w"
	else
		exits 1 rt run --bundle "$BUNDLE" "$ID"
		has "$stderr" "v1"
		nothing_left
	fi
}

@test "a bad device rule is refused" {
	local rule
	for rule in '{ allow: true, type: "z", access: "r" }' '{ allow: true, type: "c" }'; do
		bundle true
		config ".linux.resources.devices += [$rule]"
		rt_create && fail "created: $rule"
		only_ours runtime has "$(cat "$DIR/err")" "linux.resources.devices[1]"
		nothing_left
	done
}

@test "an a among the accesses of a device rule means nothing, and that is said" {
	runtime_is_ours || return 0
	bundle sh -c 'cat /dev/zero 2>/dev/null | head -c 1 | wc -c'
	config '.linux.resources.devices = [{ allow: false, access: "rwm" }, { allow: false, type: "c", major: 1, minor: 11, access: "rwa" }]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" 1
	has "$stderr" 'linux.resources.devices[1].access: \"a\" in \"rwa\"'
	config '.linux.resources.devices[1].access = "a"'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" 'invalid access \"a\"'
	nothing_left
}

@test "a cgroup with processes in it is not taken" {
	! in_scopes || return 0 # systemd makes a new one
	runtime_is_ours || return 0 # runc 1.1.5 only warns
	bundle true
	g=$(group_of devices)
	mkdir "$g"
	sleep 1000 3>&- 4>&- &
	p=$!
	echo $p >"$g/cgroup.procs"
	rt_create && fail created
	has "$(cat "$DIR/err")" "container's cgroup is not empty: 1 process(es) found"
	kill -KILL "$p"
	wait "$p" || true
	rmdir "$g"
	[ ! -e "$ROOT/$ID" ]
}

@test "a frozen cgroup is not taken" {
	! in_scopes || return 0 # systemd makes a new one
	bundle true
	local g=$(group_of freezer) file=freezer.state on=FROZEN off=THAWED
	if on_cgroup2; then file=cgroup.freeze on=1 off=0; fi
	mkdir "$g"
	echo $on >"$g/$file"
	rt_create && fail created
	has "$(cat "$DIR/err")" "container's cgroup unexpectedly frozen"
	echo $off >"$g/$file"
	rmdir "$g"
	[ ! -e "$ROOT/$ID" ]
}

@test "cgroupsPath: parents are made, .. does not climb, a relative one is below or beside our own" {
	! in_scopes || return 0 # has the form slice:prefix:name there
	local path
	for path in "/$ID/a/b" "/../$ID/a/b" "/$ID/x/../a/b"; do
		bundle sleep 1000
		config '.linux.cgroupsPath = $p' --arg p "$path"
		rt_create || fail "$path: $(cat "$DIR/err")"
		like "$(cat "/proc/$(cat "$DIR/pid")/cgroup")" "/$ID/a/b"
		rt delete "$ID"
		remove_parents
	done
	bundle sleep 1000
	config '.linux.cgroupsPath = $p' --arg p "$ID-rel/c"
	rt_create || fail "$(cat "$DIR/err")"
	like "$(cat "/proc/$(cat "$DIR/pid")/cgroup")" "/$ID-rel/c"
	rt delete "$ID"
	remove_parents
}

# The directories above the container's own stay, they may be others'.
remove_parents() {
	local g
	for g in $(cgroups_of "$ID"); do find "$g" -depth -type d -exec rmdir {} +; done
}

@test "v1: update changes what is given and nothing else" {
	on_cgroup2 && return 0
	sleeping '.linux.resources += { cpu: { quota: 50000, period: 100000 }, pids: { limit: 33 } }'
	exits 0 rt update --memory 100M --cpu-share 300 "$ID"
	is "$(value memory memory.limit_in_bytes)" 104857600
	is "$(value cpu cpu.shares)" 300
	is "$(value pids pids.max)" 33
	exits 0 rt update --cpu-quota 20000 "$ID"
	is "$(value cpu cpu.cfs_quota_us) $(value cpu cpu.cfs_period_us)" "20000 100000"
	exits 0 rt update --cpu-period 50000 "$ID"
	is "$(value cpu cpu.cfs_quota_us) $(value cpu cpu.cfs_period_us)" "20000 50000"
	exits 0 rt update --memory-reservation 20971520 --pids-limit 44 --cpuset-cpus 0 "$ID"
	is "$(value memory memory.soft_limit_in_bytes)" 20971520
	is "$(value pids pids.max)" 44
	is "$(value cpuset cpuset.cpus)" 0
	is "$(value memory memory.limit_in_bytes)" 104857600
}

@test "v1: update reads resources from a file and from standard input" {
	on_cgroup2 && return 0
	sleeping
	echo '{ "pids": { "limit": 22 }, "memory": { "limit": 50331648 } }' >"$DIR/r.json"
	exits 0 rt update --resources "$DIR/r.json" "$ID"
	is "$(value pids pids.max) $(value memory memory.limit_in_bytes)" "22 50331648"
	echo '{ "cpu": { "shares": 200 } }' | rt update -r - "$ID"
	is "$(value cpu cpu.shares) $(value pids pids.max)" "200 22"
	exits 1 rt update -r /no/such/file "$ID"
	has "$stderr" /no/such/file
	echo '{' >"$DIR/r.json"
	exits 1 rt update -r "$DIR/r.json" "$ID"
	is "$(value pids pids.max)" 22
}

@test "v1: an update that fails leaves the old limits" {
	on_cgroup2 && return 0
	sleeping '.linux.resources += { memory: { limit: 67108864 }, cpu: { shares: 512 }, pids: { limit: 33 } }'
	exits 1 rt update --cpu-share 300 --pids-limit 44 --memory 1 "$ID"
	has "$stderr" "unable to set memory limit to 1 (current usage: "
	is "$(value memory memory.limit_in_bytes)" 67108864
	is "$(value cpu cpu.shares)" 512
	is "$(value pids pids.max)" 33
}

@test "v1: update does not touch device rules" {
	on_cgroup2 && return 0
	sleeping
	before=$(value devices devices.list)
	exits 0 rt update --pids-limit 44 "$ID"
	is "$(value devices devices.list)" "$before"
}

@test "update refuses nonsense and containers that are not there" {
	sleeping
	says "invalid size" rt update --memory 10x "$ID"
	exits 1 rt update --pids-limit many "$ID"
	has "$stderr$output" many
	says "container does not exist" rt update --pids-limit 5 nosuch
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	only_ours runtime says "container not running" rt update --pids-limit 5 "$ID"
}

@test "events --stats shows the figures once" {
	sleeping
	exits 0 rt events --stats "$ID"
	one_line "$output"
	is "$(jq -r '.type + " " + .id' <<<"$output")" "stats $ID"
	jq -e '.data | (.cpu.usage.total > 0) and (.pids.current == 1)' <<<"$output"
	! limited_by memory || jq -e '.data.memory | (.usage.usage > 0) and (.usage.limit > 0)' <<<"$output"
	on_cgroup2 || jq -e '.data.memory.raw.rss >= 0' <<<"$output"
}

@test "events goes on until the container ends" {
	! on_cgroup2 || runtime_is_ours || return 0 # runc wants a memory controller
	sleeping
	"$RUNTIME" --root "$ROOT" events --interval 50ms "$ID" >"$DIR/events" 3>&- 4>&- &
	watcher=$!
	await lines "$DIR/events" 3
	rt kill "$ID" KILL
	runtime_is_ours || rt delete --force "$ID" # runc goes on as long as there is a cgroup
	rc=0
	wait "$watcher" || rc=$?
	only_ours runtime is "$rc" 0
	is "$(jq -r .type "$DIR/events" | sort -u)" stats
}

@test "v1: events tells of a process killed for want of memory" {
	on_cgroup2 && return 0
	bundle sh -c 'read -r go </work/go; head -c 100m /dev/zero | tail -c 100m >/dev/null; sleep 1000'
	mkdir "$DIR/work"
	mkfifo "$DIR/work/go"
	config '.mounts += [{ destination: "/work", type: "bind", source: $d, options: ["bind", "rw"] }]
		| .linux.resources.memory = { limit: 20971520, swap: 20971520 }' --arg d "$DIR/work"
	rt_create || fail "$(cat "$DIR/err")"
	rt start "$ID"
	"$RUNTIME" --root "$ROOT" events --interval 50ms "$ID" >"$DIR/events" 3>&- 4>&- &
	watcher=$!
	await lines "$DIR/events" 1
	echo >"$DIR/work/go"
	await match "$DIR/events" '"type":"oom"'
	is "$(jq -r 'select(.type == "oom") | .id' "$DIR/events" | head -n 1)" "$ID"
	rt delete --force "$ID"
	wait "$watcher" || true
}

@test "events refuses a bad interval and stopped containers" {
	sleeping
	exits 1 rt events --interval 0 "$ID"
	exits 1 rt events --interval soon "$ID"
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	only_ours runtime says "container not running" rt events --stats "$ID"
}

@test "kill --all reaches every process, not only the first" {
	bundle sh -c 'trap "" TERM; for i in 1 2 3; do sleep 1000 & done; echo ready >/work/ready; wait; wait; wait; sleep 1000'
	mkdir "$DIR/work"
	config '.mounts += [{ destination: "/work", type: "bind", source: $d, options: ["bind", "rw"] }]
		| del(.linux.namespaces[] | select(.type == "pid"))' --arg d "$DIR/work"
	rt_create || fail "$(cat "$DIR/err")"
	rt start "$ID"
	await exists "$DIR/work/ready"
	pids=$(rt ps -f json "$ID" | jq '.[]')
	first=$(cat "$DIR/pid")
	rt kill --all "$ID" USR1
	for p in $pids; do await process-gone "$p"; done
	rt delete --force "$ID"
}

@test "a container that forks all the time can be paused, killed and deleted" {
	bundle sh -c 'while :; do (:) & (:) & wait; done'
	rt_create || fail "$(cat "$DIR/err")"
	rt start "$ID"
	for _ in 1 2 3; do
		exits 0 rt pause "$ID"
		is "$(status_of)" paused
		exits 0 rt resume "$ID"
	done
	exits 0 rt pause "$ID"
	exits 0 rt delete --force "$ID"
	nothing_left
}

@test "rdma limits: where there is no such controller, the path of the limit is told" {
	runtime_is_ours || return 0
	! grep -qs rdma /sys/fs/cgroup/cgroup.controllers || skip "the controller is here"
	[ ! -d /sys/fs/cgroup/rdma ] || skip "the controller is here"
	bundle sleep 1000
	config '.linux.resources.rdma = { mlx5_1: { hcaHandles: 3, hcaObjects: 10 } }'
	exits 1 rt create --bundle "$BUNDLE" "$ID"
	has "$stderr" "linux.resources.rdma.mlx5_1"
	nothing_left
	config '.linux.resources.rdma = { mlx5_1: {} }' # asks for nothing
	rt_create
}

@test "kill KILL reaches what the first process has left behind where it has no pid namespace of its own" {
	runtime_is_ours || return 0 # runc does from 1.2 on
	bundle sh -c 'sleep 1000 & sleep 1000 & echo ready >/work/ready; exec sleep 1000'
	with_work
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	rt_create || fail "$(cat "$DIR/err")"
	rt start "$ID"
	await exists "$DIR/work/ready"
	rest=$(rt ps -f json "$ID" | jq --argjson first "$(cat "$DIR/pid")" '.[] | select(. != $first)')
	is "$(wc -w <<<"$rest")" 2
	kill -KILL "$(cat "$DIR/pid")"
	await process-gone "$(cat "$DIR/pid")"
	is "$(status_of)" stopped
	exits 1 rt kill "$ID" TERM
	has "$stderr" "container not running"
	exits 0 rt kill "$ID" KILL
	for p in $rest; do await process-gone "$p"; done
	exits 1 rt kill "$ID" KILL
	has "$stderr" "container not running"
	rt delete "$ID"
}
