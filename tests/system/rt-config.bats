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
	mkfs.ext4 -q -b 4096 -O ^has_journal -d "$DIR/content" "$DIR/image"
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
	! lacks fsopen move_mount || return 0
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

@test "C59 dm=: a verity device over a loop device, mounted while its blocks are what they were, and gone with the container" {
	runtime_is_ours || return 0
	[ -e /dev/mapper/control ] && command -v veritysetup >/dev/null || skip "no device-mapper, or no veritysetup"
	image
	hash=$(veritysetup format --no-superblock --salt=- --data-blocks=512 --hash-offset=2097152 "$DIR/image" "$DIR/image" |
		sed -n 's/^Root hash:[[:space:]]*//p')
	add_mount '{ destination: "/mnt", type: "ext4", source: ($dir + "/image"), options: ["ro", "loop"] }'
	config '.mounts[-1].options += ["dm=0 4096 verity 1 @DEV@ @DEV@ 4096 4096 512 512 sha256 " + $hash + " -"]' --arg hash "$hash"
	is "$(in_container cat /mnt/file)" inside
	loop_ends
	hasnt "$(ls /sys/block/dm-*/dm/name 2>/dev/null | xargs -r cat)" "tallyrun-$ID"
	printf x | dd of="$DIR/image" bs=1 seek=$((2097152 + 5000)) conv=notrunc 2>/dev/null
	refuses_config "$DIR/image"
	loop_ends
}

# mapped_by WORDS TRACE ARGS...: the runtime, with a device-mapper played to it: what becomes of its requests is WORDS
mapped_by() {
	ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" strace -qq -o "$DIR/$2" -P /dev/mapper/control -P "$DIR/control" \
		-e trace=openat,ioctl -e inject=openat:retval=9 -e inject=ioctl:"$1" "$RUNTIME" --root "$ROOT" "${@:3}" 9<>"$DIR/control"
}

@test "C59 dm=: a device that a killed create has made is removed by delete --force" {
	runtime_is_ours || return 0
	add_mount '{ destination: "/mnt", type: "ext4", source: "/dev/null", options: ["ro", "dm=0 8 verity 1 @DEV@ @DEV@ 4096 4096 1 1 sha256 00 -"] }'
	exits 137 mapped_by retval=0:signal=KILL making create --bundle "$BUNDLE" "$ID"
	name=$(sed -n 's/.*DM_DEV_CREATE.* name="\([^"]*\)".*/\1/p' "$DIR/making")
	like "$name" "^tallyrun-$ID-[0-9]+\.[A-Za-z0-9]{6}\$"
	exits 1 mapped_by error=EACCES failing delete --force "$ID" # and it is not forgotten
	has "$stderr" "dm: remove $name: permission denied"
	exits 0 mapped_by retval=0 removing delete --force "$ID"
	like "$(cat "$DIR/removing")" "DM_DEV_REMOVE.* name=\"$name\".*DM_DEFERRED_REMOVE"
	nothing_left
	# Noted, and not made: the kernel knows nothing of it.
	exits 137 mapped_by error=EIO:signal=KILL making create --bundle "$BUNDLE" "$ID"
	exits 0 mapped_by error=ENXIO removing delete --force "$ID"
	nothing_left
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
	! lacks fsopen move_mount || return 0
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

@test "C61 performInIntermediateNamespace: a remount of / does not take root.readonly back" {
	runtime_is_ours || return 0
	config '.root.readonly = true'
	add_mount '{ destination: "/", type: "bind", source: "", options: ["remount", "nodev"], performInIntermediateNamespace: true }'
	is "$(in_container awk '$5 == "/" { print substr($6, 1, 8) }' /proc/self/mountinfo)" ro,nodev
	mapped
	config '.root.readonly = true'
	is "$(in_container awk '$5 == "/" { print substr($6, 1, 8) }' /proc/self/mountinfo)" ro,nodev
}

@test "C62 performInIntermediateNamespace without CAP_SYS_ADMIN is refused by its name" {
	runtime_is_ours || return 0
	[ -z "${LACKING:-}" ] || return 0 # what takes calls away needs the capability that is dropped here
	mapped
	add_mount '{ destination: "/mnt", type: "tmpfs", source: "tmpfs", performInIntermediateNamespace: true }'
	exits 1 capsh --drop=cap_sys_admin -- -c '"$@"' run "$RUNTIME_PROGRAM" --root "$ROOT" --rootless=true run --bundle "$BUNDLE" "$ID"
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

# hook KIND SHELL-TEXT [JQ-OBJECT]: one more hook of that kind
hook() {
	config '.hooks[$kind] += [{ path: "/bin/sh", args: ["sh", "-c", $text] } + $more]' --arg kind "$1" --arg text "$2" \
		--argjson more "${3:-{\}}"
}

@test "C40 C41 C42 C43 prechroot: before prestart, with the container's pid and the status created on its input" {
	runtime_is_ours || return 0
	bundle sleep 1000
	config '.annotations = { "org.example.a": "b c" }'
	hook prestart "echo prestart >>$DIR/order"
	hook prechroot "cat >$DIR/given; echo prechroot >>$DIR/order; readlink /proc/self/ns/mnt >$DIR/ns"
	hook createContainer "echo createContainer >>$DIR/order"
	rt_create
	is "$(cat "$DIR/order")" $'prechroot\nprestart\ncreateContainer'
	is "$(jq -c '[.id, .status, .pid, .bundle, .annotations["org.example.a"], (.ociVersion | startswith("1."))]' "$DIR/given")" \
		"[\"$ID\",\"created\",$(cat "$DIR/pid"),\"$BUNDLE\",\"b c\",true]"
	is "$(cat "$DIR/ns")" "$(readlink /proc/self/ns/mnt)" # the root has not been changed, nor has anything else for it
}

@test "C44 hooks of the runtime get the state as one line, as every OCI runtime gives it" {
	bundle sleep 1000
	hook prestart "cat >$DIR/given"
	rt_create
	is "$(wc -l <"$DIR/given" | tr -d ' ')" 0
}

@test "C45 a hook that does not read a large state is no failure" {
	bundle sleep 1000
	# More than a pipe holds.
	head -c 200000 /dev/zero | tr '\0' x >"$DIR/large"
	config '.annotations = { "org.example.large": $large }' --rawfile large "$DIR/large"
	config '.hooks.prestart = [{ path: "/bin/true" }]'
	rt_create
	is "$(status_of)" created
}

@test "C48 a hook has nothing of ours open but its three standard files" {
	runtime_is_ours || return 0
	bundle sleep 1000
	for k in prechroot prestart createContainer; do hook $k "exec ls /proc/self/fd >$DIR/$k"; done
	rt_create 5</dev/null
	# 3 is the directory that ls reads.
	for k in prechroot prestart createContainer; do is "$k $(tr '\n' ' ' <"$DIR/$k")" "$k 0 1 2 3 "; done
}

@test "C51 C53 a hook that fails ends the stage and the create: prechroot, prestart" {
	runtime_is_ours || return 0
	for k in prechroot prestart; do
		bundle sh -c "echo ran >$DIR/program"
		hook "$k" 'echo the words >&2; exit 3'
		hook "$k" "echo second >$DIR/second"
		refuses_config "error running $k hook #0: exit status 3, stdout: , stderr: the words"
		[ ! -e "$DIR/program" ] && [ ! -e "$DIR/second" ]
	done
}

@test "C52 without a process there is nothing for the hooks of its start" {
	runtime_is_ours || return 0
	for k in prechroot prestart createRuntime; do hook "$k" "touch $DIR/ran"; done
	config '.root.path = "/etc/passwd"'
	refuses_config '/etc/passwd'
	config '.root.path = $root | (.linux.namespaces[] | select(.type == "ipc")).path = "/no/such/namespace"' --arg root "$TOOLS/rootfs"
	refuses_config '/no/such/namespace'
	[ ! -e "$DIR/ran" ]
}

@test "C54 environment entries of hooks and of the process have the form name=value" {
	runtime_is_ours || return 0
	config '.hooks.prestart = [{ path: "/bin/true", env: ["A=1", "B"] }]'
	refuses_config "missing '=' (hooks.prestart[0].env[1])"
	config '.hooks = {} | .process.env = ["=1"]'
	refuses_config 'name cannot be empty (process.env[0])'
}

@test "C55 a hook that cannot be executed fails by its name" {
	runtime_is_ours || return 0
	echo '#!/bin/sh' >"$DIR/hook"
	config '.hooks.prechroot = [{ path: $p }]' --arg p "$DIR/hook"
	refuses_config "$DIR/hook: permission denied"
	config '.hooks.prechroot = [{ path: "hook" }]'
	refuses_config 'hooks.prechroot[0].path'
}

@test "C67 several mappings are one line each inside" {
	mapped
	config '.linux.uidMappings += [{ containerID: 5000, hostID: 90000, size: 7 }]'
	is "$(in_container sh -c 'cat /proc/self/uid_map; cat /proc/self/gid_map' | tr -s ' ')" \
		$' 0 70000 1000\n 5000 90000 7\n 0 70000 1000'
}

@test "C68 dynamicMinor and dynamicMajor: the number is that of the host's device" {
	runtime_is_ours || return 0
	own_rootfs
	mknod "$DIR/node" c 1 7
	config '.linux.devices = [{ path: $p, type: "c", major: 1, minor: 99, dynamicMinor: true, fileMode: 384, uid: 5, gid: 6 }]' \
		--arg p "$DIR/node"
	config '.process.args = ["stat", "-c", "%t:%T %a %u:%g", $p]' --arg p "$DIR/node"
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" "1:7 600 5:6"
	has "$stderr" 'linux.devices[0].minor: ignored for dynamicMinor'
	config '.linux.devices[0] |= (del(.major, .minor) | .dynamicMajor = true)'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output$stderr" "1:7 600 5:6"
	config '.linux.devices[0] |= (.major = 10 | .dynamicMajor = false)'
	refuses_config "linux.devices[0].major: $DIR/node is of major number 1 on the host, not 10"
	config '.linux.devices[0].type = "b"'
	refuses_config "linux.devices[0].dynamicMinor: $DIR/node is no block device on the host"
	config '.linux.devices[0].path += ".missing"'
	refuses_config "linux.devices[0].dynamicMinor: $DIR/node.missing on the host: no such file or directory"
	config '.linux.devices = [{ path: "/dev/x", type: "p", dynamicMinor: true }]'
	refuses_config 'linux.devices[0]: a FIFO has no numbers for dynamicMinor'
}

@test "C68 a device without mode, owner and numbers that the specification does not ask for is made" {
	config '.linux.devices = [{ path: "/dev/plain", type: "c", major: 1, minor: 7 }, { path: "/dev/pipe", type: "p" }]'
	is "$(in_container stat -c '%F %a %u:%g' /dev/plain /dev/pipe)" $'character special file 666 0:0\nfifo 666 0:0'
}

@test "C71 capabilities are taken as the specification has them: sets that differ are not a mistake" {
	config '.process.capabilities = { bounding: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] }
		| .process.user = { uid: 1000, gid: 1000 }'
	is "$(in_container grep -E '^Cap(Bnd|Amb)' /proc/self/status | tr -d '\t')" $'CapBnd:0000000000000021\nCapAmb:0000000000000000'
	# The profile of run_oci: one set in all five places.
	config '.process.capabilities = (["CAP_CHOWN", "CAP_KILL"] | { bounding: ., effective: ., inheritable: ., permitted: ., ambient: . })'
	is "$(in_container sed -n 's/^Cap...:\t//p' /proc/self/status | sort -u)" 0000000000000021
}

@test "C73 the cgroup of a container that has not asked for it is root's, not the container's" {
	bundle sleep 1000
	mapped
	rt_create
	is "$(stat -c %u:%g "$(group_of pids)")" 0:0
}

@test "a container that has cgroup v2 for writing divides its cgroup as it likes, and has its limits from the host" {
	on_cgroup2 && ! runtime_is_runc || return 0 # runc does this with systemd alone
	local group
	bundle sleep 1000
	mapped
	config '.linux.namespaces |= (map(select(.type != "cgroup")) + [{ type: "cgroup" }]) | .mounts |= (map(select(.destination != "/sys/fs/cgroup"))
		+ [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev"] }])'
	rt_create
	group=$(group_of pids)
	is "$(stat -c %u "$group" "$group"/cgroup.{procs,threads,subtree_control} | sort -u)" 70000
	is "$(stat -c %u "$group"/cgroup.{max.depth,freeze} | sort -u)" 0
	rt start "$ID"
	exits 0 rt exec "$ID" sh -c 'mkdir /sys/fs/cgroup/inner && echo $$ >/sys/fs/cgroup/inner/cgroup.procs'
	refuses rt exec "$ID" sh -c 'echo 1 >/sys/fs/cgroup/cgroup.max.depth'
	rt delete --force "$ID"
	nothing_left
	config '.mounts[-1].options += ["ro"]'
	rt_create
	is "$(stat -c %u "$group")" 0
	rt delete --force "$ID"
	config '.mounts[-1].options += ["rw"] | .mounts[-1].destination = "//sys/fs/cgroup/" | .process.user = { uid: 5, gid: 5 }'
	rt_create
	is "$(stat -c %u "$group")" 70005
}

@test "C74 altSyscall: a kernel without such tables refuses by its name" {
	runtime_is_ours || return 0
	config '.linux.altSyscall = "third_party"'
	refuses_config 'use the kernel'"'"'s system call table \"third_party\" (linux.altSyscall): invalid argument'
}

@test "C75 skipSecurebits: without it no bit is touched, with it all but those named are set, for exec too" {
	runtime_is_ours || return 0
	is "$(in_container inside securebits)" 0
	config '.linux.skipSecurebits = []'
	# KEEP_CAPS itself ends with the execve; its lock does not.
	is "$(in_container inside securebits)" 2f
	config '.linux.skipSecurebits = ["KEEP_CAPS", "KEEP_CAPS_LOCKED"]'
	is "$(in_container inside securebits)" f
	config '.process.user = { uid: 1000, gid: 1000 } | .process.capabilities = (["CAP_KILL"] | { bounding: ., effective: .,
		inheritable: ., permitted: ., ambient: . })'
	is "$(in_container sh -c 'inside securebits; sed -n "s/^CapEff:.//p" /proc/self/status')" $'f\n0000000000000020'
	config '.process.args = ["sleep", "1000"]'
	rt_create
	rt start "$ID"
	is "$(rt exec "$ID" inside securebits)" f
	rt delete --force "$ID"
	config '.linux.skipSecurebits = ["KEEP_CAPS", "SECBIT_NOROOT"]'
	refuses_config 'linux.skipSecurebits[1]: there is no securebit \"SECBIT_NOROOT\"'
}

@test "C76 the program is process 1 itself" {
	is "$(in_container sh -c 'echo $$')" 1
	is "$(in_container cat /proc/1/cmdline | tr '\0' ' ')" "cat /proc/1/cmdline "
}

@test "C78 C79 hostname and platform may be missing; what the specification wants is refused by its place" {
	runtime_is_ours || return 0
	config 'del(.hostname, .platform)'
	exits 0 in_container true
	config '.hostname = "under_score.and.dots"'
	is "$(in_container hostname)" under_score.and.dots
	for key in ociVersion root.path process.cwd process.args; do
		bundle true
		config 'del(getpath($p[:-1])[$p[-1]])' --argjson p "$(jq -nc --arg k "$key" '$k | split(".")')" 2>/dev/null ||
			config "del(.$key)"
		refuses rt run --bundle "$BUNDLE" "$ID"
		one_line "$stderr"
		nothing_left
	done
}

@test "C80 seccomp: the form with one name and value2 is read too" {
	runtime_is_ours || return 0
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{ name: "mkdir", action: "SCMP_ACT_ERRNO", args: [] },
		{ name: "unshare", action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 268435456, value2: 268435456, op: "SCMP_CMP_MASKED_EQ" }] }] }'
	is "$(in_container sh -c 'inside syscall mkdir; inside syscall unshare 0x10000000; inside syscall unshare 0')" $'EPERM\nEPERM\nok'
	config '.linux.seccomp.syscalls[0] |= del(.name)'
	refuses_config 'linux.seccomp.syscalls[0].names is required'
}

@test "C82 a bundle on a file system without execution is as good as any other" {
	mkdir "$DIR/noexec"
	mount -t tmpfs -o noexec tmpfs "$DIR/noexec"
	mv "$BUNDLE/config.json" "$DIR/noexec"
	out=$(rt run --bundle "$DIR/noexec" "$ID" && echo fine) || true
	umount "$DIR/noexec"
	is "$out" fine
}

@test "C82 coreSched: a cookie of its own where processors have several threads, else a refusal by its name" {
	runtime_is_ours || return 0
	config '.linux.coreSched = true | .process.args = ["sleep", "1000"]'
	if [ "$(cat /sys/devices/system/cpu/smt/active 2>/dev/null)" = 1 ]; then
		rt_create
		rt start "$ID"
		exits 0 rt exec "$ID" true
	else
		refuses_config 'make a core scheduling cookie (linux.coreSched): '
	fi
}
