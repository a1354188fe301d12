# The runtime's verbs, the states they lead through, and what they say where they cannot.
load ../lib/harness

# says TEXT CMD...: status 1 and this in the message. runc's wording is the interface: engines look for it.
says() {
	exits 1 "${@:2}"
	has "$output$stderr" "$1"
	one_line "$stderr"
}

# runc_says: the same where the peer may be another runtime than runc
runc_says() {
	exits 1 "${@:2}"
	[ -n "$stderr" ] || fail "no message"
	if runtime_is_ours || runtime_is_runc; then has "$stderr" "$1"; fi
}

sleeping() {
	bundle sleep 1000
	rt_create
	rt start "$ID"
}

@test "created, running, stopped, deleted" {
	bundle sleep 1000
	rt_create
	is "$(status_of)" created
	rt start "$ID"
	is "$(status_of)" running
	pid=$(cat "$DIR/pid")
	is "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1000 "
	rt kill "$ID" KILL
	await process-gone "$pid"
	is "$(status_of)" stopped
	is "$(rt state "$ID" | jq .pid)" 0
	rt delete "$ID"
	runc_says "does not exist" rt state "$ID"
	nothing_left
}

@test "create prints nothing and does not run the program" {
	bundle sh -c 'touch /work/ran'
	with_work
	rt_create
	is "$(cat "$DIR/out" "$DIR/err")" ""
	[ ! -e "$DIR/work/ran" ]
	rt start "$ID"
	await exists "$DIR/work/ran"
}

@test "the pid file is the bare decimal pid, complete when it appears, and last of all" {
	bundle sleep 1000
	mkdir "$DIR/pids"
	helper watch "$DIR/watched" "$DIR/pids"
	await match "$DIR/watched" ready
	rt create --bundle "$BUNDLE" --pid-file "$DIR/pids/p" "$ID" </dev/null >/dev/null 2>&1
	pid=$(cat "$DIR/pids/p")
	is "$(stat -c %s "$DIR/pids/p")" "${#pid}"
	is "$pid" "$(rt state "$ID" | jq .pid)"
	if runtime_is_ours || runtime_is_runc; then
		has "$(cat "$DIR/watched")" "moved_to p"
		hasnt "$(cat "$DIR/watched")" "create p"$'\n'
	fi
}

@test "state is JSON with runc's keys in runc's order" {
	sleeping
	config '.annotations = { "org.example.key": "a value" }'
	rt delete --force "$ID"
	rt_create
	exits 0 rt state "$ID"
	is "$(jq -r '.id, .status, .bundle, .rootfs' <<<"$output" | tr '\n' ' ')" "$ID created $BUNDLE $TOOLS/rootfs "
	is "$(jq -r '.annotations["org.example.key"]' <<<"$output")" "a value"
	like "$(jq -r .created <<<"$output")" '^20[0-9-]+T[0-9:]+(\.[0-9]+)?Z$'
	like "$(jq -r .ociVersion <<<"$output")" '^1\.'
	only_ours runtime is "$(command -p jq -r 'keys_unsorted | join(" ")' <<<"$output")" \
		"ociVersion id pid status bundle rootfs created annotations owner"
}

@test "list shows containers as a table, as ids, as JSON" {
	sleeping
	exits 0 rt list
	like "${lines[0]}" '^ID +PID +STATUS +BUNDLE +CREATED +OWNER'
	like "${lines[1]}" "^$ID +$(cat "$DIR/pid") +running +$BUNDLE +20[^ ]+ +root"
	exits 0 rt list -q
	is "$output" "$ID"
	exits 0 rt list --format json
	is "$(jq -r '.[0].id, .[0].status, .[0].owner' <<<"$output" | tr '\n' ' ')" "$ID running root "
}

@test "list with a --root that is not there is an error, and makes nothing" {
	runtime_is_ours || return 0 # runc 1.1.5 makes it, as does no newer one; crun has an empty list
	exits 1 "$RUNTIME" --root "$DIR/not/there" list
	has "$stderr" "$DIR/not/there"
	one_line "$stderr"
	is "$output" ""
	[ ! -e "$DIR/not" ]
}

@test "list without --root is empty before the first container" {
	runtime_is_ours || return 0
	[ ! -e /run/tallyrun ] # the suite has a /run of its own
	exits 0 "$RUNTIME" list -q
	is "$output$stderr" ""
	[ ! -e /run/tallyrun ]
}

@test "who is called runc says so in its version and help, and anybody else does not" {
	runtime_is_ours || return 0
	local name
	for name in runc other; do
		ln -s "$RUNTIME_PROGRAM" "$DIR/$name"
		exits 0 "$DIR/$name" --version
		like "${lines[0]}" "^$([ $name = runc ] && echo runc || echo tallyrun) version [0-9]+\.[0-9]+\.[0-9]+"
		exits 0 "$DIR/$name" --help
		like "${lines[1]}" "^   $([ $name = runc ] && echo runc || echo tallyrun) - Open Container Initiative runtime$"
		exits 0 "$DIR/$name" create -h
		like "${lines[1]}" "^   $([ $name = runc ] && echo runc || echo tallyrun) create - "
	done
}

@test "list of nothing is the head alone, and null as JSON" {
	exits 0 rt list
	is "${#lines[@]}" 1
	exits 0 rt list --quiet
	is "$output" ""
	exits 0 rt list -f json
	only_ours runtime is "$output" null
}

@test "list skips what is no container" {
	touch "$ROOT/a-file"
	mkdir "$ROOT/.hidden"
	sleeping
	exits 0 rt list -q
	is "$output" "$ID"
	rm -r "$ROOT/a-file" "$ROOT/.hidden"
}

@test "ps lists the container's processes, also as JSON" {
	bundle sh -c 'sleep 1000 & sleep 1001 & wait'
	rt_create
	rt start "$ID"
	n() { rt ps -f json "$ID" | jq length; }
	for _ in $(seq 200); do [ "$(n)" = 3 ] && break; done
	is "$(n)" 3
	has "$(rt ps -f json "$ID")" "$(cat "$DIR/pid")"
	exits 0 rt ps "$ID"
	is "${#lines[@]}" 4
	has "$output" PID
}

@test "kill takes names with and without SIG, numbers, and TERM by default" {
	bundle inside say-signals
	mkfifo "$DIR/seen"
	helper cat "$DIR/seen" >>"$DIR/log"
	rt create --bundle "$BUNDLE" "$ID" </dev/null >"$DIR/seen" 2>&1
	rt start "$ID"
	await match "$DIR/log" ready
	for s in :15 HUP:1 SIGHUP:1 hup:1 1:1 SIGWINCH:28 usr1:10 34:34 RTMIN+1:35; do
		[ "$s" != RTMIN+1:35 ] || runtime_is_ours || continue # runc 1.1.5 knows no such names
		: >"$DIR/log"
		rt kill "$ID" ${s%:*}
		await match "$DIR/log" "^signal ${s#*:}\$"
	done
	rt kill "$ID" USR2
}

@test "kill of signal 0 only asks" {
	sleeping
	exits 0 rt kill "$ID" 0
	is "$(status_of)" running
}

@test "an unknown signal is refused by name" {
	sleeping
	runc_says "unknown signal" rt kill "$ID" NOSIG
	has "$stderr" NOSIG
	is "$(status_of)" running
}

@test "kill of a stopped container says: container not running" {
	sleeping
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	runc_says "container not running" rt kill "$ID" TERM
}

@test "kill --all of a stopped container is no error" {
	sleeping
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	exits 0 rt kill --all "$ID" KILL
}

@test "kill KILL without a pid namespace ends every process" {
	bundle sh -c 'sleep 1000 & sleep 1001 & echo ready >/work/ready; wait'
	with_work
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	rt_create
	rt start "$ID"
	await exists "$DIR/work/ready"
	pids=$(rt ps -f json "$ID" | jq '.[]')
	rt kill --all "$ID" KILL
	for p in $pids; do await reaped "$p"; done
}

@test "delete of a running container is refused, with --force it is ended" {
	sleeping
	runc_says "cannot delete container $ID that is not stopped: running" rt delete "$ID"
	is "$(status_of)" running
	exits 0 rt delete --force "$ID"
	await process-gone "$(cat "$DIR/pid")"
	nothing_left
}

@test "delete of a created container ends and removes it" {
	if ! runtime_is_ours && ! runtime_is_runc; then return 0; fi # crun wants --force
	bundle sleep 1000
	rt_create
	exits 0 rt delete "$ID"
	nothing_left
}

@test "delete of what does not exist: an error, but with --force none" {
	runc_says "does not exist" rt delete nosuch
	exits 0 rt delete --force nosuch
	is "$output$stderr" ""
}

@test "delete --force removes a state directory without state" {
	mkdir "$ROOT/$ID"
	exits 0 rt delete --force "$ID"
	[ ! -e "$ROOT/$ID" ]
}

@test "a second create of one id is refused and harms nothing" {
	sleeping
	runc_says "container with given ID already exists" rt create --bundle "$BUNDLE" "$ID"
	is "$(status_of)" running
	rt exec "$ID" true
}

@test "start of a started or stopped container is refused" {
	sleeping
	runc_says "cannot start an already running container" rt start "$ID"
	is "$(status_of)" running
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	runc_says "cannot start a container that has stopped" rt start "$ID"
}

@test "an unknown container: does not exist, whatever the verb" {
	for verb in start state pause resume ps; do
		runc_says "container does not exist" rt "$verb" nosuch
	done
	runc_says "container does not exist" rt kill nosuch TERM
	refuses rt exec nosuch true
	has "$stderr" "does not exist"
}

@test "pause stops every process and resume lets them go on" {
	bundle sh -c 'while :; do echo x >>/work/count; done'
	with_work
	rt_create
	rt start "$ID"
	await lines "$DIR/work/count" 1
	exits 0 rt pause "$ID"
	is "$(status_of)" paused
	before=$(stat -c %s "$DIR/work/count")
	sleep 0.2 # time in which nothing may happen
	is "$(stat -c %s "$DIR/work/count")" "$before"
	runc_says "cannot start a container in the paused state" rt start "$ID"
	attempt rt exec "$ID" true
	[ "$status" -ne 0 ]
	exits 0 rt resume "$ID"
	is "$(status_of)" running
	await size "$DIR/work/count" $((before + 1))
}

@test "resume of what is not paused is refused" {
	runtime_is_ours || runtime_is_runc || return 0 # crun lets it pass
	sleeping
	says "container not paused" rt resume "$ID"
}

@test "a paused container can be deleted by force" {
	sleeping
	rt pause "$ID"
	exits 0 rt delete --force "$ID"
	nothing_left
}

@test "run relays the exit code and removes the container" {
	bundle sh -c 'echo out; echo err >&2; exit 9'
	exits 9 rt run --bundle "$BUNDLE" "$ID"
	is "$output" out
	is "$stderr" err
	nothing_left
}

@test "run relays stdin" {
	bundle cat
	is "$(echo through | rt run --bundle "$BUNDLE" "$ID")" through
}

@test "run gives 128 and the signal" {
	bundle sh -c 'kill -SEGV $$'
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	exits 139 rt run --bundle "$BUNDLE" "$ID"
}

@test "run passes signals on" {
	bundle sh -c 'trap "exit 33" TERM; echo ready >/work/ready; while :; do sleep 0.05; done'
	with_work
	"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" 3>&- 4>&- &
	runner=$!
	await exists "$DIR/work/ready"
	kill -TERM "$runner"
	rc=0
	wait "$runner" || rc=$?
	is "$rc" 33
}

@test "run --detach leaves a running container" {
	bundle sleep 1000
	rt run --detach --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" </dev/null >/dev/null 2>&1
	is "$(status_of)" running
	is "$(cat "$DIR/pid")" "$(rt state "$ID" | jq .pid)"
}

@test "run --keep keeps the container" {
	runtime_is_ours || return 0 # younger than runc 1.1.5
	bundle true
	exits 0 rt run --keep --bundle "$BUNDLE" "$ID"
	is "$(status_of)" stopped
}

@test "spec writes a config.json that runs, and does not overwrite one" {
	mkdir "$DIR/b"
	exits 0 rt spec --bundle "$DIR/b"
	jq -e '.process.args[0] == "sh" and (.linux.maskedPaths | length) > 3' "$DIR/b/config.json"
	runc_says "config.json exists" rt spec --bundle "$DIR/b"
	BUNDLE=$DIR/b
	config '.process.terminal = false | .process.args = ["echo", "it runs"] | .root.path = $r' --arg r "$TOOLS/rootfs"
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" "it runs"
}

@test "features tells what is there, in the specification's form" {
	exits 0 rt features
	is "$(jq -r '.hooks | sort | join(" ")' <<<"$output")" \
		"createContainer createRuntime poststart poststop prestart startContainer"
	is "$(jq -r '[.linux.namespaces[] | select(. != "time")] | sort | join(" ")' <<<"$output")" \
		"cgroup ipc mount network pid user uts"
	for o in bind rbind ro nosuid nodev noexec rro tmpcopyup; do
		jq -e --arg o $o '.mountOptions | index($o)' <<<"$output" >/dev/null || fail "no mount option $o"
	done
	if runtime_is_ours; then
		jq -e '.mountOptions | contains(["copy-symlink", "dest-nofollow", "src-nofollow"])' <<<"$output"
		jq -e '.potentiallyUnsafeConfigAnnotations | contains(["run.oci.hooks.stderr", "run.oci.hooks.stdout"])' <<<"$output"
	fi
	jq -e '.linux.seccomp.enabled and (.linux.capabilities | index("CAP_SYS_ADMIN")) and .linux.cgroup.v1 and .linux.cgroup.v2
		and (.ociVersionMin | startswith("1.0")) and (.ociVersionMax | startswith("1."))' <<<"$output"
	jq -e '.linux.seccomp.actions | index("SCMP_ACT_ERRNO")' <<<"$output"
}

@test "--version says name, version, commit and spec as go-runc reads them" {
	exits 0 rt --version
	like "${lines[0]}" '^[a-z]+ version [0-9]'
	has "$output" $'\ncommit: '
	has "$output" $'\nspec: 1.'
	exits 0 rt -v
}

@test "help: with --help, and as the answer to nothing" {
	exits 0 rt --help
	has "$output" create
	has "$output" delete
	exits 0 "$RUNTIME"
	for verb in create run exec kill; do
		exits 0 rt $verb --help
		[ -n "$output" ]
	done
}

@test "unknown verbs, options and argument counts are errors" {
	refuses rt frobnicate
	has "$output$stderr" frobnicate
	only_ours runtime is "$status" 3
	refuses rt state --nonsense x
	has "$output$stderr" nonsense
	refuses rt state
	refuses rt state a b
	refuses rt create --bundle "$DIR"
	refuses rt kill
}

@test "--log and --log-format json: one line that engines can read, and the bare message on stderr" {
	rt --log "$DIR/log.json" --log-format json state nosuch 2>"$DIR/err" && fail "no error"
	is "$(wc -l <"$DIR/log.json")" 1
	is "$(jq -r .level "$DIR/log.json")" error
	has "$(jq -r .msg "$DIR/log.json")" "does not exist"
	like "$(jq -r .time "$DIR/log.json")" '^20[0-9-]+T[0-9:.]+(Z|[+-][0-9:]+)$'
	if runtime_is_ours || runtime_is_runc; then
		is "$(jq -r .msg "$DIR/log.json")" "container does not exist"
		is "$(cat "$DIR/err")" "container does not exist"
		like "$(command -p jq -r 'keys_unsorted | join(" ")' "$DIR/log.json")" '^level msg time( container)?$'
	fi
	only_ours runtime is "$(jq -r .container "$DIR/log.json")" nosuch
}

@test "--log appends, and is not touched by success" {
	echo old >"$DIR/log"
	rt --log "$DIR/log" list >/dev/null
	is "$(cat "$DIR/log")" old
	rt --log "$DIR/log" state nosuch 2>/dev/null && fail "no error"
	is "$(head -n 1 "$DIR/log")" old
	is "$(wc -l <"$DIR/log")" 2
}

@test "a failing create writes one JSON error line, as podman needs it" {
	bundle /no/such/program
	rt --log "$DIR/log.json" --log-format json create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 && fail "created"
	is "$(jq -rs '[.[] | select(.level == "error")] | length' "$DIR/log.json")" 1
	only_ours runtime is "$(wc -l <"$DIR/log.json")" 1
	has "$(jq -rs '.[-1].msg' "$DIR/log.json")" /no/such/program
	nothing_left
}

@test "a bad --log-format is refused" {
	attempt rt --log-format xml list
	[ "$status" -eq 1 ]
	has "$output$stderr" xml
}

@test "options may follow the id, as runc takes them" {
	runtime_is_ours || runtime_is_runc || return 0 # crun does not
	bundle sleep 1000
	rt create "$ID" --bundle "$BUNDLE" </dev/null >/dev/null 2>&1
	rt start "$ID"
	exits 0 rt delete "$ID" --force
}

@test "ids: an id with a leading dash after --, and with all allowed characters" {
	for id in -x "aB9_+-.z"; do
		bundle true
		rt create --bundle "$BUNDLE" -- "$id" </dev/null >/dev/null 2>&1
		is "$(rt state -- "$id" | jq -r .id)" "$id"
		rt delete --force -- "$id"
	done
}

@test "two creates of one id at once: one wins, one is told, nothing is broken" {
	runtime_is_ours || return 0 # runc 1.1.5 may lose both and leave a process
	bundle sleep 1000
	for i in 1 2 3; do
		rt create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>"$DIR/err1" 3>&- 4>&- &
		a=$!
		rt create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>"$DIR/err2" 3>&- 4>&- &
		b=$!
		ra=0 rb=0
		wait $a || ra=$?
		wait $b || rb=$?
		is "$((ra + rb))" 1
		is "$(status_of)" created
		rt delete --force "$ID"
		nothing_left
	done
}

@test "a runtime killed in the middle of create leaves nothing that delete --force cannot remove" {
	bundle sleep 1000
	config '.hooks.createRuntime = [{ path: "/bin/sh", args: ["sh", "-c", $s] }]' \
		--arg s "echo \$\$ >$DIR/hook.new; mv $DIR/hook.new $DIR/hook; exec sleep 1000"
	"$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	creator=$!
	await exists "$DIR/hook"
	kill -KILL "$creator"
	wait "$creator" || true
	kill -KILL "$(cat "$DIR/hook")" || true # the hook is nobody's any more, where it did not die with its caller
	rt delete --force "$ID"
	[ ! -e "$ROOT/$ID" ]
	await no-children "$SUBREAP_PID" "$SUBREAP_CHILD"
	if runtime_is_ours; then nothing_left; else cgroups_of "$ID" | xargs -r rmdir; fi # runc forgets the cgroup
}

@test "delete --force of what is just being created does not wait for it, and nothing is left" {
	runtime_is_ours || return 0 # runc forgets the cgroup and the process
	bundle sleep 1000
	local i creator
	for i in $(seq 1 8); do
		rt create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&- &
		creator=$!
		await exists "$ROOT/$ID"
		exits 0 rt delete --force "$ID" # after 10 s in vain it fails
		wait "$creator" || true
		rt delete --force "$ID" # where it had not come so far that it had to fail
		await no-children "$SUBREAP_PID" "$SUBREAP_CHILD"
		nothing_left
	done
}

@test "--debug tells what a run goes through, and without it nothing is told" {
	bundle true
	exits 0 "$RUNTIME" --root "$ROOT" --debug run -b "$BUNDLE" "$ID"
	has "$stderr" level=debug
	exits 0 "$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID"
	hasnt "$stderr" level=debug
}

@test "a created container ends by SIGTERM, SIGINT, SIGHUP and SIGQUIT" {
	bundle sleep 1000
	for sig in TERM INT HUP QUIT; do
		[ $sig != QUIT ] || runtime_is_ours || continue # Go prints a trace
		rt_create
		rt kill "$ID" $sig
		await process-gone "$(cat "$DIR/pid")"
		is "$(status_of)" stopped
		rt delete "$ID"
	done
}

@test "--debug says how far the container's process has come" {
	runtime_is_ours || return 0
	bundle true
	for at in "nsexec container setup: process [0-9]+: affinity: 0x[0-9a-f]+" 'child process in init\(\)' \
		"init: closing the pipe to signal completion"; do
		like "$(rt --debug run --bundle "$BUNDLE" "$ID" 2>&1)" "level=debug msg=\"$at"
	done
	bundle sleep 1000
	rt_create
	rt --debug --log "$DIR/log" exec "$ID" true
	like "$(cat "$DIR/log")" 'affinity: 0x.*setns_init: about to exec'
}

@test "features: systemd's cgroups are there where the helper is" {
	runtime_is_ours || return 0
	cp "$RUNTIME_PROGRAM" "$DIR/tallyrun"
	[ -e /usr/local/libexec/tallyman/tallyrun-scope ] ||
		is "$("$DIR/tallyrun" features | jq -c '.linux.cgroup | [.systemd, .systemdUser]')" '[false,false]'
	ln -s /bin/true "$DIR/tallyrun-scope"
	is "$("$DIR/tallyrun" features | jq -c '.linux.cgroup | [.systemd, .systemdUser]')" '[true,true]'
}

@test "D6 D19 each kind of error has its words" {
	# each with the id only where the peers have it; callers look at the beginning and the end
	for verb in state start; do
		runc_says "container does not exist" rt "$verb" nosuch
	done
	exits 1 rt --log "$DIR/log" --log-format json state nosuch
	like "$(jq -r .msg "$DIR/log")" '^container .*does not exist$'
	sleeping
	runc_says "container with given ID already exists" rt create --bundle "$BUNDLE" "$ID"
	runc_says "invalid container ID format" rt create --bundle "$BUNDLE" a/b
	runc_says "cannot delete container $ID that is not stopped: running" rt delete "$ID"
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	runc_says "container not running" rt kill "$ID" TERM
}

@test "D8 the working directory is made inside when it is missing; --no-pivot does without pivot_root" {
	bundle sh -c 'pwd; ls /'
	own_rootfs
	config '.process.cwd = "/not/there/yet"'
	exits 0 rt run --no-pivot --bundle "$BUNDLE" "$ID"
	is "${lines[0]}" /not/there/yet
	has "$output" $'\nproc'
	[ -d "$BUNDLE/rootfs/not/there/yet" ]
}

@test "D22 D24 what state, list and ps print on success is JSON, and nothing else anywhere" {
	sleeping
	is "$(rt state "$ID" 2>&1 | jq -r .id)" "$ID"
	is "$(rt list -f json 2>&1 | jq -r type)" array
	is "$(rt ps -f json "$ID" 2>&1 | jq length)" 1
	rt pause "$ID"
	is "$(rt state "$ID" 2>&1 | jq -r .status)" paused
	rt resume "$ID"
}

@test "kill --regex and delete --regex mean every container with such an id, and no other" {
	if runtime_is_runc; then return 0; fi # it has no such option
	bundle sleep 1000
	config 'del(.linux.cgroupsPath)'
	local id
	for id in "$ID-a1" "$ID-a2" "$ID-b"; do rt create --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1 && rt start "$id"; done
	pid=$(rt state "$ID-a2" | jq .pid)
	exits 0 rt kill --regex "^$ID-a[0-9]\$" KILL
	await process-gone "$pid"
	is "$(rt state "$ID-b" | jq -r .status)" running
	exits 0 rt delete --force --regex "$ID-a"
	is "$(rt list -q)" "$ID-b"
	only_ours runtime exits 0 rt delete --regex "no such id"
	only_ours runtime exits 1 rt delete --regex "["
	only_ours runtime has "$stderr" "invalid regular expression"
	rt delete --force "$ID-b"
}

@test "kill --regex and delete --regex leave a container alone that is still being made" {
	runtime_is_ours || return 0
	bundle sleep 1000
	printf '#!/bin/sh\necho >%s\nexec timeout 60 cat %s\n' "$DIR/hook-runs" "$DIR/go" >"$DIR/hook"
	chmod +x "$DIR/hook"
	mkfifo "$DIR/go"
	config '.hooks.createRuntime = [{ path: $h }]' --arg h "$DIR/hook"
	"$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	creator=$!
	await exists "$DIR/hook-runs"
	exits 0 rt kill --regex "$ID" KILL
	exits 0 rt delete --regex "$ID"
	exits 0 rt delete --force --regex "$ID"
	echo >"$DIR/go"
	wait "$creator" || fail "create has failed"
	is "$(rt state "$ID" | jq -r .status)" created
	exits 0 rt delete --force --regex "$ID"
	is "$(rt list -q)" ""
}

@test "kill --regex and delete --regex: one that fails is told, and the others have their turn" {
	runtime_is_ours || return 0
	bundle sleep 1000
	config 'del(.linux.cgroupsPath)'
	local id
	for id in "$ID-a" "$ID-b" "$ID-c"; do rt create --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1; done
	rt start "$ID-b"
	exits 1 rt delete --regex "$ID"
	has "$stderr" "container $ID-b: cannot delete container $ID-b that is not stopped: running"
	is "$(rt list -q)" "$ID-b"
	rt delete -f -r "$ID"
	is "$(rt list -q)" ""
}
