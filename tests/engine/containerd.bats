# containerd and its shim drive the runtime: no podman, no monitor. The runtime is named to the shim by its path, or found as
# the first runc in PATH.
load engine

setup_file() {
	[ -n "${ENGINE_DIR:-}" ] || fail "start these tests with tests/engine/run"
	command -v ctr >/dev/null || fail "containerd is missing"
	export D BB=localhost/bb:latest CGROUP_PARENT BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-600}
	local pid=
	D=$(mktemp -d /var/lib/containers/engine.XXXXXX)
	CGROUP_PARENT=/tallyman-engine.${D##*.}
	mkdir "$D/bin"
	PATH=$D/bin:$PATH
	[ "$ENGINE_NAME" = path ] || ln -s "$RUNTIME" "$D/bin/runc"
	cat >"$D/config.toml" <<-X
		version = 2
		root = "$D/root"
		state = "$D/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs"]
		[grpc]
		address = "$D/socket"
		[ttrpc]
		address = "$D/socket.ttrpc"
	X
	containerd --config "$D/config.toml" >"$D/log" 2>&1 </dev/null 3>&- 4>&- &
	pid=$!
	echo "$pid" >"$D/pid"
	until_true call version
	image | call image import - >"$D/imported" 2>&1
}

# The daemon's own client, with no descriptor of bats, which a shim would keep.
call() { timeout -k 5 "${DEADLINE:-180}" ctr --address "$D/socket" "$@" 3>&- 4>&-; }

# The image in docker's form, which is the shortest.
image() {
	local dir=$D/image
	mkdir "$dir"
	make_image >"$dir/layer.tar"
	jq -n --arg sum "sha256:$(sha256sum <"$dir/layer.tar" | cut -d' ' -f1)" --arg arch "$(dpkg --print-architecture)" \
		'{ architecture: $arch, os: "linux", config: { Env: ["PATH=/bin"] }, rootfs: { type: "layers", diff_ids: [$sum] } }' >"$dir/config.json"
	jq -n --arg tag $BB '[{ Config: "config.json", RepoTags: [$tag], Layers: ["layer.tar"] }]' >"$dir/manifest.json"
	tar -C "$dir" -c manifest.json config.json layer.tar
	rm -r "$dir"
}

# make VERB [ctr's options]...: run or create, with the runtime under test
make() {
	local name=()
	[ "$ENGINE_NAME" != path ] || name=(--runc-binary "$RUNTIME")
	! lacks_controller cpu || name+=(--cpu-shares 0) # it would ask for the default
	call "$1" "${name[@]}" --cgroup "$CGROUP_PARENT/$ID" "${@:2}"
}

# cgroup v2 alone, and without this controller
lacks_controller() { [ -e /sys/fs/cgroup/cgroup.controllers ] && ! grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }

# start CMD...: a container that stays; $pid is its first process
start() {
	make run -d $BB "$ID" "$@" </dev/null >"$D/out" 2>&1
	pid=$(call task ls | awk -v id="$ID" '$1 == id { print $2 }')
	is_ours
}

state() { call task ls | awk -v id="$ID" '$1 == id { print $3 }'; }

state_is() { [ "$(state)" = "$1" ]; }

# Nobody else has made this container.
is_ours() {
	local wanted=false
	! [[ $RUNTIME == *tallyrun ]] || wanted=true
	is "$(jq 'has("tallyrun")' "/run/containerd/runc/default/$ID/state.json")" "$wanted" "state file of tallyrun"
}

setup() { ID=c-$BATS_TEST_NUMBER-$RANDOM; }

teardown() {
	if [ -n "$(call container ls -q)" ]; then
		call task rm -f "$ID" >/dev/null 2>&1 || true
		call container rm "$ID"
	fi
	no_trace "$ID"
	if [ -e "$ENGINE_DIR/trapped" ]; then
		cat "$ENGINE_DIR/trapped"
		rm "$ENGINE_DIR/trapped"
		fail "containerd used another program"
	fi
}

teardown_file() {
	[ -n "${D:-}" ] || return 0
	call image rm $BB >/dev/null
	kill "$(cat "$D/pid")"
	until_true daemon_is_gone
	[ "$(ls /run/containerd/s 2>/dev/null)" = "" ] || fail "shims were left: $(ls /run/containerd/s)"
	find /sys/fs/cgroup -depth -type d -path "*$CGROUP_PARENT*" -exec rmdir {} +
	rm -rf "$D"
}

daemon_is_gone() { ! [ -d "/proc/$(cat "$D/pid")" ] || grep -q '^State:.Z' "/proc/$(cat "$D/pid")/status"; }

@test "containerd: run relays output, input and the exit status, and leaves nothing" {
	run -7 --separate-stderr make run --rm $BB "$ID" sh -c 'echo out; echo err >&2; exit 7'
	is "$output" out output
	is "$stderr" err errors
	# This ctr does not tell of the end of its input.
	run -0 make run --rm $BB "$ID" sh -c 'read -r line; echo "$line, too"' <<<'some text'
	is "$output" 'some text, too' "what went in and out"
}

@test "containerd: run -t" {
	pty() { "$here/at-terminal" 31 91 "$@"; }
	local name=(--cpu-shares 0)
	[ "$ENGINE_NAME" != path ] || name+=(--runc-binary "$RUNTIME")
	run -9 pty 'expect:# ' 'send:stty size; tty\r' 'expect:31 91' 'expect:/dev/' 'size:50,132' \
		'send:until stty size | grep -q "^50 1"; do :; done; stty size\r' 'expect:50 132' 'send:exit 9\r' -- \
		ctr --address "$D/socket" run --rm -t "${name[@]}" --cgroup "$CGROUP_PARENT/$ID" $BB "$ID" sh
}

@test "containerd: a program that is missing is named" {
	run ! make run --rm $BB "$ID" no-such-program
	like "$output" 'OCI runtime create failed: .*no-such-program.*not found' "what run says"
}

@test "containerd: exec, its exit status and its terminal; all pids are known" {
	start sleep 1000
	run -3 call task exec --exec-id one "$ID" sh -c 'echo out; exit 3'
	is "$output" out "output of exec"
	run -4 "$here/at-terminal" 31 91 'expect:# ' 'send:tty\r' 'expect:/dev/' 'send:exit 4\r' -- \
		ctr --address "$D/socket" task exec -t --exec-id two "$ID" sh
	call task exec --exec-id three -d "$ID" sleep 2000 </dev/null
	run -0 call task ps "$ID"
	is "$(awk 'NR > 1 { print $1 }' <<<"$output" | sort)" "$(pgrep_cgroup | sort)" "pids of task ps"
	is "${#lines[@]}" 3 "lines of task ps"
}

# The processes of the container, as the kernel knows them.
pgrep_cgroup() { grep -l "$ID" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3; }

@test "containerd: pause and resume" {
	start sh -c 'while :; do usleep 10000; done'
	call task pause "$ID"
	is "$(state)" PAUSED state
	run ! call task exec --exec-id one "$ID" true
	like "$output" paused "exec in a paused container"
	call task resume "$ID"
	is "$(state)" RUNNING state
	run -0 call task exec --exec-id two "$ID" true
}

@test "containerd: metrics" {
	start sleep 1000
	run -0 call task metrics --format json "$ID"
	! lacks_controller pids || return 0
	[ "$(jq '.pids.current // .pids.Current' <<<"$output")" = 1 ] || fail "no process counted: $output"
}

@test "containerd: kill by name and number, kill --all; what ended says how, and is deleted" {
	start sh -c 'trap "exit 5" USR1; sleep 1000 & while :; do usleep 10000; done'
	run ! call task rm "$ID"
	is "$(state)" RUNNING "state after a deletion that was refused"
	call task kill -s SIGUSR1 "$ID"
	until_true state_is STOPPED
	run -0 call task rm "$ID"
	like "$output" 'exit code 5"$' "the exit status"
	call container rm "$ID"
	no_trace "$ID"
	start sleep 1000
	call task kill -a -s 9 "$ID"
	until_true state_is STOPPED
	run -0 call task rm "$ID"
	like "$output" 'exit code 137"$' "the exit status"
	call container rm "$ID"
}

@test "containerd: task rm --force of what runs" {
	start sleep 1000
	call task rm -f "$ID" || true # its status is the container's
	until_true process_is_gone
}

process_is_gone() { ! [ -d "/proc/$pid" ]; }

@test "containerd: limits, users, capabilities and seccomp arrive" {
	run -0 make run --rm --seccomp --env A=b --cwd /tmp --cap-drop CAP_CHOWN $BB "$ID" sh -c \
		'echo $A; pwd; grep -E "^(Seccomp|NoNewPrivs|CapBnd):" /proc/self/status | tr "\t\n" "  "'
	like "$output" $'b\n/tmp\nCapBnd: 00000000a80425fa NoNewPrivs: 1 Seccomp: 2 ' "what is seen inside"
}

@test "containerd: a checkpoint is made, or it is told why not and the container runs on" {
	start sleep 1000
	mkdir "$D/images"
	if criu check >"$D/criu-check" 2>&1; then
		call task checkpoint --image-path "$D/images" "$ID"
	else
		run ! call task checkpoint --image-path "$D/images" "$ID"
		like "$output" 'criu' "what task checkpoint says"
		is "$(state)" RUNNING state
	fi
}
