# Mounts whose files show other owners (uidMappings, gidMappings, idmap, ridmap), and maps of user namespaces that exist.
# The peers: runc 1.1.5 and crun 1.8.1 know none of the mappings; runc since 1.2 does as is wanted here.
load ../lib/harness

# tmpfs, where the tests' directories are, can show other owners since Linux 6.3.
prepare() {
	bundle true
	mkdir "$DIR/data"
	if [ "$(printf '6.3\n%s\n' "$(uname -r)" | sort -V | head -n 1)" != 6.3 ]; then
		rmdir "$DIR/data"
		mkdir "$TOOLS/data-$ID"
		ln -s "$TOOLS/data-$ID" "$DIR/data"
	fi
	echo content >"$DIR/data/file"
	chown 1000:2000 "$DIR/data/file"
}

# mapped OPTIONS MAP-UID MAP-GID: a bind mount at /mnt; the maps are "containerID hostID size"
mapped() {
	config '.mounts += [{ destination: "/mnt", type: "bind", source: $d, options: ($o | split(" ")) }]' --arg d "$DIR/data" --arg o "$1"
	[ $# -eq 1 ] || config 'def ids($t): [$t | split(" ") | map(tonumber) | { containerID: .[0], hostID: .[1], size: .[2] }];
		.mounts[-1].uidMappings = ids($u) | .mounts[-1].gidMappings = ids($g)' --arg u "$2" --arg g "$3"
}

eval "harness_$(declare -f teardown)"

teardown() {
	rm -rf "$TOOLS/data-$ID"
	harness_teardown
}

user_namespace() {
	own_rootfs
	chmod 755 "$DIR" "$WORK"
	chown -R 100000:200000 "$BUNDLE/rootfs"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 65536 }]'
}

# maps_ids: ours does, on kernels that can
maps_ids() { runtime_is_ours && ! lacks open_tree move_mount mount_setattr; }

@test "id-mapped mount: refused where the kernel has none" {
	! maps_ids && runtime_is_ours || return 0
	mapped "bind idmap" "1000 7 1" "2000 8 1"
	refuses rt create --bundle "$BUNDLE" "$ID"
	has "$stderr" /mnt
	has "$stderr" "function not implemented"
	nothing_left
}

@test "id-mapped mount: the owners are shifted as the mount's mappings say" {
	maps_ids || return 0
	mapped "bind idmap" "1000 7 1" "2000 8 1"
	is "$(in_container sh -c 'stat -c %u:%g /mnt/file; cat /mnt/file')" $'7:8\ncontent'
	# Mappings mean it by themselves, as the specification says.
	config '.mounts[-1].options = ["bind"]'
	is "$(in_container stat -c %u:%g /mnt/file)" 7:8
}

@test "id-mapped mount: what the container writes belongs to the file system's ids" {
	maps_ids || return 0
	chmod 777 "$DIR/data"
	user_namespace
	mapped "bind idmap"
	chown 0:0 "$DIR/data/file"
	is "$(in_container sh -c 'stat -c %u:%g /mnt/file; echo new >/mnt/new; stat -c %u:%g /mnt/new')" $'0:0\n0:0'
	is "$(stat -c %u:%g "$DIR/data/new")" 0:0
}

@test "id-mapped mount: ridmap reaches the mounts below, idmap does not" {
	maps_ids || return 0
	mkdir "$DIR/data/sub" "$DIR/data/below"
	touch "$DIR/data/below/file"
	chown 1000:2000 "$DIR/data/below/file"
	mount --bind "$DIR/data/below" "$DIR/data/sub"
	mapped "rbind idmap" "1000 7 1" "2000 8 1"
	one=$(in_container stat -c %u:%g /mnt/file /mnt/sub/file)
	config '.mounts[-1].options = ["rbind", "ridmap"]'
	both=$(in_container stat -c %u:%g /mnt/file /mnt/sub/file)
	umount "$DIR/data/sub"
	is "$one" $'7:8\n1000:2000'
	is "$both" $'7:8\n7:8'
}

@test "id-mapped mount: read-only, with other options" {
	maps_ids || return 0
	mapped "bind idmap ro nosuid" "1000 7 1" "2000 8 1"
	is "$(in_container sh -c 'stat -c %u /mnt/file; touch /mnt/x 2>&1; grep -o " /mnt [^ ]*" /proc/self/mountinfo | cut -d, -f1,2')" \
		$'7\ntouch: /mnt/x: Read-only file system\n /mnt ro,nosuid'
}

@test "id-mapped mount: maps in the option, as crun writes them" {
	maps_ids || return 0
	mapped "bind idmap=uids=1000-7-1;gids=2000-8-1"
	is "$(in_container stat -c %u:%g /mnt/file)" 7:8
	config '.mounts[-1].options = ["bind", "idmap=uids=nonsense"]'
	refuses in_container true
	has "$stderr" 'mounts[7].options: invalid mappings \"uids=nonsense\"'
}

@test "id-mapped mount: a file" {
	maps_ids || return 0
	own_rootfs
	mapped "bind idmap" "1000 7 1" "2000 8 1"
	config '.mounts[-1].source += "/file" | .mounts[-1].destination = "/x/one"'
	is "$(in_container stat -c %u:%g /x/one)" 7:8
}

@test "id-mapped mount: the maps of a user namespace that is joined" {
	maps_ids || return 0
	chown 0:0 "$DIR/data/file"
	user_namespace
	config '.process.args = ["sleep", "1000"]'
	rt_create
	rt start "$ID"
	out=$(ID=$ID-2 && BUNDLE=$DIR/b2 && bundle true && user_namespace && mapped "bind idmap" &&
		config 'del(.linux.uidMappings, .linux.gidMappings) | (.linux.namespaces[] | select(.type == "user")).path = $p' \
			--arg p "/proc/$(cat "$DIR/pid")/ns/user" && in_container stat -c %u:%g /mnt/file)
	is "$out" 0:0
}

@test "id-mapped mount: mistakes are refused, and told where they are" {
	runtime_is_ours || return 0
	mapped "bind idmap"
	refuses in_container true
	has "$stderr" "id-mapped mounts must have both uid and gid mappings specified (mounts[7])"
	config '.mounts[-1].uidMappings = [{ containerID: 0, hostID: 1, size: 1 }]'
	refuses in_container true
	has "$stderr" "id-mapped mounts must have both uid and gid mappings specified (mounts[7].gidMappings)"
	config '.mounts[-1].gidMappings = [{ containerID: 0, hostID: 1, size: 1 }] | .mounts[-1].type = "tmpfs" | .mounts[-1].options = []'
	refuses in_container true
	has "$stderr" "id-mapped mounts are only supported for bind-mounts (mounts[7])"
	config '.mounts[-1] |= (.type = "bind" | .options = ["bind"] | .source = "/sys")'
	refuses in_container true
	! maps_ids || has "$stderr" "mounts[7].uidMappings: map the owners of the files in /sys (its file system, or one below, cannot)"
	nothing_left
}

@test "a user namespace by path with its own maps beside, as containerd and CRI-O write it" {
	user_namespace
	config '.process.args = ["sleep", "1000"]'
	rt_create
	rt start "$ID"
	path=/proc/$(cat "$DIR/pid")/ns/user
	out=$(ID=$ID-2 && BUNDLE=$DIR/b2 && bundle true && user_namespace &&
		config '(.linux.namespaces[] | select(.type == "user")).path = $p' --arg p "$path" &&
		in_container sh -c 'readlink /proc/self/ns/user; id -u' 2>"$DIR/errors") || [ "${RUNTIME##*/}" = runc ]
	only_ours runtime is "$out" "$(readlink "$path")"$'\n'0
}

@test "a user namespace by path with other maps is refused" {
	user_namespace
	config '.process.args = ["sleep", "1000"]'
	rt_create
	rt start "$ID"
	path=/proc/$(cat "$DIR/pid")/ns/user
	ID=$ID-2 BUNDLE=$DIR/b2
	bundle true
	user_namespace
	config '(.linux.namespaces[] | select(.type == "user")).path = $p | .linux.gidMappings[0].hostID = 300000' --arg p "$path"
	runtime_is_ours || { ID=${ID%-2} && return 0; } # runc 1.1.5 joins, whatever the maps say
	refuses in_container true
	has "$stderr" "user namespaces enabled, but both namespace path and non-matching mapping specified -- you may only provide one"
	[ ! -e "$ROOT/$ID" ] || fail "state directory left"
	ID=${ID%-2}
}

@test "id-mapped mount: of what an earlier mount has brought, where ids are mapped" {
	maps_ids || return 0
	! lacks pidfd_open pidfd_getfd || return 0 # its descriptor is fetched by a pidfd
	user_namespace
	mkdir -p "$BUNDLE/rootfs/early" "$BUNDLE/rootfs/mnt"
	config '.mounts += [{ destination: "/early", type: "bind", source: $d, options: ["rbind"] },
		{ destination: "/mnt", type: "bind", source: ($root + "/early"), options: ["rbind"],
			uidMappings: [{ containerID: 1000, hostID: 100007, size: 1 }],
			gidMappings: [{ containerID: 2000, hostID: 200008, size: 1 }] }]' --arg d "$DIR/data" --arg root "$BUNDLE/rootfs"
	is "$(in_container stat -c %u:%g /mnt/file)" 7:8
	# What cannot be mapped is told by its place in the list.
	config '.mounts[-2] = { destination: "/early", type: "mqueue", source: "mqueue" }'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "mounts[$(jq '.mounts | length - 1' "$BUNDLE/config.json")].uidMappings"
	nothing_left
}
