# Hostile images, callers that give little, hooks that break things, and commands killed half-way: the host stays as it
# was, and nothing is left behind.
load ../lib/harness

prepare() { bundle sleep 100; }

# script NAME LINE...: a program for a hook
script() {
	printf '#!/bin/sh\n' >"$DIR/$1"
	printf '%s\n' "${@:2}" >>"$DIR/$1"
	chmod +x "$DIR/$1"
}

# few N CMD...: with N descriptors
few() {
	(
		ulimit -n "$1"
		exec "${@:2}"
	) 3>&- 4>&-
}

# --- states that cannot be read -----------------------------------------------------------------------------------

@test "delete does not forget a container whose state it cannot read" {
	runtime_is_ours || return 0 # another runtime's file
	rt_create
	rt start "$ID"
	mv "$ROOT/$ID/state.json" "$DIR/aside"
	mkdir "$ROOT/$ID/state.json"
	refuses rt delete "$ID"
	refuses rt delete --force "$ID"
	rmdir "$ROOT/$ID/state.json"
	mv "$DIR/aside" "$ROOT/$ID/state.json"
	is "$(status_of)" running
}

@test "want of descriptors is an error, not a stopped container" {
	runtime_is_ours || return 0 # runc 1.1.5 panics
	rt_create
	rt start "$ID"
	for n in $(seq 4 12); do
		attempt few "$n" "$RUNTIME" --root "$ROOT" state "$ID"
		hasnt "$output" stopped
		attempt few "$n" "$RUNTIME" --root "$ROOT" delete "$ID"
		[ "$status" -ne 0 ] || fail "deleted with $n descriptors"
	done
	is "$(status_of)" running
}

@test "a create that runs out of descriptors leaves nothing" {
	runtime_is_ours || return 0 # runc 1.1.5 panics
	for n in $(seq 4 60); do
		attempt few "$n" "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
		[ "$status" -ne 0 ] || break
		one_line "$stderr"
		nothing_left
	done
	is "$(status_of)" created
}

@test "a container whose first thread has ended runs on, and can be killed" {
	runtime_is_runc && return 0 # takes it for a zombie
	config '.process.args = ["inside", "last-thread"]'
	rt_create
	rt start "$ID"
	await match "$DIR/out" ready
	is "$(status_of)" running
	refuses rt delete "$ID"
	rt kill "$ID" KILL
	await no-children "$SUBREAP_PID" "$SUBREAP_CHILD"
	is "$(status_of)" stopped
	rt delete "$ID"
}

# --- creates that are stopped half-way ----------------------------------------------------------------------------

@test "a hook that freezes the container and fails does not hold create" {
	runtime_is_runc && return 0 # waits for the frozen process
	local freeze="FROZEN >$(group_of freezer)/freezer.state"
	! on_cgroup2 || freeze="1 >$(group_of freezer)/cgroup.freeze"
	script freeze "cat >/dev/null" "echo $freeze" "exit 3"
	config '.hooks.createRuntime = [{ path: $h }]' --arg h "$DIR/freeze"
	exits 1 timeout 60 "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	has "$stderr" "exit status 3"
	nothing_left
}

@test "a create that cannot answer its child ends at once" {
	runtime_is_ours || return 0 # another protocol
	exits 1 env ASAN_OPTIONS=detect_leaks=0 timeout 60 strace -qq -o "$DIR/trace" -e trace=sendto \
		-e inject=sendto:error=ENOMEM:when=1 "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	one_line "$stderr"
	nothing_left
}

@test "with mapped ids too, nobody outlives a create that was killed" {
	runtime_is_runc && return 0
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings | .hooks.createContainer = [{ path: $h }]' --arg h "$DIR/hang"
	script hang "echo >$DIR/seen/hangs" "exec sleep 30"
	mkdir -m 777 "$DIR/seen"
	chmod 755 "$DIR"
	"$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	creator=$!
	await exists "$DIR/seen/hangs"
	kill -KILL "$creator"
	wait "$creator" || true
	await no-children "$SUBREAP_PID" "$SUBREAP_CHILD"
	rt delete --force "$ID"
	nothing_left
}

@test "a console socket that nobody accepts at does not hold create for ever" {
	runtime_is_runc && return 0
	config '.process.terminal = true'
	helper console "$DIR/console" "$DIR/ready" --full
	await exists "$DIR/ready"
	exits 1 timeout 60 "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" --console-socket "$DIR/console" "$ID"
	has "$stderr" "$DIR/console"
	nothing_left
}

# --- hooks --------------------------------------------------------------------------------------------------------

@test "hooks get three descriptors and the caller's umask" {
	script look 'cat >/dev/null' "umask >>$DIR/umasks; ls /proc/self/fd | wc -l >>$DIR/counts"
	config '.hooks = (["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
		| map({ key: ., value: [{ path: $h, env: ["PATH=/usr/bin:/bin"] }] }) | from_entries)' --arg h "$DIR/look"
	config '.process.args = ["true"]'
	(
		umask 027
		rt run --preserve-fds 1 --bundle "$BUNDLE" "$ID" 3</dev/null 7</dev/null
	)
	is "$(sort -u "$DIR/umasks")" 0027
	# 0, 1, 2 and ls's own
	only_ours runtime is "$(sort -u "$DIR/counts")" 4
}

# --- images -------------------------------------------------------------------------------------------------------

# outside: a path that leads from anywhere in the rootfs to the canary, should ".." leave it
outside() { printf '../../../../../../../../../../../..%s' "$DIR/canary"; }

canary() {
	mkdir -p "$DIR/canary"
	echo safe >"$DIR/canary/f"
	own_rootfs
}

unharmed() { is "$(cd "$DIR/canary" && find . | sort | tr '\n' ' ')$(cat "$DIR/canary/f")" ". ./f safe"; }

@test "an image whose /proc, /sys or /dev is a symlink does not lead outside (CVE-2019-19921, CVE-2026-41579)" {
	canary
	for d in proc sys dev; do
		[ "$d" != dev ] || ! runtime_is_runc || continue # 1.1.5 has the second of them
		mv "$BUNDLE/rootfs/$d" "$DIR/$d"
		ln -s "$(outside)" "$BUNDLE/rootfs/$d"
		attempt in_container true
		[ "$d" = dev ] || [ "$status" -ne 0 ] || fail "/$d is mounted through a symlink"
		rm "$BUNDLE/rootfs/$d"
		mv "$DIR/$d" "$BUNDLE/rootfs/$d"
		unharmed
	done
}

@test "places of mounts that are symlinks out of the image stay inside (CVE-2019-18837)" {
	canary
	ln -s "$DIR/canary/absolute" "$BUNDLE/rootfs/absolute"
	ln -s "$(outside)/relative" "$BUNDLE/rootfs/relative"
	ln -s "$(outside)/file" "$BUNDLE/rootfs/file"
	config '.mounts += [
		{ destination: "/absolute/x", type: "tmpfs", source: "tmpfs" },
		{ destination: "/relative", type: "bind", source: $d, options: ["bind", "ro"] },
		{ destination: "/file", type: "bind", source: ($d + "/f"), options: ["bind", "ro"] }]' --arg d "$DIR/canary"
	attempt in_container true
	unharmed
}

@test "a mask is the null device, or there is no container (CVE-2025-31133)" {
	canary
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .linux.maskedPaths = ["/etc/passwd"]'
	ln -sfn "$(outside)/f" "$BUNDLE/rootfs/dev/null"
	attempt in_container cat /etc/passwd
	hasnt "$output" root
	only_ours runtime is "$status" 1
	unharmed
}

@test "without pivot_root, too, a container cannot make itself a procfs or sysfs without masks" {
	config '.process.capabilities[] += ["CAP_SETFCAP"]' # to map id 0
	for option in "" --no-pivot; do
		for type in proc sysfs; do
			config '.process.args = ["unshare", "-Urmnpf", "mount", "-t", $t, $t, "/mnt"] | .linux.maskedPaths += ["/sys/kernel"]' \
				--arg t "$type"
			refuses rt run $option --bundle "$BUNDLE" "$ID"
			has "$stderr" "ermission denied"
		done
	done
	[ -e /proc/self/mounts ] && [ -e /sys/kernel ] || fail "the host has lost them"
}

@test "nothing but procfs is mounted on /proc (CVE-2019-16884)" {
	config '.process.args = ["true"] | (.mounts[] | select(.destination == "/proc")) |= (.type = "tmpfs" | .source = "tmpfs")'
	refuses rt run --bundle "$BUNDLE" "$ID"
	only_ours runtime has "$stderr" '"/proc\" cannot be mounted because it is not of type proc'
	nothing_left
}
