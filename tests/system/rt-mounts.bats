# Mounts, devices, masked and read-only paths.
load ../lib/harness

prepare() { bundle true; }

# add_mount JSON: one more mount in the config
add_mount() { config ".mounts += [$1]" --arg dir "$DIR"; }

# options_of PATH: the mount options the container sees there
options_of() { in_container awk -v p="$1" '$5 == p { print $6 }' /proc/self/mountinfo; }

@test "a bind mount of a directory and of a file, writable and read-only" {
	mkdir "$DIR/d"
	echo content >"$DIR/f"
	add_mount '{ destination: "/work", source: ($dir + "/d"), options: ["rbind", "rw"] }'
	add_mount '{ destination: "/tmp/file", source: ($dir + "/f"), type: "none", options: ["bind", "ro"] }'
	out=$(in_container sh -c 'cat /tmp/file; echo new >/work/made; echo x >>/tmp/file || echo refused')
	has "$out" content
	has "$out" refused
	is "$(cat "$DIR/d/made" "$DIR/f")" $'new\ncontent'
}

@test "a relative bind source counts from the bundle" {
	mkdir "$BUNDLE/data"
	echo here >"$BUNDLE/data/f"
	add_mount '{ destination: "/work", source: "data", options: ["bind"] }'
	is "$(in_container cat /work/f)" here
}

@test "mount options arrive: nosuid, nodev, noexec, ro, relatime and their opposites, the last one wins" {
	add_mount '{ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "noexec", "ro"] }'
	like "$(options_of /mnt)" 'ro,nosuid,nodev,noexec'
	config '.mounts[-1].options = ["ro", "noexec", "rw", "exec", "noatime"]'
	out=$(options_of /mnt)
	like "$out" '^rw'
	hasnt "$out" noexec
	has "$out" noatime
}

@test "bind mount options are applied to the bind, not to its source" {
	mkdir "$DIR/d"
	add_mount '{ destination: "/work", source: ($dir + "/d"), options: ["bind", "ro", "nosuid", "nodev", "noexec"] }'
	like "$(options_of /work)" 'ro,nosuid,nodev,noexec'
	touch "$DIR/d/host-still-writes"
}

@test "tmpfs data options: size and mode" {
	# On a directory that exists runc 1.1.5 restores its mode.
	add_mount '{ destination: "/tmp/new", type: "tmpfs", source: "tmpfs", options: ["size=128k", "mode=1700"] }'
	is "$(in_container sh -c 'stat -c %a /tmp/new; df -k /tmp/new | tail -n 1 | awk "{ print \$2 }"')" $'1700\n128'
}

@test "tmpfs with tmpcopyup starts with the directory's content" {
	add_mount '{ destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }'
	is "$(in_container sh -c 'cat /etc/plain; echo x >/etc/new && echo writable')" $'not a program\nwritable'
}

@test "the option defaults is a no-op" {
	runtime_is_runc && return 0 # it hands the word to the file system
	add_mount '{ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["defaults"] }'
	exits 0 in_container true
}

@test "recursive read-only bind: rro" {
	# The inner mount must be in the bind's subtree before the container is made.
	mkdir -p "$DIR/d/inner"
	mount -t tmpfs tmpfs "$DIR/d/inner"
	add_mount '{ destination: "/work", source: ($dir + "/d"), options: ["rbind", "rro"] }'
	out=$(in_container sh -c 'touch /work/inner/x 2>&1 || echo refused' 2>&1) || true
	umount "$DIR/d/inner"
	# Only mount_setattr(2) reaches the mounts below, and what is asked for must not be left out silently.
	! lacks open_tree move_mount mount_setattr || { has "$out" "set mount attributes recursively: function not implemented" && return; }
	has "$out" refused
}

@test "mounts are made in the order of the list" {
	mkdir "$DIR/d"
	add_mount '{ destination: "/mnt", type: "tmpfs", source: "tmpfs" }'
	add_mount '{ destination: "/mnt/inner", source: ($dir + "/d"), options: ["bind"] }'
	touch "$DIR/d/seen"
	is "$(in_container ls /mnt/inner)" seen
}

@test "missing mount points are made, for files too" {
	own_rootfs
	echo content >"$DIR/f"
	add_mount '{ destination: "/new/deep/file", source: ($dir + "/f"), options: ["bind"] }'
	is "$(in_container cat /new/deep/file)" content
}

@test "a mount point that is a symlink stays inside the rootfs" {
	own_rootfs
	mkdir "$DIR/outside" "$DIR/d"
	touch "$DIR/d/mounted"
	ln -s "$DIR/outside" "$BUNDLE/rootfs/link"
	ln -s ../../../../../../etc "$BUNDLE/rootfs/up"
	add_mount '{ destination: "/link", source: ($dir + "/d"), options: ["bind"] }'
	add_mount '{ destination: "/up/sub", source: ($dir + "/d"), options: ["bind"] }'
	is "$(in_container sh -c 'ls /etc/sub')" mounted
	is "$(ls "$DIR/outside")" ""
	[ ! -e /etc/sub ]
}

@test "a rootfs whose /proc or /sys is a symlink is refused or harmless" {
	own_rootfs
	rmdir "$BUNDLE/rootfs/proc"
	mkdir "$DIR/outside"
	ln -s "$DIR/outside" "$BUNDLE/rootfs/proc"
	refuses rt run --bundle "$BUNDLE" "$ID"
	one_line "$stderr"
	is "$(ls "$DIR/outside")" ""
	nothing_left
}

@test "root.readonly" {
	is "$(in_container sh -c 'touch /x 2>/dev/null || echo refused')" refused
	own_rootfs
	is "$(in_container sh -c 'touch /x && echo written')" written
	[ -e "$BUNDLE/rootfs/x" ]
}

@test "masked paths: files read as empty, directories are empty, missing ones do not matter" {
	config '.linux.maskedPaths = ["/etc/plain", "/root", "/no/such/thing", "/proc/kcore"]'
	own_rootfs
	touch "$BUNDLE/rootfs/root/secret"
	is "$(in_container sh -c 'cat /etc/plain; ls /root; cat /proc/kcore | wc -c; touch /root/x 2>/dev/null || echo refused')" $'0\nrefused'
}

@test "read-only paths" {
	own_rootfs
	config '.linux.readonlyPaths = ["/etc", "/proc/sys", "/no/such/thing"]'
	is "$(in_container sh -c 'touch /etc/x 2>/dev/null || echo refused; echo 1 2>/dev/null >/proc/sys/kernel/randomize_va_space || echo refused; touch /x && echo written')" \
		$'refused\nrefused\nwritten'
}

@test "the default devices and links are there and work" {
	out=$(in_container sh -c 'for d in null zero full random urandom tty; do stat -c "%n %t:%T %a %F" /dev/$d; done
		echo x >/dev/null && head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c
		for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done')
	is "$out" $'/dev/null 1:3 666 character special file
/dev/zero 1:5 666 character special file
/dev/full 1:7 666 character special file
/dev/random 1:8 666 character special file
/dev/urandom 1:9 666 character special file
/dev/tty 5:0 666 character special file
4
4
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx'
}

@test "a mount of cgroups: rro makes each read-only, a word that is no option is ignored with a warning" {
	runtime_is_ours || return 0
	bundle sed -n 's|^[^/]* [^ ]* \(/sys/fs/cgroup[^ ]*\) \(r[ow]\).*|\2|p' /proc/self/mountinfo
	add_mount '{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "rro", "nonsense"] }'
	for namespace in '' '.linux.namespaces += [{ type: "cgroup" }]'; do
		[ -z "$namespace" ] || config "$namespace"
		exits 0 rt run --bundle "$BUNDLE" "$ID"
		has "$stderr" 'options: \"nonsense\" is ignored for cgroups'
		is "$(sort -u <<<"$output")" ro
	done
	config '.mounts[-1].options += ["tmpcopyup"]'
	refuses rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "tmpcopyup can be used only with tmpfs"
}

@test "devices of the config: type, numbers, mode, owner" {
	config '.linux.devices = [{ path: "/dev/mine", type: "c", major: 1, minor: 3, fileMode: 384, uid: 1000, gid: 2000 },
		{ path: "/dev/sub/pipe", type: "p", fileMode: 438 }]'
	is "$(in_container sh -c 'stat -c "%t:%T %a %u:%g" /dev/mine; stat -c %F /dev/sub/pipe')" $'1:3 600 1000:2000\nfifo'
}

# with_dev CMD...: with a /dev of its own, with /dev/mine, which is 1:3, and /dev/char/1:5
with_dev() {
	ASAN_OPTIONS=detect_leaks=0 unshare -m --propagation private sh -ec '
		mount -t tmpfs -o mode=755 none /dev
		for name in null mine; do mknod -m 666 /dev/$name c 1 3; done
		mknod -m 666 /dev/zero c 1 5
		mknod -m 666 /dev/full c 1 7
		mknod -m 666 /dev/random c 1 8
		mknod -m 666 /dev/urandom c 1 9
		mknod -m 666 /dev/tty c 5 0
		mkdir /dev/char
		ln -s ../zero /dev/char/1:5
		"$@"' sh "$@"
}

@test "devices of the config in a user namespace: the host's node of these numbers, and no other" {
	runtime_is_ours || return 0
	bundle stat -c %t:%T /dev/mine
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	for minor in 3 5; do
		config '.linux.devices = [{ path: "/dev/mine", type: "c", major: 1, minor: $m }]' --argjson m $minor
		is "$(with_dev "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")" 1:$minor
	done
}

# with_maps: a user namespace of 65536 ids
with_maps() {
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 65536 }]'
}

@test "a device in a user namespace that the host has no node of is made, with owner and mode as asked" {
	runtime_is_ours || return 0 # runc 1.1.5 wants a node of that path on the host
	! lacks fsopen open_tree move_mount || return 0 # refused: the test below
	bundle sh -c 'stat -c "%n %F %t:%T %a %u:%g" /dev/full7 /dev/some/disk; inside open /dev/full7'
	with_maps
	config '.linux.devices = [
		{ path: "/dev/full7", type: "c", major: 1, minor: 7, fileMode: 390, uid: 10, gid: 11 },
		{ path: "/dev/some/disk", type: "b", major: 7, minor: 200 }]
		| .linux.resources.devices += [{ allow: true, type: "b", major: 7, minor: 200, access: "m" }]'
	# A umask is not for what the document names, and a /dev of the caller's own has no such nodes.
	exits 0 with_dev sh -c 'umask 077; rm /dev/full; mknod -m 666 /dev/full c 1 3; exec "$@"' sh \
		"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	is "$output" $'/dev/full7 character special file 1:7 606 10:11\n/dev/some/disk block special file 7:c8 666 0:0\nok'
	config '.linux.devices[1].uid = 70000'
	refuses rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "linux.devices[1]: in a user namespace /dev/some/disk is a node of the host, which has none of device 7:200, and its owner 70000:0 is not in linux.uidMappings"
	config 'del(.linux.devices[1].uid) | .linux.devices[1].gid = 70000'
	refuses rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "and its owner 0:70000 is not in linux.uidMappings and linux.gidMappings"
	nothing_left
}

@test "a device that cannot be made for a user namespace is refused by its place" {
	runtime_is_ours || return 0
	with_maps
	config '.linux.devices = [{ path: "/dev/x", type: "b", major: 7, minor: 200 }]'
	local reason="operation not permitted"
	! lacks fsopen open_tree move_mount || reason="function not implemented"
	refuses setpriv --bounding-set -mknod --inh-caps -mknod "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	has "$stderr" "linux.devices[0]: in a user namespace /dev/x is a node of the host, which has none of device 7:200, and none can be made: "
	lacks open_tree || has "$stderr" "$reason"
	nothing_left
}

@test "devices in a user namespace: nobody there owns the host's nodes, whoever root is" {
	runtime_is_ours || return 0 # runc binds the host's, crun 1.8.1 too
	! lacks fsopen open_tree move_mount || return 0 # then they have to be
	bundle sh -c 'chmod 600 /dev/null /dev/mine && stat -c "%a %u %t:%T" /dev/null /dev/mine'
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings | .linux.devices = [{ path: "/dev/mine", type: "c", major: 1, minor: 3 }]'
	exits 0 with_dev sh -c '"$@"; stat -c "%a %u %t:%T" /dev/null /dev/mine' sh "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	is "$output" $'600 0 1:3\n600 0 1:3\n666 0 1:3\n666 0 1:3'
}

@test "devices in a user namespace: nothing on them is executed, and no program gets rights by its owner" {
	runtime_is_ours || return 0 # runc's binds have the flags of the host's /dev
	bundle sh -c 'grep " /dev/" /proc/self/mountinfo'
	with_maps
	local made=none
	! lacks fsopen open_tree move_mount || made=
	[ -z "$made" ] || config '.linux.devices = [{ path: "/dev/none", type: "c", major: 240, minor: 7 }]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	for device in null zero full random urandom tty; do
		like "$(grep " /dev/$device " <<<"$output")" " /dev/$device (rw|ro),([a-z]*,)*nosuid,([a-z]*,)*noexec"
	done
	[ -z "$made" ] || like "$(grep " /dev/none " <<<"$output")" " /dev/none rw,nosuid,relatime"
}

@test "device rules: a node that is not allowed cannot be opened or made, one that is can" {
	# No driver has these numbers: a node that passes the rules then fails with ENXIO, one that does not with EPERM.
	config '.process.capabilities |= map_values(. + ["CAP_MKNOD"]) | .linux.devices = [{ path: "/dev/none", type: "c", major: 240, minor: 7 }]'
	is "$(in_container inside open /dev/none)" EPERM
	is "$(in_container inside open /dev/null)" ok
	config '.linux.resources.devices += [{ allow: true, type: "c", major: 240, minor: 7, access: "r" }]'
	is "$(in_container inside open /dev/none)" EPERM # it is opened for writing too
	config '.linux.resources.devices += [{ allow: true, type: "c", major: 240, minor: 7, access: "rw" }]'
	is "$(in_container inside open /dev/none)" ENXIO
	config '.linux.resources.devices += [{ allow: false, type: "c", major: 240, minor: 7, access: "w" }]'
	is "$(in_container inside open /dev/none)" EPERM
	config '.linux.resources.devices = [{ allow: true, access: "rwm" }]'
	is "$(in_container inside open /dev/none)" ENXIO
}

@test "proc, sysfs, mqueue, devpts and shm are what they are called" {
	is "$(in_container awk '$3 != "rootfs" { print $2, $3 }' /proc/mounts | sort | grep -E '^/(proc|sys|dev/(mqueue|pts|shm)) ')" \
		$'/dev/mqueue mqueue\n/dev/pts devpts\n/dev/shm tmpfs\n/proc proc\n/sys sysfs'
}

@test "a cgroup mount shows the container's cgroup and nothing of the host's" {
	config '.linux.namespaces += [{ type: "cgroup" }]'
	add_mount '{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"] }'
	if on_cgroup2; then
		is "$(in_container sh -c 'cat /sys/fs/cgroup/cgroup.procs | head -n 1; cat /proc/self/cgroup | grep ^0:')" $'1\n0::/'
	else
		is "$(in_container sh -c 'head -n 1 /sys/fs/cgroup/pids/cgroup.procs; grep :pids: /proc/self/cgroup | cut -d : -f 3')" $'1\n/'
	fi
	is "$(in_container sh -c 'mkdir /sys/fs/cgroup/x /sys/fs/cgroup/pids/x 2>/dev/null || echo refused')" refused
}

@test "mounts into /proc are refused, but for the known files" {
	runtime_is_ours || runtime_is_runc || return 0 # crun allows it
	mkdir "$DIR/d"
	add_mount '{ destination: "/proc/sys", source: ($dir + "/d"), options: ["bind"] }'
	refuses rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "/proc/sys"
	nothing_left
	bundle cat /proc/uptime
	echo "1.00 1.00" >"$DIR/uptime"
	add_mount '{ destination: "/proc/uptime", source: ($dir + "/uptime"), options: ["bind", "ro"] }'
	is "$(rt run --bundle "$BUNDLE" "$ID")" "1.00 1.00"
}

@test "a bind source in the rootfs is what an earlier mount has brought there" {
	runtime_is_runc && return 0 # 1.1.5 does not make places that are given by their path on the host
	own_rootfs
	mkdir -p "$DIR/d/sub/deep" "$BUNDLE/rootfs/work" "$BUNDLE/rootfs/copy"
	echo below >"$DIR/d/sub/file"
	add_mount '{ destination: "/work", source: ($dir + "/d"), options: ["bind"] }'
	add_mount '{ destination: "/work/sub/deep", type: "tmpfs", source: "tmpfs" }'
	config '.mounts += [
		{ destination: "/copy", source: ($root + "/work/sub"), options: ["rbind", "ro"] },
		{ destination: "/etc/one", source: ($root + "/copy/file"), options: ["bind"] },
		{ destination: ($root + "/host/path"), source: ($root + "/work/sub"), options: ["rbind"] }]' \
		--arg root "$BUNDLE/rootfs"
	is "$(in_container sh -c 'cat /copy/file /etc/one /host/path/file; stat -f -c %T /copy/deep; touch /copy/x 2>/dev/null || echo refused')" \
		$'below\nbelow\nbelow\ntmpfs\nrefused'
	# A link of the image leads nowhere but into the image.
	rm -r "$BUNDLE/rootfs/work"
	ln -s "$DIR" "$BUNDLE/rootfs/work"
	config '.mounts |= map(select(.destination == "/proc")) | .mounts += [
		{ destination: "/work/x", type: "tmpfs", source: "tmpfs" },
		{ destination: "/copy", source: ($root + "/work"), options: ["bind"] }]' --arg root "$BUNDLE/rootfs"
	is "$(in_container sh -c 'ls /copy')" x
}

@test "masked directories share one empty directory that nobody can write" {
	runtime_is_runc && return 0 # in 1.1.5 each has its own
	own_rootfs
	mkdir "$BUNDLE/rootfs/a" "$BUNDLE/rootfs/b"
	touch "$BUNDLE/rootfs/b/secret"
	config '.linux.maskedPaths = ["/root", "/a", "/b"]'
	out=$(in_container sh -c 'stat -c %d /root /a /b | uniq | wc -l; ls /a /b | grep secret; for d in /root /a /b; do
		touch $d/x 2>/dev/null || echo refused; mount -o remount,rw $d 2>/dev/null || echo refused; done')
	is "$out" $'1\nrefused\nrefused\nrefused\nrefused\nrefused\nrefused'
}

@test "maskedPaths: a path that leads nowhere once it is masked hides what it should, and so do those after it" {
	own_rootfs
	mkdir -p "$BUNDLE/rootfs/m" "$BUNDLE/rootfs/n"
	ln -s . "$BUNDLE/rootfs/m/here"
	touch "$BUNDLE/rootfs/m/secret" "$BUNDLE/rootfs/n/secret"
	config '.linux.maskedPaths = ["/m/here", "/n"]'
	is "$(in_container ls -A /m /n)" $'/m:\n\n/n:'
}

# bound SOURCE-OPTIONS BIND-OPTIONS: what is left of the mount at $DIR/d with these when it is bound with those
bound() {
	mount -o "remount,bind,rw,suid,dev,exec,diratime,strictatime" "$DIR/d"
	mount -o "remount,bind,$1" "$DIR/d"
	config '.mounts[-1].options = ($o | split(","))' --arg o "$2"
	options_of /mnt
}

@test "bind mounts keep how times of access are kept, unless a way to keep them is set" {
	runtime_is_ours || return 0 # of the peers runc from 1.2 on
	mkdir "$DIR/d"
	mount -t tmpfs tmpfs "$DIR/d"
	add_mount '{ destination: "/mnt", type: "bind", source: ($dir + "/d"), options: [] }'
	local wrong=''
	while read -r source options wanted; do
		got=$(bound "$source" "$options") || got=failed
		[ "$got" = "$wanted" ] || wrong+="$source bound with $options: $got, not $wanted"$'\n'
	done <<-'END'
		noatime bind rw,noatime
		noatime bind,nosuid rw,nosuid,noatime
		noatime bind,atime rw,noatime
		noatime bind,norelatime rw,noatime
		noatime bind,relatime rw,relatime
		noatime bind,strictatime rw
		noatime bind,nodiratime rw,nodiratime,relatime
		noatime bind,nodiratime,strictatime rw,nodiratime
		nodiratime bind,diratime rw,nodiratime,relatime
		nodiratime bind,strictatime rw
		ro,noexec bind,dev rw
	END
	umount "$DIR/d"
	is "$wrong" ""
}

@test "where ids are mapped, how times of access are kept is not to be changed" {
	runtime_is_ours || return 0 # of the peers runc from 1.2 on
	own_rootfs
	chmod 755 "$DIR" "$WORK"
	chown -R 100000:100000 "$BUNDLE/rootfs"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	mkdir "$DIR/d"
	mount -t tmpfs tmpfs "$DIR/d"
	add_mount '{ destination: "/mnt", type: "bind", source: ($dir + "/d"), options: [] }'
	local wrong='' source options
	has "$(bound noatime bind,norelatime)" noatime
	hasnt "$(bound strictatime bind,nostrictatime)" relatime
	while read -r source options; do
		if bound "$source" "$options" >/dev/null 2>"$DIR/err"; then wrong+="$source changed by $options"; fi
		grep -q "cannot clear locked flags: operation not permitted" "$DIR/err" || wrong+="$source, $options: $(cat "$DIR/err")"
	done <<-'END'
		noatime bind,strictatime
		noatime bind,relatime
		relatime bind,noatime
		relatime bind,nodiratime
		strictatime bind,relatime
		nodiratime bind,strictatime
	END
	umount "$DIR/d"
	is "$wrong" ""
}

@test "the kernel lists the mounts in the order of the list, binds among them" {
	mkdir "$DIR/a" "$DIR/b"
	touch "$DIR/f"
	add_mount '{ destination: "/mnt", type: "tmpfs", source: "tmpfs" }'
	add_mount '{ destination: "/mnt/a", type: "bind", source: ($dir + "/a"), options: ["bind", "ro"] }'
	add_mount '{ destination: "/tmp/f", type: "bind", source: ($dir + "/f"), options: ["rbind"] }'
	add_mount '{ destination: "/mnt/t", type: "tmpfs", source: "tmpfs" }'
	add_mount '{ destination: "/mnt/b", type: "bind", source: ($dir + "/b"), options: ["rbind", "rprivate"] }'
	is "$(in_container awk '$5 ~ "^(/mnt|/tmp/f)" { print $5 }' /proc/self/mountinfo | tr '\n' ' ')" "/mnt /mnt/a /tmp/f /mnt/t /mnt/b "
}

@test "cgroup2 over the cgroup2 of a /sys that is bound from the host shows the container's own" {
	on_cgroup2 || return 0
	config '.mounts |= map(select(.destination | startswith("/sys") | not))'
	add_mount '{ destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro", "rprivate"] }'
	add_mount '{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "ro"] }'
	config '.linux.namespaces |= (map(select(.type != "cgroup")) + [{ type: "cgroup" }])'
	is "$(in_container cat /sys/fs/cgroup/cgroup.procs)" 1
}

@test "a recursive bind of what holds the rootfs has none of the container's own mounts in it" {
	# runc's init binds what is there by then: the container's procfs, unmasked. So does ours where nothing can be opened before.
	runtime_is_runc || lacks open_tree move_mount mount_setattr && return 0
	own_rootfs
	ln -s "$BUNDLE" "$DIR/link"
	add_mount '{ destination: "/mnt", type: "bind", source: $dir, options: ["rbind"] }'
	add_mount '{ destination: "/work", type: "bind", source: ($dir + "/link"), options: ["rbind", "ro"] }'
	out=$(in_container sh -c 'cut -d " " -f 5 /proc/self/mountinfo; ls /work/rootfs/proc /mnt/bundle/rootfs/proc')
	has "$out" /mnt
	has "$out" /work
	hasnt "$out" rootfs/proc/
	hasnt "$out" rootfs/dev
	hasnt "$out" version
}

# --- symlinks as sources and destinations ---------------------------------------------------------------------------

# mapped: the container's ids are those of the host, in a user namespace
mapped() {
	config '.linux.namespaces += [{ type: "user" }] |
		.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }] | .linux.gidMappings = .linux.uidMappings'
}

# links: a file, a symlink to it, one that leads nowhere, and what there is in the image
links() {
	own_rootfs
	echo content >"$DIR/file"
	ln -sfn "$DIR/file" "$DIR/link"
	ln -sfn to/nowhere "$DIR/dangling"
	ln -s point-to-nowhere "$BUNDLE/rootfs/target"
	echo plain >"$BUNDLE/rootfs/plain"
	chmod 755 "$DIR"
}

@test "src-nofollow, dest-nofollow: symlinks themselves are bound and covered, with and without mapped ids" {
	runtime_is_runc && return 0 # options of crun's
	for ids in own mapped; do
		bundle true
		links
		[ $ids = own ] || mapped
		add_mount '{ destination: "/target", source: ($dir + "/link"), options: ["bind", "dest-nofollow", "src-nofollow"] }'
		is "$(in_container readlink /target)" "$DIR/file"
		config '.mounts[-1].source = $dir + "/dangling"' --arg dir "$DIR"
		is "$(in_container readlink /target)" to/nowhere
		config '.mounts[-1] |= (.source = $dir + "/link" | .options = ["rbind", "ro", "dest-nofollow"])' --arg dir "$DIR"
		is "$(in_container sh -c 'cat /target; echo x >>/target || echo refused' 2>/dev/null)" $'content\nrefused'
		# On a file, which a symlink covers then.
		config '.mounts[-1] |= (.destination = "/plain" | .options = ["bind", "src-nofollow"])'
		is "$(in_container readlink /plain)" "$DIR/file"
		is "$(readlink "$BUNDLE/rootfs/target") $(cat "$BUNDLE/rootfs/plain" "$DIR/file")" \
			$'point-to-nowhere plain\ncontent'
	done
}

@test "src-nofollow, dest-nofollow: what is no symlink is bound as ever, and places that are missing are made" {
	runtime_is_runc && return 0
	links
	mkdir "$DIR/d"
	echo below >"$DIR/d/f"
	config '.mounts += [
		{ destination: "/new/dir", source: ($dir + "/d"), options: ["bind", "src-nofollow", "dest-nofollow"] },
		{ destination: "/new/file", source: ($dir + "/file"), options: ["bind", "src-nofollow", "dest-nofollow"] },
		{ destination: "/new/tmp", type: "tmpfs", source: "tmpfs", options: ["dest-nofollow"] }]' --arg dir "$DIR"
	is "$(in_container sh -c 'cat /new/dir/f /new/file; stat -f -c %T /new/tmp')" $'below\ncontent\ntmpfs'
}

@test "dest-nofollow: neither a directory nor a new file system is mounted on a symlink, nor anything in /proc" {
	runtime_is_ours || return 0
	links
	mkdir "$DIR/d" "$DIR/canary"
	ln -sfn "$DIR/canary" "$BUNDLE/rootfs/target"
	add_mount '{ destination: "/target", source: ($dir + "/d"), options: ["bind", "dest-nofollow"] }'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "create mountpoint: not a directory"
	config '.mounts[-1] = { destination: "/target", type: "tmpfs", source: "tmpfs", options: ["dest-nofollow"] }'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "must be mounted on ordinary directory"
	ln -sfn /proc "$BUNDLE/rootfs/target"
	for place in /proc/self /target/self; do
		config '.mounts[-1] = { destination: $p, source: ($dir + "/link"), options: ["bind", "src-nofollow", "dest-nofollow"] }' \
			--arg dir "$DIR" --arg p $place
		exits 1 rt run --bundle "$BUNDLE" "$ID"
		has "$stderr" "inside /proc"
	done
	nothing_left
}

@test "copy-symlink: a symlink is made again, whatever it leads to; what is none is bound" {
	runtime_is_runc && return 0
	for ids in own mapped; do
		bundle true
		links
		[ $ids = own ] || mapped
		add_mount '{ destination: "/a/sym/link", type: "bind", source: ($dir + "/dangling"), options: ["rbind", "ro", "copy-symlink"] }'
		add_mount '{ destination: "/a/file", type: "bind", source: ($dir + "/file"), options: ["rbind", "copy-symlink"] }'
		for again in first second; do
			is "$(in_container sh -c 'readlink /a/sym/link; cat /a/file')" $'to/nowhere\ncontent'
		done
		is "$(readlink "$BUNDLE/rootfs/a/sym/link")" to/nowhere
	done
}

@test "copy-symlink: in the order of the list, on a new file system and from one; nothing that is there is replaced" {
	runtime_is_ours || return 0
	links
	ln -s "$DIR" "$BUNDLE/rootfs/outside"
	config '.mounts += [
		{ destination: "/outside/four", source: ($dir + "/link"), options: ["bind", "src-nofollow", "dest-nofollow"] },
		{ destination: "/work", type: "tmpfs", source: "tmpfs" },
		{ destination: "/work/one", source: ($dir + "/link"), options: ["bind", "copy-symlink"] },
		{ destination: "/work/sub/two", source: ($root + "/work/one"), options: ["bind", "copy-symlink"] },
		{ destination: "/outside/three", source: ($dir + "/link"), options: ["bind", "copy-symlink"] }]' \
		--arg dir "$DIR" --arg root "$BUNDLE/rootfs"
	is "$(in_container sh -c "readlink /work/one; readlink /work/sub/two")" "$DIR/file"$'\n'"$DIR/file"
	[ ! -L "$DIR/three" ] && [ ! -e "$DIR/four" ] && [ -L "$BUNDLE/rootfs$DIR/three" ] && [ -f "$BUNDLE/rootfs$DIR/four" ] || fail "a link of the image led outside"
	for place in /target /plain /tmp; do
		config '.mounts[-1].destination = $p' --arg p $place
		exits 1 rt run --bundle "$BUNDLE" "$ID"
		has "$stderr" "copy-symlink: $place exists and is not that symlink"
	done
	nothing_left
}

@test "copy-symlink, src-nofollow, dest-nofollow where they have no meaning are errors" {
	runtime_is_ours || return 0
	bad() {
		config '.mounts[-1] = $m' --argjson m "$2"
		exits 1 rt create --bundle "$BUNDLE" "$ID"
		has "$stderr" "$1"
		nothing_left
	}
	add_mount '{ destination: "/mnt" }'
	bad "copy-symlink goes with neither" '{ "destination": "/mnt", "source": "/tmp", "options": ["bind", "copy-symlink", "src-nofollow"] }'
	bad "copy-symlink goes with neither" '{ "destination": "/mnt", "source": "/tmp", "options": ["bind", "copy-symlink", "dest-nofollow"] }'
	bad "src-nofollow is for bind mounts" '{ "destination": "/mnt", "type": "tmpfs", "options": ["src-nofollow"] }'
	bad "copy-symlink is for bind mounts" '{ "destination": "/mnt", "type": "tmpfs", "options": ["copy-symlink"] }'
	bad "dest-nofollow is neither for" '{ "destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["dest-nofollow"] }'
}
