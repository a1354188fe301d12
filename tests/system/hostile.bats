# A runtime, a caller or a log that does what none should: the monitor says so, ends, and loses no status by it.
load ../lib/harness

# hostile_runtime: the rest of stdin is the script; $PIDFILE and $SOCKET (the console's) are set in it.
hostile_runtime() {
	cat >"$DIR/rt" <<-'X'
		#!/bin/bash
		while [ $# -gt 0 ]; do
			case $1 in --pid-file) PIDFILE=$2 ;; --console-socket) SOCKET=$2 ;; esac
			shift
		done
	X
	cat >>"$DIR/rt"
	chmod +x "$DIR/rt"
}

# hostile [engine options] -- ARGS: a monitor over it
hostile() {
	local opts=()
	while [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	bundle true
	standard_args
	export DIR
	mon "${opts[@]}" -- "${ARGS[@]}" -r "$DIR/rt" "${@:2}"
}

sync_message() { events '^sync ' | sed 's/^sync //' | jq -r .message; }

# console_sends PYTHON: a runtime that connects to the console socket, where s is the socket, and leaves a container
console_sends() {
	hostile_runtime <<-X
		cat >"$DIR/send.py" <<-'P'
			import array, os, pty, socket, sys
			s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
			s.connect(sys.argv[1])
			def send(*fds):
			    s.sendmsg([b"console"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
			$1
		P
		python3 "$DIR/send.py" "\$SOCKET" >/dev/null || exit 1
		exec 9> >(exec cat) # ends when we have
		printf %s \$! >"\$PIDFILE"
	X
}

@test "a failed runtime's child that never stops writing to stderr holds nobody up" {
	ends() {
		hostile_runtime <<-'X'
			yes >&2 &
			echo $! >"$DIR/yes.pid"
			exit 1
		X
		hostile --
		said '^sync '
		is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
		said '^(exit|status) [0-9]+ 1$'
		kill -KILL "$(cat "$DIR/yes.pid")" 2>/dev/null || true # usually gone: its pipe has no reader
	}
	ends
}

@test "a console socket that brings no terminal is a failed create" {
	fails() {
		for what in 'pass' 's.send(b"name")' 'send(os.open("/dev/null", os.O_RDWR))' 'send(os.open("/etc/passwd", os.O_RDONLY))' \
			'send(os.pipe()[0])'; do
			console_sends "$what"
			hostile -- -t
			said '^gone'
			is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1 || fail "$what"
			has "$(sync_message)" "did not set up terminal"
		done
	}
	peer_fails monitor fails
}

@test "two descriptors on the console socket: the first is the terminal, the other is not kept" {
	console_sends 'm, t = pty.openpty(); send(m, t); sys.stdout.flush(); os.write(t, b"hello\\n")'
	hostile -- -t
	said '^gone'
	like "$(events '^sync ')" '"data": [1-9]'
}

@test "what a client sends before the terminal is there is not lost" {
	kept() {
		mkfifo "$DIR/go"
		hostile_runtime <<-'X'
			cat >"$DIR/send.py" <<-'P'
				import array, os, pty, socket, sys
				open(os.environ["DIR"] + "/go").read()
				s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
				s.connect(sys.argv[1])
				m, t = pty.openpty()
				pid = os.fork()
				if pid == 0:
				    with open(os.environ["DIR"] + "/got", "wb") as f:
				        f.write(os.read(t, 100))
				    os._exit(0)
				open(sys.argv[2], "w").write(str(pid))
				s.sendmsg([b"console"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [m]))])
			P
			exec python3 "$DIR/send.py" "$SOCKET" "$PIDFILE"
		X
		hostile -- -t -i
		await exists "$BUNDLE/attach"
		await exists "$BUNDLE/winsz"
		client one
		echo typed ahead >&"${CLIENT_FD[one]}"
		# When the order behind it has been obeyed, the monitor has seen the packet.
		client two --no-stdin
		mv "$LOG" "$LOG.1"
		echo "2 0 0" >"$BUNDLE/ctl"
		await exists "$LOG"
		echo >"$DIR/go"
		said '^gone'
		is "$(cat "$DIR/got")" "typed ahead"
	}
	if monitor_is_ours; then kept; fi # the peer loses it or not: a race
}

@test "a log that is a FIFO nobody reads delays the container's end, and does not prevent it" {
	ends() {
		mkfifo "$DIR/fifo"
		exec {reader}<>"$DIR/fifo"
		bundle sh -c 'head -c 1000000 /dev/zero | tr "\0" "x" | fold -w 100; exit 5'
		standard_args
		mon -- "${ARGS[@]}" -l "k8s-file:$DIR/fifo"
		said_created
		rt start "$ID"
		await exists "$DIR/exits/$ID"
		is "$(exit_file)" 5
		exec {reader}<&-
		mon_end
		[ "$(jq .streams.stdout.dropped_bytes "$BUNDLE/exit.json")" -gt 0 ]
	}
	peer_fails monitor ends
}

@test "a monitor started without stdin, stdout and stderr keeps its log" {
	keeps() {
		cat >"$DIR/closed" <<-X
			#!/bin/sh
			exec "$MONITOR" "\$@" <&- >&- 2>&-
		X
		chmod +x "$DIR/closed"
		bundle sh -c 'echo hello; exit 3'
		standard_args
		MONITOR=$DIR/closed mon -- "${ARGS[@]}"
		said_created
		rt start "$ID"
		mon_end
		is "$(exit_file)" 3
		is "$(payload)" hello
	}
	peer_fails monitor keeps
}

@test "the exit file of a container whose name begins like ours stays" {
	printf 5 >"$DIR/exits/$ID.backup"
	mon_run true
	is "$(exit_file)" 0
	is "$(cat "$DIR/exits/$ID.backup")" 5
}

@test "a disk that takes long to sync the log holds up neither the sync pipe nor the exit file" {
	at_once() {
		local entered syncer
		cat >"$DIR/slow" <<-X
			#!/bin/sh
			export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0"
			exec strace -f -ttt -o "$DIR/trace" -e trace=fsync -e inject=fsync:delay_enter=6000000 "$MONITOR" "\$@"
		X
		chmod +x "$DIR/slow"
		bundle echo hello
		standard_args
		MONITOR=$DIR/slow mon -- "${ARGS[@]}"
		said_created
		rt start "$ID"
		await exists "$DIR/exits/$ID"
		await match "$DIR/trace" 'fsync\('
		# Who syncs holds nothing but the log: the sync pipe, too, is at its end when the monitor is.
		read -r syncer entered _ < <(grep -m 1 "fsync(" "$DIR/trace")
		is "$(ls "/proc/$syncer/fd")" 0
		[ "$(stat -c %Y "$DIR/exits/$ID")" -lt $((${entered%.*} + 6)) ] || fail "the exit file came after the sync"
		mon_end
	}
	peer_fails monitor at_once
}

@test "a runtime that cannot be executed is told with the reason" {
	printf '#!/no/such/interpreter\n' >"$DIR/rt"
	chmod +x "$DIR/rt"
	hostile --
	said '^gone'
	only_ours monitor has "$(sync_message)" "$DIR/rt"
	only_ours monitor like "$(sync_message)" 'ENOENT|No such file'
}

@test "a pid file with a thread or with the monitor itself in it is no hang" {
	ends() {
		hostile_runtime <<-'X'
			echo $PPID >"$PIDFILE"
		X
		hostile --
		said '^gone'
		is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
		hostile_runtime <<-'X'
			cat >"$DIR/thread.py" <<-'P'
				import os, sys, threading, time
				def child():
				    time.sleep(2)
				pid = os.fork()
				if pid:
				    while not os.path.exists(sys.argv[1]): time.sleep(0.01)
				    os._exit(0)
				t = threading.Thread(target=child)
				t.start()
				open(sys.argv[1] + ".new", "w").write(str(t.native_id))
				os.rename(sys.argv[1] + ".new", sys.argv[1])
				t.join()
			P
			rm -f "$PIDFILE"
			python3 "$DIR/thread.py" "$PIDFILE"
		X
		hostile --
		said '^gone'
	}
	peer_fails monitor ends
}

@test "a pid file that is a FIFO is no hang" {
	ends() {
		hostile_runtime <<-'X'
			rm -f "$PIDFILE"
			mkfifo "$PIDFILE"
		X
		hostile --
		said '^gone'
		is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
	}
	peer_fails monitor ends
}

@test "--timeout kills the group that the container leads, and no group that it is only in" {
	spares() {
		mkfifo "$DIR/bystander"
		hostile_runtime <<-'X'
			cat >"$DIR/group.py" <<-'P'
				import os, signal, sys
				if os.fork():
				    os.wait()
				    os._exit(0)
				os.setsid()
				container = os.fork()
				if container == 0:
				    signal.pause()
				open(sys.argv[1] + ".new", "w").write(str(container))
				os.rename(sys.argv[1] + ".new", sys.argv[1])
				if os.fork():
				    os._exit(0) # the group goes on without its leader
				with open(os.environ["DIR"] + "/bystander", "w") as f:
				    f.write("alive\n")
			P
			exec python3 "$DIR/group.py" "$PIDFILE" </dev/null >/dev/null 2>&1
		X
		hostile -- --timeout 1
		await exists "$DIR/exits/$ID"
		is "$(exit_file)" -1
		is "$(timeout "${AWAIT_SECONDS:-30}" cat "$DIR/bystander")" alive
		mon_end
	}
	peer_fails monitor spares
}

@test "a container that is nobody's child of ours is watched, and its end is not called a success" {
	honest() {
		local pid
		mkfifo "$DIR/go"
		cat "$DIR/go" 3>&- &
		pid=$!
		printf %s "$pid" >"$DIR/foreign"
		hostile_runtime <<-'X'
			cp "$DIR/foreign" "$PIDFILE"
		X
		hostile --
		said '^(sync |gone)'
		: >"$DIR/go"
		said '^gone'
		wait "$pid"
		[ "$(exit_file)" = -1 ] || [ "$(exit_file)" = 0 ] # the kernel tells from 6.15 on
		is "$(jq -r .cause "$BUNDLE/exit.json")" "$([ "$(exit_file)" = 0 ] && echo exit || echo unknown)"
	}
	peer_fails monitor honest
}

@test "--timeout ends a session whose client never reads" {
	ends() {
		bundle sleep 1000
		hostile_runtime <<-'X'
			yes &
			printf %s $! >"$PIDFILE"
		X
		standard_args
		export DIR
		mon --attach-pipe -- "${ARGS[@]}" -r "$DIR/rt" --exec --exec-attach --exec-process-spec "$DIR/spec" --timeout 1
		said '^attach '
		client stuck --stall --no-stdin
		order start
		said '"command timed out"'
		mon_end
	}
	peer_fails monitor ends
}

@test "a runtime that is killed after its container came up is a failed create, and the monitor ends" {
	told() {
		hostile_runtime <<-'X'
			sleep 0.2 &
			printf %s $! >"$PIDFILE"
			kill -KILL $$
		X
		hostile --
		said '^gone'
		is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
	}
	peer_fails monitor told
}

@test "a failed set-up leaves no directory for the console socket behind" {
	clean() {
		bundle true
		standard_args
		mkdir -p "$DIR/tmp" "$BUNDLE/attach/in-the-way"
		TMPDIR=$DIR/tmp mon -- "${ARGS[@]}" -t
		said '^gone'
		only_ours monitor has "$(sync_message)" "$BUNDLE/attach"
		is "$(ls -A "$DIR/tmp")" ""
	}
	peer_fails monitor clean
}

@test "a rotation that fails half-way gives the log its name back" {
	has_it() {
		cat >"$DIR/traced" <<-X
			#!/bin/sh
			export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0"
			exec strace -f -o "$DIR/trace" -e trace=rename -e inject=rename:error=EIO:when=2 "$MONITOR" "\$@"
		X
		chmod +x "$DIR/traced"
		bundle sh -c 'echo before; read x; echo after'
		standard_args
		MONITOR=$DIR/traced mon -- "${ARGS[@]}" -i --log-rotate
		said_created
		rt start "$ID"
		await match "$LOG" before
		echo "2 0 0" >"$BUNDLE/ctl"
		await match "$DIR/trace" 'INJECTED'
		client one
		echo >&"${CLIENT_FD[one]}"
		mon_end
		is "$(payload)" $'before\nafter'
		[ ! -e "$LOG.1" ] && [ ! -e "$LOG.new" ]
	}
	peer_fails monitor has_it
}
