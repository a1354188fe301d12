# The runtime between a service manager and the container: NOTIFY_SOCKET and LISTEN_FDS. (E27 and the like: rows of the table
# "Seed features" in docs/compat.md.)
load ../lib/harness

# ready_bundle CMD...: a bundle with a work directory, over a service manager that listens
ready_bundle() {
	HOST=$DIR/host.sock
	bundle "$@"
	own_rootfs
	with_work
	helper notify-host "$HOST" "$DIR/heard" ${SLOW:+--slow "$SLOW"}
	await exists "$DIR/heard"
}

heard() { grep -v -x -e -- -e '' "$DIR/heard" || true; }

# told PID: readiness and this pid, and nothing else but the barrier
told() {
	await match "$DIR/heard" '^MAINPID='
	is "$(heard | grep -v BARRIER=1)" $'READY=1\nMAINPID='"$1"
}

notified() { NOTIFY_SOCKET=$HOST "$@"; }

# The container says that it is ready some time after it has begun.
LATE='usleep 700000; touch /work/said; inside notify READY=1; read x </work/end'
late_bundle() {
	ready_bundle sh -c "$LATE"
	mkfifo "$DIR/work/end"
}

ends() { rt kill "$ID" KILL && await process-gone "$(cat "$DIR/pid")"; }

rt_run() { rt run --detach --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" </dev/null >"$DIR/out" 2>"$DIR/err"; }

@test "E29 the container has a socket of its own: where, of which mode, in which mount, under which name" {
	ready_bundle sh -c 'echo "$NOTIFY_SOCKET"; stat -c "%A" /run/notify/notify.sock; awk "\$5 == \"/run/notify\" { print \$6 }" /proc/self/mountinfo
		touch /run/notify/x 2>/dev/null || echo read-only; inside notify READY=1'
	config '.process.env += ["NOTIFY_SOCKET=/elsewhere"]'
	is "$(notified rt run --bundle "$BUNDLE" "$ID" | sed 's/,relatime//')" \
		$'/run/notify/notify.sock\nsrwxrwxrwx\nro,nosuid,nodev,noexec\nread-only'
	nothing_left
}

@test "E30 foreground: a container that ends without a word is no error" {
	runtime_is_ours || return 0 # runc 1.1.5 waits for the zombie that it should reap
	ready_bundle sh -c 'exit 3'
	exits 3 notified rt run --bundle "$BUNDLE" "$ID"
	is "$output$stderr$(heard)" ""
	nothing_left
}

@test "E29 without NOTIFY_SOCKET, or with an empty one, there is none of it" {
	bundle sh -c 'echo "$NOTIFY_SOCKET"; grep /run/notify /proc/self/mounts'
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	is "$output" ""
	NOTIFY_SOCKET='' exits 1 rt run --bundle "$BUNDLE" "$ID"
	is "$output" ""
}

@test "E29 E4 the directory is in the container's state; the socket is there once there is somebody who listens" {
	ready_bundle sleep 1000
	notified rt_create
	is "$(stat -c '%A' "$ROOT/$ID/notify")" drwxr-xr-x
	is "$(ls "$ROOT/$ID/notify")" ""
	rt delete --force "$ID"
	nothing_left
}

@test "E30 foreground: what says READY is passed on, then the pid, and nothing else" {
	ready_bundle sh -c 'inside notify "READY=1\nSTATUS=well" && read x </work/end'
	mkfifo "$DIR/work/end"
	NOTIFY_SOCKET=$HOST "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" 3>&- 4>&- &
	runner=$!
	told "$runner" # who stays with the container is the service's main process
	echo >"$DIR/work/end"
	wait "$runner"
	is "$(heard | grep -c READY)" 1
}

@test "E31 run --detach returns when the container is ready" {
	late_bundle
	notified rt_run
	[ -e "$DIR/work/said" ]
	told "$(cat "$DIR/pid")"
	is "$(status_of)" running
	ends
}

@test "E31 start returns when the container is ready" {
	late_bundle
	notified rt_create
	[ ! -e "$DIR/work/said" ]
	notified rt start "$ID"
	[ -e "$DIR/work/said" ]
	told "$(cat "$DIR/pid")"
	ends
}

@test "E30 E31 a container that ends without a word is no error, and holds nobody" {
	ready_bundle sh -c 'usleep 300000; exit 3'
	if runtime_is_ours; then # runc 1.1.5 waits for the zombie of its own
		notified rt_run
		is "$(cat "$DIR/err")$(heard)" ""
		is "$(status_of)" stopped
		rt delete "$ID"
	fi
	notified rt_create
	notified rt start "$ID"
	is "$(heard)" ""
	rt delete --force "$ID"
	nothing_left
}

@test "E30 what was said in the last moment is passed on" {
	last_words() {
		ready_bundle inside notify READY=1
		notified rt_run
		told "$(cat "$DIR/pid")"
		rt delete --force "$ID"
		: >"$DIR/heard"
		exits 0 notified rt run --bundle "$BUNDLE" "$ID"
		await match "$DIR/heard" '^MAINPID='
		has "$(heard)" READY=1
	}
	runtime_is_ours || return 0 # runc's is a race
	last_words
}

@test "E30 a barrier: who was told has taken notice before start returns, and before a barrier of the container opens" {
	barrier() {
		SLOW=300 ready_bundle sh -c 'inside notify READY=1 barrier && touch /work/through; read x </work/end'
		mkfifo "$DIR/work/end"
		notified rt_create
		notified rt start "$ID"
		is "$(heard)" $'READY=1\nMAINPID='"$(cat "$DIR/pid")"$'\nBARRIER=1'
		await exists "$DIR/work/through"
		ends
	}
	peer_fails runtime barrier # runc from 1.2 on
}

@test "E30 foreground: a barrier of the container opens when ours has" {
	runtime_is_ours || return 0
	SLOW=300 ready_bundle sh -c 'inside notify READY=1 barrier; cp /work/heard /work/then'
	rm "$DIR/heard" # the helper has it open
	HOST=$DIR/host2.sock
	helper notify-host "$HOST" "$DIR/work/heard" --slow 300
	await exists "$DIR/work/heard"
	notified rt run --bundle "$BUNDLE" "$ID"
	has "$(cat "$DIR/work/then")" BARRIER=1
}

@test "E30 only a line READY=1 counts: nothing longer, nothing cut off, nothing with zero bytes, no pid of the container's choice" {
	runtime_is_ours || return 0 # runc takes whatever begins with READY=
	ready_bundle sh -c 'inside notify NOTREADY=1 READY=12 "STATUS=READY=1" "MAINPID=1" "BARRIER=1" "FDSTORE=1" \
		"$(printf "%8000d" 0)\nREADY=1"; usleep 200000; touch /work/said; inside notify "MAINPID=1\nX=y\nREADY=1"; read x </work/end'
	mkfifo "$DIR/work/end"
	notified rt_run
	[ -e "$DIR/work/said" ]
	told "$(cat "$DIR/pid")"
	ends
}

@test "the service manager's socket may be an abstract one" {
	bundle sh -c 'inside notify READY=1; read x </work/end'
	own_rootfs
	with_work
	mkfifo "$DIR/work/end"
	HOST=@$ID
	helper notify-host "$HOST" "$DIR/heard"
	await exists "$DIR/heard"
	notified rt_run
	told "$(cat "$DIR/pid")"
	ends
}

@test "a service manager that is not there holds up nothing" {
	bundle sh -c 'inside notify READY=1; echo "sent $?" >/work/sent; read x </work/end'
	own_rootfs
	with_work
	mkfifo "$DIR/work/end"
	HOST=$DIR/nobody
	notified rt_run
	is "$(status_of)" running
	only_ours runtime has "$(cat "$DIR/err")" "nobody will hear that the container is ready: connect to NOTIFY_SOCKET $HOST: no such file or directory"
	await match "$DIR/work/sent" sent
	ends
}

@test "start without NOTIFY_SOCKET does not wait; with it, and a container that was made without, there is nothing to wait for" {
	ready_bundle sleep 1000
	notified rt_create
	rt start "$ID"
	is "$(status_of)" running
	ends
	rt delete "$ID"
	without() {
		rt_create
		notified rt start "$ID"
		is "$(status_of)" running
	}
	peer_fails runtime without # it finds no place for its socket
	rt delete --force "$ID"
}

@test "any user of the container may tell, with mapped ids as well" {
	ready_bundle sh -c 'inside notify READY=1 && read x </work/end'
	mkfifo "$DIR/work/end"
	chmod 666 "$DIR/work/end"
	config '.process.user = { uid: 1000, gid: 1000 } | .linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 500000, size: 65536 }] | .linux.gidMappings = .linux.uidMappings'
	chown -R 500000:500000 "$BUNDLE/rootfs"
	chmod 755 "$DIR"
	runtime_is_ours || config '(.mounts[] | select(.type == "sysfs")) |= { destination: "/sys", type: "bind", source: "/sys", options: ["rbind"] }'
	notified rt_run || fail "$(cat "$DIR/err")"
	told "$(cat "$DIR/pid")"
	ends
}

# handed VERB...: the runtime with a socket of the caller's as number 3
handed() { (exec 3<"$DIR/socket"; sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' sh "$RUNTIME" --root "$ROOT" "$@"); }

@test "E27 detached too, in run as in create, what was handed down is the container's number 3" {
	echo payload >"$DIR/socket"
	bundle sh -c 'echo "$LISTEN_FDS $LISTEN_PID $(cat <&3) $(inside fds)" >/work/got.new; mv /work/got.new /work/got'
	with_work
	handed run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	await exists "$DIR/work/got"
	is "$(cat "$DIR/work/got")" "1 1 payload 0 1 2 3"
	rt delete --force "$ID"
	rm "$DIR/work/got"
	handed create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	rt start "$ID"
	await exists "$DIR/work/got"
	is "$(cat "$DIR/work/got")" "1 1 payload 0 1 2 3"
}

@test "E28 what is handed down stays the caller's, who may hand it down again" {
	echo payload >"$DIR/socket"
	bundle sh -c 'echo "$LISTEN_FDS $(inside fds)"'
	twice() { (
		exec 3<"$DIR/socket"
		for i in 1 2; do sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' sh "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"; done
		cat <&3
	); }
	is "$(twice)" $'1 0 1 2 3\n1 0 1 2 3\npayload'
}

@test "E27 E29 both at once: sockets come down, readiness goes up" {
	echo payload >"$DIR/socket"
	ready_bundle sh -c 'cat <&3 >/work/got; inside notify READY=1; read x </work/end'
	mkfifo "$DIR/work/end"
	notified handed run --detach --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" </dev/null >/dev/null 2>&1
	told "$(cat "$DIR/pid")"
	is "$(cat "$DIR/work/got")" payload
	ends
}
