load engine

pty() { # STEP... -- COMMAND...
	"$here/at-terminal" 24 80 "$@"
}

@test "run -ti: a terminal of the right size, typed input, exit status" {
	run -9 pty 'expect:# ' 'send:stty size; tty\r' 'expect:24 80' 'expect:/dev/pts/0' \
		'send:exit 9\r' -- podman run --rm -ti $BB sh
}

@test "run -t: one stream with carriage returns" {
	run -0 podman run --rm -t $BB sh -c 'echo out; echo err >&2' </dev/null
	is "$output" $'out\r\nerr\r' output
}

@test "a resized window reaches the program" {
	run -0 pty 'expect:# ' "send:trap 'stty size' WINCH; echo rea\"\"dy; while :; do read -r x && break; done\\r" \
		'expect:ready' 'size:50,132' 'expect:50 132' 'send:\r' 'expect:# ' 'send:exit\r' \
		-- podman run --rm -ti $BB sh
}

@test "Ctrl-C interrupts the program in the container and not podman" {
	# One process prints and sleeps, so that the signal finds it whatever it is at.
	run -5 pty 'expect:# ' "send:sh -c 'echo rea\"\"dy; exec sleep 1000'\\r" 'expect:ready' 'send:\x03' 'expect:# ' \
		'send:exit 5\r' -- podman run --rm -ti $BB sh
}

@test "Ctrl-D at a shell's prompt ends it" {
	run -0 pty 'expect:# ' 'send:\x04' -- podman run --rm -ti $BB sh
}

@test "detach, attach again, and the terminal still works" {
	run -0 pty 'expect:# ' 'send:echo fir""st\r' 'expect:first' 'expect:# ' 'send:\x18' \
		-- podman run --detach-keys ctrl-x -ti --name d $BB sh
	check_monitor d
	is "$(inspect d .State.Status)" running status
	run -0 "$here/at-terminal" 30 90 'send:\r' 'expect:# ' 'send:stty size\r' 'expect:30 90' \
		'send:exit 6\r' -- podman attach d
	is "$(inspect d .State.ExitCode)" 6 "status in inspect"
}

@test "a detached container with a terminal logs what it prints" {
	podman run -d -t --name q $BB sh -c 'echo on a terminal; tty'
	run -0 podman wait q
	run -0 podman logs q
	is "$output" $'on a terminal\r\n/dev/pts/0\r' logs
}

@test "exec -ti: size, input and status" {
	run -8 pty 'expect:# ' 'send:stty size; tty; id -u\r' 'expect:24 80' 'expect:/dev/pts/' 'expect:0' \
		'send:exit 8\r' -- podman exec -ti canary sh
}

@test "exec -ti: a resized window reaches the program" {
	run -0 pty 'expect:# ' "send:trap 'stty size' WINCH; echo rea\"\"dy; while :; do read -r x && break; done\\r" \
		'expect:ready' 'size:41,77' 'expect:41 77' 'send:\r' 'expect:# ' 'send:exit\r' \
		-- podman exec -ti canary sh
}

@test "a terminal carries 20000 lines unharmed" {
	run -0 pty -- podman run --rm -ti $BB seq 20000
	is "$(md5sum <<<"$output")" "$(seq 20000 | md5sum)" "sum of the lines"
}

@test "ownership and mode of the terminal suit the user" {
	run -0 pty -- podman run --rm -ti -u user $BB sh -c 'stat -Lc "%u %a" /proc/self/fd/0; echo >/dev/tty && echo writable'
	like "$output" '^1000 6[0-9]0' "owner and mode"
	like "$output" 'writable' "/dev/tty"
}
