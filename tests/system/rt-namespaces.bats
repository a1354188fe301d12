# Namespaces, hostname, sysctl, id maps.
load ../lib/harness

prepare() { bundle true; }

@test "each listed namespace is new, each that is not listed is the caller's" {
	config '.linux.namespaces += [{ type: "cgroup" }]'
	new=$(in_container sh -c 'for n in cgroup ipc mnt net pid uts user time; do readlink /proc/self/ns/$n; done')
	old=$(for n in cgroup ipc mnt net pid uts user time; do readlink /proc/self/ns/$n; done)
	i=0
	while read -r -u 5 n && read -r -u 6 o; do
		i=$((i + 1))
		if [ $i -le 6 ]; then [ "$n" != "$o" ] || fail "shared: $n"; else is "$n" "$o"; fi
	done 5<<<"$new" 6<<<"$old"
	config 'del(.linux.namespaces[] | select(.type == "ipc" or .type == "network" or .type == "cgroup"))'
	is "$(in_container sh -c 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/net')" \
		"$(readlink /proc/self/ns/ipc; readlink /proc/self/ns/net)"
}

@test "a namespace given by path is joined" {
	bundle sleep 1000
	rt_create
	first=$(cat "$DIR/pid")
	is "$(ID=$ID-2 && BUNDLE=$DIR/b2 && bundle true && config '(.linux.namespaces[] | select(.type == "ipc" or .type == "network" or .type == "uts")) |=
		(.path = "/proc/" + $p + "/ns/" + ({ ipc: "ipc", network: "net", uts: "uts" }[.type])) | del(.hostname)' --arg p "$first" &&
		in_container sh -c 'for n in ipc net uts; do readlink /proc/self/ns/$n; done')" \
		"$(for n in ipc net uts; do readlink "/proc/$first/ns/$n"; done)"
}

@test "a mount namespace by path that is the caller's own is refused: everybody in it would get the container's root" {
	runtime_is_ours || return 0
	config '(.linux.namespaces[] | select(.type == "mount")).path = "/proc/self/ns/mnt"'
	refuses unshare -m --propagation private "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	has "$stderr" "mount namespace /proc/self/ns/mnt is the caller's own"
	one_line "$stderr"
}

@test "a joined pid namespace: the container sees the other's processes" {
	bundle sleep 1000
	rt_create
	rt start "$ID"
	first=$(cat "$DIR/pid")
	out=$(ID=$ID-2 && BUNDLE=$DIR/b2 && bundle true && config '(.linux.namespaces[] | select(.type == "pid")).path = "/proc/" + $p + "/ns/pid"' \
		--arg p "$first" && in_container sh -c 'tr "\0" " " </proc/1/cmdline; echo; readlink /proc/self/ns/pid')
	is "$out" "sleep 1000 "$'\n'"$(readlink "/proc/$first/ns/pid")"
}

@test "the process is pid 1 of its own pid namespace and not otherwise" {
	is "$(in_container sh -c 'echo $$')" 1
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	[ "$(in_container sh -c 'echo $$')" -gt 1 ]
}

@test "hostname and domainname" {
	config '.hostname = "a-name"'
	is "$(in_container hostname)" a-name
	runtime_is_ours || return 0 # younger than runc 1.1.5
	config '.domainname = "example.org"'
	is "$(in_container cat /proc/sys/kernel/domainname)" example.org
}

@test "loopback is up in a new network namespace" {
	like "$(in_container cat /sys/class/net/lo/operstate /sys/class/net/lo/flags)" '0x9$'
}

@test "sysctl" {
	config '.linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "4096", "fs/mqueue/msg_max": "5" }'
	runtime_is_ours || config 'del(.linux.sysctl["fs/mqueue/msg_max"])'
	is "$(in_container sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax')" $'1\n4096'
	only_ours runtime is "$(in_container cat /proc/sys/fs/mqueue/msg_max)" 5
}

@test "a user namespace: ids are mapped as asked" {
	# Nothing but a world-searchable path can be a rootfs for mapped ids.
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 65536 }]'
	own_rootfs
	chmod 755 "$DIR" "$WORK"
	chown -R 100000:200000 "$BUNDLE/rootfs"
	is "$(in_container sh -c 'id -u; id -g; cat /proc/self/uid_map | tr -s " "; cat /proc/self/gid_map | tr -s " "; stat -c %u:%g /bin/busybox')" \
		$'0\n0\n 0 100000 65536\n 0 200000 65536\n0:0'
	# Message queues are those of root in the container, too (its group as well, by ours).
	is "$(in_container stat -c %u /dev/mqueue)" 0
	only_ours runtime is "$(in_container stat -c %g /dev/mqueue)" 0
}

@test "a user namespace without maps has the caller's own ids, if root is all that the document names" {
	runtime_is_ours || return 0 # runc refuses it, crun does this
	bundle sh -c 'tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map; id -u'
	config '.linux.namespaces += [{ type: "user" }] | .mounts |= map(.options |= (. // [] | map(select(startswith("gid=") | not))))'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" $' 0 0 1\n 0 0 1\n0'
	has "$stderr" "linux.uidMappings: there are none: root of the container is root of the host"
	for other in '.linux.devices = [{ path: "/dev/x", type: "c", major: 1, minor: 3, gid: 5 }]' '.process.user.uid = 5' '.process.user.gid = 5' '.process.user.additionalGids = [5]' \
		'.mounts += [{ destination: "/t", type: "tmpfs", source: "tmpfs", options: ["uid=5"] }]'; do
		cp "$BUNDLE/config.json" "$DIR/saved"
		config "$other"
		refuses rt run --bundle "$BUNDLE" "$ID"
		has "$stderr" "user namespaces enabled, but no uid mappings found (linux.uidMappings)"
		cp "$DIR/saved" "$BUNDLE/config.json"
	done
	nothing_left
}

@test "a user namespace: the process is nobody on the host" {
	bundle sleep 1000
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 65536 }]'
	own_rootfs
	chmod 755 "$DIR" "$WORK"
	chown -R 100000:200000 "$BUNDLE/rootfs"
	rt_create
	rt start "$ID"
	is "$(stat -c %u:%g "/proc/$(cat "$DIR/pid")")" 100000:200000
	is "$(rt exec "$ID" id -u)" 0
}

@test "mounts of the container do not reach the host, and the host's root is gone" {
	before=$(wc -l </proc/self/mounts)
	out=$(in_container sh -c 'cat /proc/self/mountinfo')
	is "$(wc -l </proc/self/mounts)" "$before"
	hasnt "$out" " /run/tm"
	is "$(awk '$5 == "/"' <<<"$out" | wc -l)" 1
}

@test "--no-pivot works too" {
	bundle sh -c 'ls / | tr "\n" " "; inside fds'
	is "$(rt run --no-pivot --bundle "$BUNDLE" "$ID")" "bin dev etc home mnt proc root run sbin sys tmp usr var work 0 1 2"
}

@test "rootfsPropagation" {
	for p in private slave shared unbindable; do
		[ $p != unbindable ] || runtime_is_ours || continue # 1.1.5 makes it so too early
		config '.linux.rootfsPropagation = $p' --arg p $p
		out=$(in_container awk '$5 == "/"' /proc/self/mountinfo)
		case $p in
		shared) only_ours runtime has "$out" shared: ;;
		unbindable) has "$out" unbindable ;;
		private | slave) hasnt "$out" shared: ;;
		esac
	done
}

# on_shared_mounts OPTIONS...: run the container where every mount is shared, as an init system leaves them, with a file
# system of the host at $DIR/volume; what the host has mounted more afterwards goes to $DIR/more
on_shared_mounts() {
	ASAN_OPTIONS=detect_leaks=0 unshare -m --propagation private bash -ec '
		dir=$1
		shift
		mount --make-rshared /
		mkdir -p "$dir/volume"
		mount -t tmpfs tmpfs "$dir/volume"
		mkdir -m 0777 "$dir/volume/inner"
		sort /proc/self/mountinfo >"$dir/before"
		"$@"
		sort /proc/self/mountinfo | comm -3 "$dir/before" - >"$dir/more"
	' bash "$DIR" "$RUNTIME" --root "$ROOT" run "$@" --bundle "$BUNDLE" "$ID"
}

# with_volume PROPAGATION: the container has $DIR/volume at /mnt, and mounts a file system in it
with_volume() {
	bundle sh -c 'mount -t tmpfs tmpfs /mnt/inner && cat /proc/self/mountinfo'
	config '.linux.rootfsPropagation = $p | .mounts += [{ destination: "/mnt", source: $s, options: ["rbind"] }] |
		.process.capabilities |= map_values((. + ["CAP_SYS_ADMIN"]))' --arg p "$1" --arg s "$DIR/volume"
}

@test "rootfsPropagation holds where the host's mounts are shared, and the host's stay as they are" {
	for p in private slave rprivate rslave; do
		[[ $p == r* ]] || runtime_is_ours || continue # 1.1.5 leaves what lies below as it is
		with_volume $p
		out=$(on_shared_mounts)
		like "$out" ' /mnt/inner '
		hasnt "$out" shared:
		is "$(cat "$DIR/more")" ""
	done
}

@test "a shared root: what is mounted on a volume of the host gets there, and nothing else" {
	for options in "" --no-pivot; do
		# runc unmounts the host's /proc; before Linux 5.12 ours makes a slave of the volume
		[ -z "$options" ] || { runtime_is_ours && ! lacks open_tree move_mount mount_setattr; } || continue
		with_volume rshared
		out=$(on_shared_mounts $options)
		like "$out" ' /mnt/inner .*shared:'
		is "$(wc -l <"$DIR/more")" 1
		has "$(cat "$DIR/more")" " $DIR/volume/inner "
	done
}

@test "a shared root in a user namespace: nothing that is mounted there gets to the host" {
	for options in "" --no-pivot; do
		[ -z "$options" ] || runtime_is_ours || continue
		with_volume rshared
		config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
			| .linux.gidMappings = .linux.uidMappings'
		chmod 0755 "$WORK" "$DIR"
		like "$(on_shared_mounts $options)" ' /mnt .*shared:[0-9]+ master:'
		is "$(cat "$DIR/more")" ""
	done
}

@test "a shared root whose path the container's root may not walk" {
	runtime_is_ours && ! lacks open_tree move_mount mount_setattr || return 0
	with_volume shared
	own_rootfs
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chmod 0700 "$DIR"
	like "$(on_shared_mounts)" ' [^ ]+/rootfs / .*shared:'
	is "$(cat "$DIR/more")" ""
}

# in_netns CMD...: in a network namespace with the interface tm0, which has an address
in_netns() {
	unshare -n sh -c 'ip tuntap add dev tm0 mode tap && ip addr add 10.9.8.7/24 dev tm0 && ip addr add fd00::7/64 dev tm0 &&
		ip link set lo up && "$@"' in_netns "$@"
}

@test "netDevices: an interface of the host becomes the container's, with its addresses, and up" {
	runtime_is_ours || return 0
	bundle true
	in_netns true || skip "the kernel has no tap interfaces"
	config '.linux.netDevices = { tm0: { name: "inside0" } } | .process.args = ["sh", "-c", "ip addr show inside0"]'
	out=$(in_netns "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")
	has "$out" "inside0: <"
	like "$out" '<[^>]*UP'
	has "$out" "inet 10.9.8.7/24"
	has "$out" "inet6 fd00::7/64"
	config '.linux.netDevices = { tm0: {} } | .process.args = ["ip", "addr", "show", "tm0"]'
	has "$(in_netns "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")" "inet 10.9.8.7/24"
}

@test "netDevices: into a network namespace that is joined, by a process that takes its time" {
	runtime_is_ours || return 0
	bundle true
	in_netns true || skip "the kernel has no tap interfaces"
	touch "$DIR/netns"
	config '(.linux.namespaces[] | select(.type == "network")).path = $p | .linux.netDevices = { tm0: { name: "inside0" } } |
		.process.args = ["ip", "addr", "show", "inside0"]' --arg p "$DIR/netns"
	# shellcheck disable=SC2016 # expanded by the inner shell
	out=$(in_netns sh -c 'unshare --net="$0" true && { "$@" 2>&1; umount "$0"; }' "$DIR/netns" \
		env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" strace -f -qq -o "$DIR/trace" -e trace=setns \
		-e inject=setns:delay_enter=500000 "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")
	has "$out" "inet 10.9.8.7/24"
}

@test "netDevices: what is not there, a name that is taken, and no network namespace are errors" {
	runtime_is_ours || return 0
	bundle true
	in_netns true || skip "the kernel has no tap interfaces"
	config '.linux.netDevices = { nothing0: {} }'
	exits 1 rt create --bundle "$BUNDLE" "$ID"
	has "$stderr" "linux.netDevices.nothing0: find the interface: no such device"
	nothing_left
	config '.linux.netDevices = { tm0: { name: "lo" } }'
	exits 1 in_netns "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	has "$stderr" "linux.netDevices.tm0: move it into the container's network namespace: file exists"
	nothing_left
	config '.linux.namespaces |= map(select(.type != "network")) | .linux.netDevices = { tm0: {} }'
	exits 1 rt create --bundle "$BUNDLE" "$ID"
	has "$stderr" "unable to move network devices without a NET namespace"
	nothing_left
}

@test "a pid namespace that has ended: an error, and the hooks of the failure still run" {
	bundle true
	touch "$DIR/pidns"
	unshare --pid="$DIR/pidns" --fork true
	config '(.linux.namespaces[] | select(.type == "pid")).path = $p |
		.hooks.poststop = [{ path: "/bin/sh", args: ["sh", "-c", "echo >" + $d + "/stopped"] }]' \
		--arg p "$DIR/pidns" --arg d "$DIR"
	refuses rt create --bundle "$BUNDLE" "$ID"
	umount "$DIR/pidns"
	only_ours runtime test -e "$DIR/stopped"
	nothing_left
}

@test "a sysctl kernel.domainname beside another domainname is refused, and beside the same is none" {
	if runtime_is_runc; then return 0; fi # the sysctl wins
	bundle cat /proc/sys/kernel/domainname
	config '.domainname = "one.example" | .linux.sysctl = { "kernel.domainname": "other.example" }'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	only_ours runtime has "$stderr" 'conflicts with the OCI \"domainname\" field'
	nothing_left
	config '.linux.sysctl["kernel.domainname"] = "one.example"'
	is "$(rt run --bundle "$BUNDLE" "$ID")" one.example
}
