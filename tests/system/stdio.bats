# The container's standard descriptors: pipes and terminal.
load ../lib/harness

@test "without -i stdin is /dev/null" {
	mon_run sh -c 'readlink /proc/self/fd/0; cat; echo end'
	is "$(payload)" $'/dev/null\nend'
}

@test "stdout and stderr are pipes that any user may reopen" {
	bundle sh -c 'echo out >/dev/stdout; echo err >/dev/stderr; readlink /proc/self/fd/1'
	config '.process.user = { uid: 1000, gid: 1000 }'
	mon_started
	mon_end
	like "$(payload stdout)" $'^out\npipe:'
	is "$(payload stderr)" err
}

@test "with -i what a client sends arrives, and its half-close is the end of stdin" {
	bundle sh -c 'cat; echo end'
	mon_started -- -i
	client one
	send one 'a line\n'
	hang_up one
	client_ends one 0
	mon_end
	is "$(payload)" $'a line\nend'
	is "$(cat "$DIR/one.out")" $'a line\nend'
}

@test "what is sent before the start is kept and delivered" {
	bundle cat
	mon_created -- -i
	client one
	send one 'early\n'
	hang_up one
	rt start "$ID"
	mon_end
	is "$(payload)" early
}

@test "a terminal: one stream, carriage returns kept, a controlling tty" {
	bundle sh -c 'tty; echo err >&2; test -t 0 && test -t 1 && test -t 2 && echo all three'
	config '.process.terminal = true'
	mon_started -- -t
	mon_end
	is "$(records | awk '{ print $1 }' | sort -u)" stdout
	has "$(payload | tr '\r' '%')" $'/dev/pts/0%\nerr%\nall three%'
	is "$(exit_file)" 0
}

@test "a terminal: a client types and sees the echo" {
	bundle sh -c 'read x; echo "got $x"'
	config '.process.terminal = true'
	mon_started -- -t
	client one
	send one 'word\n'
	mon_end
	client_ends one 0
	is "$(tr -d '\r' <"$DIR/one.out")" $'word\ngot word'
	is "$(payload | tr -d '\r')" $'word\ngot word'
}

@test "a terminal: ctrl-c typed by a client interrupts" {
	bundle sh -c 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.05; done'
	config '.process.terminal = true'
	mon_started -- -t
	client one
	await match "$LOG" ready
	send one '\003'
	mon_end
	is "$(exit_file)" 9
}

@test "a terminal that ends at once yields its output and status" {
	bundle sh -c 'echo quick; exit 3'
	config '.process.terminal = true'
	mon_started -- -t
	mon_end
	is "$(payload | tr -d '\r')" quick
	is "$(exit_file)" 3
}

@test "a terminal nobody has open for a while is not the end" {
	bundle sh -c 'exec </dev/null >/dev/null 2>&1; sleep 0.5; echo back >/dev/pts/0; exit 2'
	config '.process.terminal = true'
	mon_started -- -t
	mon_end
	is "$(payload | tr -d '\r')" back
	is "$(exit_file)" 2
}

@test "the console socket's file is gone once the terminal has come" {
	bundle sleep 1000
	config '.process.terminal = true'
	mkdir "$DIR/tmp"
	TMPDIR=$DIR/tmp mon_started -- -t
	is "$(ls "$DIR/tmp")" ""
	rt kill "$ID" KILL
	mon_end
}

@test "the container sees exactly descriptors 0, 1 and 2" {
	mon_run inside fds
	is "$(payload)" "0 1 2"
}

@test "the container sees exactly descriptors 0, 1 and 2, with terminal and stdin" {
	bundle inside fds
	config '.process.terminal = true'
	mon_started -- -t -i
	mon_end
	is "$(payload | tr -d '\r')" "0 1 2"
}

@test "preserved descriptors reach the container and nothing else does" {
	bundle sh -c 'inside fds; cat <&3; echo into >&4'
	echo content >"$DIR/three"
	mon_started --preserve "$DIR/three" --preserve "$DIR/four" -- --runtime-opt --preserve-fds --runtime-opt 2
	mon_end
	is "$(payload)" $'0 1 2 3 4\ncontent'
	is "$(cat "$DIR/four")" into
}

@test "no signal is blocked or ignored in the container" {
	mon_run inside signals
	is "$(payload | tr '\t' ' ')" $'SigPnd: 0000000000000000\nSigBlk: 0000000000000000\nSigIgn: 0000000000000000\nSigCgt: 0000000000000000'
}
