# What bundles of run_oci have in config.json beyond the runtime-spec, or in another sense: what becomes of it here.
load ../lib/harness

prepare() { bundle true; }

# add_mount JSON: one more mount in the config
add_mount() { config ".mounts += [$1]" --arg dir "$DIR"; }

# refuses_config TEXT: create fails with one line that has TEXT, and leaves nothing
refuses_config() {
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "$1"
	one_line "$stderr"
	nothing_left
}

@test "C72 a label is refused by its place where SELinux is off: process, mounts, exec" {
	runtime_is_ours || return 0
	! grep -q selinuxfs /proc/self/mounts || skip "SELinux is on"
	config '.linux.mountLabel = "u:r:t:s0"'
	refuses_config 'linux.mountLabel: selinux label is specified in config, but selinux is disabled or not supported'
	config '.process.selinuxLabel = "u:r:t:s0"'
	refuses_config 'process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not supported'
	bundle sleep 1000
	rt_create
	exits 255 rt exec --process-label u:r:t:s0 "$ID" true
	has "$stderr" 'process.selinuxLabel: selinux label is specified in config'
	one_line "$stderr"
	exits 0 rt exec --process-label '' "$ID" true
}

@test "linux.intelRdt is refused by its place where resctrl is not mounted, and update without a group" {
	runtime_is_ours || return 0
	! grep -q ' resctrl ' /proc/self/mounts || skip "resctrl is mounted"
	config '.linux.intelRdt = { l3CacheSchema: "L3:0=f" }'
	refuses_config 'linux.intelRdt: intelRdt is specified in config, but Intel RDT is not enabled: no resctrl file system is mounted'
	bundle sleep 1000
	rt_create
	is "$(jq -r .intel_rdt_path "$ROOT/$ID/state.json")" ""
	exits 1 rt update --mem-bw-schema MB:0=20 "$ID"
	has "$stderr" '--mem-bw-schema: the container has no group of Intel RDT (linux.intelRdt)'
}

# mapped: the container's root is not the host's
mapped() {
	own_rootfs
	chmod 755 "$DIR" # for kernels without open_tree
	chown -R 70000:70000 "$BUNDLE/rootfs"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 70000, size: 1000 }]
		| .linux.gidMappings = .linux.uidMappings'
}

# image: an ext4 file system in $DIR/image, with a file in it
image() {
	[ -e /dev/loop-control ] || skip "no loop devices"
	grep -qw ext4 /proc/filesystems || skip "no ext4"
	mkdir "$DIR/content"
	echo inside >"$DIR/content/file"
	chmod 755 "$DIR/content"
	truncate -s 2M "$DIR/image"
	mkfs.ext4 -q -O ^has_journal -d "$DIR/content" "$DIR/image"
}

# no_loop: nothing is attached to the image
no_loop() {
	local f
	for f in /sys/block/loop*/loop/backing_file; do
		[ -e "$f" ] || continue
		[ "$(cat "$f" 2>/dev/null)" != "$DIR/image" ] || return 1
	done
}

# loop_ends: the kernel lets the device go when the last mount has, which it says to nobody
loop_ends() {
	local i
	for i in {1..3000}; do
		no_loop && return
		sleep 0.01
	done
	fail "the image is still attached"
}

@test "C58 loop: a file is mounted by a loop device that goes with the container" {
	runtime_is_ours || return 0
	image
	add_mount '{ destination: "/mnt", type: "ext4", source: ($dir + "/image"), options: ["loop", "ro"] }'
	out=$(in_container sh -c 'cat /mnt/file; awk "\$5 == \"/mnt\" { print \$6 }" /proc/self/mountinfo; touch /mnt/x 2>/dev/null || echo refused')
	like "$out" $'^inside\nro.*\nrefused$'
	loop_ends
	config '.mounts[-1].options = ["loop"]'
	is "$(in_container sh -c 'echo more >/mnt/new && cat /mnt/new')" more
	loop_ends
	is "$(debugfs -R 'cat new' "$DIR/image" 2>/dev/null)" more
}

@test "C58 loop: mounted before the user namespace is entered, where an ordinary mount is not allowed" {
	runtime_is_ours || return 0
	! lacks fsopen || return 0
	image
	mapped
	add_mount '{ destination: "/mnt", type: "ext4", source: ($dir + "/image"), options: ["loop", "ro"] }'
	is "$(in_container cat /mnt/file)" inside
	loop_ends
}

@test "C58 loop: nothing stays attached when create fails, and mistakes are told with their place" {
	runtime_is_ours || return 0
	image
	add_mount '{ destination: "/mnt", type: "ext4", source: ($dir + "/image"), options: ["loop"] }'
	config '.process.args = ["/no/such/program"]'
	refuses_config '/no/such/program'
	loop_ends
	config '.mounts[-1].source = $dir + "/missing"' --arg dir "$DIR"
	refuses_config "loop: open $DIR/missing: no such file or directory"
	config '.mounts[-1].options += ["bind"]'
	refuses_config 'loop is for file systems on a device'
	head -c 65536 /dev/zero >"$DIR/empty"
	config '.mounts[-1].source = $dir + "/empty" | .mounts[-1].options = ["loop"]' --arg dir "$DIR"
	refuses_config "$DIR/empty"
	no_loop
}

@test "C59 dm=: a table is read, and refused with its place where there is no device-mapper" {
	runtime_is_ours || return 0
	add_mount '{ destination: "/mnt", type: "ext4", source: "/dev/null", options: ["ro", "dm=0 x verity"] }'
	refuses_config "mounts[$(jq '.mounts | length - 1' "$BUNDLE/config.json")].options: dm=0 x verity: not of the form START LENGTH TYPE PARAMETERS"
	[ ! -e /dev/mapper/control ] || skip "there is a device-mapper"
	config '.mounts[-1].options = ["ro", "dm=0 8 verity 1 @DEV@ @DEV@ 4096 4096 1 1 sha256 00 -"]'
	refuses_config 'dm: open /dev/mapper/control: no such file or directory'
}

@test "C60 proc and sysfs are mounted nosuid, nodev and noexec, unless the document says the opposite" {
	runtime_is_ours || return 0
	config '(.mounts[] | select(.type == "proc" or .type == "sysfs")).options = []'
	out=$(in_container awk '$5 == "/proc" || $5 == "/sys" { print $6 }' /proc/self/mountinfo)
	is "$out" $'rw,nosuid,nodev,noexec,relatime\nrw,nosuid,nodev,noexec,relatime'
	config '(.mounts[] | select(.type == "proc" or .type == "sysfs")).options = ["suid", "ro"]'
	out=$(in_container awk '$5 == "/proc" || $5 == "/sys" { print $6 }' /proc/self/mountinfo)
	is "$out" $'ro,nodev,noexec,relatime\nro,nodev,noexec,relatime'
	rt --debug --log "$DIR/log" run --bundle "$BUNDLE" "$ID" >/dev/null
	config '(.mounts[] | select(.type == "proc" or .type == "sysfs")).options = []'
	rt --debug --log "$DIR/log" run --bundle "$BUNDLE" "$ID" >/dev/null
	has "$(cat "$DIR/log")" 'mount of proc on /proc: nosuid, nodev and noexec are added'
}

@test "C61 performInIntermediateNamespace: the mount is made with the caller's rights, and seen in the container alone" {
	runtime_is_ours || return 0
	! lacks fsopen || return 0
	mapped
	chmod 755 "$DIR"
	mkdir "$DIR/lower" "$DIR/upper" "$DIR/work"
	echo lower >"$DIR/lower/file"
	add_mount '{ destination: "/mnt", type: "tmpfs", source: "of-the-host", options: ["size=64k", "mode=1777", "nosuid"],
		performInIntermediateNamespace: true }'
	out=$(in_container sh -c 'awk "\$5 == \"/mnt\"" /proc/self/mountinfo; stat -c %u /mnt; df -k /mnt | tail -n 1 | awk "{ print \$2 }"')
	like "$out" ' rw,nosuid,relatime .*- tmpfs of-the-host '
	# Root of the host owns it, who is nobody in the container: who made it had the host's rights.
	like "$out" $'\n65534\n64$'
	hasnt "$(cat /proc/self/mountinfo)" of-the-host
	config '.mounts[-1] |= del(.performInIntermediateNamespace)'
	is "$(in_container stat -c %u /mnt)" 0
}

@test "C61 performInIntermediateNamespace: a remount of / changes the rootfs for this container" {
	runtime_is_ours || return 0
	mapped
	add_mount '{ destination: "/", type: "bind", source: "", options: ["remount", "ro", "nodev"], performInIntermediateNamespace: true }'
	is "$(in_container awk '$5 == "/" { print substr($6, 1, 8) }' /proc/self/mountinfo)" ro,nodev
	touch "$BUNDLE/rootfs/still-written"
	config '.mounts[-1] |= del(.performInIntermediateNamespace)'
	refuses_config 'mountpoint is on the top of rootfs'
	config '.mounts[-1] += { destination: "/mnt", type: "tmpfs", performInIntermediateNamespace: true }'
	refuses_config "options: remount before the container's namespace is for"
}

@test "C62 performInIntermediateNamespace without CAP_SYS_ADMIN is refused by its name" {
	runtime_is_ours || return 0
	[ -z "${LACKING:-}" ] || return 0 # what takes calls away needs the capability that is dropped here
	mapped
	add_mount '{ destination: "/mnt", type: "tmpfs", source: "tmpfs", performInIntermediateNamespace: true }'
	exits 1 capsh --drop=cap_sys_admin -- -c '"$@"' run "$RUNTIME" --root "$ROOT" --rootless=true run --bundle "$BUNDLE" "$ID"
	has "$stderr" "mounts[$(jq '.mounts | length - 1' "$BUNDLE/config.json")].performInIntermediateNamespace needs CAP_SYS_ADMIN"
	nothing_left
	config '.linux.namespaces |= map(select(.type != "user" and .type != "mount")) | del(.linux.uidMappings, .linux.gidMappings, .linux.maskedPaths, .linux.readonlyPaths)
		| .mounts = [.mounts[-1]]'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" 'mounts[0].performInIntermediateNamespace: the container has no mount namespace'
}

@test "C63 rootfsPropagation holds with performInIntermediateNamespace: slave unless said otherwise, mistakes refused" {
	runtime_is_ours || return 0
	add_mount '{ destination: "/mnt", type: "tmpfs", source: "tmpfs", performInIntermediateNamespace: true }'
	propagation() { in_container awk '$5 == "/" || $5 == "/mnt" { print $5, $7 }' /proc/self/mountinfo; }
	hasnt "$(propagation)" shared
	config '.linux.rootfsPropagation = "rshared"'
	out=$(propagation)
	like "$out" '/ shared:[0-9]+'
	like "$out" '/mnt shared:[0-9]+'
	config '.linux.rootfsPropagation = "unkind"'
	refuses_config 'rootfsPropagation=unkind is not supported'
}

@test "C64 missing mount points are made for everybody to enter, as runc makes them, not 0750" {
	own_rootfs
	add_mount '{ destination: "/new/place", type: "tmpfs", source: "tmpfs", options: ["mode=700"] }'
	exits 0 in_container true
	is "$(stat -c '%a %u %g' "$BUNDLE/rootfs/new" "$BUNDLE/rootfs/new/place")" $'755 0 0\n755 0 0'
}

@test "C65 a mount without destination or type is refused by its place; a source may be missing" {
	runtime_is_ours || return 0
	config '.mounts = [{ type: "tmpfs", source: "tmpfs" }]'
	refuses_config 'mounts[0].destination is required'
	config '.mounts = [{ destination: "/mnt", source: "tmpfs" }]'
	refuses_config 'mounts[0].type is required'
	config '.mounts = [{ destination: "/mnt", type: "tmpfs" }]'
	exits 0 in_container true
}
