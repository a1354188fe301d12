# The attach socket.
load ../lib/harness

@test "every client gets all output from its connection on, in reading order" {
	bundle sh -c 'read go; echo out; echo err >&2; read go; echo more'
	mon_started -- -i
	client one
	client two
	send one 'go\n'
	await match "$DIR/two.out" out
	await match "$DIR/one.err" err
	send two 'go\n'
	mon_end
	for c in one two; do
		client_ends "$c" 0
		is "$(cat "$DIR/$c.out")" $'out\nmore'
		is "$(cat "$DIR/$c.err")" err
	done
}

@test "nothing from before the connection is replayed" {
	bundle sh -c 'echo early; read go; echo late'
	mon_started -- -i
	await match "$LOG" ' early$'
	client one
	send one 'go\n'
	mon_end
	client_ends one 0
	is "$(cat "$DIR/one.out")" late
}

@test "a packet is one type byte and at most 8192 bytes" {
	bundle sh -c 'read go; cat /tmp/in'
	with_file "$DIR/in"
	head -c 100000 /dev/urandom >"$DIR/in"
	mon_started -- -i
	client one
	send one '\n'
	mon_end
	client_ends one 0
	cmp "$DIR/in" "$DIR/one.out"
	is "$(awk '$1 != 2 || $2 < 1 || $2 > 8192' "$DIR/one.packets")" ""
}

@test "clients of many packets each get every byte" {
	bundle sh -c 'read go; numbers emit 5000000'
	mon_started -- -i
	for c in a b c d; do client $c; done
	send a '\n'
	mon_end
	for c in a b c d; do
		client_ends $c 0
		exits 0 numbers stream 5000000 <"$DIR/$c.out"
	done
	exits 0 numbers check 5000000 "$LOG"
}

@test "stdin of several clients is not torn within a packet" {
	bundle cat
	mon_started -- -i --leave-stdin-open
	client one
	client two
	for i in 1 2 3 4 5; do
		send one 'first %d\n' $i
		send two 'second %d\n' $i
	done
	await lines "$LOG" 10
	is "$(payload | sort)" "$(for w in first second; do for i in 1 2 3 4 5; do echo "$w $i"; done; done)"
	rt kill "$ID" KILL
	mon_end
}

@test "after its half-close a client still gets all output" {
	bundle sh -c 'cat; echo after; sleep 0.2; echo later'
	mon_started -- -i
	client one
	send one 'x\n'
	hang_up one
	mon_end
	client_ends one 0
	is "$(cat "$DIR/one.out")" $'x\nafter\nlater'
}

@test "a client that disconnects closes stdin for all, as with conmon" {
	bundle sh -c 'cat; echo end'
	mon_started -- -i
	client one
	client two
	hang_up one
	mon_end
	client_ends two 0
	is "$(cat "$DIR/two.out")" end
}

@test "with --leave-stdin-open another client can go on" {
	bundle sh -c 'read a; echo "a $a"; read b; echo "b $b"'
	mon_started -- -i --leave-stdin-open
	client one
	send one 'first\n'
	await match "$LOG" ' a first$'
	hang_up one
	client two
	send two 'second\n'
	mon_end
	client_ends two 0
	is "$(payload)" $'a first\nb second'
}

@test "with --leave-stdin-open data after a half-close of somebody else is not late" {
	bundle sh -c 'read a; echo "got $a"'
	mon_started -- -i --leave-stdin-open
	client one
	hang_up one
	client two
	send two 'late\n'
	mon_end
	is "$(payload)" "got late"
}

@test "a large stdin arrives whole, also when the container reads slowly" {
	bundle sh -c 'sleep 0.3; md5sum; '
	mon_started -- -i
	client one
	head -c 4000000 /dev/urandom >"$DIR/in"
	cat "$DIR/in" >&"${CLIENT_FD[one]}"
	hang_up one
	mon_end
	is "$(payload)" "$(md5sum <"$DIR/in")"
}

@test "a packet above 32 KiB is not cut" {
	big_packet() {
		bundle wc -c
		mon_started -- -i
		client one --chunk 200000
		cat "$DIR/in" >&"${CLIENT_FD[one]}"
		hang_up one
		mon_end
		is "$(payload)" 60000
	}
	# One read of a regular file is one packet; from a pipe it would be what the pipe holds.
	head -c 60000 /dev/zero >"$DIR/in"
	peer_fails monitor big_packet
}

@test "when the container has closed its stdin, more of it does no harm" {
	bundle sh -c 'exec 0<&-; echo closed; sleep 0.5; echo end; exit 4'
	mon_started -- -i
	client one
	await match "$LOG" ' closed$'
	send one 'nobody reads this\n'
	send one 'nor this\n'
	mon_end
	is "$(exit_file)" 4
	is "$(payload)" $'closed\nend'
}

@test "a client that never reads stops neither the container, nor the log, nor the other clients" {
	goes_on() {
		bundle sh -c 'read go; numbers emit 8000000; exit 5'
		mon_started -- -i
		client stuck --stall
		client good
		send good '\n'
		await exists "$DIR/exits/$ID"
		is "$(exit_file)" 5
		exits 0 numbers check 8000000 "$LOG"
		client_ends good 0
		exits 0 numbers stream 8000000 <"$DIR/good.out"
	}
	peer_fails monitor goes_on
}

@test "clients that come and go on a silent container leave no descriptor behind" {
	none_leaked() {
		bundle sleep 1000
		mon_started
		client warm --no-stdin
		kill -KILL "${CLIENT_PID[warm]}"
		await process-gone "${CLIENT_PID[warm]}"
		before=$(ls "/proc/$MPID/fd" | wc -l)
		for c in 1 2 3 4 5 6 7 8 9 10 11 12; do
			client "c$c" --no-stdin
			kill -KILL "${CLIENT_PID[c$c]}"
			await process-gone "${CLIENT_PID[c$c]}"
		done
		client last --no-stdin # served after the others' ends
		kill -KILL "${CLIENT_PID[last]}"
		await process-gone "${CLIENT_PID[last]}"
		ctl '1 20 20\n'
		after=$(ls "/proc/$MPID/fd" | wc -l)
		rt kill "$ID" KILL
		mon_end
		[ "$after" -le $((before + 2)) ]
	}
	peer_fails monitor none_leaked
}

@test "all 64 clients of one container get the same bytes" {
	bundle sh -c 'read go; numbers emit 300000'
	mon_started -- -i
	for i in $(seq 64); do client "c$i"; done
	send c1 '\n'
	mon_end
	for i in $(seq 64); do
		client_ends "c$i" 0
		exits 0 numbers stream 300000 <"$DIR/c$i.out"
	done
}

@test "a client that sends more than the container reads is held back, without effort and without harm to others" {
	held_back() {
		local before after sender
		bundle sh -c 'while ! test -e /work/go; do echo tick; sleep 0.1; done; md5sum'
		with_work
		mon_started -- -i
		client one
		head -c 4000000 /dev/urandom >"$DIR/in"
		cat "$DIR/in" >&"${CLIENT_FD[one]}" 3>&- 4>&- &
		sender=$!
		client two --no-stdin
		await match "$DIR/two.out" tick
		before=$(awk '{ print $14 + $15 }' "/proc/$MPID/stat")
		sleep 1 # what is measured is time passing
		after=$(awk '{ print $14 + $15 }' "/proc/$MPID/stat")
		kill -0 $sender || fail "4 MB went through, and the container has read nothing"
		touch "$DIR/work/go"
		wait $sender
		hang_up one
		mon_end
		client_ends two 0
		is "$(payload | tail -n 1)" "$(md5sum <"$DIR/in")"
		[ $((after - before)) -le 60 ] || fail "waiting (a second) took $((after - before)) ticks"
	}
	held_back
}

@test "an empty packet ends stdin as a half-close does, and its sender still gets all output" {
	bundle sh -c 'cat; echo end'
	mon_started -- -i
	client one --first --keep-open
	mon_end
	client_ends one 0
	is "$(cat "$DIR/one.out")" end
}

@test "a client that floods stdin until the end gets all output and a clean end" {
	gets_all() {
		local i
		bundle sh -c 'read go; numbers emit 300000; exit 3'
		mon_started -- -i
		client one --flood
		mon_end
		is "$(exit_file)" 3
		client_ends one 0
		exits 0 numbers stream 300000 <"$DIR/one.out"
	}
	if monitor_is_ours; then gets_all; fi # a peer's client is reset, or not: a race
}

@test "a client without -i still gets all output, whatever it sent" {
	not_reset() {
		bundle sh -c 'while ! test -e /work/go; do sleep 0.01; done; numbers emit 200000'
		with_work
		mon_started
		client one
		send one 'ignored\n'
		send one 'ignored too\n'
		touch "$DIR/work/go"
		mon_end
		client_ends one 0
		exits 0 numbers stream 200000 <"$DIR/one.out"
	}
	if monitor_is_ours; then not_reset; fi # a peer's client is reset, or not: a race
}

@test "the socket is in the bundle with mode 0700, and gone after the end" {
	bundle sleep 1000
	mon_started
	is "$(stat -c '%a %F' "$BUNDLE/attach")" "700 socket"
	rt kill "$ID" KILL
	mon_end
	[ ! -e "$BUNDLE/attach" ]
}

@test "without --full-attach the socket is reached through <socket-dir>/<cuuid>" {
	bundle sh -c 'read x; echo "got $x"'
	standard_args
	mkdir "$DIR/sockets"
	mon -- $(printf '%s\n' "${ARGS[@]}" | grep -v full-attach) --socket-dir-path "$DIR/sockets" -i
	said_created
	rt start "$ID"
	is "$(readlink "$DIR/sockets/$ID")" "$BUNDLE"
	client one "$DIR/sockets/$ID"
	send one 'x\n'
	mon_end
	client_ends one 0
	is "$(cat "$DIR/one.out")" "got x"
	only_ours monitor test ! -L "$DIR/sockets/$ID" # 2.1.6 leaves it
}

@test "a bundle path longer than a socket address is no obstacle" {
	BUNDLE=$DIR/$(printf 'long-%.0s' $(seq 40))
	bundle sh -c 'read x; echo "got $x"'
	mon_started -- -i
	client one
	send one 'x\n'
	mon_end
	client_ends one 0
	is "$(payload)" "got x"
}
