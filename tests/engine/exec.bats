load engine

@test "output on both streams and the status arrive" {
	run -7 --separate-stderr podman exec canary sh -c 'echo out; echo err >&2; exit 7'
	is "$output" out stdout
	is "$stderr" err stderr
}

@test "the exec session has a monitor of its own, which is ours, and it ends" {
	mkfifo "$D/hold"
	podman exec -i canary sh -c 'echo up; read x' <"$D/hold" >"$D/out" &
	client=$!
	exec 5>"$D/hold"
	until_true grep -q up "$D/out"
	session=$(inspect canary 'index .ExecIDs 0')
	monitor=
	for pid in /proc/[0-9]*; do
		[ "$(readlink "$pid/exe")" = "$MONITOR" ] || continue
		! tr '\0' '\n' <"$pid/cmdline" | grep -qx -- "$session" || monitor=$pid
	done
	[ -n "$monitor" ] || fail "no $MONITOR runs session $session"
	echo bye >&5
	exec 5>&-
	wait $client
	until_true eval "[ ! -e $monitor ]"
}

@test "a program that is missing gives 127, one that may not be executed 126" {
	run -127 podman exec canary /no/such/program
	like "$output" '/no/such/program' message
	run -127 podman exec canary no-such-program
	like "$output" 'no-such-program' message
	run -126 podman exec canary /etc/not-a-program
	like "$output" '[Pp]ermission denied' message
}

@test "a directory that does not exist gives an error that names it" {
	run -127 podman exec -w /no/such/directory canary true
	like "$output" '/no/such/directory' message
}

@test "exec -i: stdin arrives, and its end" {
	run -0 podman exec -i canary cat < <(printf 'one\ntwo')
	is "$output" $'one\ntwo' output
	head -c 2000000 /dev/urandom >"$D/random"
	podman exec -i canary cat <"$D/random" >"$D/back"
	cmp "$D/random" "$D/back"
}

@test "a slow reader of an exec session gets every byte" {
	podman exec canary seq 300000 | (read -r first; sleep 0.3; echo "$first"; cat) >"$D/lines"
	seq 300000 | cmp - "$D/lines"
}

@test "environment, directory and user are as asked" {
	run -0 podman exec -e COLOUR=green -w /var -u user canary \
		sh -c 'echo "$COLOUR $PWD $(id -u):$(id -g) $(id -G)"'
	is "$output" 'green /var 1000:1000 1000 2000' output
	run -0 podman exec canary env
	unlike "$output" '_OCI_|_CONTAINERS|CONTAINERS_CONF|LISTEN_|NOTIFY_' environment
}

@test "an exec session sees descriptors 0, 1 and 2 and the preserved ones" {
	fds='list=; for i in $(seq 0 40); do [ ! -e /proc/$$/fd/$i ] || list="$list $i"; done; echo $list'
	run -0 podman exec canary sh -c "$fds"
	is "$output" '0 1 2' "open descriptors"
	echo through three >"$D/three"
	KEEP_FDS=1 run -0 podman exec --preserve-fds 1 canary sh -c "cat <&3; $fds" 3<"$D/three" 4<&-
	is "$output" $'through three\n0 1 2 3' output
}

@test "exec -d returns at once and the program runs" {
	start $BB sleep 1000
	podman exec -d "$cid" sh -c 'echo done >/tmp/mark; exec sleep 999'
	until_true podman exec "$cid" grep -q done /tmp/mark
	until_true has_process "$cid" 'sleep 999'
}

@test "exec in a container that is not running says so" {
	podman create --name never $BB true
	run -255 podman exec never true
	like "$output" 'never|running' message
	run -125 podman exec no-such-container true
	like "$output" 'no-such-container' message
}

@test "exec in a paused container is refused" {
	start $BB sleep 1000
	podman pause "$cid"
	run ! podman exec "$cid" true
	like "$output" 'paused|running' message
	podman unpause "$cid"
	run -0 podman exec "$cid" true
}

@test "the session joins namespaces, cgroup and limits of the container" {
	start --hostname joined --ulimit nofile=200:300 --ulimit nproc=4096 $BB sleep 1000
	for ns in mnt pid uts ipc net; do
		is "$(podman exec "$cid" readlink /proc/self/ns/$ns)" "$(readlink "/proc/$(inspect "$cid" .State.Pid)/ns/$ns")" $ns
	done
	is "$(podman exec "$cid" sh -c 'hostname; ulimit -Hn' | xargs)" 'joined 300' "hostname and limit"
	podman exec -d "$cid" sleep 997
	until_true has_process "$cid" 'sleep 997'
	pid=$(grep -lz '^997$' /proc/[0-9]*/cmdline 2>/dev/null | head -1)
	is "$(sort "${pid%cmdline}cgroup")" "$(sort "/proc/$(inspect "$cid" .State.Pid)/cgroup")" cgroups
}

@test "capabilities: an exec session has the container's, and a user's none" {
	start --cap-drop all --cap-add chown $BB sleep 1000
	run -0 podman exec "$cid" grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status
	is "$output" $'CapPrm:\t0000000000000001\nCapEff:\t0000000000000001\nCapBnd:\t0000000000000001' capabilities
	run -0 podman exec -u user "$cid" grep -E 'CapEff' /proc/self/status
	is "$output" $'CapEff:\t0000000000000000' "capabilities of a user"
}

@test "an exec session is ended with its container" {
	start $BB sleep 1000
	podman exec "$cid" sleep 996 &
	client=$!
	until_true has_process "$cid" 'sleep 996'
	podman stop -t 0 "$cid"
	status=0
	wait $client || status=$?
	is "$status" 137 "status of the session"
}

@test "ten exec sessions at once each keep their own output and status" {
	for i in $(seq 10); do
		(
			status=0
			podman exec canary sh -c "echo out $i; exit $i" >"$D/exec.$i" || status=$?
			echo "$status" >>"$D/exec.$i"
		) &
		jobs[i]=$!
	done
	wait "${jobs[@]}"
	for i in $(seq 10); do
		is "$(cat "$D/exec.$i")" "out $i"$'\n'"$i" "session $i"
	done
}

@test "health checks run and count" {
	start --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1 $BB sleep 1000
	run -1 podman healthcheck run "$cid"
	podman exec "$cid" touch /tmp/well
	run -0 podman healthcheck run "$cid"
	is "$(inspect "$cid" .State.Healthcheck.Status)" healthy status
}

@test "top shows the processes, with podman's descriptors and with ps" {
	run -0 podman top canary pid user args
	like "$output" '1 +root +top' top
	run -0 podman top canary -o pid,args
	like "$output" '1 top' "top by ps"
}
