load engine

# A program that says when it is ready, and ends with 7 on SIGTERM and 9 on SIGUSR1 (written to its log).
stubborn='trap "echo term; exit 7" TERM; trap "echo usr1" USR1; echo ready; while :; do sleep 1000 & wait; done'

ready() { # CONTAINER
	until_true eval "podman logs $1 | grep -q ready"
}

@test "stop lets the program end by itself and keeps its status" {
	start --name s $BB sh -c "$stubborn"
	ready s
	podman stop -t 20 s
	is "$(inspect s .State.ExitCode)" 7 status
	is "$(inspect s .State.Pid)" 0 pid
	run -0 podman logs s
	is "${lines[-1]}" term "last line of the log"
}

@test "stop kills what does not end in time" {
	start --name k --stop-timeout 1 $BB sh -c 'trap "" TERM; echo ready; while :; do sleep 1000; done'
	ready k
	run -0 podman stop k
	is "$(inspect k .State.ExitCode)" 137 status
}

@test "stop uses the container's stop signal" {
	start --name sig --stop-signal USR1 $BB sh -c 'trap "exit 11" USR1; echo ready; while :; do sleep 1000 & wait; done'
	ready sig
	podman stop -t 20 sig
	is "$(inspect sig .State.ExitCode)" 11 status
}

@test "stop of a container without a pid namespace of its own ends all its processes" {
	start --pid host --name all $BB sh -c 'sleep 991 & sleep 992 & echo ready; wait'
	ready all
	podman stop -t 10 all
	until_true eval '! grep -lzE "^99[12]$" /proc/[0-9]*/cmdline 2>/dev/null'
	is "$(inspect all .State.ExitCode)" 143 status
}

@test "kill sends the signal that is named and the container goes on" {
	start --name u $BB sh -c "$stubborn"
	ready u
	podman kill -s USR1 u
	until_true eval "podman logs u | grep -q usr1"
	is "$(inspect u .State.Status)" running status
	podman kill -s KILL u
	run -0 podman wait u
	is "$output" 137 status
	run -125 podman kill u
}

@test "wait gives the status, also of a container that has ended" {
	start --name w -i $BB sh -c 'read x; exit 21'
	podman wait w >"$D/wait" &
	waiter=$!
	echo go | podman attach w
	wait $waiter
	is "$(cat "$D/wait")" 21 "status while waiting"
	run -0 podman wait w
	is "$output" 21 "status afterwards"
}

@test "pause stops every process, unpause lets them go on" {
	start --name p $BB sh -c 'echo ready; i=0; while :; do i=$((i+1)); echo $i >/tmp/n; done'
	ready p
	podman pause p
	is "$(inspect p .State.Status)" paused status
	pid=$(inspect p .State.Pid)
	ticks=$(awk '{print $14 + $15}' "/proc/$pid/stat")
	sleep 0.3 # to see that nothing happens
	is "$(awk '{print $14 + $15}' "/proc/$pid/stat")" "$ticks" "CPU time of a paused process"
	podman unpause p
	is "$(inspect p .State.Status)" running status
	until_true eval '[ "$(awk "{print \$14 + \$15}" /proc/'"$pid"'/stat)" -gt '"$ticks"' ]'
}

@test "a paused container can be removed by force" {
	start --name frozen $BB sleep 1000
	podman pause frozen
	podman rm -f -t 0 frozen
	no_trace "$cid"
}

@test "restart gives a new process, the log goes on" {
	start --name r $BB sh -c "echo started; $stubborn"
	ready r
	first=$(inspect r .State.Pid)
	podman restart -t 10 r
	check_monitor r
	until_true eval '[ "$(podman logs r | grep -c ready)" -eq 2 ]'
	second=$(inspect r .State.Pid)
	[ "$first" != "$second" ] || fail "still process $first"
	is "$(podman logs r | xargs)" 'started ready term started ready' log
}

@test "a stopped container starts again, many times" {
	podman create --name again $BB sh -c 'echo x >>/tmp/count; wc -l </tmp/count'
	for round in 1 2 3 4; do
		run -0 podman start -a again
		is "$output" $round "output of start $round"
	done
}

@test "the restart policy restarts as often as it says" {
	podman run -d --name policy --restart on-failure:2 $BB sh -c 'echo round; exit 5'
	until_true eval '[ "$(podman inspect --format "{{.State.Status}} {{.RestartCount}}" policy)" = "exited 2" ]'
	is "$(podman logs policy | grep -c round)" 3 rounds
	is "$(inspect policy .State.ExitCode)" 5 status
}

@test "--timeout ends the container" {
	local seconds
	for seconds in 1 5 25; do # a second may be over before podman has come to its start
		if podman run -d --name t --timeout $seconds $BB sleep 1000; then break; fi
		podman rm -f -t 0 t
	done
	run -0 podman wait t
	like "$output" '^(-1|255)$' "status of a container that was timed out"
	is "$(inspect t .State.Status)" exited status
}

@test "attach passes output and stdin of a running container, and its end" {
	start --name a -i $BB sh -c 'while read -r x; do echo "got $x"; done; echo end; exit 4'
	run -0 podman attach a < <(printf 'one\ntwo\n')
	is "$output" $'got one\ngot two\nend' output
	run -0 podman wait a
	is "$output" 4 status
}

@test "two clients see the same output" {
	start --name two -i $BB sh -c 'read x; echo "got $x"; read x; seq 1000'
	mkfifo "$D/keys"
	podman attach two <"$D/keys" >"$D/one" &
	first=$!
	exec 5>"$D/keys"
	echo one >&5
	until_true grep -q 'got one' "$D/one"
	echo two | podman attach two >"$D/two"
	wait $first
	exec 5>&-
	# podman attach ends with an empty line of its own.
	(seq 1000; echo) | cmp - "$D/two"
	(echo 'got one'; seq 1000; echo) | cmp - "$D/one"
}

@test "inspect tells when and how it ended" {
	before=$(date +%s)
	podman run --name dates $BB sh -c 'exit 3' || true
	after=$(date +%s)
	finished=$(date +%s -d "$(podman inspect --format '{{.State.FinishedAt.Format "2006-01-02T15:04:05Z07:00"}}' dates)")
	[ "$finished" -ge "$before" ] && [ "$finished" -le "$after" ] || fail "finished at $finished, not in $before..$after"
	is "$(inspect dates .State.Error)" '' error
	is "$(inspect dates .State.ExitCode)" 3 status
}

@test "rm refuses a running container, rm -f removes it" {
	start --name busy $BB sleep 1000
	run -2 podman rm busy
	podman rm -f -t 0 busy
	no_trace "$cid"
}

@test "the monitor ends with its container and leaves no process behind" {
	start --name m $BB sleep 1000
	monitor=$(monitor_pid m)
	podman stop -t 0 m
	until_true eval "[ ! -e /proc/$monitor ]"
}

@test "processes that a container leaves behind end with it" {
	start --name orphans $BB sh -c 'for i in 1 2 3; do (sleep 990 &); done; echo ready; exec sleep 2'
	run -0 podman wait orphans
	is "$output" 0 status
	until_true eval '! grep -lz "^990$" /proc/[0-9]*/cmdline 2>/dev/null'
}
