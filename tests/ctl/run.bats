# tallyctl run: containers in the foreground and in the background.
load ctl

@test "output comes apart on both streams and the exit status is the process's" {
	bundle sh -c 'echo out; echo err >&2; exit 7'
	exits 7 ctl run -b "$BUNDLE" "$ID"
	is "$output" out
	is "$stderr" err
	is "$(ctl logs "$ID" 2>/dev/null)" out
}

@test "the command line's arguments replace the bundle's, which stays as it was" {
	bundle false
	local before
	before=$(sha256sum "$BUNDLE/config.json"; ls -A "$BUNDLE")
	exits 0 ctl run --rm -b "$BUNDLE" "$ID" -- echo 'a  b' '' c
	is "$output" "a  b  c"
	is "$(sha256sum "$BUNDLE/config.json"; ls -A "$BUNDLE")" "$before"
}

@test "a relative rootfs and relative bind sources are the bundle's" {
	bundle cat /mnt/file
	own_rootfs
	mkdir "$BUNDLE/data"
	echo "from the bundle" >"$BUNDLE/data/file"
	config '.mounts += [{destination: "/mnt", source: "data", options: ["rbind", "ro"]}]'
	exits 0 ctl run --rm -b "$BUNDLE" "$ID"
	is "$output" "from the bundle"
	cd "$BUNDLE"
	exits 0 ctl run --rm "$ID"
	is "$output" "from the bundle"
}

@test "without -i standard input is empty" {
	bundle wc -c
	exits 0 ctl run --rm -b "$BUNDLE" "$ID" <<<"not for you"
	is "$output" 0
}

@test "with -i standard input and its end arrive, every byte" {
	bundle md5sum
	seq 400000 >"$DIR/in"
	exits 0 ctl run --rm -i -b "$BUNDLE" "$ID" <"$DIR/in"
	is "${output%% *}" "$(md5sum <"$DIR/in" | cut -d' ' -f1)"
	exits 0 ctl run --rm -i -b "$BUNDLE" "$ID" < <(cat "$DIR/in")
	is "${output%% *}" "$(md5sum <"$DIR/in" | cut -d' ' -f1)"
}

@test "no byte is lost, neither the first nor with a slow reader" {
	bundle seq 300000
	ctl run -b "$BUNDLE" "$ID" | { read -r first; await match "$CONTAINERS/$ID/container.log" ' F 1000$'; echo "$first"; cat; } |
		md5sum >"$DIR/sum"
	is "$(cat "$DIR/sum")" "$(seq 300000 | md5sum)"
	ctl rm --force "$ID"
	local i
	for i in $(seq 12); do
		is "$(ctl run --rm -b "$BUNDLE" "$ID" -- echo "run $i")" "run $i"
	done
}

@test "-d prints the id and leaves the container running" {
	bundle sleep 1000
	exits 0 ctl run -d -b "$BUNDLE" "$ID"
	is "$output" "$ID"
	is "$stderr" ""
	is "$(ctl_status)" running
	ctl_pids
	is "$(readlink "/proc/$MPID/exe")" "$(readlink -f "$MONITOR")"
	config --arg g "/$ID-2" '.linux.cgroupsPath = $g'
	exits 0 ctl --json run -d -b "$BUNDLE" "$ID-2"
	is "$(jq -r .id <<<"$output")" "$ID-2"
	is "$(cat "/proc/$(jq .pid <<<"$output")/cmdline" | tr '\0' ' ')" "sleep 1000 "
	ctl rm --force "$ID-2"
}

@test "--rm leaves nothing behind, in the foreground and in the background" {
	bundle sh -c 'exit 3'
	exits 3 ctl run --rm -b "$BUNDLE" "$ID"
	[ ! -e "$CONTAINERS/$ID" ]
	nothing_of
	ctl run -d --rm -b "$BUNDLE" "$ID"
	await gone "$CONTAINERS/$ID"
	nothing_of
}

@test "--rm is obeyed when tallyctl has been killed" {
	bundle sh -c 'echo ready; read x'
	mkfifo "$DIR/in"
	"$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -i --rm -b "$BUNDLE" "$ID" <"$DIR/in" 3>&- 4>&- &
	local pid=$!
	exec 8>"$DIR/in"
	await match "$CONTAINERS/$ID/container.log" ready
	kill -KILL "$pid"
	wait "$pid" || true
	exec 8>&-
	await gone "$CONTAINERS/$ID"
	nothing_of
}

@test "a container that is killed ends tallyctl with 128 and the signal" {
	bundle sh -c 'echo ready; exec sleep 1000'
	"$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -b "$BUNDLE" "$ID" 3>&- 4>&- &
	local pid=$! status=0
	await match "$CONTAINERS/$ID/container.log" ready
	ctl kill "$ID" KILL
	wait "$pid" || status=$?
	is "$status" 137
}

@test "signals are passed on, and the third SIGINT leaves the container to itself" {
	bundle inside say-signals
	"$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -b "$BUNDLE" "$ID" >"$DIR/out" 2>"$DIR/err" 3>&- 4>&- &
	local pid=$! status=0 sig
	await match "$DIR/out" ready
	for sig in HUP USR1 QUIT INT TERM; do
		kill -"$sig" "$pid"
		await match "$DIR/out" "signal $(kill -l "$sig")\$"
	done
	kill -INT "$pid"
	wait "$pid" || status=$?
	is "$status" 130
	has "$(cat "$DIR/err")" "goes on"
	is "$(ctl_status)" running
	ctl kill "$ID" USR2
	exits 0 ctl wait "$ID"
	is "$output" 0
}

@test "a command that cannot be started ends with 127 or 126, one line, and nothing left" {
	bundle no-such-program
	exits 127 ctl run -b "$BUNDLE" "$ID"
	one_line "$stderr"
	has "$stderr" no-such-program
	nothing_of
	exits 126 ctl run -b "$BUNDLE" "$ID" -- /etc
	one_line "$stderr"
	nothing_of
	exits 126 ctl run -b "$BUNDLE" "$ID" -- /etc/plain
	nothing_of
	exits 0 ctl run --rm -b "$BUNDLE" "$ID" -- true
}

@test "an id that is in use is refused, and its owner does not notice" {
	started sleep 1000
	exits 125 ctl run -b "$BUNDLE" "$ID" -- true
	is "$stderr" "tallyctl: container $ID already exists"
	is "$(ctl_status)" running
}

@test "of several that want one id at the same time exactly one gets it" {
	bundle sleep 1000
	local i n=0 pids=()
	for i in 1 2 3 4 5 6; do
		ctl run -d -b "$BUNDLE" "$ID" >"$DIR/o$i" 2>"$DIR/x$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then n=$((n + 1)); fi
	done
	is "$n" 1
	is "$(ctl_status)" running
}

@test "several containers at the same time do not disturb each other" {
	bundle sh -c 'echo "$0"; exit 4'
	local i pids=()
	for i in 1 2 3 4 5 6; do
		config --arg g "/$ID-$i" '.linux.cgroupsPath = $g'
		cp -r "$BUNDLE" "$DIR/b$i"
		ctl run --rm -b "$DIR/b$i" "$ID-$i" -- sh -c "echo $i; exit $i" >"$DIR/o$i" &
		pids+=($!)
	done
	for i in 1 2 3 4 5 6; do
		local status=0
		wait "${pids[i - 1]}" || status=$?
		is "$status" "$i"
		is "$(cat "$DIR/o$i")" "$i"
	done
}

@test "what is wrong with a call is said in one line that names it" {
	bundle true
	local args
	exits 125 ctl run -b "$DIR/nowhere" "$ID"
	one_line "$stderr"
	has "$stderr" "$DIR/nowhere/config.json: no such file or directory"
	exits 125 ctl run -b "$BUNDLE" a/b
	has "$stderr" 'invalid container id "a/b"'
	for args in "" "--frob $ID" "$ID ls" "$ID --" "--detach-keys ctrl-ä $ID"; do
		# shellcheck disable=SC2086
		exits 125 ctl run -b "$BUNDLE" $args
		one_line "$stderr"
	done
	exits 125 ctl --json run -b "$BUNDLE" "$ID"
	has "$stderr" --json
	exits 125 ctl --monitor "$DIR/none" run -b "$BUNDLE" "$ID"
	has "$stderr" "$DIR/none: no such file or directory"
	exits 125 ctl --runtime "$DIR/none" run -b "$BUNDLE" "$ID"
	has "$stderr" "$DIR/none: no such file or directory"
	exits 125 ctl frob
	has "$stderr" frob
	exits 125 ctl
	nothing_in "$CONTAINERS"
}

@test "a config.json that does not do is refused in one line that names the place" {
	local edit
	bundle true
	cp "$BUNDLE/config.json" "$DIR/good.json"
	for edit in 'del(.root)' '.root.path = 5' 'del(.process)' '.process = []' 'del(.process.args)' '.process.args = "true"' '[]'; do
		jq "$edit" "$DIR/good.json" >"$BUNDLE/config.json"
		exits 125 ctl run -b "$BUNDLE" "$ID"
		one_line "$stderr"
		has "$stderr" "$BUNDLE/config.json"
	done
	echo '{"ociVersion": ' >"$BUNDLE/config.json"
	exits 125 ctl run -b "$BUNDLE" "$ID"
	one_line "$stderr"
	jq '.root.path = "/nowhere/at/all"' "$DIR/good.json" >"$BUNDLE/config.json"
	fails_in_one_line ctl run -b "$BUNDLE" "$ID"
	nothing_of
}

@test "a monitor that fails is quoted in one line and leaves nothing" {
	bundle true
	printf '#!/bin/sh\necho "no monitor today" >&2\nexit 9\n' >"$DIR/monitor"
	chmod +x "$DIR/monitor"
	exits 125 ctl --monitor "$DIR/monitor" run -b "$BUNDLE" "$ID"
	is "$stderr" "tallyctl: monitor $DIR/monitor: no monitor today"
	nothing_of
	printf '#!/bin/sh\nexit 0\n' >"$DIR/monitor"
	exits 125 ctl --monitor "$DIR/monitor" run -b "$BUNDLE" "$ID"
	one_line "$stderr"
	nothing_of
}

@test "descriptors and variables of the caller do not reach the monitor" {
	bundle sleep 1000
	local fds
	exec 8>"$DIR/mine"
	NOTIFY_SOCKET=$DIR/n LISTEN_FDS=1 LISTEN_PID=1 ctl run -d -b "$BUNDLE" "$ID"
	exec 8>&-
	ctl_pids
	fds=$(find "/proc/$MPID/fd" "/proc/$PID/fd" -lname "$DIR/mine")
	is "$fds" ""
	hasnt "$(tr '\0' '\n' <"/proc/$MPID/environ" "/proc/$MPID/environ")" NOTIFY_SOCKET
	hasnt "$(tr '\0' '\n' <"/proc/$MPID/environ")" LISTEN_FDS
}

@test "a root of any depth does" {
	CTL=$DIR/$(printf 'deep-directory-%03d/' $(seq 12))ctl
	CONTAINERS=$CTL/containers
	bundle sh -c 'cat; exit 2'
	exits 2 ctl run -i --rm -b "$BUNDLE" "$ID" <<<hello
	is "$output" hello
}

@test "a root that others may write to is refused" {
	mkdir -m 777 "$DIR/open"
	bundle true
	exits 125 "$TALLYCTL" --root "$DIR/open" --monitor "$MONITOR" --runtime "$RUNTIME" run -b "$BUNDLE" "$ID"
	one_line "$stderr"
	has "$stderr" "$DIR/open"
}

@test "when nobody reads our output any more, the container goes on and that is said" {
	bundle sh -c 'while echo y; do :; done'
	{ ctl run -b "$BUNDLE" "$ID" 2>"$DIR/err" && echo 0 >"$DIR/status" || echo $? >"$DIR/status"; } | head -n 1 >"$DIR/out"
	await exists "$DIR/status"
	is "$(cat "$DIR/out" "$DIR/status")" $'y\n125'
	is "$(cat "$DIR/err")" "tallyctl: write to standard output: broken pipe: container $ID goes on without us"
	is "$(ctl_status)" running
	ctl rm --force "$ID"
	local status=0
	ctl run -b "$BUNDLE" "$ID" 2>"$DIR/err" >/dev/full || status=$?
	is "$status" 125
	is "$(cat "$DIR/err")" "tallyctl: write to standard output: no space left on device: container $ID goes on without us"
}

@test "output is taken as it is by a file, a pipe and a socket" {
	bundle seq 50000
	local sum
	sum=$(seq 50000 | md5sum)
	ctl run --rm -b "$BUNDLE" "$ID" >"$DIR/file"
	is "$(md5sum <"$DIR/file")" "$sum"
	ctl run --rm -b "$BUNDLE" "$ID" >>"$DIR/file"
	is "$(wc -l <"$DIR/file")" 100000
	is "$(ctl run --rm -b "$BUNDLE" "$ID" | md5sum)" "$sum"
	is "$(python3 -c '
import socket, subprocess, sys
a, b = socket.socketpair()
p = subprocess.Popen(sys.argv[1:], stdout=b)
b.close()
while data := a.recv(65536): sys.stdout.buffer.write(data)
sys.exit(p.wait())' "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run --rm -b "$BUNDLE" "$ID" | md5sum)" "$sum"
}

@test "what is given and is not UTF-8 is refused, not changed" {
	bundle true
	exits 125 ctl run --rm -b "$BUNDLE" "$ID" -- echo $'x\377y'
	is "$stderr" "tallyctl: an argument of the command is not UTF-8: it cannot be passed on as it is"
	mkdir "$DIR/"$'x\377y'
	exits 125 ctl run --rm -b "$BUNDLE" --bind-mount "$DIR/"$'x\377y:/mnt' "$ID"
	is "$stderr" "tallyctl: a bind mount is not UTF-8: it cannot be passed on as it is"
	nothing_of
}

@test "a run that is ended while its container is created takes it back when the runtime has done, and need not kill" {
	local pid status=0
	mkfifo "$DIR/go"
	bundle sleep 1000
	cat >"$DIR/late" <<-X
		#!/bin/sh
		case " \$* " in *" create "*) echo >"$DIR/at-work"; read -r _ <"$DIR/go" ;; esac
		exec "$RUNTIME" "\$@"
	X
	chmod +x "$DIR/late"
	"$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$DIR/late" run -b "$BUNDLE" "$ID" >"$DIR/out" 2>"$DIR/err" </dev/null 3>&- 4>&- &
	pid=$!
	await exists "$DIR/at-work"
	takes_signal "$pid" TERM
	echo >"$DIR/go"
	wait "$pid" || status=$?
	is "$status" 143
	one_line "$(cat "$DIR/err")"
	has "$(cat "$DIR/err")" "ended by SIGTERM"
	nothing_of
}
