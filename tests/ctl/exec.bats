# tallyctl exec: further commands in a running container.
load ctl

sessions() { ls "$CONTAINERS/$ID/exec" | sed -n "s/\\.json$//p"; }

@test "output comes apart on both streams and the exit status is the command's" {
	started sleep 1000
	exits 9 ctl exec "$ID" -- sh -c 'echo out; echo err >&2; exit 9'
	is "$output" out
	is "$stderr" err
	exits 0 ctl exec "$ID" true
	exits 143 ctl exec "$ID" sh -c 'kill -TERM $$'
	is "$(sessions)" ""
	is "$(ctl_status)" running
}

@test "input and its end arrive, every byte" {
	started sleep 1000
	seq 300000 >"$DIR/in"
	is "$(ctl exec -i "$ID" md5sum <"$DIR/in" | cut -d' ' -f1)" "$(md5sum <"$DIR/in" | cut -d' ' -f1)"
	is "$(ctl exec "$ID" wc -c <"$DIR/in")" 0
	is "$(ctl exec "$ID" seq 300000 | md5sum)" "$(md5sum <"$DIR/in")"
}

@test "no first byte is ever lost" {
	local i
	started sleep 1000
	for i in $(seq 20); do
		is "$(ctl exec "$ID" echo "$i")" "$i"
	done
}

@test "environment, directory and user are the container's but for what options say" {
	started sleep 1000
	is "$(ctl exec "$ID" sh -c 'pwd; id -u; echo $HOME')" $'/\n0\n/root'
	is "$(ctl exec -w /tmp "$ID" pwd)" /tmp
	is "$(ctl exec --workdir /home "$ID" pwd)" /home
	is "$(ctl exec -e A=1 --env 'B=two words' -e PATH=/bin "$ID" sh -c 'echo $A/$B/$PATH')" "1/two words//bin"
	is "$(MINE=here ctl exec -e MINE -e NOT_SET "$ID" sh -c 'echo $MINE${NOT_SET-none}')" herenone
	is "$(ctl exec -u tester "$ID" sh -c 'id -u; id -g; id -G; echo $HOME')" $'1000\n1000\n1000 2000\n/home'
	is "$(ctl exec -u 1000 "$ID" id -g)" 1000
	is "$(ctl exec -u tester:extra "$ID" sh -c 'id -g; id -G')" $'2000\n2000'
	is "$(ctl exec -u 4242:4343 "$ID" sh -c 'id -u; id -g')" $'4242\n4343'
	is "$(ctl exec -u tester "$ID" grep CapEff /proc/self/status)" $'CapEff:\t0000000000000000'
	hasnt "$(ctl exec "$ID" grep CapEff /proc/self/status)" 0000000000000000
}

@test "files that the container points elsewhere do not name its users" {
	bundle sleep 1000
	own_rootfs
	rm "$BUNDLE/rootfs/etc/passwd"
	echo 'evil:x:0:0::/:/bin/sh' >"$DIR/outside"
	ln -s "$DIR/outside" "$BUNDLE/rootfs/etc/passwd"
	ctl run -d -b "$BUNDLE" "$ID"
	exits 125 ctl exec -u evil "$ID" id
	one_line "$stderr"
	rm "$BUNDLE/rootfs/etc/passwd"
	mkfifo "$BUNDLE/rootfs/etc/passwd"
	exits 125 ctl exec -u evil "$ID" id
	has "$stderr" "no regular file"
}

@test "-d prints the session's id and leaves it running; its files go when it ends" {
	started sleep 1000
	local session
	session=$(ctl exec -d "$ID" sh -c 'read x </proc/1/environ; while [ ! -e /tmp/end ]; do usleep 20000; done')
	is "$(sessions)" "$session"
	exits 0 ctl --json exec -d "$ID" sleep 1000
	is "$(cat "/proc/$(jq .pid <<<"$output")/cmdline" | tr '\0' ' ')" "sleep 1000 "
	is "$(readlink "/proc/$(jq .monitor_pid <<<"$output")/exe")" "$(readlink -f "$MONITOR")"
	ctl exec "$ID" touch /tmp/end
	await gone "$CONTAINERS/$ID/exec/$session"
}

@test "signals are passed on to the command and not to the container" {
	started sleep 1000
	"$TALLYCTL" --root "$CTL" exec "$ID" inside say-signals >"$DIR/out" 3>&- 4>&- &
	local pid=$! status=0
	await match "$DIR/out" ready
	kill -TERM "$pid"
	await match "$DIR/out" "signal 15"
	kill -USR2 "$pid"
	wait "$pid" || status=$?
	is "$status" 0
	is "$(ctl_status)" running
}

@test "a command that cannot be started ends with 127 or 126, one line, and no session left" {
	started sleep 1000
	exits 127 ctl exec "$ID" no-such-program
	one_line "$stderr"
	has "$stderr" no-such-program
	exits 126 ctl exec "$ID" /etc/plain
	one_line "$stderr"
	fails_in_one_line ctl exec -w /no/such/place "$ID" true
	is "$(sessions)" ""
}

@test "the end of the container ends its sessions" {
	started sleep 1000
	"$TALLYCTL" --root "$CTL" exec "$ID" sh -c 'echo ready; sleep 1000' >"$DIR/out" 3>&- 4>&- &
	local pid=$! status=0
	await match "$DIR/out" ready
	ctl rm --force "$ID"
	wait "$pid" || status=$?
	is "$status" 137
}

@test "what is wrong with a call is said in one line that names it" {
	local args
	started true
	ctl wait "$ID"
	exits 125 ctl exec "$ID" true
	is "$stderr" "tallyctl: container $ID is not running: exited"
	exits 125 ctl exec nobody true
	has "$stderr" nobody
	for args in "" "$ID" "$ID --" "-w relative $ID true" "-w /a --workdir /b $ID true" "-e =x $ID true" "--frob $ID true"; do
		# shellcheck disable=SC2086
		exits 125 ctl exec $args
		one_line "$stderr"
	done
}
