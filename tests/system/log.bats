# The k8s-file log, byte for byte.
load ../lib/harness

# logged CMD...: run it with the log checked record by record
logged() {
	mon_run "$@"
	records >"$DIR/records"
}

@test "a record is local time with nine digits and offset, stream, F, content" {
	mon_run echo hello
	like "$(cat "$LOG")" '^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{9}\+00:00 stdout F hello$'
}

@test "the offset is the time zone's, also half an hour and west of Greenwich" {
	export TZ=NST03:30
	mon_run echo hello
	like "$(cat "$LOG")" '\.[0-9]{9}-03:30 stdout F hello$'
	rt delete "$ID"
	rm "$LOG"
	export TZ=XST-05:45
	mon_run echo hello
	like "$(cat "$LOG")" '\.[0-9]{9}\+05:45 stdout F hello$'
}

@test "the time of a record is the present" {
	before=$(date +%s)
	mon_run echo hello
	at=$(date -d "$(cut -d ' ' -f 1 "$LOG")" +%s)
	[ "$at" -ge "$before" ] && [ "$at" -le "$(date +%s)" ]
}

@test "lines of one write become one record each" {
	logged printf 'a\nbb\n\nccc\n'
	is "$(cat "$DIR/records")" $'stdout F 1\nstdout F 2\nstdout F 0\nstdout F 3'
	is "$(payload)" $'a\nbb\n\nccc'
}

@test "an unterminated rest is P at once, and there is no closing record at the end" {
	logged printf 'a\nrest'
	is "$(cat "$DIR/records")" $'stdout F 1\nstdout P 4'
}

@test "what was P and is ended later becomes P and F" {
	bundle cat
	mon_started -- -i
	client one
	send one abc
	await match "$LOG" ' P abc$'
	send one 'def\n'
	await match "$LOG" ' F def$'
	hang_up one
	mon_end
	is "$(records)" $'stdout P 3\nstdout F 3'
	is "$(payload)" abcdef
}

@test "8191 bytes and a newline are one F record" {
	bundle cat /tmp/in
	with_file "$DIR/in"
	{ head -c 8191 /dev/zero | tr '\0' x; echo; } >"$DIR/in"
	mon_started
	mon_end
	is "$(records)" "stdout F 8191"
}

@test "8192 bytes and a newline are P of 8192 and an empty F" {
	bundle cat /tmp/in
	with_file "$DIR/in"
	{ head -c 8192 /dev/zero | tr '\0' x; echo; } >"$DIR/in"
	mon_started
	mon_end
	is "$(records)" $'stdout P 8192\nstdout F 0'
}

@test "a line of 20000 bytes in one write is P 8192, P 8192, F 3616" {
	bundle cat /tmp/in
	with_file "$DIR/in"
	{ head -c 20000 /dev/zero | tr '\0' x; echo; } >"$DIR/in"
	mon_started
	mon_end
	is "$(records)" $'stdout P 8192\nstdout P 8192\nstdout F 3616'
}

@test "NUL, carriage return, escapes and invalid UTF-8 are copied unchanged" {
	bundle cat /tmp/in
	with_file "$DIR/in"
	printf 'a\0b\r\n\xff\xfe\xc3\n\x1b[31mred\x1b[0m\n\0\0\n\xe2\x82' >"$DIR/in"
	mon_started
	mon_end
	payload | cmp - "$DIR/in"
}

@test "all byte values in random order come through" {
	bundle cat /tmp/in
	with_file "$DIR/in"
	head -c 3000000 /dev/urandom >"$DIR/in"
	mon_started
	mon_end
	payload | cmp - "$DIR/in"
}

@test "stdout and stderr are told apart" {
	logged sh -c 'echo out; echo err >&2; echo out2; printf tail >&2'
	is "$(payload stdout)" $'out\nout2'
	is "$(payload stderr)" $'err\ntail'
}

@test "an existing log is appended to" {
	echo "2020-01-01T00:00:00.000000000+00:00 stdout F old" >"$LOG"
	mon_run echo new
	is "$(payload)" $'old\nnew'
}

@test "a new log has mode 0640 under umask 0022" {
	mode_is_0640() { is "$(stat -c %a "$LOG")" 640; }
	umask 0022
	mon_run true
	peer_fails monitor mode_is_0640 # from 2.1.13 on
}

@test "a log that is a symlink is followed" {
	ln -s target.log "$LOG"
	mon_run echo hello
	is "$(klog payload "$DIR/target.log")" hello
	[ -L "$LOG" ]
}

@test "a relative log path counts from the working directory" {
	bundle echo hello
	cd "$DIR"
	mon_started -- -l k8s-file:relative.log
	mon_end
	is "$(klog payload "$DIR/relative.log")" hello
}

@test "several log paths: no-ops do not count, every file is written" {
	every_file() { is "$(klog payload "$LOG")" hello; }
	bundle echo hello
	mon_started -- -l none -l "k8s-file:$DIR/last.log" -l off
	mon_end
	is "$(klog payload "$DIR/last.log")" hello
	peer_fails monitor every_file # the last wins, and the first is not even created
}

@test "--log-utc: the times of a k8s-file are UTC, whatever the zone" {
	in_utc() {
		bundle echo hello
		mon_started -- --log-utc
		mon_end
		like "$(cat "$LOG")" '\.[0-9]{9}\+00:00 stdout F hello$'
		at=$(date -d "$(cut -d ' ' -f 1 "$LOG")" +%s)
		[ "$at" -ge "$before" ] && [ "$at" -le "$(date +%s)" ]
	}
	export TZ=XST-05:45
	before=$(date +%s)
	peer_fails monitor in_utc
}

@test "a path without driver is a k8s-file, as CRI-O gives it" {
	bundle echo hello
	mon_started -- -l "$DIR/bare.log"
	mon_end
	is "$(klog payload "$DIR/bare.log")" hello
}

@test "a colon in the path is part of it" {
	whole_path() {
		mon_started -- -l "k8s-file:$DIR/a:b.log"
		mon_end
		is "$(klog payload "$DIR/a:b.log")" hello
	}
	bundle echo hello
	peer_fails monitor whole_path
}

@test "with log path none the output goes nowhere, and the container does not notice" {
	bundle sh -c 'head -c 1000000 /dev/zero; echo done >&2; exit 3'
	standard_args
	mon -- "${ARGS[@]/#k8s-file:*/none}"
	said_created
	rt start "$ID"
	mon_end
	is "$(exit_file)" 3
	[ ! -e "$LOG" ]
}

@test "--log-size-max: the file never exceeds the limit and ends with the newest records" {
	bundle sh -c 'i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i+1)); done'
	mon_started -- --log-size-max 4096
	mon_end
	[ "$(stat -c %s "$LOG")" -le 4096 ]
	is "$(payload | tail -n 1)" "line 499"
	first=$(payload | head -n 1)
	is "$(payload)" "$(seq "${first#line }" 499 | sed 's/^/line /')"
}

@test "--log-global-size-max: beyond it records are dropped, the container goes on" {
	bundle sh -c 'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done; exit 6'
	mon_started -- --log-global-size-max 10000
	mon_end
	is "$(exit_file)" 6
	size=$(stat -c %s "$LOG")
	[ "$size" -ge 9900 ] && [ "$size" -le 10100 ]
	is "$(payload | head -n 2)" $'line 0\nline 1'
}

@test "--log-priority-prefix: journald gets the priority, the file the bytes" {
	prioritised() {
		bundle sh -c 'echo "<4>careful"; echo plain; echo "<2>urgent" >&2'
		mon_started -- -l journald --log-priority-prefix
		mon_end
		for p in 2 4 6; do await match "$DIR/journal" "^PRIORITY=$p\$"; done
		is "$(tr -d '\0' <"$DIR/journal" | grep -ac '^PRIORITY=')" 3
		is "$(tr -d '\0' <"$DIR/journal" | grep -aE '^.?(careful|urgent)$' | wc -l)" 2
		is "$(payload stdout)" $'<4>careful\nplain'
	}
	ID=tm-long-enough-${DIR##*.}
	mkdir -p /run/systemd/journal
	socat -u UNIX-RECV:/run/systemd/journal/socket,unlink-early "CREATE:$DIR/journal" 3>&- 4>&- &
	socat=$!
	await exists /run/systemd/journal/socket
	peer_fails monitor prioritised
	kill "$socat"
	rm -f /run/systemd/journal/socket
}

@test "passthrough gives the container the monitor's own stdio and makes no socket and no FIFO" {
	bundle sh -c 'echo out; echo err >&2; exit 4'
	standard_args
	mon -- "${ARGS[@]/#k8s-file:*/passthrough}"
	said_created
	rt start "$ID"
	mon_end
	is "$(cat "$E/stdout")" out
	is "$(cat "$E/stderr")" err
	is "$(exit_file)" 4
	[ ! -e "$BUNDLE/attach" ] && [ ! -e "$BUNDLE/ctl" ] && [ ! -e "$BUNDLE/winsz" ]
}

@test "output of the last moment is in the log before the exit file is there" {
	# shellcheck disable=SC2016 # the exit command's shell expands it
	bundle sh -c 'i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done'
	mon_started -- --exit-command /bin/sh --exit-command-arg -c \
		--exit-command-arg "test -e $DIR/exits/$ID && tail -n 1 $LOG > $DIR/seen"
	mon_end
	like "$(cat "$DIR/seen")" ' F line 2999$'
}
