# run_oci's command line: tallyctl under that name, and the same ways in tallyctl's own verbs.
load run-oci

log_file() {
	set -- "${1:-$DIR/logs}"/"$ID".*
	[ -e "$1" ] && [ $# -eq 1 ] || fail "not one log: $*"
	echo "$1"
}

init_ended() { [ "$(ctl_status)" = exited ]; }
until_ended() {
	local end=$((SECONDS + 60))
	until init_ended; do
		[ "$SECONDS" -lt "$end" ] || fail "not ended in 60 seconds: $(ctl_status)"
		sleep 0.1
	done
}

nothing_made() {
	[ ! -e "$SD/$ID" ] || fail "there is $SD/$ID: $(ls -A "$SD/$ID")"
	nothing_of
}

@test "C1 options stand before or behind the command, with dashes or underscores" {
	bundle echo x
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$output" x
	exits 0 oci -c "$BUNDLE" run "$ID"
	is "$output" x
	exits 0 oci run "$ID" --container_path="$BUNDLE"
	is "$output" x
	exits 0 oci --container-path "$BUNDLE" run "$ID" -- -c -- --help
	is "$output" "x -c -- --help"
	exits 0 ctl oci --container_path "$BUNDLE" run "$ID"
	is "$output" x
}

@test "C2 help is printed with status 0, an unknown option prints the usage with status 1" {
	exits 0 oci -h
	has "$output" "--dont-run-as-init"
	exits 0 oci --help
	like "$output" "^Usage:"
	exits 1 oci --bogus
	has "$stderr" "--bogus"
	has "$stderr" "Usage: run_oci"
	exits 1 oci -b
	exits 1 oci run -Z "$ID"
}

@test "C3 without a command or an id there is the usage, and status 255" {
	exits 255 oci
	has "$stderr" "no command"
	has "$stderr" "Usage:"
	exits 255 oci run
	has "$stderr" "no container id"
	has "$stderr" "Usage:"
}

@test "C4 an unknown command is told, with the usage and status 255" {
	exits 255 oci frob "$ID"
	has "$stderr" 'unknown command "frob"'
	has "$stderr" "Usage:"
}

@test "C5 an id with a slash is refused by every command" {
	bundle true
	local verb
	for verb in run start kill destroy; do
		exits 255 oci -c "$BUNDLE" "$verb" a/b
		has "$stderr" 'invalid container id "a/b"'
	done
	exits 125 ctl start --container-path "$BUNDLE" --state-dir "$SD" a/b
	nothing_in "$SD"
}

@test "C6 what follows the id is added to the bundle's arguments" {
	bundle echo x
	exits 0 oci run -c "$BUNDLE" "$ID" -- extra 'two  words' ''
	is "$output" "x extra two  words "
	exits 0 oci run -c "$BUNDLE" "$ID" extra
	is "$output" "x extra"
	exits 0 ctl run --container-path "$BUNDLE" "$ID" -- extra
	is "$output" "x extra"
}

@test "C7 the bundle is the working directory unless it is named, and may be relative" {
	bundle echo x
	cd "$BUNDLE"
	exits 0 oci run "$ID"
	is "$output" x
	cd ..
	exits 0 oci run -c bundle "$ID"
	is "$output" x
	exits 255 oci run "$ID"
	has "$stderr" "$PWD/config.json"
}

@test "C8 bind mounts come after the bundle's; half a one prints the usage" {
	bundle sh -c 'cat /tmp/a/file; cat /tmp/b; echo new >/tmp/a/new; grep -c " /tmp/a " /proc/self/mountinfo'
	mkdir "$DIR/out"
	echo one >"$DIR/out/file"
	echo two >"$DIR/two"
	cd "$DIR"
	exits 0 oci run -c "$BUNDLE" -b out:/tmp/a --bind_mount="$DIR/two:/tmp/b" "$ID"
	is "$output" $'one\ntwo\n1'
	is "$(cat out/new)" new
	exits 0 ctl run --rm -b "$BUNDLE" --bind-mount out:/tmp/a --bind-mount two:/tmp/b "$ID"
	is "$output" $'one\ntwo\n1'
	local half
	for half in out out: :/tmp/a; do
		exits 255 oci run -c "$BUNDLE" -b "$half" "$ID"
		has "$stderr" "Usage:"
		exits 125 ctl run -b "$BUNDLE" --bind-mount "$half" "$ID"
		one_line "$stderr"
	done
	exits 255 oci run -c "$BUNDLE" -b "$DIR/nothing:/tmp/a" "$ID"
	has "$stderr" "$DIR/nothing: no such file or directory"
	nothing_of
}

@test "C9 the cgroup parent counts where the bundle names no cgroup" {
	bundle cat /proc/self/cgroup
	exits 0 oci run -c "$BUNDLE" -p "$ID-parent" "$ID"
	hasnt "$output" "$ID-parent"
	has "$output" ":/$ID"
	config 'del(.linux.cgroupsPath)'
	exits 0 oci run -c "$BUNDLE" -p "$ID-parent" "$ID"
	like "$output" ":/$ID-parent"$'(\n|$)'
	exits 0 ctl run --rm -b "$BUNDLE" --cgroup-parent "$ID-parent" "$ID"
	like "$output" ":/$ID-parent/$ID"$'(\n|$)'
	local g
	for g in $(cgroups_of "$ID-parent"); do rmdir "$g"; done
}

@test "C10 with the current user root inside is the caller outside, and nobody else is there" {
	bundle sh -c 'cat /proc/self/uid_map /proc/self/gid_map; id -u'
	# a procfs and a sysfs of one's own; runc 1.1 refuses an unmapped group of the terminals
	config 'del(.mounts[] | select(.destination == "/dev/pts")) | del(.process.user.additionalGids)'
	exits 0 oci run -c "$BUNDLE" -u "$ID"
	is "$(tr -s ' ' <<<"$output")" $' 0 0 1\n 0 0 1\n0'
	exits 0 ctl run --rm -b "$BUNDLE" --use-current-user "$ID"
	is "$(tr -s ' ' <<<"$output")" $' 0 0 1\n 0 0 1\n0'
}

@test "C11 C76 with an init the program is not process 1; signals and status are passed on" {
	# shellcheck disable=SC2016 # the container's shell
	bundle sh -c 'echo $$; cat /proc/1/comm; exit 7'
	exits 7 oci run -c "$BUNDLE" "$ID"
	is "$output" $'1\nsh'
	exits 7 oci run -i -c "$BUNDLE" "$ID"
	[ "${lines[0]}" -gt 1 ]
	is "${lines[1]}" tallyctl-init
	bundle sh -c 'trap "echo got; exit 5" USR1; kill -USR1 1; while :; do sleep 0.05; done'
	exits 5 ctl run --rm --dont-run-as-init -b "$BUNDLE" "$ID"
	is "$output" got
	# shellcheck disable=SC2016 # the container's shell
	bundle sh -c 'kill -KILL $$'
	exits 137 ctl run --rm --init -b "$BUNDLE" "$ID"
	bundle no-such-program
	exits 127 ctl run --rm --init -b "$BUNDLE" "$ID"
	has "$stderr" "tallyctl-init: no-such-program: No such file or directory"
	bundle sh -c 'exit 7'
	config 'del(.mounts[] | select(.destination == "/dev/pts"))'
	exits 7 ctl run --rm --init --use-current-user -b "$BUNDLE" "$ID"
}

@test "an init sees its program end, whoever has ignored SIGCHLD" {
	local init=${TALLYCTL%/*}/tallyctl-init
	[ -x "$init" ] || skip "not a build tree"
	exits 3 timeout 60 env --ignore-signal=CHLD "$init" -- sh -c 'exit 3' </dev/null
}

@test "C11 orphans of the container are reaped by the init" {
	bundle sh -c '(sh -c "exit 3" & sh -c "exit 3" & sh -c "exit 3" &)
		n=0; while grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | grep -q .; do
			n=$((n + 1)); [ "$n" -lt 600 ] || exit 1; sleep 0.05; done; echo none'
	exits 0 oci run -i -c "$BUNDLE" "$ID"
	is "$output" none
}

@test "C11 a shell behind the init has the terminal" {
	bundle sh -i
	on_terminal 'expect:# ' 'send:echo x$((6*7)); tty\r' expect:x42 expect:/dev/pts 'send:sh -c "echo rea""dy; exec sleep 1000"\r' expect:ready 'send:\x03' 'expect:# ' 'send:exit 4\r' \
		-- "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run --rm -it --init -b "$BUNDLE" "$ID"
	has "$output" "status 4"
	hasnt "$output" "job control turned off"
}

@test "C12 kill takes the names of signals, TERM by default" {
	bundle inside say-signals
	local name
	exits 0 oci start -c "$BUNDLE" "$ID"
	await match "$CONTAINERS/$ID/container.log" ready
	for name in USR1 hup SIGUSR1; do
		exits 0 oci kill -S "$name" "$ID"
	done
	exits 255 oci kill -S NOSUCH "$ID"
	has "$stderr" 'unknown signal "NOSUCH"'
	is "$(ctl_status)" running
	exits 0 oci kill -S KILL "$ID"
	until_ended
	exits 0 oci destroy "$ID"
	bundle sleep 1000
	# of signals that leave a process as it is, with the names that mean the same
	exits 0 oci start -c "$BUNDLE" "$ID"
	for name in CHLD CLD CONT URG WINCH; do exits 0 oci kill --signal="$name" "$ID"; done
	exits 0 oci kill --signal=KILL "$ID"
	until_ended
	is "$(ctl wait "$ID")" 137
	exits 0 oci destroy "$ID"
}

@test "C13 C14 C26 a log directory is made, and has messages, hooks' and the container's output" {
	bundle sh -c 'echo container out; echo container err >&2; exit 3'
	hook prechroot 'echo hook prechroot'
	hook prestart 'echo hook prestart'
	hook poststop 'echo hook poststop >&2'
	cd "$DIR"
	exits 3 oci -l logs run -c "$BUNDLE" "$ID"
	is "$output$stderr" ""
	local log f
	log=$(log_file)
	is "$(stat -c %a "$log" logs)" $'644\n755'
	for f in "Starting container $ID" "is running" "finished with status 3" "hook prechroot" "hook prestart" \
		"hook poststop" "container out" "container err"; do
		grep -q -e "$f" "$log" || fail "no '$f' in the log: $(cat "$log")"
	done
	exits 255 oci -l "$DIR/no/logs" run -c "$BUNDLE" "$ID"
	has "$stderr" "create the log directory $DIR/no/logs"
	nothing_of
}

@test "C13 C14 tallyctl's own containers keep their log in a directory, with a link to it" {
	bundle sh -c 'echo one; exit 3'
	cd "$DIR"
	exits 0 ctl run -d --log-dir logs -b "$BUNDLE" "$ID"
	is "$(ctl wait "$ID")" 3
	is "$(readlink "$CONTAINERS/$ID/container.log")" "$(log_file)"
	like "$(cat "$(log_file)")" " stdout F one"
	is "$(ctl logs "$ID")" one
	ctl rm "$ID"
	grep -q one "$(log_file)"
}

@test "C15 messages are for the system log, and for a terminal" {
	bundle echo x
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$output" x
	is "$stderr" ""
	on_terminal -- "$DIR/run_oci" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -c "$BUNDLE" "$ID"
	has "$output" "run_oci: Starting container $ID"
	cat >"$DIR/in-a-dev-of-our-own" <<-'END'
		set -e
		mkdir "$DIR/dev"
		mount -t tmpfs tmpfs "$DIR/dev"
		for n in null zero full random urandom tty ptmx pts; do
			[ -d "/dev/$n" ] && mkdir "$DIR/dev/$n" || touch "$DIR/dev/$n"
			mount --bind "/dev/$n" "$DIR/dev/$n"
		done
		mount --rbind "$DIR/dev" /dev
		socat -u UNIX-RECV:/dev/log "CREATE:$DIR/syslog" &
		p=$!
		await exists /dev/log
		"$DIR/run_oci" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -c "$BUNDLE" "$ID"
		await match "$DIR/syslog" 'finished with status 0'
		kill "$p"
		wait "$p" || :
	END
	DIR=$DIR CTL=$CTL BUNDLE=$BUNDLE ID=$ID exits 0 unshare -m --propagation private sh "$DIR/in-a-dev-of-our-own"
	like "$(tr '<' '\n' <"$DIR/syslog")" "run_oci: Starting container $ID"
}

@test "C16 errors end with 255, success of start, kill and destroy with 0" {
	bundle sleep 1000
	exits 0 oci start -c "$BUNDLE" "$ID"
	is "$output$stderr" ""
	exits 255 oci start -c "$BUNDLE" "$ID"
	exits 255 oci destroy "$ID"
	exits 0 oci kill -S KILL "$ID"
	until_ended
	exits 255 oci kill "$ID"
	exits 0 oci destroy "$ID"
	exits 255 oci destroy "$ID"
	exits 255 oci kill "$ID"
	nothing_made
}

@test "C17 C84 run stays until the process ends, with its status, and is unknown to kill and destroy" {
	bundle sh -c 'echo out; echo err >&2; cat; exit 9'
	hook poststart "'$DIR/run_oci' --state-dir '$SD' kill $ID 2>'$DIR/said'; echo \$? >'$DIR/status'"
	exits 9 oci run -c "$BUNDLE" "$ID" <<<input
	is "$output" $'out\ninput'
	is "$stderr" err
	is "$(cat "$DIR/status")" 255
	has "$(cat "$DIR/said")" "is not managed"
	nothing_made
}

@test "C18 C22 start returns when the poststart hooks have ended, which find the pid" {
	bundle sleep 1000
	mkfifo "$DIR/go"
	hook poststart "cat '$SD/$ID/container.pid' >'$DIR/pid'; touch '$DIR/here'; read x <'$DIR/go'; touch '$DIR/done'"
	oci start -c "$BUNDLE" "$ID" &
	local p=$!
	await exists "$DIR/here"
	[ -d "/proc/$p" ] || fail "start did not wait"
	is "$(ctl_status)" running
	echo >"$DIR/go"
	wait "$p"
	[ -e "$DIR/done" ]
	ctl_pids
	is "$(cat "$DIR/pid")" "$PID"
	oci kill -S KILL "$ID"
	until_ended
	exits 0 oci destroy "$ID"
	nothing_made
}

@test "C19 start fails when the container's directory is there, and leaves it alone" {
	bundle sleep 1000
	mkdir -p "$SD/$ID"
	touch "$SD/$ID/mine"
	exits 255 oci start -c "$BUNDLE" "$ID"
	has "$stderr" "container $ID already exists"
	is "$(ls -A "$SD/$ID")" mine
	rm -r "${SD:?}/$ID"
	nothing_of
}

@test "C20 a started container's directory has tag, links and the pid" {
	bundle sleep 1000
	own_rootfs
	exits 0 oci start -l "$DIR/logs" -c "$BUNDLE" "$ID"
	local d=$SD/$ID
	is "$(stat -c %a "$d")" 755
	is "$(readlink "$d/config.json")" "$BUNDLE/config.json"
	is "$(readlink "$d/mountpoints/container-root")" "$BUNDLE/rootfs"
	is "$(readlink "$d/log")" "$(log_file)"
	is "$(stat -c '%F %s' "$d/.run_oci")" "regular empty file 0"
	ctl_pids
	printf '%d\n' "$PID" | cmp - "$d/container.pid"
	is "$(ls -A "$d" | sort | paste -sd ' ')" ".run_oci config.json container.pid log mountpoints store"
	oci kill -S KILL "$ID"
	until_ended
	exits 0 oci destroy "$ID"
	nothing_made
}

@test "a log that was replaced by a link or a FIFO is not written to, and holds nothing up" {
	local log
	bundle sleep 1000
	exits 0 oci start -l "$DIR/logs" -c "$BUNDLE" "$ID"
	log=$(log_file)
	: >"$DIR/elsewhere"
	ln -sf "$DIR/elsewhere" "$log"
	exits 0 oci kill -S USR1 "$ID"
	is "$stderr" "run_oci: open the log $log: too many levels of symbolic links"
	[ ! -s "$DIR/elsewhere" ] || fail "written: $(cat "$DIR/elsewhere")"
	rm "$log"
	mkfifo "$log"
	exits 0 oci kill -S KILL "$ID"
	is "$stderr" "run_oci: open the log $log: no such device or address"
	until_ended
	exits 0 oci destroy "$ID"
	nothing_made
}

@test "C21 what fails on the way takes directory, mounts and container with it" {
	bundle sleep 1000
	hook prechroot "mkdir '$SD/$ID/mountpoints/a'; mount -t tmpfs tmpfs '$SD/$ID/mountpoints/a'"
	hook prestart "mkdir '$SD/$ID/mountpoints/a/b'; mount -t tmpfs tmpfs '$SD/$ID/mountpoints/a/b'; exit 1"
	exits 255 oci start -c "$BUNDLE" "$ID"
	has "$stderr" "1 of 1 prestart hooks failed"
	nothing_made
	bundle no-such-program
	exits 255 oci start -c "$BUNDLE" "$ID"
	nothing_made
	config '.process.args = 5'
	exits 255 oci start -c "$BUNDLE" "$ID"
	nothing_made
}

@test "C23 a pid file that cannot be written fails the start" {
	bundle sleep 1000
	hook prestart "mkdir -p '$SD/$ID/container.pid/full'"
	hook poststart "touch '$DIR/poststart'"
	exits 255 oci start -c "$BUNDLE" "$ID"
	has "$stderr" container.pid
	[ ! -e "$DIR/poststart" ]
	nothing_made
}

@test "C24 a failing poststart hook ends the container, and the poststop hooks run" {
	bundle sleep 1000
	hook poststart false
	hook poststop "jq -r .status >>'$DIR/stopped'"
	exits 255 oci start -c "$BUNDLE" "$ID"
	has "$stderr" "1 of 1 poststart hooks failed"
	nothing_made
	is "$(cat "$DIR/stopped")" stopped
	exits 255 oci run -c "$BUNDLE" "$ID"
	has "$stderr" "1 of 1 poststart hooks failed"
	nothing_made
	is "$(cat "$DIR/stopped")" $'stopped\nstopped'
}

@test "C25 C52 poststop hooks run once at the end, and not when there never was a process" {
	bundle true
	hook poststop "echo ran >>'$DIR/stopped'"
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$(cat "$DIR/stopped")" ran
	exits 0 oci start -c "$BUNDLE" "$ID"
	until_ended
	is "$(cat "$DIR/stopped")" ran
	exits 0 oci destroy "$ID"
	is "$(cat "$DIR/stopped")" $'ran\nran'
	config '.root.path = "/nonexistent-rootfs"'
	exits 255 oci run -c "$BUNDLE" "$ID"
	exits 255 oci start -c "$BUNDLE" "$ID"
	is "$(cat "$DIR/stopped")" $'ran\nran'
	nothing_made
}

@test "C27 a relative root and relative sources of bind mounts are the bundle's" {
	bundle cat /mnt/file
	own_rootfs
	mkdir "$BUNDLE/data"
	echo "from the bundle" >"$BUNDLE/data/file"
	config '.mounts += [{destination: "/mnt", source: "data", options: ["bind", "ro"]}]'
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$output" "from the bundle"
}

@test "C28 the caller's descriptors reach the process under their numbers" {
	bundle sh -c 'cat <&5; echo one >&7; for fd in /proc/$$/fd/*; do echo "${fd##*/}"; done'
	echo five >"$DIR/five"
	attempt oci_with_descriptors
	is "$status" 0
	is "${lines[0]}" five
	is "$(cat "$DIR/seven")" one
	has "$output" $'\n7'
}
oci_with_descriptors() { oci run -c "$BUNDLE" "$ID" 5<"$DIR/five" 7>"$DIR/seven"; }

@test "C29 without an environment in the bundle the process has the caller's" {
	bundle env
	exits 0 env MARK=mine "$DIR/run_oci" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -c "$BUNDLE" "$ID"
	hasnt "$output" MARK
	has "$output" "TERM=xterm"
	config 'del(.process.env)'
	exits 0 env MARK=mine "$DIR/run_oci" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -c "$BUNDLE" "$ID"
	has "$output" "MARK=mine"
}

@test "C30 the umask is that of process.umask, else 0022" {
	bundle sh -c umask
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$output" 0022
	config '.process.umask = 63'
	exits 0 oci run -c "$BUNDLE" "$ID"
	is "$output" 0077
}

@test "C31 kill and destroy write to the log of start" {
	bundle sleep 1000
	hook poststop "echo hook poststop"
	exits 0 oci -l "$DIR/logs" start -c "$BUNDLE" "$ID"
	exits 0 oci kill -S KILL "$ID"
	until_ended
	exits 0 oci destroy "$ID"
	is "$output$stderr" ""
	local f
	for f in "Sending signal KILL" "Destroying container $ID" "hook poststop" "is destroyed"; do
		grep -q -e "$f" "$(log_file)" || fail "no '$f': $(cat "$(log_file)")"
	done
}

@test "C32 a pid file that holds no pid, or another's, is an error" {
	bundle sleep 1000
	exits 0 oci start -c "$BUNDLE" "$ID"
	local good text
	good=$(cat "$SD/$ID/container.pid")
	for text in rubbish "" -1 0 1 "$good $good" 99999999999999999999 00000000000000000000; do
		echo "$text" >"$SD/$ID/container.pid"
		exits 255 oci kill "$ID"
		has "$stderr" "container.pid"
	done
	echo $$ >"$SD/$ID/container.pid"
	exits 255 oci kill "$ID"
	has "$stderr" "$$ is not the container's process"
	echo " $good " >"$SD/$ID/container.pid"
	exits 0 oci kill -S KILL "$ID"
	until_ended
	exits 0 oci destroy "$ID"
}

@test "C33 without the tag a directory is not ours" {
	bundle sleep 1000
	exits 0 oci start -c "$BUNDLE" "$ID"
	rm "$SD/$ID/.run_oci"
	exits 255 oci kill "$ID"
	has "$stderr" "container $ID is not managed"
	exits 255 oci destroy "$ID"
	has "$stderr" "container $ID is not managed"
	is "$(ctl_status)" running
	touch "$SD/$ID/.run_oci"
	oci kill -S KILL "$ID"
	until_ended
	exits 0 oci destroy "$ID"
}

@test "C34 kill reaches the first process only, runs no hooks, and says when it is gone" {
	bundle inside ignore-term
	hook poststop "touch '$DIR/stopped'"
	exits 0 oci start -c "$BUNDLE" "$ID"
	await match "$CONTAINERS/$ID/container.log" ready
	local sid
	sid=$(ctl exec -d "$ID" sleep 1000)
	exits 0 oci kill "$ID"
	is "$(ctl session inspect "$sid" | jq -r .state)" running
	is "$(ctl_status)" running
	exits 0 oci kill -S KILL "$ID"
	until_ended
	exits 255 oci kill "$ID"
	has "$stderr" "no such process"
	[ ! -e "$DIR/stopped" ]
	exits 0 oci destroy "$ID"
	[ -e "$DIR/stopped" ]
}

@test "C35 destroy refuses while the process is there, and touches nothing" {
	bundle sleep 1000
	hook poststop "touch '$DIR/stopped'"
	exits 0 oci start -c "$BUNDLE" "$ID"
	exits 255 oci destroy "$ID"
	has "$stderr" "container $ID cannot be destroyed: it is running"
	exits 125 ctl destroy --state-dir "$SD" "$ID"
	has "$stderr" "container $ID cannot be destroyed: it is running"
	[ ! -e "$DIR/stopped" ]
	[ -e "$SD/$ID/container.pid" ]
	oci kill -S KILL "$ID"
	until_ended
	exits 0 ctl destroy --state-dir "$SD" "$ID"
	[ -e "$DIR/stopped" ]
	nothing_made
}

@test "C36 C37 destroy runs the poststop hooks of the bundle, and goes on when one fails" {
	bundle true
	hook poststop "cat >'$DIR/told'; exit 1"
	hook poststop "touch '$DIR/second'"
	exits 0 oci start -c "$BUNDLE" "$ID"
	local pid
	pid=$(cat "$SD/$ID/container.pid")
	until_ended
	exits 0 oci destroy "$ID"
	is "$(jq -c '[.status, .bundle, .pid, .id]' "$DIR/told")" "[\"stopped\",\"$BUNDLE\",$pid,\"$ID\"]"
	[ -e "$DIR/second" ]
	nothing_made
}

@test "C38 destroy unmounts what is mounted in the directory, the last first" {
	bundle true
	hook poststart "cd '$SD/$ID/mountpoints' && mkdir a && mount -t tmpfs tmpfs a && mkdir 'a/b c' &&
		mount -t tmpfs tmpfs 'a/b c' && mount -t tmpfs tmpfs 'a/b c' && mount --bind '$BUNDLE' a && touch '$DIR/mounted'"
	exits 0 oci start -c "$BUNDLE" "$ID"
	[ -e "$DIR/mounted" ]
	until_ended
	exits 0 oci destroy "$ID"
	is "$(grep -c " $SD" /proc/self/mounts || :)" 0
	[ -e "$BUNDLE/config.json" ]
	nothing_made
}

@test "C39 a bundle that has become bad is an error before anything is touched" {
	bundle true
	hook poststart "mkdir '$SD/$ID/mountpoints/a' && mount -t tmpfs tmpfs '$SD/$ID/mountpoints/a'"
	exits 0 oci start -c "$BUNDLE" "$ID"
	until_ended
	cp "$BUNDLE/config.json" "$DIR/good.json"
	echo '{' >"$BUNDLE/config.json"
	exits 255 oci destroy "$ID"
	has "$stderr" "$BUNDLE/config.json"
	mountpoint -q "$SD/$ID/mountpoints/a"
	[ -e "$SD/$ID/.run_oci" ]
	cp "$DIR/good.json" "$BUNDLE/config.json"
	exits 0 oci destroy "$ID"
	nothing_made
}

@test "a started container's directory is in /run/containers unless told otherwise; two roots do not mix" {
	bundle sleep 1000
	exits 0 ctl start --container-path "$BUNDLE" "$ID" -- || fail "not started"
	ctl_pids
	is "$(cat "/run/containers/$ID/container.pid")" "$PID"
	# the same id in another root is another container
	exits 125 "$TALLYCTL" --root "$DIR/other" destroy "$ID"
	has "$stderr" "does not exist"
	exits 0 ctl kill "$ID" KILL
	until_ended
	exits 0 ctl destroy "$ID"
	[ ! -e "/run/containers/$ID" ]
	nothing_of
}

@test "a container whose record was removed, or whose monitor was killed, can be destroyed all the same" {
	bundle sleep 1000
	hook poststop "echo ran >>'$DIR/stopped'"
	exits 0 oci start -c "$BUNDLE" "$ID"
	ctl rm --force "$ID"
	exits 255 oci kill "$ID"
	has "$stderr" "not running"
	exits 0 oci destroy "$ID"
	nothing_made
	exits 0 oci start -c "$BUNDLE" "$ID"
	ctl_pids
	kill -KILL "$MPID"
	await process-gone "$MPID"
	exits 255 oci destroy "$ID"
	exits 0 oci kill -S KILL "$ID"
	await process-gone "$PID"
	exits 0 oci destroy "$ID"
	is "$(cat "$DIR/stopped")" $'ran\nran'
	nothing_made
}

@test "options that make no sense together are refused by name" {
	bundle true
	exits 125 ctl run --container-path "$BUNDLE" --tty "$ID"
	has "$stderr" "--container-path does not go with --tty"
	exits 125 ctl run --container-path "$BUNDLE" -d "$ID"
	has "$stderr" "--detach"
	exits 125 ctl start --container-path "$BUNDLE" --attach "$ID"
	has "$stderr" "--attach"
	exits 125 ctl start --init "$ID"
	has "$stderr" "--init"
	exits 125 ctl start "$ID" -- more
	one_line "$stderr"
	exits 125 ctl destroy "$ID"
	has "$stderr" "does not exist"
	nothing_made
}

@test "destroy removes what has ended, and nothing else" {
	bundle true
	ctl create -b "$BUNDLE" "$ID"
	exits 125 ctl destroy "$ID"
	has "$stderr" "it is created"
	ctl start "$ID"
	until_ended
	exits 0 ctl destroy "$ID"
	nothing_of
}
