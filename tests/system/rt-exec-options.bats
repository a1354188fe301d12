# exec, option by option, as those call it who start it from a library: kata's exec is the model (docs/compat.md).
load ../lib/harness

prepare() {
	bundle sleep 1000
}

# up [JQ]: the container runs, with this change of its config.json
up() {
	[ $# -eq 0 ] || config "$1"
	rt_create
	rt start "$ID"
}

# alone: nothing but the container's first process is in it
alone() { is "$(rt ps -f json "$ID" | jq length)" 1; }

# listener NAME: a receiver of terminals at $DIR/NAME; what they show is in $DIR/NAME.tty, what it got in $DIR/NAME.info
listener() {
	helper console "$DIR/$1" "$DIR/$1.ready" --info "$DIR/$1.info" >"$DIR/$1.tty" </dev/null
	await exists "$DIR/$1.ready"
}

# with_pty CMD...: CMD, in which @ is a terminal of 33 rows and 77 columns; what it shows is printed, then the status
with_pty() {
	python3 - "$@" <<-'PYTHON'
		import fcntl, os, pty, struct, subprocess, sys, termios
		master, slave = pty.openpty()
		fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
		name = os.ttyname(slave)
		command = [name if a == "@" else a for a in sys.argv[1:]]
		p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
		os.close(slave) if p.wait() is not None else None
		shown = b""
		try:
		    while data := os.read(master, 4096):
		        shown += data
		except OSError:
		    pass
		print(shown.decode().replace("\r\n", "\n") + f"status {p.returncode}")
	PYTHON
}

@test "A1 without --process a command is needed, with it none" {
	up
	refuses rt exec "$ID"
	one_line "$stderr"
	alone
	exec_spec echo from file
	is "$(rt exec -p "$DIR/process.json" "$ID")" "from file"
	is "$(rt exec "$ID" echo from line)" "from line"
}

@test "A3 --console: a terminal that is there is the process's, and no other is made" {
	runtime_is_ours || return 0 # the peers have no such option
	up
	local out
	out=$(with_pty "$RUNTIME" --root "$ROOT" exec --console @ --console-socket "$DIR/none" "$ID" \
		sh -c 'test -t 0 && test -t 1 && test -t 2 && stty size && echo controlling >/dev/tty; exit 6')
	is "$out" $'33 77\ncontrolling\nstatus 6'
	exec_spec sh -c 'stty size'
	is "$(with_pty "$RUNTIME" --root "$ROOT" exec --console @ --process "$DIR/process.json" "$ID")" $'33 77\nstatus 0'
	is "$(with_pty "$RUNTIME" --root "$ROOT" exec --detach --console @ "$ID" true)" 'status 0'
	exits 255 rt exec --console /dev/null "$ID" true
	has "$stderr" "console /dev/null: "
	exits 255 rt exec --console "$DIR/none" "$ID" true
	has "$stderr" "open console $DIR/none: no such file"
	alone
}

@test "A4 --console-socket: one descriptor, which is a terminal, and a name" {
	up
	listener sock
	rt exec --tty --detach --console-socket "$DIR/sock" "$ID" sh -c 'tty; exec sleep 1000' </dev/null >/dev/null 2>&1
	await match "$DIR/sock.tty" /dev/pts/
	is "$(grep -c '^fds 1$' "$DIR/sock.info")" 1
	like "$(sed -n 's/^name //p' "$DIR/sock.info")" .
	like "$(grep ^size "$DIR/sock.info")" '^size [0-9]+ [0-9]+$' # asked of the terminal itself
}

@test "A5 A30 A31 our own files are the process's, and its end is ours" {
	up
	is "$(echo x | rt exec "$ID" cat)" x
	exits 7 rt exec "$ID" sh -c 'echo out; echo err >&2; exit 7'
	is "$output/$stderr" out/err
	exits 137 rt exec "$ID" sh -c 'kill -9 $$'
	exits 143 rt exec "$ID" sh -c 'kill -15 $$'
	exits 0 rt exec "$ID" true
}

@test "A6 A7 the directory is replaced, variables are added, and the last of one name counts" {
	up '.process.cwd = "/etc" | .process.env += ["OWN=1", "TWICE=1"]'
	is "$(rt exec "$ID" pwd)" /etc
	is "$(rt exec --cwd /tmp "$ID" pwd)" /tmp
	is "$(rt exec --cwd "" "$ID" pwd)" /etc
	is "$(rt exec -e A=1 -e B=2 -e TWICE=2 -e A=3 "$ID" sh -c 'echo $OWN $TWICE $A $B')" "1 2 3 2"
	is "$(rt exec --env PATH=/bin "$ID" sh -c 'echo $PATH')" /bin
	is "$(rt exec -e PATH=/nowhere -e PATH=/bin "$ID" sh -c 'echo $PATH')" /bin
}

@test "A8 a variable without a name is refused, and nothing is started" {
	up
	local bad
	for bad in =x = ""; do
		[ -n "$bad" ] || runtime_is_ours || continue # 1.1.5 takes an empty one
		refuses rt exec -e "$bad" "$ID" touch /tmp/ran
		one_line "$stderr"
	done
	is "$(rt exec "$ID" ls /tmp)" ""
	alone
}

@test "A9 a terminal is made if --tty says so, whatever the container has" {
	config '.process.terminal = true'
	listener first
	rt_create --console-socket "$DIR/first"
	rt start "$ID"
	exits 1 rt exec --tty=false "$ID" tty </dev/null
	exits 1 rt exec "$ID" tty </dev/null
	runtime_is_ours || return 0 # runc wants to have a terminal itself
	like "$(rt exec --tty "$ID" tty </dev/null)" '^/dev/pts/[0-9]+'
	like "$(rt exec -t=true "$ID" tty </dev/null)" '^/dev/pts/[0-9]+'
}

@test "A10 another user is another user record, by numbers and by name" {
	up '.process.user.additionalGids = [10, 20] | .process.user.umask = 63'
	is "$(rt exec "$ID" id -G)" "0 10 20"
	runtime_is_ours || return 0 # runc keeps the groups, and knows no names
	is "$(rt exec -u 1000:1000 "$ID" sh -c 'id -u; id -G; umask')" $'1000\n1000\n0022'
	is "$(rt exec -u 1000 "$ID" sh -c 'id -g; id -G')" $'0\n0'
	is "$(rt exec -u tester "$ID" sh -c 'id -u; id -g; id -G')" $'1000\n1000\n1000 2000'
	is "$(rt exec --user tester:extra "$ID" sh -c 'id -u; id -g; id -G')" $'1000\n2000\n2000'
	is "$(rt exec --user 4242:extra "$ID" sh -c 'id -u; id -g')" $'4242\n2000'
	is "$(rt exec --user "" "$ID" id -G)" "0 10 20"
	is "$(rt exec --user tester -g 77 "$ID" id -G | tr ' ' '\n' | sort -n | paste -sd' ')" "77 1000 2000"
	exits 255 rt exec --user nosuch "$ID" id
	like "$stderr" 'bad user nosuch: no user .*nosuch.* in the container'
	one_line "$stderr"
	alone
}

@test "A10 users are the container's, wherever its files point" {
	runtime_is_ours || return 0
	own_rootfs
	rm "$BUNDLE/rootfs/etc/passwd"
	echo 'evil:x:4711:0::/:/bin/sh' >"$DIR/outside"
	ln -s "$DIR/outside" "$BUNDLE/rootfs/etc/passwd"
	up
	exits 255 rt exec -u evil "$ID" id
	like "$stderr" 'no user .*evil'
	rm "$BUNDLE/rootfs/etc/passwd"
	mkfifo "$BUNDLE/rootfs/etc/passwd"
	exits 255 rt exec -u evil "$ID" id
	has "$stderr" "no regular file"
	rm "$BUNDLE/rootfs/etc/passwd"
	mknod "$BUNDLE/rootfs/etc/passwd" c 60 0 # for local use: to open it would be another error
	exits 255 rt exec -u evil "$ID" id
	has "$stderr" "no regular file"
	is "$(rt exec -u 5:6 "$ID" grep ^Uid /proc/self/status)" $'Uid:\t5\t5\t5\t5' # id would read the FIFO
}

@test "A11 without --user it is the container's user" {
	up '.process.user = { uid: 1000, gid: 2000, additionalGids: [30] }'
	is "$(rt exec "$ID" sh -c 'id -u; id -g; id -G')" $'1000\n2000\n2000 30'
}

@test "A12 --process replaces everything, and options beside it do nothing" {
	up
	exec_spec sh -c 'pwd; id -u; echo ${A-none}; tty; grep NoNewPrivs /proc/self/status'
	jq '.cwd = "/etc" | .noNewPrivileges = false' "$DIR/process.json" >"$DIR/p"
	exits 0 rt exec --cwd /tmp -e A=1 -u 1000 --no-new-privs -p "$DIR/p" "$ID" ignored </dev/null
	is "$output" $'/etc\n0\nnone\nnot a tty\nNoNewPrivs:\t0'
}

@test "A13 a process file that cannot be read is told before anything is opened" {
	up
	listener sock
	printf '{' >"$DIR/p"
	refuses rt exec --tty -d --console-socket "$DIR/sock" --process "$DIR/missing" "$ID"
	has "$stderr" "$DIR/missing"
	refuses rt exec --tty -d --console-socket "$DIR/sock" --process "$DIR/p" "$ID"
	alone
	# The listener takes one connection: it is still free.
	rt exec --tty -d --console-socket "$DIR/sock" "$ID" sh -c 'echo first; exec sleep 1000' </dev/null >/dev/null 2>&1
	await match "$DIR/sock.tty" first
}

@test "A14 A15 A26 --detach: back at once, with the pid in a file, and nothing of ours stays" {
	up
	listener sock
	rt exec --detach --pid-file "$DIR/one" "$ID" sleep 1000 </dev/null >/dev/null 2>&1
	await match "/proc/$(cat "$DIR/one")/cmdline" "^sleep.1000" # runc is back before it is
	rt exec -d -t --console-socket "$DIR/sock" --pid-file "$DIR/two" "$ID" sleep 1001 </dev/null >/dev/null 2>&1
	await match "/proc/$(cat "$DIR/two")/cmdline" "^sleep.1001"
	local args
	for args in /proc/[0-9]*/cmdline; do
		hasnt "$(tr '\0' ' ' <"$args" 2>/dev/null)" "exec -d -t --console-socket $DIR/sock"
	done
	is "$(awk '/^PPid/ { print $2 }' "/proc/$(cat "$DIR/one")/status" "/proc/$(cat "$DIR/two")/status" | sort -u)" "$SUBREAP_PID"
}

@test "A16 --process-label: set, or refused where there is no SELinux" {
	runtime_is_ours || return 0 # 1.1.5 takes it and does nothing
	up
	[ ! -d /sys/fs/selinux/class ] || skip "SELinux is on"
	exits 255 rt exec --process-label system_u:system_r:container_t:s0 "$ID" true
	like "$stderr" '[Ss][Ee][Ll]inux'
	one_line "$stderr"
	exits 0 rt exec --process-label "" "$ID" true
	alone
}

@test "A17 --apparmor: refused where there is no AppArmor; an empty name says nothing" {
	up
	exits 0 rt exec --apparmor "" "$ID" true
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || skip "AppArmor is on"
	refuses rt exec --apparmor some-profile "$ID" true
	has "$stderr" apparmor
	one_line "$stderr"
	alone
}

@test "A18 --no-new-privs adds to what the container has, and its absence takes nothing away" {
	up '.process.noNewPrivileges = false'
	is "$(rt exec "$ID" grep NoNewPrivs /proc/self/status)" $'NoNewPrivs:\t0'
	is "$(rt exec --no-new-privs "$ID" grep NoNewPrivs /proc/self/status)" $'NoNewPrivs:\t1'
	rt delete --force "$ID"
	up '.process.noNewPrivileges = true'
	is "$(rt exec "$ID" grep NoNewPrivs /proc/self/status)" $'NoNewPrivs:\t1'
}

@test "A19 --cap adds capabilities, as often as it is given" {
	up
	is "$(rt exec "$ID" grep CapEff /proc/self/status)" $'CapEff:\t0000000020000420'
	is "$(rt exec --cap CAP_SYS_PTRACE --cap CAP_CHOWN "$ID" grep CapEff /proc/self/status)" $'CapEff:\t0000000020080421'
}

@test "A20 --no-subreaper is taken, and not shown" {
	runtime_is_ours || return 0 # 1.1.5 does not know it
	up
	exits 0 rt exec --no-subreaper "$ID" true
	exits 0 rt exec --help
	hasnt "$output" no-subreaper
}

@test "A21 A22 no id, and an id of nobody" {
	up
	refuses rt exec "" true
	one_line "$stderr"
	if runtime_is_ours || runtime_is_runc; then has "$stderr" "container id cannot be empty"; fi
	refuses rt exec nosuch true
	has "$stderr" "does not exist"
	one_line "$stderr"
}

@test "A23 A33 every line of a JSON log says which container it is about" {
	runtime_is_ours || return 0 # runc's lines do not
	up
	refuses rt --log "$DIR/log" --log-format json --debug exec "$ID" nosuch
	refuses rt --log "$DIR/log" --log-format json exec "$ID" /etc
	[ "$(wc -l <"$DIR/log")" -ge 2 ]
	is "$(jq -r .container "$DIR/log" | sort -u)" "$ID"
	refuses rt --log "$DIR/list" --log-format json list --format bad
	is "$(jq 'has("container")' "$DIR/list")" false
}

@test "A24 created and running containers take an exec, stopped and paused ones refuse it by name" {
	rt_create
	is "$(rt exec "$ID" echo in)" in
	rt start "$ID"
	rt pause "$ID"
	refuses rt exec "$ID" true
	has "$stderr" paused
	only_ours runtime has "$stderr" "$ID is not ready or running"
	rt resume "$ID"
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	refuses rt exec "$ID" true
	has "$stderr" stopped
	only_ours runtime has "$stderr" "$ID is not ready or running"
}

@test "A25 exec starts from what create was given, whatever has become of the bundle" {
	config '.process.env += ["A=before"] | .process.cwd = "/tmp"'
	[ -z "$(runtime_is_ours && echo ours)" ] || { mv "$BUNDLE/config.json" "$BUNDLE/other.json"; set -- --config other.json; }
	rt_create "$@"
	mv "$BUNDLE/other.json" "$BUNDLE/config.json" 2>/dev/null || true
	rt start "$ID"
	config '.process.env += ["A=after"] | .process.cwd = "/"'
	in_it() {
		is "$(rt exec "$ID" sh -c 'echo $A; pwd')" $'before\n/tmp'
		rm "$BUNDLE/config.json"
		is "$(rt exec "$ID" sh -c 'echo $A; pwd')" $'before\n/tmp'
	}
	peer_fails runtime in_it
}

@test "A27 A28 the pid file comes last, whole, in the place of an older one" {
	up
	mkdir "$DIR/pids"
	printf 'old and long, with a newline\n' >"$DIR/pids/p"
	helper watch "$DIR/watched" "$DIR/pids"
	await match "$DIR/watched" ready
	local n pid before=''
	for n in 1 2; do
		rt exec -d --pid-file "$DIR/pids/p" "$ID" sleep 1000 </dev/null >/dev/null 2>&1
		pid=$(cat "$DIR/pids/p")
		is "$(stat -c %s "$DIR/pids/p")" "${#pid}"
		is "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1000 "
		[ "$pid" != "$before" ]
		before=$pid
	done
	hasnt "$(cat "$DIR/watched")" "modify p"$'\n'
	has "$(cat "$DIR/watched")" "moved_to p"
}

@test "A27 the terminal is with who asked for it before the pid file appears" {
	runtime_is_ours || return 0
	up
	listener sock
	env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" strace -f -qq -o "$DIR/trace" \
		-e trace=sendmsg,rename,renameat,renameat2 "$RUNTIME" --root "$ROOT" exec -t -d --console-socket "$DIR/sock" \
		--pid-file "$DIR/exec.pid" "$ID" true </dev/null >/dev/null 2>&1 3>&- 4>&-
	is "$(sed -nE 's/.*(SCM_RIGHTS|rename).*/\1/p' "$DIR/trace" | uniq | tail -n 2)" $'SCM_RIGHTS\nrename'
	has "$(tail -n 1 <(grep rename "$DIR/trace"))" exec.pid
}

@test "A29 a pid file that cannot be written fails the exec, and the process is gone" {
	up
	refuses rt exec -d --pid-file "$DIR/none/x" "$ID" sleep 1000 </dev/null
	has "$stderr" "$DIR/none/"
	alone
}

@test "A32 a wait that fails is told with the process, how it is, and the container" {
	runtime_is_ours || return 0
	up
	local runner rc=0
	# Who looks for leaks at the end needs descriptors.
	ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
		"$RUNTIME" --root "$ROOT" exec --pid-file "$DIR/exec.pid" "$ID" sh -c 'echo ready; exec sleep 1000' >"$DIR/o" 2>"$DIR/e" 3>&- 4>&- &
	runner=$!
	await match "$DIR/o" ready
	await exists "$DIR/exec.pid"
	prlimit --pid "$runner" --nofile=1:1 # poll(2) then refuses three descriptors
	kill -WINCH "$runner"
	wait "$runner" || rc=$?
	is "$rc" 255
	like "$(cat "$DIR/e")" "container $ID: wait for process $(cat "$DIR/exec.pid"), which goes on: invalid argument"
	one_line "$(cat "$DIR/e")"
}
