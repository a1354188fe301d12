# seccomp profiles as the process feels them.
load ../lib/harness

prepare() {
	bundle true
	config '.process.noNewPrivileges = false'
}

# seccomp JSON: the profile
seccomp() { config ".linux.seccomp = $1"; }

@test "ERRNO gives the errno asked for, EPERM by default" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
		syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }, { names: ["acct"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }] }'
	is "$(in_container sh -c 'inside syscall mkdir; inside syscall acct')" $'EPERM\nENOSPC'
}

@test "errnoRet ENOSYS, and what is not named passes" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["acct", "mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }] }'
	is "$(in_container sh -c 'inside syscall mkdir; inside syscall getppid')" $'ENOSYS\nok'
}

@test "arguments: equal, not equal, masked, greater" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{ names: ["personality"], action: "SCMP_ACT_ERRNO", errnoRet: 5, args: [{ index: 0, value: 8, op: "SCMP_CMP_EQ" }] },
		{ names: ["setuid"], action: "SCMP_ACT_ERRNO", errnoRet: 6, args: [{ index: 0, value: 1000, op: "SCMP_CMP_GT" }] },
		{ names: ["unshare"], action: "SCMP_ACT_ERRNO", errnoRet: 7,
		  args: [{ index: 0, value: 268435456, valueTwo: 268435456, op: "SCMP_CMP_MASKED_EQ" }] }] }'
	is "$(in_container sh -c 'inside syscall personality 8; inside syscall personality 0; inside syscall setuid 1001; inside syscall setuid 0
		inside syscall unshare 0x10000000; inside syscall unshare 0')" $'EIO\nok\nENXIO\nok\nE2BIG\nok'
}

@test "KILL_PROCESS ends the process by SIGSYS" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_KILL_PROCESS" }] }'
	is "$(in_container sh -c 'inside syscall mkdir; echo $?' 2>/dev/null)" 159
}

@test "TRAP sends SIGSYS, LOG lets pass" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_TRAP" }, { names: ["getppid"], action: "SCMP_ACT_LOG" }] }'
	is "$(in_container sh -c 'inside syscall getppid; inside syscall mkdir; echo $?' 2>/dev/null)" $'ok\n159'
}

@test "names of calls that do not exist are skipped" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["no_such_call", "mkdir"], action: "SCMP_ACT_ERRNO" }] }'
	is "$(in_container inside syscall mkdir)" EPERM
}

@test "a listenerPath that no rule sends anything to has no meaning" {
	runtime_is_ours || runtime_is_runc || return 0 # crun makes a listener all the same
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/run/tm/no-such-socket",
		syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }] }'
	is "$(in_container inside syscall mkdir)" EACCES
}

@test "with run.oci.seccomp_fail_unknown_syscall names of calls that do not exist are errors" {
	runtime_is_ours || return 0 # an annotation of crun's, with other words
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["acct", "socketcall"], action: "SCMP_ACT_ERRNO" },
		{ names: ["mkdir", "no_such_call"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }] }'
	# The filter that is kept is no way around it; calls of other architectures are known.
	is "$(in_container inside syscall mkdir)" EACCES
	config '.annotations["run.oci.seccomp_fail_unknown_syscall"] = "1"'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "linux.seccomp.syscalls[1].names: unknown system call no_such_call"
	nothing_left
	config '.annotations["run.oci.seccomp_fail_unknown_syscall"] = "0"'
	is "$(in_container inside syscall mkdir)" EACCES
	config '.annotations["run.oci.seccomp_fail_unknown_syscall"] = "1" | .linux.seccomp.syscalls[1].names = ["mkdir"]'
	is "$(in_container inside syscall mkdir)" EACCES
}

@test "the filter is on with and without noNewPrivileges, and for a user" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }] }'
	is "$(in_container sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status)" 2
	is "$(in_container sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/self/status)" 0
	config '.process.noNewPrivileges = true | .process.user = { uid: 1000, gid: 1000 }'
	is "$(in_container inside syscall mkdir)" EPERM
}

@test "an exec session has the container's filter" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }] }'
	config '.process.args = ["sleep", "1000"]'
	rt_create
	rt start "$ID"
	is "$(rt exec "$ID" inside syscall mkdir)" EPERM
}

@test "an empty profile is none" {
	runtime_is_ours || runtime_is_runc || return 0
	local without
	without=$(in_container sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status)
	[ -n "$LACKING" ] || is "$without" 0
	seccomp '{}'
	is "$(in_container sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status)" "$without"
}

@test "the same profile twice gives the same filter" {
	seccomp '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }] }'
	is "$(in_container inside syscall mkdir)" EACCES
	is "$(in_container inside syscall mkdir)" EACCES
	config '.linux.seccomp.syscalls[0].errnoRet = 14'
	is "$(in_container inside syscall mkdir)" EFAULT
}

@test "bad profiles are refused with the word that is wrong" {
	bad() {
		seccomp "$2"
		exits 1 rt create --bundle "$BUNDLE" "$ID"
		has "$stderr" "$1"
		nothing_left
	}
	bad SCMP_ACT_FOO '{ defaultAction: "SCMP_ACT_FOO" }'
	bad SCMP_ACT_BAR '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_BAR" }] }'
	bad FOO '{ defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_FOO"] }'
	if runtime_is_ours || runtime_is_runc; then
		bad SCMP_CMP_FOO '{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO",
			args: [{ index: 0, value: 1, op: "SCMP_CMP_FOO" }] }] }'
		bad "$(runtime_is_ours && echo FLAG_FOO || echo flags)" '{ defaultAction: "SCMP_ACT_ALLOW", flags: ["FLAG_FOO"] }'
	fi
}
