load engine
load journal

# What people do with a container does not depend on where its log goes; and what needs a log says when there is none.

# steps NAME DRIVER: a container that waits for a line, says it, and waits on
steps() {
	start --name "$1" -i --log-driver "$2" --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1 \
		$BB sh -c 'echo one; echo two; echo err >&2; while read -r x; do echo "got $x"; done; echo end; exec sleep 1000' </dev/null
}

works_with() { # NAME
	run -0 podman exec "$1" sh -c 'echo inside; echo outside >&2'
	like "$output" inside "output of exec"
	like "$output" outside "errors of exec"
	run -7 podman exec "$1" sh -c 'exit 7'
	run -1 podman healthcheck run "$1"
	podman exec "$1" touch /tmp/well
	run -0 podman healthcheck run "$1"
	is "$(inspect "$1" .State.Healthcheck.Status)" healthy status
}

# attach_to NAME: send a line, see the answer, and the end of what the container reads
attach_to() {
	(echo hello) | podman attach "$1" >"$D/attached" 2>&1 &
	until_true grep -qx 'got hello' "$D/attached"
	until_true grep -qx end "$D/attached"
	podman kill "$1" >/dev/null
	wait $! || true # podman's attach may look for a status that is not recorded yet
}

# reads_back NAME: logs in all its ways
reads_back() {
	local follower
	until_true eval "podman logs $1 2>/dev/null | grep -qx two"
	podman logs -f "$1" >"$D/followed" 2>&1 &
	follower=$!
	until_true grep -qx two "$D/followed"
	attach_to "$1"
	until_true grep -qx 'got hello' "$D/followed"
	wait $follower
	run -0 --separate-stderr podman logs "$1"
	is "$output" $'one\ntwo\ngot hello\nend' "logs"
	is "$stderr" err "logs of stderr"
	run -0 --separate-stderr podman logs --tail 1 "$1"
	is "$output" end "the last line"
	run -0 podman logs --since 1h "$1"
	is "${#lines[@]}" 5 "lines of the last hour"
	run -0 podman logs --since "$(date -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)" "$1"
	is "$output" '' "lines of the hour to come"
}

for_run() { # DRIVER
	run -3 --separate-stderr podman run --rm --log-driver "$1" $BB sh -c 'echo out; echo err >&2; exit 3'
	is "$output" out "output of run"
	is "$stderr" err "errors of run"
}

@test "k8s-file: run, logs -f, --since and --tail, attach, exec, health checks" {
	for_run k8s-file
	steps k8s k8s-file
	works_with k8s
	reads_back k8s
}

@test "journald: run, logs -f, --since and --tail, attach, exec, health checks" {
	for_run journald
	steps journal journald
	works_with journal
	reads_back journal
}

@test "none: run, attach, exec, health checks; and logs says that there is none" {
	for_run none
	steps none none
	works_with none
	run ! podman logs none
	like "$output" 'none' "what logs says"
	attach_to none
}

@test "passthrough: run, exec, health checks; and logs and attach say that they cannot be had" {
	run -3 podman run --rm --log-driver passthrough $BB sh -c 'echo out; exit 3'
	is "$output" out "output of run"
	# Not by start: the container would keep its pipe open.
	podman run -d --name through --log-driver passthrough --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1 \
		$BB sh -c 'echo one; exec sleep 1000' >"$D/straight" </dev/null
	check_monitor through
	until_true grep -qx one "$D/straight"
	works_with through
	run ! podman logs through
	run ! podman attach through
	is "$(inspect through .State.Status)" running status
}
