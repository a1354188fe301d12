load engine

# What a service manager sees.

setup_more() {
	# notify-listen SOCKET FILE: writes every datagram to FILE.
	cat >"$D/bin/notify-listen" <<-'X'
		#!/usr/bin/python3
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		s.settimeout(60)
		while True:
		    with open(sys.argv[2], "ab") as f:
		        f.write(s.recv(4096) + b"\n--\n")
	X
	# For use inside, with /usr of the host.
	cat >"$D/bin/notify-send" <<-'X'
		#!/usr/bin/python3
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.sendto(sys.argv[1].encode().decode("unicode_escape").encode(), os.environ["NOTIFY_SOCKET"])
	X
	chmod 755 "$D/bin/notify-listen" "$D/bin/notify-send"
}

setup() {
	trace_the_test_alone
	rm -f "$D/notified" "$D/notify"
	notify-listen "$D/notify" "$D/notified" 3>&- 4>&- &
	listener=$!
	until_true test -S "$D/notify"
}

stop_listener() {
	kill "$listener"
	wait "$listener" 2>/dev/null || true
}

@test "--sdnotify conmon: the monitor is the main process and the service is ready" {
	NOTIFY_SOCKET=$D/notify podman run -d --name n --sdnotify conmon $BB sleep 1000
	check_monitor n
	until_true grep -q READY=1 "$D/notified"
	is "$(sed -n 's/^MAINPID=//p' "$D/notified" | head -1)" "$(monitor_pid n)" "main process"
	stop_listener
}

@test "--sdnotify container: READY comes from inside, and nothing before" {
	NOTIFY_SOCKET=$D/notify podman run -d -i --name n --sdnotify container -v /usr:/usr:ro -v "$D/bin:/x:ro" $BB \
		sh -c 'read x; /x/notify-send "READY=1\nSTATUS=well"; exec sleep 1000'
	check_monitor n
	sed -n 's/^READY=/early /p' "$D/notified" >"$D/early" 2>/dev/null || true
	is "$(cat "$D/early")" '' "READY before the program has said so"
	(echo go; exec sleep 1) | podman attach n &
	until_true grep -q READY=1 "$D/notified"
	is "$(sed -n 's/^MAINPID=//p' "$D/notified" | head -1)" "$(monitor_pid n)" "main process"
	stop_listener
}

@test "--sdnotify ignore: nobody says anything" {
	NOTIFY_SOCKET=$D/notify podman run --rm --sdnotify ignore $BB sh -c 'echo "socket: $NOTIFY_SOCKET"' >"$D/out"
	is "$(cat "$D/out")" 'socket: ' "variable inside"
	[ ! -s "$D/notified" ] || fail "notified: $(cat "$D/notified")"
	stop_listener
}
