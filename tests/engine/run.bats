load engine

# A shell's own descriptors, without opening a directory to see them.
fds='list=; for i in $(seq 0 40); do [ ! -e /proc/$$/fd/$i ] || list="$list $i"; done; echo $list'

@test "a foreground container's output and status arrive" {
	run -0 --separate-stderr podman run --rm $BB sh -c 'echo out; echo err >&2'
	is "$output" out stdout
	is "$stderr" err stderr
}

@test "exit status 1 of the program is podman's exit status" {
	run -1 podman run --rm $BB false
	run -1 podman run --rm $BB sh -c 'exit 1'
}

@test "an unusual exit status arrives unchanged" {
	run -42 podman run --rm $BB sh -c 'exit 42'
	run -255 podman run --rm $BB sh -c 'exit 255'
}

@test "a program that is missing gives 127 and is named" {
	run -127 podman run --rm $BB /no/such/program
	like "$output" '/no/such/program' message
	like "$output" '[Nn]o such file or directory' message
	run -127 podman run --rm $BB no-such-program
	like "$output" 'no-such-program' message
	like "$output" 'executable file (`.*` )?not found in \$PATH' message
}

@test "a file that is not executable gives 126 and is named" {
	run -126 podman run --rm $BB /etc/not-a-program
	runtime_is_crun || like "$output" '/etc/not-a-program' message
	like "$output" '[Pp]ermission denied' message
}

@test "a directory as program gives 126" {
	run -126 podman run --rm $BB /etc
}

@test "a working directory that cannot be made gives an error that names it" {
	run -126 podman run --rm --workdir /etc/not-a-program $BB true
	like "$output" '/etc/not-a-program' message
}

@test "a failed start leaves a container that says so, and can be removed" {
	run -127 podman run --name broken $BB /no/such/program
	is "$(inspect broken .State.Status)" created status
	run -125 podman start broken
	like "$output" '/no/such/program' message
	podman rm broken
}

@test "a program killed by a signal gives 128 and the signal, to run as to inspect" {
	for signal in KILL TERM SEGV; do
		# As pid 1 of its own namespace it would survive all but KILL.
		podman run --pid host --name "killed-$signal" $BB sleep 1000 &
		until_true eval "podman inspect killed-$signal 2>/dev/null | grep -q '\"running\"'"
		podman kill -s $signal "killed-$signal"
		expected=$((128 + $(kill -l $signal)))
		status=0
		wait $! || status=$?
		is "$status" $expected "status of run after $signal"
		is "$(inspect "killed-$signal" .State.ExitCode)" $expected "status in inspect after $signal"
	done
}

@test "podman's own errors give 125" {
	run -125 podman run --rm --no-such-option $BB true
	run -125 podman run --rm --pull never localhost/no-such-image true
}

@test "stdin reaches the program and its end ends the program" {
	run -0 podman run --rm -i $BB cat < <(printf 'one\ntwo')
	is "$output" $'one\ntwo' output
	run -0 podman run --rm -i $BB wc -c < <(head -c 3000000 /dev/zero)
	is "$output" 3000000 "bytes read"
}

@test "without -i the program reads an end of file at once" {
	run -0 podman run --rm $BB cat < <(echo must not be seen)
	is "$output" '' output
}

@test "binary bytes pass both ways unchanged" {
	head -c 2000000 /dev/urandom >"$D/random"
	podman run --rm -i $BB cat <"$D/random" >"$D/back"
	cmp "$D/random" "$D/back"
}

@test "a slow reader of a foreground container gets every line" {
	podman run --rm $BB seq 200000 | (read -r first; sleep 0.3; echo "$first"; cat) >"$D/lines"
	seq 200000 | cmp - "$D/lines"
}

@test "environment, directory and user are as asked" {
	run podman run --rm -e COLOUR=blue -w /var -u user $BB \
		sh -c 'echo "$COLOUR $PWD $(id -u):$(id -g) $(id -G) $HOME"'
	is "$output" 'blue /var 1000:1000 1000 2000 /home/user' output
	run -0 podman run --rm -u 77:88 --group-add 99 $BB sh -c 'echo $(id -u):$(id -g) $(id -G)'
	is "$output" '77:88 88 99' ids
}

@test "nothing of the engine's and the monitor's environment reaches the container" {
	run -0 podman run --rm $BB env
	unlike "$output" '_OCI_|_CONTAINERS|CONTAINERS_CONF|LISTEN_|NOTIFY_' environment
}

@test "a container sees descriptors 0, 1 and 2 and no other" {
	run -0 podman run --rm $BB sh -c "$fds"
	is "$output" '0 1 2' "open descriptors of sh"
	run -0 podman run --rm -i $BB sh -c "$fds" </dev/null
	is "$output" '0 1 2' "open descriptors of sh, with -i"
}

@test "preserved descriptors arrive and no other" {
	echo through five >"$D/five"
	exec 6<"$D/five"
	KEEP_FDS=1 run -0 podman run --rm --preserve-fds 1 $BB sh -c "cat <&3; $fds" \
		3<"$D/five" 4<&- 6<&-
	exec 6<&-
	is "$output" $'through five\n0 1 2 3' output
}

@test "socket activation: LISTEN_FDS passes the socket" {
	run -0 python3 - <<-X
		import os, socket, subprocess
		s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
		os.dup2(s.fileno(), 3)
		def child():
		    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
		r = subprocess.run(["bash", "-c", 'export KEEP_FDS=1 LISTEN_FDS=1 LISTEN_PID=\$\$; exec podman run --rm $BB sh -c "echo \\\$LISTEN_FDS \\\$LISTEN_PID; readlink /proc/self/fd/3"'],
		    pass_fds=[3], stdout=subprocess.PIPE, text=True)
		print(r.stdout)
	X
	like "$output" '^1 1' "LISTEN_FDS and LISTEN_PID"
	like "$output" 'socket:' "descriptor 3"
}

@test "a detached container runs on and its monitor is ours" {
	start $BB sh -c 'echo up; exec sleep 1000'
	is "$(inspect "$cid" .State.Status)" running status
	pid=$(inspect "$cid" .State.Pid)
	like "$(tr '\0' ' ' <"/proc/$pid/cmdline")" '^sleep 1000' "command line of the container's pid"
	# The monitor is the parent: it is the one who learns how the container ends.
	is "$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")" "$(monitor_pid "$cid")" parent
	podman rm -f -t 0 "$cid"
	no_trace "$cid"
}

@test "--rm leaves nothing, foreground and detached" {
	run -0 podman run --rm --cidfile "$D/cid1" $BB true
	no_trace "$(cat "$D/cid1")"
	start --rm --name gone $BB sleep 1000
	podman stop -t 0 gone
	until_true eval '! podman container exists gone'
	no_trace "$cid"
}

@test "--pidfile and --conmon-pidfile are written" {
	start --pidfile "$D/pid" --conmon-pidfile "$D/monitor" $BB sleep 1000
	is "$(cat "$D/pid")" "$(inspect "$cid" .State.Pid)" pidfile
	is "$(readlink "/proc/$(cat "$D/monitor")/exe")" "$MONITOR" "conmon pidfile"
}

@test "--init runs the program under an init that reaps and passes signals" {
	start --init $BB sh -c 'trap "exit 7" TERM; while :; do sleep 1000 & wait; done'
	run -0 podman exec "$cid" sh -c 'tr "\0" " " </proc/1/cmdline'
	like "$output" 'init' "first process"
	until_true podman exec "$cid" pidof sleep
	podman stop -t 10 "$cid"
	is "$(inspect "$cid" .State.ExitCode)" 7 status
}

@test "a container created first runs when it is started, with the output attached" {
	podman create --name later $BB sh -c 'echo late; exit 3'
	is "$(inspect later .State.Status)" created status
	run -3 podman start -a later
	is "$output" late output
}

@test "podman init creates the container, start runs it" {
	podman create --name inited $BB sleep 1000
	podman init inited
	is "$(inspect inited .State.Status)" initialized status
	check_monitor inited
	podman start inited
	is "$(inspect inited .State.Status)" running status
}

@test "twelve containers at once each keep their own output and status" {
	for i in $(seq 12); do
		(
			status=0
			podman run --rm $BB sh -c "echo out $i; exit $i" >"$D/many.$i" || status=$?
			echo "$status" >>"$D/many.$i"
		) &
		jobs[i]=$!
	done
	wait "${jobs[@]}"
	for i in $(seq 12); do
		is "$(cat "$D/many.$i")" "out $i"$'\n'"$i" "container $i"
	done
}
