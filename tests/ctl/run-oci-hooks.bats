# Hooks as run_oci runs them: prechroot, prestart, poststart and poststop, by tallyctl itself.
load run-oci

@test "C40 C41 the stages run in their order, with the status of each" {
	bundle sh -c 'echo program'
	local stage
	for stage in precreate prechroot prestart poststart poststop; do
		hook "$stage" "jq -r '\"$stage \" + .status' >>'$DIR/order'"
	done
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$output" program
	is "$(cat "$DIR/order")" $'precreate creating\nprechroot created\nprestart created\npoststart running\npoststop stopped'
}

@test "C40 prechroot hooks find the process, its namespaces and the host's files" {
	bundle true
	hook prechroot "pid=\$(jq .pid); [ -d /proc/\$pid ] && [ \"\$(readlink /proc/\$pid/ns/mnt)\" != \"\$(readlink /proc/self/ns/mnt)\" ] &&
		[ -e '$BUNDLE/config.json' ] && touch '$DIR/ok'"
	exits 0 oci run -c "$BUNDLE" "$ID"
	[ -e "$DIR/ok" ]
}

@test "C42 C43 C44 the state is on standard input, one member a line, and then there is an end" {
	bundle sleep 1000
	config '.annotations = { "a.b": "c" }'
	hook prechroot "cat >'$DIR/prechroot'"
	hook poststart "cat >'$DIR/poststart'"
	exits 0 oci start -c "$BUNDLE" "$ID"
	local pid stage
	pid=$(cat "$SD/$ID/container.pid")
	for stage in prechroot poststart; do
		is "$(jq -c '[.ociVersion, .id, .bundle, .pid]' "$DIR/$stage")" "[\"1.0.2\",\"$ID\",\"$BUNDLE\",$pid]"
		is "$(jq -r '.annotations["org.chromium.run_oci.container_root"], .annotations["a.b"]' "$DIR/$stage")" "$SD/$ID"$'\n'c
		is "$(grep -c '^ *"pid": [0-9]*,$' "$DIR/$stage")" 1
	done
	oci kill -S KILL "$ID"
	ctl wait "$ID" >/dev/null
	exits 0 oci destroy "$ID"
}

@test "C45 a hook that does not read its input is no failure" {
	bundle true
	config --rawfile big <(head -c 300000 /dev/zero | tr '\0' x) '.annotations = { big: $big }'
	config '.hooks.prestart = [{ path: "/bin/true" }] | .hooks.poststop = [{ path: "/bin/true" }]'
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$stderr" ""
}

@test "C46 a hook's first argument is its path" {
	bundle true
	printf '#!/bin/sh\necho "$0" "$#" "$@" >>"%s"\n' "$DIR/said" >"$DIR/hook"
	chmod 755 "$DIR/hook"
	config --arg p "$DIR/hook" '.hooks.prestart = [{ path: $p }, { path: $p, args: [] }, { path: $p, args: ["other", "one", "two"] }]'
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$(cat "$DIR/said")" "$DIR/hook 0"$'\n'"$DIR/hook 0"$'\n'"$DIR/hook 2 one two"
	cp /bin/busybox "$DIR/argv0" 2>/dev/null || cp "$TOOLS/rootfs/bin/busybox" "$DIR/argv0"
	ln -s argv0 "$DIR/echo"
	config --arg p "$DIR/echo" '.hooks.prestart = [{ path: $p, args: ["false", "as", "echo"] }]'
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$output" "as echo"
}

@test "C47 a hook has the environment that it names, or the caller's" {
	bundle true
	local stage
	for stage in prechroot prestart poststart poststop; do
		hook "$stage" "/usr/bin/env >'$DIR/own'; echo" '{ env: ["ONLY=this", "B=2"] }'
		hook "$stage" "/usr/bin/env >'$DIR/ours'"
		MARK='a "b"' exits 0 oci run -c "$BUNDLE" "$ID"
		is "$(grep -Ev '^(PWD|SHLVL|_|OLDPWD)=' "$DIR/own" | sort | paste -sd ' ')" "B=2 ONLY=this"
		grep -Fqx 'MARK=a "b"' "$DIR/ours"
		config 'del(.hooks)'
	done
}

@test "C48 hooks write to the caller's output, and have no other descriptors" {
	bundle echo program
	local stage
	for stage in prechroot prestart poststart poststop; do
		hook "$stage" "echo $stage; echo $stage err >&2; exec ls /proc/self/fd >'$DIR/fds.$stage'"
	done
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$(sort <<<"$output" | paste -sd ' ')" "poststart poststop prechroot prestart program"
	is "$stderr" $'prechroot err\nprestart err\npoststart err\npoststop err'
	for stage in prechroot prestart poststart poststop; do
		is "$(paste -sd ' ' "$DIR/fds.$stage")" "0 1 2 3" # 3 is the directory that ls reads
	done
}

@test "C49 a hook that takes too long is killed, and that is a failure" {
	bundle sleep 1000
	config '.hooks.prestart = [{ path: "/bin/sleep", args: ["sleep", "4321"], timeout: 1 }]'
	hook poststop "touch '$DIR/stopped'"
	exits 255 oci start -c "$BUNDLE" "$ID"
	has "$stderr" "prestart hook #0: /bin/sleep 4321: took longer than 1 seconds"
	[ -e "$DIR/stopped" ]
	nothing_of
}

@test "C50 C51 a failure is logged with path, arguments and status; the others of the stage run" {
	bundle sleep 1000
	hook prestart 'exit 3'
	hook prestart 'kill -KILL $$'
	hook prestart "touch '$DIR/third'"
	exits 255 oci start -c "$BUNDLE" "$ID"
	has "$stderr" "prestart hook #0: /bin/sh -c exit 3: exit status 3"
	has "$stderr" "prestart hook #1: /bin/sh -c kill -KILL \$\$: signal: killed"
	has "$stderr" "2 of 3 prestart hooks failed"
	[ -e "$DIR/third" ]
	nothing_of
}

@test "C53 a failing prechroot or prestart hook keeps the program from running" {
	local stage
	for stage in prechroot prestart; do
		bundle touch /work/ran
		with_work
		hook "$stage" 'exit 1'
		exits 255 oci start -c "$BUNDLE" "$ID"
		has "$stderr" "$stage hook #0: /bin/sh -c exit 1: exit status 1"
		exits 255 oci run -c "$BUNDLE" "$ID"
		[ ! -e "$DIR/work/ran" ]
		[ ! -e "$SD/$ID" ]
		nothing_of
	done
}

@test "C54 hooks that are not well-formed are an error that names the JSON path" {
	local bad path
	while read -r path bad; do
		bundle true
		config ".hooks.poststop = $bad"
		exits 255 oci run -c "$BUNDLE" "$ID"
		has "$stderr" "$BUNDLE/config.json: hooks.poststop$path"
		one_line "$stderr"
	done <<-'END'
		[0].env [{ path: "/bin/true", env: ["NONAME"] }]
		[1].env [{ path: "/bin/true" }, { path: "/bin/true", env: ["=x"] }]
		[0].env [{ path: "/bin/true", env: [5] }]
		[0].args [{ path: "/bin/true", args: "x" }]
		[0].path [{ args: ["x"] }]
		[0].path [{ path: "true" }]
		[0].timeout [{ path: "/bin/true", timeout: 0 }]
		[0].timeout [{ path: "/bin/true", timeout: "1" }]
		[0].path [5]
	END
	nothing_of
}

@test "C55 a hook that cannot be executed fails its stage" {
	bundle sleep 1000
	config '.hooks.prestart = [{ path: "/nonexistent-hook" }, { path: "/etc/passwd" }]'
	exits 255 oci start -c "$BUNDLE" "$ID"
	has "$stderr" "prestart hook #0: fork/exec /nonexistent-hook: no such file or directory"
	has "$stderr" "prestart hook #1: fork/exec /etc/passwd: permission denied"
	[ ! -e "$SD/$ID" ]
	nothing_of
}

@test "hooks of the specification that run_oci does not know are the runtime's" {
	bundle true
	hook createRuntime "touch '$DIR/createRuntime'"
	hook prechroot "touch '$DIR/prechroot'; [ ! -e '$DIR/createRuntime' ]"
	exits 0 oci run -c "$BUNDLE" "$ID"
	[ -e "$DIR/createRuntime" ]
	[ -e "$DIR/prechroot" ]
}
