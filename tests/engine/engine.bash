# shellcheck shell=bash
# engine.bash - what every engine test needs: a podman with a store, a cgroup and an image of its own per test
# file, that drives $MONITOR and $RUNTIME; and the proof, for every test, that it really did.

bats_require_minimum_version 1.5.0
. "${BASH_SOURCE[0]%/*}/../lib/trace.bash"

# shellcheck disable=SC2034 # for the tests
here=$BATS_TEST_DIRNAME

fail() {
	local text=$*
	echo "${text:0:3000}" >&2
	return 1
}

is() { # ACTUAL EXPECTED WHAT
	[ "$1" = "$2" ] || fail "$3: expected '$2', got '$1'"
}

like() { # ACTUAL REGEX WHAT
	[[ $1 =~ $2 ]] || fail "$3: expected a match of '$2', got '$1'"
}

unlike() { # ACTUAL REGEX WHAT
	! [[ $1 =~ $2 ]] || fail "$3: expected no match of '$2', got '$1'"
}

# until_true COMMAND...: for what the kernel or podman has no event for; a minute, or AWAIT_SECONDS
until_true() {
	local deadline=$((SECONDS + ${AWAIT_SECONDS:-60}))
	until "$@" >"$D/until_true" 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || fail "not in time: $*: $(cat "$D/until_true")" || return
		sleep 0.05
	done
}

# One file, one store. The containers are small and the store is a tmpfs, so this takes a quarter of a second.
setup_file() {
	[ -n "${ENGINE_DIR:-}" ] || fail "start these tests with tests/engine/run"
	export D BB=localhost/bb CGROUP_PARENT BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-600}
	D=$(mktemp -d /var/lib/containers/engine.XXXXXX)
	CGROUP_PARENT=/tallyman-engine.${D##*.}
	[ "$ENGINE_MANAGER" = cgroupfs ] || CGROUP_PARENT=tallymanengine${D##*.}.slice
	mkdir "$D/bin" "$D/tmp"
	PATH=$D/bin:$PATH
	write_conf
	write_podman
	make_image | podman import -q --change 'CMD ["sleep", "100000"]' --change 'ENV PATH=/bin' - bb >/dev/null
	type -t setup_more >/dev/null && setup_more
	check_info
	podman run -d --name canary $BB top >"$D/canary"
	check_monitor canary
}

# A cgroup2 hierarchy has none where the machine has given them to version 1.
has_controllers() { ! on_cgroup2 || grep -qw pids /sys/fs/cgroup/cgroup.controllers; }
on_cgroup2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

runtime_is_crun() { [[ ${RUNTIME##*/} == crun* ]]; }

write_conf() {
	local pids=2048 name=$RUNTIME
	has_controllers || pids=0
	[ "$ENGINE_NAME" = path ] || name=runc
	# Limits are given because raising them to podman's defaults takes CAP_SYS_RESOURCE.
	cat >"$D/containers.conf" <<-X
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
		log_driver = "k8s-file"
		netns = "none"
		pids_limit = $pids
		init_path = "$(command -v catatonit)"
		[engine]
		cgroup_manager = "$ENGINE_MANAGER"
		events_logger = "file"
		infra_image = "$BB"
		lock_type = "file"
		exit_command_delay = 2
		conmon_path = ["$MONITOR"]
		runtime = "$name"
		[engine.runtimes]
	X
	[ "$ENGINE_NAME" = path ] || echo "runc = [\"$RUNTIME\"]" >>"$D/containers.conf"
}

# A podman that needs no options, found first in PATH. No file descriptor of the test program may reach it
# unasked: the monitor would keep it open, and bats would wait for that. KEEP_FDS=1 asks.
write_podman() {
	local name=$RUNTIME level=warning
	[ "$ENGINE_NAME" = path ] || name=runc
	has_controllers || level=error # podman warns of that with every container
	cat >"$D/bin/podman" <<-X
		#!/bin/bash
		verb=()
		case \${1-} in
		run | create) verb=("\$1" --cgroup-parent $CGROUP_PARENT); shift ;;
		pod) [ "\${2-}" != create ] || { verb=(pod create --cgroup-parent $CGROUP_PARENT); shift 2; } ;;
		esac
		[ -n "\${KEEP_FDS:-}" ] || for fd in /proc/self/fd/*; do
			fd=\${fd##*/}
			[ "\$fd" -le 2 ] || [ "\$fd" -eq 255 ] || eval "exec \$fd>&-"
		done
		unset KEEP_FDS
		cd $D # conmon 2.1.6 leaves a file oom in the working directory
		export CONTAINERS_CONF=$D/containers.conf
		exec timeout --foreground -k 5 "\${DEADLINE:-180}" $(command -v podman) --root $D/root --runroot $D/runroot \\
			--tmpdir $D/tmp --storage-driver ${ENGINE_STORAGE:-overlay} --conmon $MONITOR --runtime $name --log-level $level "\${verb[@]}" "\$@"
	X
	chmod 755 "$D/bin/podman"
}

# The image: busybox, and the places where a test may mount /usr of the host to use its programs.
make_image() {
	local r=$D/rootfs
	mkdir -p "$r"/{bin,sbin,etc,proc,sys,dev,tmp,root,usr,home/user,var}
	cp "$(command -v busybox)" "$r/bin/busybox"
	busybox --list | sed '/^busybox$/d' | (cd "$r/bin" && xargs -n1 ln -s busybox)
	ln -s usr/lib "$r/lib"
	ln -s usr/lib64 "$r/lib64"
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$r/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n' >"$r/etc/group"
	chown 1000:1000 "$r/home/user"
	chmod 1777 "$r/tmp"
	printf 'not a program\n' >"$r/etc/not-a-program"
	tar -C "$r" -c .
	rm -rf "$r"
}

monitor_pid() { # CONTAINER
	cat "$(podman inspect --format '{{.ConmonPidFile}}' "$1")"
}

# The monitor of this running container is the one that is tested.
check_monitor() { # CONTAINER
	local pid
	pid=$(monitor_pid "$1") || return
	is "$(readlink "/proc/$pid/exe")" "$MONITOR" "monitor of $1"
}

check_info() {
	is "$(podman info --format '{{.Host.Conmon.Path}} {{.Host.OCIRuntime.Path}}')" "$MONITOR $RUNTIME" "podman info"
}

# Starts a container that stays, checks its monitor, leaves its id in $cid.
start() { # podman run ARGUMENTS...
	cid=$(podman run -d "$@") && check_monitor "$cid"
}

has_process() { # CONTAINER COMMAND LINE
	podman exec "$1" ps -o args | grep -qx -- "$2"
}

inspect() { # CONTAINER FIELD
	podman inspect --format "{{$2}}" "$1"
}

# Every test: nobody else did the work; nothing is left of the test's containers, and the canary still sings.
setup() {
	trace_the_test_alone
}

teardown() {
	engine_teardown
}

engine_teardown() {
	local left
	if [ -e "$ENGINE_DIR/trapped" ]; then
		cat "$ENGINE_DIR/trapped"
		rm "$ENGINE_DIR/trapped"
		fail "podman used another program"
	fi
	check_monitor canary
	mapfile -t left < <(podman ps -aq --no-trunc | grep -vxFf "$D/canary")
	if [ ${#left[@]} -gt 0 ]; then
		podman rm -f -t 0 "${left[@]}" >/dev/null
		no_trace "${left[@]}"
	fi
}

# no_trace ID...: soon no process, cgroup, mount or state of these containers exists any more. Not at once, as
# the exit command may be at it still.
no_trace() {
	until_true is_gone "$@"
}

is_gone() { # ID...
	local id found
	for id; do
		found=$(grep -l "$id" /proc/[0-9]*/cgroup 2>/dev/null || true)
		[ -z "$found" ] || fail "processes of $id: $found"
		found=$(find /sys/fs/cgroup -name "*$id*" -prune 2>/dev/null || true)
		[ -z "$found" ] || fail "cgroups of $id: $found"
		! grep "$id" /proc/self/mountinfo || fail "mounts of $id"
		found=$(find /run "$D/tmp" -path "$ENGINE_DIR" -prune -o -name "$id*" -print)
		[ -z "$found" ] || fail "files of $id: $found"
	done
}

teardown_file() {
	engine_teardown_file
}

engine_teardown_file() {
	local dir stray=
	[ -n "${D:-}" ] || return 0
	check_info
	podman pod rm -fa -t 0 >/dev/null
	podman rm -fa -t 0 >/dev/null
	# A monitor goes a moment after its container; it must go. What does not go is ended, as it would stay for ever.
	until_true no_monitor || stray=1
	[ "$ENGINE_MANAGER" = cgroupfs ] || systemctl stop "$CGROUP_PARENT"
	for dir in /sys/fs/cgroup/*"$CGROUP_PARENT" /sys/fs/cgroup"$CGROUP_PARENT"; do
		[ -d "$dir" ] || continue
		[ -z "$stray" ] || find "$dir" -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -KILL
		until_true find "$dir" -depth -type d -exec rmdir {} +
	done
	umount "$D/root/overlay" 2>/dev/null || true # podman leaves this one
	rm -rf "$D"
	[ -z "$stray" ] || fail "processes were left of this file's containers"
}

no_monitor() {
	local pid
	for pid in /proc/[0-9]*; do
		# A process that ends while we look is what we are waiting for.
		! tr '\0' ' ' <"$pid/cmdline" 2>/dev/null | grep -q -- " $D/root" || return 1
	done
}
