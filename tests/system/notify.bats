# What the container tells the service manager, and the sockets that the service manager hands down.
load ../lib/harness

# notifying [--slow MS] [--name NAME] CMD...: a container with a notify socket, over a listening host
notifying() {
	local slow=()
	HOST=$DIR/host.sock
	while [[ $1 == --* ]]; do
		case $1 in --slow) slow=(--slow "$2") ;; --name) HOST=$2 ;; esac
		shift 2
	done
	bundle "$@"
	mkdir "$BUNDLE/notify"
	config '.mounts += [{ destination: "/run/notify", type: "bind", source: $d, options: ["bind", "rw"] }]
		| .process.env += ["NOTIFY_SOCKET=/run/notify/notify.sock"]' --arg d "$BUNDLE/notify"
	config '.mounts |= map(select(.destination != "/run/notify")) + map(select(.destination == "/run/notify"))'
	helper notify-host "$HOST" "$DIR/heard" "${slow[@]}"
	await exists "$DIR/heard"
}

heard() { grep -v -x -e -- "$DIR/heard" || true; }

@test "READY=1 arrives, and MAINPID does not" {
	notifying sh -c 'read x; inside notify "MAINPID=1\nREADY=1"; read y'
	mon_started -- -i --sdnotify-socket "$HOST"
	is "$(cat "$DIR/heard")" ""
	client one
	send one 'x\n'
	await match "$DIR/heard" '^READY=1$'
	is "$(heard)" READY=1
	hang_up one
	mon_end
	is "$(heard)" READY=1
}

@test "what tells of a state arrives, one datagram for one; what names processes, hands over descriptors or is not known does not" {
	states() {
		notifying inside notify 'STATUS=getting up\nEXTEND_TIMEOUT_USEC=5000000' \
			'READY=1\nMAINPID=1\nMAINPIDFDID=7\nWATCHDOG_USEC=30000000' 'WATCHDOG=1' 'RELOADING=1\nMONOTONIC_USEC=77' \
			'FDSTORE=1\nFDNAME=x' 'NOTIFYACCESS=all' 'X_MINE=1' 'BARRIER=1' 'WATCHDOG=trigger\nERRNO=5\nBUSERROR=a.b\nVARLINKERROR=c.d' \
			'READY=1x\nREADY=\n READY=1' 'STOPPING=1\nSTATUS=going down'
		mon_started -- --sdnotify-socket "$HOST"
		mon_end
		await match "$DIR/heard" 'going down'
		is "$(cat "$DIR/heard")" "$(printf '%s\n' 'STATUS=getting up' EXTEND_TIMEOUT_USEC=5000000 -- READY=1 \
			WATCHDOG_USEC=30000000 -- WATCHDOG=1 -- RELOADING=1 MONOTONIC_USEC=77 -- WATCHDOG=trigger ERRNO=5 BUSERROR=a.b \
			VARLINKERROR=c.d -- STOPPING=1 'STATUS=going down' --)"
	}
	peer_fails monitor states # STATUS and others from 2.1.9 on, EXTEND_TIMEOUT_USEC never
}

@test "an abstract socket of the service manager" {
	abstract() {
		notifying --name "@$ID" inside notify READY=1
		mon_started -- --sdnotify-socket "$HOST"
		mon_end
		await match "$DIR/heard" '^READY=1$'
	}
	peer_fails monitor abstract
}

@test "any user of the container may tell" {
	notifying sh -c 'inside notify READY=1 && sleep 1000'
	config '.process.user = { uid: 1000, gid: 1000 }'
	mon_started -- --sdnotify-socket "$HOST"
	await match "$DIR/heard" '^READY=1$'
	rt kill "$ID" KILL
	mon_end
}

@test "a service manager that is slow gets every message, in order, and a barrier holds until then" {
	in_order() {
		local i text=()
		for i in $(seq 700); do text+=("STATUS=$i"); done
		notifying --slow 1 sh -c 'inside notify "$@" barrier READY=1 && echo said; read x' sh "${text[@]}"
		mon_started -- -i --sdnotify-socket "$HOST"
		await match "$DIR/heard" '^READY=1$'
		is "$(heard)" "$(printf 'STATUS=%d\n' $(seq 700); echo READY=1)"
		await match "$LOG" ' said$'
		client one
		hang_up one
		mon_end
	}
	peer_fails monitor in_order
}

@test "a service manager that is not there holds up nothing" {
	notifying inside notify READY=1
	mon_started -- --sdnotify-socket "$DIR/nobody"
	mon_end
	is "$(exit_file)" 0
}

@test "a bundle without the directory notify is a failed create that says so" {
	told() {
		bundle true
		standard_args
		mon -- "${ARGS[@]}" --sdnotify-socket "$DIR/host.sock"
		said '^gone'
		like "$(events '^sync ')" '/bundle/notify: [Nn]o such file or directory'
	}
	peer_fails monitor told
}

@test "socket activation: with --replace-listen-pid the sockets arrive in the container, and LISTEN_PID is its process" {
	echo payload >"$DIR/socket"
	bundle sh -c 'echo "$LISTEN_FDS $LISTEN_PID"; cat <&3; inside fds'
	LISTEN_FDS=1 LISTEN_PID=4242 mon_created --preserve "$DIR/socket" -- --replace-listen-pid
	rt start "$ID"
	mon_end
	is "$(payload | head -n 1)" "1 1"
	is "$(payload | sed -n 2p)" payload
	is "$(payload | tail -n 1)" "0 1 2 3"
}
