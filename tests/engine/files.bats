load engine

@test "-v: a directory, writable and read-only, and a file" {
	mkdir "$D/shared"
	echo outside >"$D/shared/file"
	run -0 podman run --rm -v "$D/shared:/data" $BB sh -c 'cat /data/file; echo inside >/data/back'
	is "$output" outside "read"
	is "$(cat "$D/shared/back")" inside "written"
	run ! podman run --rm -v "$D/shared:/data:ro" $BB touch /data/x
	like "$output" 'Read-only file system' "write to a read-only mount"
	run -0 podman run --rm -v "$D/shared/file:/etc/one:ro" $BB cat /etc/one
	is "$output" outside "a file"
}

@test "-v: the target is made, whatever it is and however deep" {
	mkdir -p "$D/deep"
	echo x >"$D/deep/f"
	run -0 podman run --rm -v "$D/deep:/a/b/c/d" -v "$D/deep/f:/a/e/f/g" $BB cat /a/b/c/d/f /a/e/f/g
	is "$output" $'x\nx' contents
}

@test "-v: options nosuid, nodev, noexec and the propagation arrive" {
	mkdir -p "$D/opts"
	run -0 podman run --rm -v "$D/opts:/m:nosuid,nodev,noexec" -v "$D/opts:/s:rslave" $BB cat /proc/self/mountinfo
	like "$output" ' /m rw,nosuid,nodev,noexec' "options"
	line=$(grep ' /s ' <<<"$output")
	unlike "$line" 'shared:' "propagation of a slave"
	cp "$(command -v busybox)" "$D/opts/true"
	run -126 podman run --rm -v "$D/opts:/m:noexec" $BB /m/true
}

@test "-v: what is mounted later on the host appears with rslave, and not without" {
	mkdir -p "$D/prop/sub"
	mount --bind "$D/prop" "$D/prop"
	mount --make-shared "$D/prop"
	start --name slave -v "$D/prop:/m:rslave" $BB sleep 1000
	start --name private -v "$D/prop:/m:rprivate" $BB sleep 1000
	mount -t tmpfs tmpfs "$D/prop/sub"
	touch "$D/prop/sub/new"
	run -0 podman exec slave ls /m/sub
	is "$output" new "in the slave"
	run -0 podman exec private ls /m/sub
	is "$output" '' "in the private one"
	umount "$D/prop/sub"
	umount "$D/prop"
}

@test "--mount type=bind, with a symlink in the image on the way" {
	mkdir -p "$D/linked"
	echo x >"$D/linked/f"
	! runtime_is_crun || return 0 # refuses one that leads to what is not there yet: openat2 `lib`: No such file or directory
	# /lib is a symlink to usr/lib in the image: it is followed inside of the root file system.
	run -0 podman run --rm --mount "type=bind,src=$D/linked,dst=/lib/here,ro" $BB cat /usr/lib/here/f
	is "$output" x content
}

@test "a missing source is an error that names it, and leaves nothing" {
	run -125 podman run --name nosource -v "$D/no/such:/m" $BB true
	like "$output" "$D/no/such" message
	run ! podman container exists nosource
}

@test "named volumes keep their data and are filled from the image" {
	podman run --rm -v vol:/data $BB sh -c 'echo kept >/data/f'
	run -0 podman run --rm -v vol:/data $BB cat /data/f
	is "$output" kept content
	run -0 podman run --rm -v filled:/etc $BB cat /etc/not-a-program
	is "$output" 'not a program' "copied up"
	podman volume rm vol filled
}

@test "--tmpfs with its options" {
	run -0 podman run --rm --tmpfs /t:size=4m,mode=1770 $BB sh -c 'stat -c %a /t; grep " /t " /proc/mounts; echo x >/t/f'
	is "${lines[0]}" 1770 mode
	like "${lines[1]}" '^tmpfs /t tmpfs .*size=4096k' "mount options"
	run -0 podman run --rm --tmpfs /new --tmpfs /root --tmpfs /etc $BB sh -c 'stat -c "%n %a %u" /new /root /etc; cat /etc/not-a-program'
	! runtime_is_crun || return 0 # takes the modes of the image for nothing: 1777
	is "$output" $'/new 1777 0\n/root 755 0\n/etc 755 0\nnot a program' "modes: the kernel's, the image's; contents"
}

@test "--shm-size, --ipc host and the message queues" {
	run -0 podman run --rm --shm-size 3m $BB sh -c 'df -k /dev/shm | tail -1; grep -c " /dev/mqueue mqueue" /proc/mounts'
	like "${lines[0]}" ' 3072 ' size
	is "${lines[1]}" 1 "mqueue mounts"
}

@test "what is mounted by default" {
	run -0 podman run --rm $BB cat /proc/mounts
	for line in 'proc /proc proc rw,nosuid,nodev,noexec' 'tmpfs /dev tmpfs rw,nosuid' 'sysfs /sys sysfs ro,nosuid,nodev,noexec' \
		'devpts /dev/pts devpts rw,nosuid,noexec' 'mqueue /dev/mqueue mqueue rw,nosuid,nodev,noexec'; do
		like "$output" "(^|"$'\n'")$line" "mounts"
	done
	like "$output" ' /sys/fs/cgroup' "cgroup mount"
}

@test "cgroup namespace: the container sees itself as the root" {
	run -0 podman run --rm --cgroupns private $BB sh -c 'cut -d: -f3 /proc/self/cgroup | sort -u'
	is "$output" / "cgroup paths"
}

@test "--hostname and the files of /etc" {
	run -0 podman run --rm --hostname told --add-host other:192.0.2.7 $BB sh -c 'hostname; cat /etc/hostname; echo; grep other /etc/hosts'
	is "${lines[0]} ${lines[1]}" 'told told' hostname
	like "${lines[2]}" '192.0.2.7' hosts
	[ "$(hostname)" != told ] || fail "the host is renamed"
}

@test "--network none has a loopback only, --network host is ours" {
	run -0 podman run --rm --network none $BB sh -c 'ls /sys/class/net | xargs; ip -o link show lo'
	is "${lines[0]}" lo interfaces
	run -0 podman run --rm --network host $BB readlink /proc/self/ns/net
	is "$output" "$(readlink /proc/self/ns/net)" "network namespace"
}

@test "--pid host, --uts host, --ipc host share, and are private by default" {
	for ns in pid uts ipc; do
		run -0 podman run --rm --$ns host $BB readlink /proc/self/ns/$ns
		is "$output" "$(readlink /proc/self/ns/$ns)" "$ns namespace"
		run -0 podman run --rm $BB readlink /proc/self/ns/$ns
		[ "$output" != "$(readlink /proc/self/ns/$ns)" ] || fail "$ns namespace is not private"
	done
}

@test "--pid container: shares another container's namespace" {
	start --name first $BB sleep 993
	run -0 podman run --rm --pid container:first $BB ps -o pid,args
	like "$output" '1 sleep 993' processes
}

@test "a root file system of one's own, with --rootfs" {
	mkdir -p "$D/own"
	podman export canary | tar -C "$D/own" -x
	echo here >"$D/own/mark"
	run -0 podman run --rm --rootfs "$D/own" cat /mark
	is "$output" here output
}

@test "cp, export, commit and diff of a container" {
	start --name c $BB sh -c 'echo data >/file; echo ready; exec sleep 1000'
	until_true eval 'podman logs c | grep -q ready'
	podman cp c:/file "$D/copied"
	is "$(cat "$D/copied")" data "copied out"
	podman cp "$D/copied" c:/tmp/in
	is "$(podman exec c cat /tmp/in)" data "copied in"
	run -0 podman diff "$cid" # a name like c could be the start of an image's id
	like $'\n'"$output"$'\n' $'\nA /file\n' diff
	podman commit -q c localhost/committed >/dev/null
	run -0 podman run --rm localhost/committed cat /file
	is "$output" data committed
	podman rmi -f localhost/committed >/dev/null
}

@test "hooks of the engine's hook directory run with the state on stdin" {
	mkdir "$D/hooks"
	cat >"$D/hook" <<-X
		#!/bin/sh
		cat >"$D/hooked.\$1"
	X
	chmod 755 "$D/hook"
	for stage in prestart createRuntime poststart poststop; do
		echo "{\"version\": \"1.0.0\", \"hook\": {\"path\": \"$D/hook\", \"args\": [\"hook\", \"$stage\"]},
			\"when\": {\"always\": true}, \"stages\": [\"$stage\"]}" >"$D/hooks/$stage.json"
	done
	podman --hooks-dir "$D/hooks" run --cgroup-parent "$CGROUP_PARENT" --cidfile "$D/hookcid" $BB true # podman 5 removes the file with --rm
	until_true test -s "$D/hooked.poststop"
	for stage in prestart createRuntime poststart poststop; do
		is "$(jq -r .id "$D/hooked.$stage")" "$(cat "$D/hookcid")" "id in the state for $stage"
	done
	is "$(jq -r .status "$D/hooked.poststop")" stopped "status for poststop"
	[ "$(jq .pid "$D/hooked.poststart")" -gt 1 ] || fail "no pid for poststart"
	podman rm "$(cat "$D/hookcid")"
}
