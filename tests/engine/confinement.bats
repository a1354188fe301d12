load engine

status_of() { # FIELD RUN-ARGUMENTS...
	local field=$1
	shift
	podman run --rm "$@" $BB sed -n "s/^$field:\t//p" /proc/self/status
}

@test "capabilities: podman's set by default, all of it dropped, one added" {
	default=$(status_of CapEff)
	is "$default" "$(status_of CapBnd)" "bounding set"
	[ "$default" != 0000000000000000 ] || fail "no capabilities by default"
	is "$(status_of CapEff --cap-drop all)" 0000000000000000 "all dropped"
	is "$(status_of CapBnd --cap-drop all)" 0000000000000000 "all dropped, bounding set"
	is "$(status_of CapEff --cap-drop all --cap-add net_admin)" 0000000000001000 "one added"
	is "$(status_of CapEff --cap-drop chown)" "$(printf '%016x' $((0x$default & ~1)))" "one dropped"
}

@test "capabilities of a user who is not root" {
	is "$(status_of CapEff -u user)" 0000000000000000 "effective set"
	is "$(status_of CapEff -u user --cap-add net_admin)" 0000000000001000 "effective set, one added"
	is "$(status_of CapAmb -u user --cap-add net_admin)" 0000000000001000 "ambient set, one added"
	run ! podman run --rm --cap-drop chown $BB chown 1 /tmp
	like "$output" 'not permitted' message
}

@test "seccomp: podman's profile is on by default" {
	is "$(status_of Seccomp)" 2 "filter mode"
	is "$(status_of Seccomp --security-opt seccomp=unconfined)" 0 "unconfined"
	run ! podman run --rm $BB unshare -m true
	like "$output" 'not permitted' message
}

@test "seccomp: a profile's errno, and arguments" {
	cat >"$D/seccomp.json" <<-X
		{
		  "defaultAction": "SCMP_ACT_ALLOW",
		  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"],
		  "syscalls": [
		    {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30},
		    {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28,
		     "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}
		  ]
		}
	X
	run ! podman run --rm --security-opt seccomp="$D/seccomp.json" $BB mkdir /tmp/x
	like "$output" 'Read-only file system' "mkdir"
	run ! podman run --rm --security-opt seccomp="$D/seccomp.json" $BB sh -c 'trap : USR1; kill -USR1 $$'
	like "$output" 'No space left' "kill with signal 10"
	run -0 podman run --rm --security-opt seccomp="$D/seccomp.json" $BB sh -c 'trap : USR2; kill -USR2 $$; echo passed'
	is "$output" passed "kill with signal 12"
}

@test "seccomp: a profile's SCMP_ACT_KILL_PROCESS kills" {
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_KILL_PROCESS"}]}' \
		>"$D/kill.json"
	# 128 + SIGSYS
	run -159 podman run --rm --cap-add sys_admin --security-opt seccomp="$D/kill.json" $BB hostname other
}

@test "seccomp holds in exec sessions too" {
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]}' \
		>"$D/exec.json"
	start --security-opt seccomp="$D/exec.json" $BB sleep 1000
	run ! podman exec "$cid" mkdir /tmp/x
	like "$output" 'Read-only file system' mkdir
}

@test "no-new-privileges" {
	is "$(status_of NoNewPrivs)" 0 default
	is "$(status_of NoNewPrivs --security-opt no-new-privileges)" 1 "as asked"
}

@test "a read-only root file system, with the places that stay writable" {
	run ! podman run --rm --read-only $BB touch /file
	like "$output" 'Read-only file system' "touch /file"
	run -0 podman run --rm --read-only $BB sh -c 'touch /tmp/file /run/file /dev/shm/file && echo fine'
	is "$output" fine "tmpfs by default"
	run ! podman run --rm --read-only --read-only-tmpfs=false $BB touch /tmp/file
	like "$output" 'Read-only file system' "touch /tmp/file"
}

@test "paths of /proc are masked and read-only" {
	run -0 podman run --rm $BB sh -c 'wc -c </proc/timer_list; ls -A /proc/acpi /sys/firmware 2>/dev/null | grep -v : | wc -w'
	is "$output" $'0\n0' "masked paths"
	run ! podman run --rm $BB sh -c 'echo 1 >/proc/sys/kernel/core_uses_pid'
	like "$output" 'Read-only file system' /proc/sys
	run -0 podman run --rm --security-opt unmask=ALL $BB sh -c 'mount | grep -c " /proc/" || true'
	is "$output" 0 "mounts in /proc when nothing is masked"
}

@test "user namespace: root inside is nobody outside" {
	start --uidmap 0:100000:2000 --gidmap 0:200000:3000 $BB sleep 1000
	pid=$(inspect "$cid" .State.Pid)
	is "$(xargs <"/proc/$pid/uid_map")" '0 100000 2000' uid_map
	is "$(xargs <"/proc/$pid/gid_map")" '0 200000 3000' gid_map
	is "$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")" 100000 "uid outside"
	run -0 podman exec "$cid" sh -c 'id -u; touch /root/file && stat -c "%u:%g" /root/file; stat -c "%u:%g" /home/user'
	is "$output" $'0\n0:0\n1000:1000' "ids inside"
	run -0 podman exec -u user "$cid" sh -c 'id -u; touch ~/file && echo fine'
	is "$output" $'1000\nfine' "as user"
	run ! podman exec "$cid" sh -c 'echo 1 >/proc/sys/kernel/hostname || mknod /tmp/null c 1 3'
}

@test "user namespace with a terminal, with an exec and with --read-only" {
	map=(--uidmap 0:100000:2000 --gidmap 0:100000:2000)
	run -0 "$here/at-terminal" 24 80 'expect:# ' 'send:stat -c %u `tty`; stty size; exit\r' 'expect:24 80' \
		-- podman run --rm -ti "${map[@]}" $BB sh
	like "$output" $'\n0\n' "owner of the terminal"
	run ! podman run --rm --read-only "${map[@]}" $BB touch /file
	like "$output" 'Read-only file system' "touch /file"
}

@test "resource limits of the process" {
	run -0 podman run --rm --ulimit nofile=100:200 --ulimit nproc=300:400 --ulimit core=0 $BB \
		sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c; sed -n "s/Max processes *//p" /proc/self/limits'
	like "$output" $'^100\n200\n0\n300 +400' limits
}

@test "kernel parameters of the container's namespaces" {
	run -0 podman run --rm --sysctl net.ipv4.ip_default_ttl=33 --sysctl kernel.msgmax=9000 $BB \
		cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax
	is "$output" $'33\n9000' values
}

@test "devices: the default ones, one added, others refused" {
	run -0 podman run --rm $BB sh -c 'ls /dev | xargs; stat -c "%F %t:%T %a" /dev/null; echo x >/dev/null; head -c 3 /dev/zero | wc -c'
	like "$output" 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero' "list of /dev"
	like "$output" 'character special file 1:3 666' /dev/null
	run -0 podman run --rm --device /dev/fuse:/dev/other:rw $BB stat -c '%F %t:%T' /dev/other
	is "$output" "character special file $(stat -c %t:%T /dev/fuse)" "added device"
	run ! podman run --rm $BB sh -c 'mknod /tmp/disk b 7 0 && head -c 1 /tmp/disk'
	like "$output" 'not permitted' "device that is not allowed"
}

@test "--device-cgroup-rule lets a device be opened" {
	run -0 podman run --rm --cap-add mknod --device-cgroup-rule 'c 1:8 r' $BB sh -c 'mknod /tmp/r c 1 8 && head -c 4 /tmp/r | wc -c'
	is "$output" 4 "bytes read"
}

@test "--privileged" {
	run -0 podman run --rm --privileged $BB sh -c \
		'sed -n "s/^CapEff:.//p" /proc/self/status; mkdir /tmp/m && mount -t tmpfs none /tmp/m && echo mounted; [ -e /dev/fuse ] && echo devices'
	is "${lines[0]}" "$(sed -n 's/^CapBnd:\t//p' /proc/self/status)" capabilities
	is "${lines[1]} ${lines[2]}" 'mounted devices' "mount and devices"
}

@test "OOM score, umask and groups" {
	run -0 podman run --rm --oom-score-adj 500 --umask 0027 $BB sh -c 'cat /proc/self/oom_score_adj; umask'
	is "$output" $'500\n0027' "score and umask"
}
