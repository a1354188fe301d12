# Hooks: order, surroundings, the state they are given, failures.
load ../lib/harness

# hook KIND SHELL-TEXT [JQ-OBJECT]: one more hook of that kind; its output is its own business
hook() {
	config '.hooks[$kind] += [{ path: "/bin/sh", args: ["sh", "-c", $text] } + $more]' --arg kind "$1" --arg text "$2" \
		--argjson more "${3:-{\}}"
}

KINDS="prestart createRuntime createContainer startContainer poststart poststop"

prepare() {
	bundle sleep 1000
	with_work
	# Hooks of the inner kinds see the container's file system (startContainer) or the host's through the rootfs.
	export W=$DIR/work
}

place_of() { case $1 in startContainer) echo /work ;; *) echo "$W" ;; esac; }

# record_hooks: every kind writes its name into the list, and its stdin into a file
record_hooks() {
	local k
	for k in $KINDS; do
		hook "$k" "cat >$(place_of "$k")/$k.json; echo $k >>$(place_of "$k")/order"
	done
}

@test "all six kinds run, in order, at their time" {
	record_hooks
	rt_create
	is "$(tr '\n' ' ' <"$W/order" | sed 's/poststart //')" "prestart createRuntime createContainer "
	rt start "$ID"
	await match "$W/order" startContainer
	await match "$W/order" poststart
	rt delete --force "$ID"
	# runc 1.1.5 ran poststart at the end of create, against the specification
	if runtime_is_runc; then
		is "$(grep -v poststart "$W/order" | tr '\n' ' ')" "prestart createRuntime createContainer startContainer poststop "
	else
		is "$(tr '\n' ' ' <"$W/order")" "prestart createRuntime createContainer startContainer poststart poststop "
	fi
}

@test "each kind gets the state on stdin, with the status of its moment" {
	record_hooks
	rt_create
	pid=$(cat "$DIR/pid")
	rt start "$ID"
	await exists "$W/poststart.json"
	await exists "$W/startContainer.json"
	rt delete --force "$ID"
	for k in $KINDS; do
		is "$k $(jq -r .id "$W/$k.json")" "$k $ID"
		like "$(jq -r .ociVersion "$W/$k.json")" '^1\.'
	done
	if runtime_is_ours || runtime_is_runc; then
		is "$(for k in prestart createRuntime createContainer startContainer poststop; do jq -r .status "$W/$k.json"; done | tr '\n' ' ')" \
			"creating creating creating created stopped "
	fi
	only_ours runtime is "$(jq -r .status "$W/poststart.json")" running
	for k in prestart createRuntime poststart; do is "$k $(jq .pid "$W/$k.json")" "$k $pid"; done
	for k in prestart createRuntime createContainer poststart poststop; do
		is "$k $(jq -r .bundle "$W/$k.json")" "$k $BUNDLE"
	done
	only_ours runtime is "$(jq -r '.pid // 0' "$W/poststop.json")" 0
	is "$(wc -l <"$W/prestart.json" | tr -d ' ')" 0 # one line, no newline: as naive parsers expect it
}

@test "annotations are in the state" {
	config '.annotations = { "org.example.a": "b c" }'
	hook createRuntime "cat >$W/state"
	rt_create
	is "$(jq -r '.annotations["org.example.a"]' "$W/state")" "b c"
}

@test "args, env and path are the hook's own; without env it has the caller's" {
	config '.hooks.createRuntime = [{ path: "/usr/bin/env", args: ["argv-zero"] , env: ["A=1", "B=x y"] }]'
	config '.hooks.createRuntime = [{ path: "/bin/sh", args: ["argv0", "-c", "echo $0 $A $B >" + $w + "/seen; env >>" + $w + "/seen"],
		env: ["A=1", "B=x y"] }]' --arg w "$W"
	rt_create
	is "$(head -n 1 "$W/seen")" "argv0 1 x y"
	hasnt "$(cat "$W/seen")" "HOME="
	rt delete --force "$ID"
	bundle sleep 1000
	with_work
	hook createRuntime "env >$W/runtime"
	hook createContainer "env >$W/container"
	hook poststop "env >$W/stop"
	hook createRuntime "env >$W/none" '{ "env": [] }'
	TALLYMAN_TEST=present rt_create
	has "$(cat "$W/runtime")" TALLYMAN_TEST=present
	only_ours runtime has "$(cat "$W/container")" TALLYMAN_TEST=present # runc's init has the environment of its own process
	TALLYMAN_TEST=later rt delete --force "$ID"
	has "$(cat "$W/stop")" TALLYMAN_TEST=later
	hasnt "$(cat "$W/none")" TALLYMAN_TEST
}

@test "createRuntime runs in the caller's namespaces, createContainer in the container's" {
	hook createRuntime "readlink /proc/self/ns/mnt >$W/runtime; pwd >$W/cwd"
	hook createContainer "readlink /proc/self/ns/mnt >$W/container; readlink /proc/self/ns/uts >>$W/container"
	rt_create
	is "$(cat "$W/runtime")" "$(readlink /proc/self/ns/mnt)"
	is "$(cat "$W/container")" "$(readlink "/proc/$(cat "$DIR/pid")/ns/mnt")"$'\n'"$(readlink "/proc/$(cat "$DIR/pid")/ns/uts")"
	is "$(cat "$W/cwd")" "$BUNDLE"
}

@test "startContainer runs in the container, before the program" {
	hook startContainer 'cat /proc/1/comm >/work/comm; ls / >/work/root; cat >/dev/null'
	config '.process.args = ["sh", "-c", "echo program >>/work/comm; exec sleep 1000"]'
	rt_create
	[ ! -e "$W/comm" ]
	rt start "$ID"
	await match "$W/comm" '^program$'
	is "$(wc -l <"$W/comm")" 2
	has "$(cat "$W/root")" work
}

@test "several hooks of a kind run in their order, and none after one that failed" {
	hook createRuntime "echo one >>$W/order"
	hook createRuntime "echo two >>$W/order; exit 3"
	hook createRuntime "echo three >>$W/order"
	hook createContainer "echo four >>$W/order"
	hook poststop "echo stop >>$W/order"
	refuses rt_create
	is "$(grep -v stop "$W/order" | tr '\n' ' ')" "one two "
	is "$(grep -c stop "$W/order")" 1
	nothing_left
}

@test "a hook without a timeout takes its time, also where the kernel tells of no process's end" {
	hook createRuntime "sleep 1; echo through >>$W/order"
	exits 0 nocall pidfd_open -- "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" </dev/null
	is "$(cat "$W/order")" through
}

@test "a failing prestart, createRuntime or createContainer hook fails the create, and its words are told" {
	for k in prestart createRuntime createContainer; do
		bundle sleep 1000
		hook $k 'echo the words >&2; exit 3'
		refuses rt_create
		if runtime_is_ours || runtime_is_runc; then
			only_ours runtime has "$(cat "$DIR/err")" "$k hook #0"
			has "$(cat "$DIR/err")" "hook #0"
			has "$(cat "$DIR/err")" "exit status 3"
			has "$(cat "$DIR/err")" "the words"
		fi
		nothing_left
	done
}

@test "a failing startContainer hook: the program does not run, the container is stopped" {
	hook startContainer 'exit 3'
	config '.process.args = ["sh", "-c", "touch /work/ran"]'
	rt_create
	attempt rt start "$ID"
	only_ours runtime is "$status" 1 # runc and crun do not notice
	await process-gone "$(cat "$DIR/pid")"
	is "$(status_of)" stopped
	[ ! -e "$W/ran" ]
}

@test "what a failing startContainer hook wrote is in the error of start and of run" {
	runtime_is_ours || return 0 # the peers' start does not know of the failure
	hook startContainer 'echo first; exit 0'
	hook startContainer 'echo to output; echo to errors >&2; exit 3'
	rt_create
	exits 1 rt start "$ID"
	has "$stderr" "startContainer hook #1: exit status 3, stdout: "
	has "$stderr" "to output"
	has "$stderr" "to errors"
	rt delete --force "$ID"
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "startContainer hook #1: exit status 3, stdout: "
	has "$stderr" "to errors"
	nothing_left
}

@test "what startContainer hooks write does not stay in the state directory" {
	runtime_is_ours || return 0
	hook startContainer 'echo words'
	rt_create
	rt start "$ID"
	is "$(status_of)" running
	is "$(grep -ls words "$ROOT/$ID"/* || true)" ""
	rt delete --force "$ID"
}

@test "of what hooks inside write the beginning is kept, and none of them waits" {
	runtime_is_ours || return 0
	hook startContainer 'echo first words; yes | head -c 1000000; yes | head -c 1000000 >&2; : >/work/said; read x </work/go
		echo last words; exit 3'
	hook createContainer 'yes | head -c 1000000; yes | head -c 1000000 >&2'
	mkfifo "$W/go"
	rt_create
	rt start "$ID" </dev/null >"$DIR/out" 2>"$DIR/err" 3>&- 4>&- &
	starting=$!
	await exists "$W/said"
	is "$(cd "$ROOT/$ID" && find . -size +16k)" ""
	like "$(head -n 1 "$ROOT/$ID/hook.out")" '^first words$'
	timeout 30 sh -c 'echo >"$1"' - "$W/go"
	! wait "$starting" || fail "started, with a hook that fails"
	has "$(cat "$DIR/err")" "stdout: first words"
	hasnt "$(cat "$DIR/err")" "last words"
}

@test "annotations name files that the output of hooks of all kinds is appended to" {
	runtime_is_ours || return 0 # annotations of crun's, which takes no path from the bundle on
	for k in $KINDS; do
		hook "$k" "echo out of $k; echo errors of $k >&2"
	done
	echo before >"$DIR/said"
	config '.annotations = { "run.oci.hooks.stdout": ($dir + "/said"), "run.oci.hooks.stderr": "errors" }' --arg dir "$DIR"
	rt_create
	rt start "$ID"
	is "$(grep -lsx 'out of startContainer' "$ROOT/$ID"/* || true)" ""
	rt delete --force "$ID"
	is "$(cat "$DIR/said")" "before"$'\n'"$(printf 'out of %s\n' $KINDS)"
	is "$(cat "$BUNDLE/errors")" "$(printf 'errors of %s\n' $KINDS)"
	is "$(stat -c %a "$BUNDLE/errors")" 600
	config '.process.args = ["true"]'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$(wc -l <"$DIR/said") $(wc -l <"$BUNDLE/errors")" "13 12"
}

@test "with annotations for their output hooks fail as ever, and a file that cannot be opened is an error" {
	runtime_is_ours || return 0
	for k in createRuntime createContainer startContainer; do
		bundle true
		hook $k 'echo the words >&2; exit 3'
		config '.annotations = { "run.oci.hooks.stderr": $f }' --arg f "$DIR/$k"
		exits 1 rt run --bundle "$BUNDLE" "$ID"
		has "$stderr" "$k hook #0"
		has "$stderr" "exit status 3"
		is "$(cat "$DIR/$k")" "the words"
		# Nobody reads the FIFO.
		mkfifo "$DIR/fifo-$k"
		for bad in "$DIR/none/file" "$DIR/fifo-$k"; do
			config '.annotations = { "run.oci.hooks.stdout": $f }' --arg f "$bad"
			exits 1 rt run --bundle "$BUNDLE" "$ID"
			has "$stderr" run.oci.hooks.stdout
			has "$stderr" "open $bad: no such"
			one_line "$stderr"
		done
		nothing_left
	done
}

@test "a failing poststart hook ends the container" {
	runtime_is_ours || return 0 # runc 1.1.5 runs it in create, crun deletes the container
	hook poststart 'exit 3'
	rt_create
	exits 1 rt start "$ID"
	has "$stderr" "poststart hook #0"
	await process-gone "$(cat "$DIR/pid")"
	is "$(status_of)" stopped
}

@test "a failing poststop hook does not stop the others, nor the delete" {
	runtime_is_runc && return 0 # against the specification
	hook poststop 'exit 3'
	hook poststop "echo second >$W/second"
	rt_create
	exits 0 rt delete --force "$ID"
	is "$(cat "$W/second")" second
	nothing_left
}

@test "a hook that takes longer than its timeout is killed and fails" {
	hook createRuntime "echo \$\$ >$W/pid; exec sleep 1000" '{ "timeout": 1 }'
	refuses rt_create
	if runtime_is_ours || runtime_is_runc; then has "$(cat "$DIR/err")" "ran past specified timeout of 1"; fi
	await reaped "$(cat "$W/pid")"
	nothing_left
}

@test "a hook that does not exist fails the create by its name" {
	config '.hooks.createRuntime = [{ path: "/no/such/hook" }]'
	refuses rt_create
	runtime_is_ours || runtime_is_runc || return 0
	has "$(cat "$DIR/err")" /no/such/hook
	has "$(cat "$DIR/err")" "no such file or directory"
	nothing_left
}

@test "a hook may read no stdin at all, and may leave a process behind" {
	hook createRuntime "exec <&-; sleep 0.3 >/dev/null 2>&1 & exit 0"
	rt_create
	is "$(status_of)" created
}
