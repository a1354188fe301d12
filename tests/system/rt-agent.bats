# SCMP_ACT_NOTIFY: system calls that an agent outside of the container answers.
load ../lib/harness

prepare() {
	bundle sleep 1000
	config '.process.noNewPrivileges = false'
	notify mkdir
}

# notify NAMES...: hands these calls to the agent at $DIR/agent
notify() {
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: $s, listenerMetadata: "some data",
		syscalls: [{ names: $ARGS.positional, action: "SCMP_ACT_NOTIFY" }] }' --arg s "$DIR/agent" --args -- "$@"
}

# start_agent ERRNO: starts it
start_agent() {
	mkdir -p "$DIR/agent.d"
	helper agent "$DIR/agent" "$DIR/agent.ready" "$DIR/agent.d" "$1" </dev/null >/dev/null
	await exists "$DIR/agent.ready"
}

# Who starts a process did not make it: without pidfd_open its descriptors are out of reach.
out_of_reach() {
	lacks pidfd_open || return 1
	refuses "$@"
	like "$stderr" "take the seccomp listener from process [0-9]+: function not implemented"
}

@test "the agent answers, and has been told whose calls they are" {
	config '.annotations = { a: "b" }'
	start_agent 13
	rt_create
	! out_of_reach rt start "$ID" || return 0
	rt start "$ID"
	await exists "$DIR/agent.d/state.1"
	pid=$(cat "$DIR/pid")
	is "$(command -p jq -cS 'del(.ociVersion, .state.ociVersion, .state.status)' "$DIR/agent.d/state.1")" "$(command -p jq -cSn \
		'{ fds: ["seccompFd"], pid: $pid, metadata: "some data",
		state: { id: $id, pid: $pid, bundle: $bundle, annotations: { a: "b" } } }' \
		--argjson pid "$pid" --arg id "$ID" --arg bundle "$BUNDLE")"
	only_ours runtime is "$(jq -r .state.status "$DIR/agent.d/state.1")" creating
	like "$(jq -r .ociVersion "$DIR/agent.d/state.1")" '^1\.'
}

@test "what the agent says is what the program gets" {
	start_agent 13
	is "$(in_container inside syscall mkdir)" EACCES
	is "$(cat "$DIR/agent.d/calls")" 83
}

@test "the agent may let a call go on" {
	start_agent 0
	with_work
	is "$(in_container sh -c 'mkdir /work/made; echo $?')" 0
	[ -d "$DIR/work/made" ]
}

@test "an exec session has a listener of its own" {
	start_agent 13
	rt_create
	! out_of_reach rt start "$ID" || return 0
	rt start "$ID"
	is "$(rt exec "$ID" inside syscall mkdir)" EACCES
	await exists "$DIR/agent.d/state.2"
	is "$(jq -r '.state.status, .state.pid' "$DIR/agent.d/state.2")" $'running\n'"$(cat "$DIR/pid")"
	isnt_init=$(jq .pid "$DIR/agent.d/state.2")
	[ "$isnt_init" -ne "$(cat "$DIR/pid")" ]
	is "$(jq -r .metadata "$DIR/agent.d/state.2")" "some data"
}

@test "calls of ours between filter and program go to the agent too: read, execve, capset" {
	start_agent 0
	notify read execve capset close
	config '.process.noNewPrivileges = true | .process.user = { uid: 1000, gid: 1000 }'
	is "$(in_container echo through)" through
	has "$(cat "$DIR/agent.d/calls")" 59
}

@test "a startContainer hook's calls are answered" {
	runtime_is_ours || return 0 # 1.1.5 loads the filter after them
	start_agent 0
	config '.hooks.startContainer = [{ path: "/bin/mkdir", args: ["mkdir", "/tmp/hook"] }]
		| .mounts += [{ destination: "/tmp", type: "tmpfs", source: "tmpfs" }]'
	is "$(in_container ls /tmp)" hook
}

@test "a listener that the agent closes makes the calls fail, not hang" {
	start_agent close
	is "$(in_container inside syscall mkdir)" ENOSYS
}

@test "no agent: refused, with the path of its socket, and nothing left" {
	exits 1 rt create --bundle "$BUNDLE" "$ID"
	has "$stderr" "$DIR/agent"
	only_ours runtime has "$stderr" "linux.seccomp.listenerPath: failed to connect with seccomp agent"
	nothing_left
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	nothing_left
}

@test "an agent that is gone at start: an error, and the container is stopped" {
	runtime_is_ours || return 0 # 1.1.5 has connected at create
	! lacks pidfd_open pidfd_getfd || return 0 # the listener is fetched by a pidfd
	start_agent 0
	rt_create
	rm "$DIR/agent"
	exits 1 rt start "$ID"
	has "$stderr" "$DIR/agent"
	one_line "$stderr"
	await process-gone "$(cat "$DIR/pid")"
	is "$(status_of)" stopped
}

@test "what cannot be handed to an agent is refused" {
	bad() {
		exits 1 rt create --bundle "$BUNDLE" "$ID"
		has "$stderr" "$1"
		nothing_left
	}
	start_agent 0
	notify write
	bad "SCMP_ACT_NOTIFY cannot be used for the write syscall"
	notify mkdir
	config 'del(.linux.seccomp.listenerPath, .linux.seccomp.listenerMetadata)'
	bad listenerPath
	config '.linux.seccomp.listenerPath = "'"$DIR/agent"'" | .linux.seccomp.defaultAction = "SCMP_ACT_NOTIFY"'
	bad "SCMP_ACT_NOTIFY cannot be used as default action"
	runtime_is_ours || return 0
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x" }'
	bad linux.seccomp.listenerMetadata
}
