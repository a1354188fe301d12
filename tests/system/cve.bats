# One test for every vulnerability that a container runtime has had, named after it: the configuration or the image that made
# use of it, and a rootfs that somebody changes while it is being used. See SECURITY.md.
load ../lib/harness

prepare() {
	bundle true
	mkdir "$DIR/canary"
	echo safe >"$DIR/canary/f"
}

# outside: a path that leads from anywhere in the rootfs to the canary, should ".." leave it
outside() { printf '../../../../../../../../../../../..%s' "$DIR/canary"; }

unharmed() {
	is "$(cd "$DIR/canary" && find . | sort | tr '\n' ' ')$(cat "$DIR/canary/f")" ". ./f safe"
	! grep -q " $DIR/canary" /proc/self/mounts || fail "something is mounted on the host: $(grep " $DIR/canary" /proc/self/mounts)"
}

# tries: run it; whether it works is not the question
tries() {
	attempt rt run --bundle "$BUNDLE" "$ID"
	[ ! -e "$ROOT/$ID" ] || rt delete --force "$ID"
}

started() {
	config '.process.args = ["sleep", "1000"]'
	rt_create
	rt start "$ID"
}

# --- places in the image that are something else ------------------------------------------------------------------

@test "CVE-2015-3629, CVE-2019-18837: places of mounts that are symlinks" {
	own_rootfs
	ln -s "$DIR/canary" "$BUNDLE/rootfs/absolute"
	ln -s "$(outside)" "$BUNDLE/rootfs/relative"
	config '.mounts += [{ destination: "/absolute", type: "tmpfs", source: "t" }, { destination: "/relative/x", type: "tmpfs", source: "t" }]'
	tries
	unharmed
}

@test "CVE-2015-3630: /proc is not writable where it matters, with the configuration that spec writes" {
	mkdir "$DIR/b"
	rt spec --bundle "$DIR/b"
	[ "$(jq -r '.linux.readonlyPaths[]' "$DIR/b/config.json" | grep -cE '^/proc/(sys|bus|fs|irq|sysrq-trigger)$')" -eq 5 ]
	[ "$(jq -r '.linux.maskedPaths[]' "$DIR/b/config.json" | grep -cE '^/proc/(asound|kcore|keys|timer_list)$')" -eq 4 ]
	config '.linux.readonlyPaths = $c[0].linux.readonlyPaths | .linux.maskedPaths = $c[0].linux.maskedPaths' --slurpfile c "$DIR/b/config.json"
	for f in sys/kernel/core_pattern sys/vm/panic_on_oom sysrq-trigger irq/default_smp_affinity; do
		config '.process.args = ["sh", "-c", "echo 0 >/proc/" + $f]' --arg f "$f"
		refuses rt run --bundle "$BUNDLE" "$ID"
	done
	config '.process.args = ["sh", "-c", "cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c"]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" 0
}

@test "CVE-2015-3631, CVE-2019-16884: nothing but procfs is mounted on /proc, and nothing below it" {
	runtime_is_ours || return 0 # 1.1.5 takes what is below for procfs through a symlink
	for edit in '(.mounts[] | select(.destination == "/proc")) |= (.type = "tmpfs" | .source = "tmpfs")' \
		'.mounts += [{ destination: "/proc", source: $d, options: ["bind"] }]' \
		'.mounts += [{ destination: "/proc/self", source: $d, options: ["bind"] }]' \
		'.mounts += [{ destination: "/tmp/../proc/sys", type: "tmpfs", source: "t" }]'; do
		bundle true
		config "$edit" --arg d "$DIR/canary"
		refuses rt run --bundle "$BUNDLE" "$ID"
		nothing_left
	done
	own_rootfs
	ln -s proc "$BUNDLE/rootfs/alias"
	config '.mounts += [{ destination: "/alias/sys", type: "tmpfs", source: "t" }]'
	refuses rt run --bundle "$BUNDLE" "$ID"
}

@test "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867 (youki): /proc or /sys is a symlink in the image" {
	own_rootfs
	for d in proc sys; do
		for to in "$(outside)" "$DIR/canary" /tmp tmp/../etc; do
			mv "$BUNDLE/rootfs/$d" "$DIR/$d"
			ln -s "$to" "$BUNDLE/rootfs/$d"
			refuses rt run --bundle "$BUNDLE" "$ID"
			rm "$BUNDLE/rootfs/$d"
			mv "$DIR/$d" "$BUNDLE/rootfs/$d"
			unharmed
		done
	done
}

@test "CVE-2025-24965: no file of a handler is written into the image through a symlink" {
	own_rootfs
	for f in .krun_config.json .crun .empty-directory; do ln -s "$(outside)/new" "$BUNDLE/rootfs/$f"; done
	config '.annotations["run.oci.handler"] = "krun"'
	tries
	unharmed
}

@test "CVE-2026-41579, CVE-2026-47766: /dev is a symlink in the image" {
	runtime_is_ours || return 0 # 1.1.5 has it
	for edit in . 'del(.mounts[] | select(.destination | startswith("/dev")))'; do
		bundle true
		own_rootfs
		rm -r "$BUNDLE/rootfs/dev"
		ln -s "$(outside)" "$BUNDLE/rootfs/dev"
		config "$edit"
		tries
		unharmed
	done
}

@test "CVE-2025-31133, CVE-2025-62161 (youki): a mask is the null device, or there is no container" {
	runtime_is_ours || return 0 # 1.1.5 has it
	for what in "$(outside)/f" /etc/group none; do
		bundle cat /etc/passwd
		own_rootfs
		config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .linux.maskedPaths = ["/etc/passwd"]'
		ln -sfn "$what" "$BUNDLE/rootfs/dev/null"
		attempt rt run --bundle "$BUNDLE" "$ID"
		hasnt "$output" root
		unharmed
	done
}

@test "CVE-2015-3627, CVE-2025-52565: /dev/console is a symlink in the image" {
	own_rootfs
	config '.process.terminal = true | del(.mounts[] | select(.destination == "/dev"))'
	rm -f "$BUNDLE/rootfs/dev/console"
	ln -s "$(outside)/f" "$BUNDLE/rootfs/dev/console"
	helper console "$DIR/console" "$DIR/ready"
	await exists "$DIR/ready"
	attempt rt create --bundle "$BUNDLE" --console-socket "$DIR/console" "$ID"
	rt delete --force "$ID"
	unharmed
}

@test "CVE-2025-52881, CVE-2025-62596 (youki): what is written to procfs goes to procfs" {
	own_rootfs
	mkdir -p "$BUNDLE/rootfs/proc/sys/net/ipv4" "$BUNDLE/rootfs/proc/self/attr"
	ln -s "$(outside)/f" "$BUNDLE/rootfs/proc/sys/net/ipv4/ip_forward"
	config 'del(.mounts[] | select(.destination == "/proc")) | del(.linux.maskedPaths, .linux.readonlyPaths) | .linux.sysctl = { "net.ipv4.ip_forward": "1" }'
	if runtime_is_ours; then tries; fi # 1.1.5 writes to the link
	unharmed
}

# --- images that change meanwhile ---------------------------------------------------------------------------------

# under_swap DIR-IN-ROOTFS JQ: thirty containers while a directory of the image is exchanged for a symlink to the canary. What
# the symlink leads to stays as it is; each container runs, or is refused.
under_swap() {
	local place=$BUNDLE/rootfs/$1
	own_rootfs
	config "$2"
	mkdir -p "$place"
	ln -s "$DIR/canary" "$place.other"
	helper swap "$DIR/swapping" "$place" "$place.other"
	swapper=$!
	await exists "$DIR/swapping"
	for _ in $(seq 30); do
		tries
		unharmed
	done
	kill "$swapper"
	await process-gone "$swapper"
}

@test "CVE-2021-30465: a mount's place is exchanged for a symlink" {
	runtime_is_ours || return 0
	under_swap a/b '.mounts += [{ destination: "/a/b", type: "tmpfs", source: "t" }, { destination: "/a/b/c", type: "tmpfs", source: "t" }]'
}

@test "CVE-2024-45310: a directory on the way to a mount that has to be made is exchanged for a symlink" {
	runtime_is_ours || return 0 # 1.1.5 has it
	under_swap a '.mounts += [{ destination: "/a/b/c/d", type: "tmpfs", source: "t" }, { destination: "/a/file", source: "/etc/passwd", options: ["bind"] }]'
}

@test "CVE-2019-18837, with a race: the directory of a device is exchanged for a symlink" {
	runtime_is_ours || return 0
	under_swap a '.linux.devices = [{ path: "/a/null2", type: "c", major: 1, minor: 3 }, { path: "/a/b/fifo", type: "p" }]'
}

@test "CVE-2025-31133, with a race: the directory of a masked and of a read-only path is exchanged for a symlink" {
	runtime_is_ours || return 0
	under_swap a '.linux.maskedPaths = ["/a", "/a/f"] | .linux.readonlyPaths = ["/a", "/a/f"]'
}

@test "CVE-2024-21626, with a race: the working directory is exchanged for a symlink" {
	runtime_is_ours || return 0
	under_swap a/b '.process.cwd = "/a/b/c"'
}

@test "CVE-2025-52565, with a race: /dev is exchanged for a symlink" {
	runtime_is_ours || return 0
	own_rootfs
	under_swap dev 'del(.mounts[] | select(.destination | startswith("/dev")))'
}

# --- ids and capabilities -----------------------------------------------------------------------------------------

@test "CVE-2016-3697: a user called 1000 in the image's passwd is not root" {
	own_rootfs
	printf '1000:x:0:0:root:/root:/bin/sh\n0:x:1000:1000::/:/bin/sh\n' >"$BUNDLE/rootfs/etc/passwd"
	config '.process.user = { uid: 1000, gid: 1000 } | .process.args = ["sh", "-c", "grep -E ^[UG]id: /proc/self/status; sleep 1000"]'
	rt_create
	rt start "$ID"
	await match "$DIR/out" '^Gid'
	is "$(cat "$DIR/out")" $'Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000'
	is "$(rt exec --user 1000 "$ID" grep Uid: /proc/self/status)" $'Uid:\t1000\t1000\t1000\t1000'
}

@test "CVE-2026-30892: exec --user takes whole numbers and names that there are, and nothing else" {
	runtime_is_ours || return 0 # 1.1.5 takes 4294967296 for 0
	started
	for u in nobodyhere 1000x 1000: :0 1000:x 1000:0x0 -1 +0 " 0" "0 " 0x0 4294967295 4294967296 18446744073709551616 1000:4294967295 1:2:3 1.0 1e0; do
		refuses rt exec --user "$u" "$ID" true
	done
	is "$(rt exec --user 1000 "$ID" id -u)" 1000
}

@test "CVE-2022-24769, CVE-2022-29162, CVE-2022-27650, CVE-2025-27612 (youki): nothing is inheritable that was not asked for" {
	mkdir "$DIR/b"
	rt spec --bundle "$DIR/b"
	is "$(jq -c '.process.capabilities.inheritable // []' "$DIR/b/config.json")" "[]"
	started
	for args in "" "--cap CAP_CHOWN" "--cap CAP_CHOWN --user 1000"; do
		# shellcheck disable=SC2086
		is "$(rt exec $args "$ID" grep -E 'Cap(Inh|Amb)' /proc/self/status)" $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000'
	done
}

# --- descriptors and other processes ------------------------------------------------------------------------------

@test "CVE-2016-9962: a container does not see into a process that joins it" {
	own_rootfs
	config '.process.args = ["inside", "spy", "/tmp/over"]'
	rt_create
	rt start "$ID"
	await match "$DIR/out" ready
	for _ in $(seq 30); do rt exec "$ID" true; done
	rt exec "$ID" touch /tmp/over
	await match "$DIR/out" '^seen'
	# runc's own threads of a joining process can be named, but not looked into
	is "$(grep -vE '^(ready|seen)' "$DIR/out" || true)" ""
	[ "$(sed -n 's/^seen //p' "$DIR/out")" -ge 3 ] || fail "saw nobody"
}

@test "CVE-2019-5736: the runtime's program cannot be written through a process that joins" {
	own_rootfs
	before=$(sha256sum <"$RUNTIME")
	ln -sf /proc/self/exe "$BUNDLE/rootfs/bin/again"
	config '.process.args = ["sh", "-c", "while :; do for p in /proc/[0-9]*/exe /proc/self/exe; do case $(readlink $p) in /bin/*) ;; *) (echo bad >>$p) 2>/dev/null && echo written; esac; done; done"]'
	rt_create
	rt start "$ID"
	for _ in $(seq 20); do
		attempt rt exec "$ID" /bin/again
		attempt rt exec "$ID" /proc/self/exe
	done
	is "$(cat "$DIR/out")" ""
	is "$(sha256sum <"$RUNTIME")" "$before"
}

@test "CVE-2024-21626: no descriptor of the host is a way out: as a working directory, as a program, through the image" {
	runtime_is_ours || return 0 # 1.1.5+ds1-1+deb12u1 has only the first part of the repair
	own_rootfs
	config '.process.args = ["sleep", "1000"]'
	for n in $(seq 3 20); do ln -s "/proc/self/fd/$n" "$BUNDLE/rootfs/way$n"; done
	for n in $(seq 3 20); do
		for way in "/proc/self/fd/$n" "/way$n" "/proc/self/fd/$n/../../.."; do
			config '.process.cwd = $w | .process.args = ["ls", "-a"]' --arg w "$way"
			attempt rt run --bundle "$BUNDLE" "$ID"
			hasnt "$output" canary
			[ "$status" -ne 0 ] || is "$(sort <<<"$output" | grep -cxE 'bin|etc|proc|sys|work')" 5 # the image's own root
			[ ! -e "$ROOT/$ID" ] || rt delete --force "$ID"
		done
	done
	config '.process.cwd = "/" | .process.args = ["sleep", "1000"]'
	started
	is "$(rt exec "$ID" inside fds)" "0 1 2"
	for n in $(seq 3 12); do
		refuses rt exec --cwd "/proc/self/fd/$n" "$ID" true
		refuses rt exec "$ID" "/proc/self/fd/$n/bin/true"
	done
	unharmed
}

# --- cgroups, texts -----------------------------------------------------------------------------------------------

@test "CVE-2022-0492, CVE-2023-25809: a container that sees cgroups cannot write to them" {
	runtime_is_ours || return 0 # 1.1.5 leaves the tmpfs that holds the hierarchies writable
	config '.mounts += [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "nodev", "noexec"] }]
		| .process.capabilities[] += ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]
		| .process.args = ["sh", "-c", "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -d $d ] || { mkdir $d/new && echo $d; echo x >$d/release_agent && echo $d; }; done 2>/dev/null; true"]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" ""
}

@test "CVE-2021-43784: texts of any length and content do not become something else" {
	long=$(printf %70000s "" | tr ' ' a)
	config '.process.env += ["X=" + $l] | .process.args = ["sh", "-c", "echo ${#X}"]' --arg l "$long"
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" 70000
	runtime_is_ours || return 0
	for edit in '.process.args = ["a\u0000b"]' '.process.cwd = "/\u0000"' '.mounts[0].destination = "/proc\u0000/x"' \
		'.process.env += ["A=b\u0000c"]' '.root.path += "\u0000"' '.linux.cgroupsPath += "\u0000x"' '.hostname = "a\u0000b"'; do
		bundle true
		config "$edit"
		refuses rt run --bundle "$BUNDLE" "$ID"
		one_line "$stderr"
		nothing_left
	done
}
