load engine

# podman of an ordinary user. The account is made for the tests, in their own mount namespace, and has no cgroups; or it is
# ENGINE_USER, whose user manager hands out scopes with limits.

USER_ID=4711 GROUP_ID=4712 RUN=
if [ -n "${ENGINE_USER:-}" ]; then
	USER_ID=$(id -u "$ENGINE_USER") GROUP_ID=$(id -g "$ENGINE_USER") RUN=/run/user/$USER_ID
fi
ENGINE_MANAGER=${RUN:+systemd}
ENGINE_MANAGER=${ENGINE_MANAGER:-cgroupfs}

account() {
	local f
	chmod 755 "$ENGINE_DIR" "$D"
	mkdir -p "$D/home" "$D/xdg" "$D/root"
	chown "$USER_ID:$GROUP_ID" "$D/home" "$D/xdg" "$D/root" "$D/tmp"
	chmod 700 "$D/xdg"
	[ -z "$RUN" ] || return 0
	mkdir -p "$ENGINE_DIR/etc"
	for f in passwd group subuid subgid; do cp "/etc/$f" "$ENGINE_DIR/etc/"; done
	echo "tallyuser:x:$USER_ID:$GROUP_ID::$D/home:/bin/sh" >>"$ENGINE_DIR/etc/passwd"
	echo "tallyuser:x:$GROUP_ID:" >>"$ENGINE_DIR/etc/group"
	echo "tallyuser:600000:65536" >>"$ENGINE_DIR/etc/subuid"
	echo "tallyuser:700000:65536" >>"$ENGINE_DIR/etc/subgid"
	for f in passwd group subuid subgid; do mount --bind "$ENGINE_DIR/etc/$f" "/etc/$f"; done
}

write_podman() {
	local name=$RUNTIME bus=
	account
	[ -z "$RUN" ] || bus="DBUS_SESSION_BUS_ADDRESS=unix:path=$RUN/bus"
	[ "$ENGINE_NAME" = path ] || name=runc
	sed -i 's/^pids_limit = .*/pids_limit = 0/' "$D/containers.conf"
	cat >"$D/bin/podman" <<-X
		#!/bin/bash
		for fd in /proc/self/fd/*; do
			fd=\${fd##*/}
			[ "\$fd" -le 2 ] || [ "\$fd" -eq 255 ] || eval "exec \$fd>&-"
		done
		cd $D/home
		exec setpriv --reuid $USER_ID --regid $GROUP_ID --clear-groups env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \\
			HOME=$D/home USER=${ENGINE_USER:-tallyuser} XDG_RUNTIME_DIR=${RUN:-$D/xdg} $bus CONTAINERS_CONF=$D/containers.conf \\
			timeout --foreground -k 5 "\${DEADLINE:-180}" $(command -v podman) --root $D/root --runroot $D/xdg/runroot \\
			--tmpdir $D/xdg/tmp --storage-driver ${ENGINE_STORAGE:-overlay} --conmon $MONITOR --runtime $name --log-level error "\$@"
	X
	chmod 755 "$D/bin/podman"
}

# Podman leaves the process that keeps its user namespace, for the next podman.
teardown_file() {
	local pause
	pause=$(find "$D/xdg" -name pause.pid -exec cat {} +)
	engine_teardown_file
	[ "$(cat "/proc/$pause/comm")" = catatonit ] && kill -KILL "$pause"
	[ -n "$RUN" ] || for f in passwd group subuid subgid; do umount "/etc/$f"; done
}

@test "rootless: podman runs as a user, with the programs under test" {
	is "$(podman info --format '{{.Host.Security.Rootless}} {{.Host.CgroupManager}}')" "true $ENGINE_MANAGER" "podman info"
	is "$(stat -c %u "/proc/$(monitor_pid canary)")" "$USER_ID" "the monitor's user"
	is "$(podman run --rm $BB id -u)" 0 "user inside"
}

@test "rootless: run, its output and exit status" {
	run -42 podman run --rm $BB sh -c 'echo out; echo err >&2; exit 42'
	is "$output" $'out\nerr' "output"
	is "$(echo input | podman run --rm -i $BB cat)" input "input"
}

@test "rootless: exec, with and without terminal" {
	start $BB
	is "$(podman exec "$cid" sh -c 'id -u; cat /proc/1/comm')" $'0\nsleep' "exec"
	run -7 podman exec "$cid" sh -c 'exit 7'
	like "$(podman exec -t "$cid" tty)" '^/dev/pts/0' "exec -t"
	is "$(podman exec --user 1000 "$cid" id -u)" 1000 "exec --user"
}

@test "rootless: limits are those of a scope of the user's" {
	[ -n "$RUN" ] || return 0 # the account that is made here has no cgroups
	start --memory 64m --pids-limit 40 --cpus 0.5 $BB
	local group
	group=$(sed -n s/^0:://p "/proc/$(inspect "$cid" .State.Pid)/cgroup")
	like "$group" "/user@$USER_ID.service/.*/libpod-$cid.scope(/container)?\$" "cgroup of the container"
	group=/sys/fs/cgroup${group%/container}
	is "$(cat "$group"/{memory.max,pids.max,cpu.max} | paste -sd,)" "$((64 << 20)),40,50000 100000" "limits"
	like "$(cat "/proc/$(monitor_pid "$cid")/cgroup")" "/libpod-conmon-$cid.scope" "cgroup of the monitor"
	podman update --memory 48m "$cid" >/dev/null
	is "$(cat "$group/memory.max")" $((48 << 20)) "memory after update"
	is "$(podman stats --no-stream --format '{{.PIDs}}' "$cid")" 1 "stats"
}

@test "rootless: a terminal" {
	like "$(podman run --rm -t $BB tty)" '^/dev/pts/0' "run -t"
}

@test "rootless: logs, and follow" {
	start $BB sh -c 'echo one; echo two >&2; sleep 100000'
	until_true sh -c "podman logs $cid 2>&1 | grep -q two"
	is "$(podman logs "$cid" 2>/dev/null)" one "stdout"
	podman kill "$cid" >/dev/null
	is "$(podman logs -f "$cid" 2>&1 | sort)" $'one\ntwo' "followed to the end"
}

@test "rootless: stop, wait, exit code" {
	start $BB
	podman stop -t 0 "$cid" >/dev/null
	is "$(podman wait "$cid")" 137 "podman wait"
	is "$(inspect "$cid" .State.ExitCode)" 137 "exit code"
}

# What the container's id 0 and the user's own id are, seen by the user's namespace.
@test "rootless: user namespace keep-id" {
	is "$(podman run --rm --userns=keep-id $BB id -u)" "$USER_ID" "own id"
	is "$(podman run --rm --userns=keep-id -v "$D/home:/x" $BB sh -c 'touch /x/mine && stat -c %u /x/mine')" "$USER_ID" "owner inside"
	is "$(stat -c %u "$D/home/mine")" "$USER_ID" "owner outside"
}

@test "rootless: user namespace nomap" {
	is "$(podman run --rm --userns=nomap $BB sh -c 'tr -s " " </proc/self/uid_map')" " 0 1 65536" "map"
}

@test "rootless: user namespace auto" {
	like "$(podman run --rm --userns=auto $BB sh -c 'tr -s " " </proc/self/uid_map')" '^ 0 1 [0-9]+$' "map"
}

@test "rootless: user namespace by --uidmap, and exec in it" {
	start --uidmap 0:1:5000 --user 7 $BB
	is "$(podman exec "$cid" sh -c 'id -u; tr -s " " </proc/self/uid_map')" $'7\n 0 1 5000' "ids"
}

@test "rootless: volumes, read-only too, and device nodes" {
	is "$(podman run --rm -v "$D/home:/x:ro" --read-only $BB sh -c 'touch /x/y /y 2>&1; echo z >/dev/null; head -c 3 /dev/zero | wc -c')" \
		$'touch: /x/y: Read-only file system\ntouch: /y: Read-only file system\n3' "volumes"
}

@test "rootless: the host's network and processes" {
	is "$(podman run --rm --network host $BB ls /sys/class/net)" "$(ls /sys/class/net)" "network"
	is "$(podman run --rm --pid host $BB sh -c "test -d /proc/$$ && echo seen")" seen "processes"
}

@test "rootless: a pod shares namespaces" {
	podman pod create --name rootless-pod --network none --infra-image $BB --infra-command 'sleep 100000' >/dev/null
	podman run -d --pod rootless-pod --name rootless-a $BB >/dev/null
	is "$(podman run --rm --pod rootless-pod $BB readlink /proc/self/ns/ipc)" "$(podman exec rootless-a readlink /proc/self/ns/ipc)" "ipc"
	podman pod rm -f -t 0 rootless-pod >/dev/null
}

@test "rootless: what is not there is told as by root" {
	run -127 podman run --rm $BB no-such-program
	like "$output" 'executable file (`.*` )?not found in .PATH' "message"
}
