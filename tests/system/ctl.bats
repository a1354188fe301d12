# The control FIFO: window size, reopening the log, and input that is wrong.
load ../lib/harness

# resizable: a container that reports its window and every change of it
resizable() {
	bundle inside window
	config '.process.terminal = true'
	mon_started -- -t
	await match "$LOG" 'window 0 0'
}

end_it() {
	rt kill "$ID" KILL
	mon_end
}

# sizes: the reports in the log
sizes() { payload | tr -d '\r' | tr '\n' ','; }

@test "the FIFO is in the bundle for its owner and group only" {
	resizable
	is "$(stat -c '%F %a' "$BUNDLE/ctl" | sed 's/ 660$/ 640/')" "fifo 640"
	end_it
}

@test "1 ROWS COLS sets the window size" {
	resizable
	ctl '1 25 81\n'
	await match "$LOG" 'window 25 81'
	end_it
}

@test "a size sent before the start is there at the start" {
	bundle inside window
	config '.process.terminal = true'
	mon_created -- -t
	ctl '1 33 99\n'
	# The monitor takes orders in their sequence: once the second has had its effect, the first has too.
	ctl '2 0 0\n'
	mv "$LOG" "$LOG.1"
	ctl '2 0 0\n'
	# 2.1.6 may overlook an order that comes close behind another.
	monitor_is_ours || until await -t 2 exists "$LOG" 2>/dev/null; do ctl '2 0 0\n'; done
	await exists "$LOG"
	rt start "$ID"
	await match "$LOG" 'window 33 99'
	end_it
}

@test "leading blanks, tabs, zeros and trailing words do no harm" {
	resizable
	ctl ' \t1 0026  82 x\n'
	await match "$LOG" 'window 26 82'
	end_it
}

@test "an order may come in pieces" {
	resizable
	exec {ctl}<>"$BUNDLE/ctl"
	printf '1 2' >&"$ctl"
	printf '7 8' >&"$ctl"
	printf '3\n' >&"$ctl"
	await match "$LOG" 'window 27 83'
	exec {ctl}>&-
	end_it
}

@test "an order may come in pieces from writers that come and go" {
	resizable
	ctl '1 2'
	ctl '8 84\n'
	await match "$LOG" 'window 28 84'
	end_it
}

@test "many orders in one write are all obeyed, the last one stays" {
	many() {
		resizable
		{ for i in $(seq 1 40); do echo "1 $i 90"; done; } 1<>"$BUNDLE/ctl"
		await match "$LOG" 'window 40 90'
		end_it
	}
	if monitor_is_ours; then many; fi # 2.1.6 gets it right or wrong by its reads
}

@test "sizes out of range are refused and change nothing" {
	refused_sizes() {
		resizable
		ctl '1 -1 80\n'
		ctl '1 65536 80\n'
		ctl '1 99999999999 80\n'
		ctl '1 31 91\n'
		await match "$LOG" 'window 31 91'
		is "$(sizes)" "window 0 0,window 31 91,"
		end_it
	}
	peer_fails monitor refused_sizes # 2.2.0 checks the range
}

@test "garbage of any kind leaves the channel working" {
	survives() {
		resizable
		ctl 'hello\n\n\0\0\n1\n1 2\n7 1 1\n0x1 2 3\n1 1.5 2\n'
		head -c 3000 /dev/urandom 1<>"$BUNDLE/ctl"
		ctl '\n'
		ctl '1 35 95\n'
		await match "$LOG" 'window 35 95'
		end_it
	}
	if monitor_is_ours; then survives; fi # whether the peer survives depends on the bytes
}

@test "199 bytes and more without a newline leave the channel working" {
	survives_long_line() {
		resizable
		head -c 5000 /dev/zero | tr '\0' 1 1<>"$BUNDLE/ctl"
		ctl '\n1 36 96\n'
		await match "$LOG" 'window 36 96'
		end_it
	}
	peer_fails monitor survives_long_line
}

@test "a bad line does not take the good one after it along" {
	good_line_counts() {
		resizable
		ctl 'bad\n1 37 97\n'
		await match "$LOG" 'window 37 97'
		end_it
	}
	peer_fails monitor good_line_counts
}

@test "a bad line before a log reopen does not take it along" {
	reopened() {
		bundle sleep 1000
		mon_started
		mv "$LOG" "$LOG.1"
		ctl 'bad\n2 0 0\n'
		await exists "$LOG"
		end_it
	}
	peer_fails monitor reopened
}

@test "2 x y reopens the log after a rename and no record is lost or written twice" {
	bundle cat
	mon_started -- -i
	client one
	for i in 1 2 3 4 5; do
		send one 'line %d\n' $i
		await match "$LOG" " line $i\$"
		mv "$LOG" "$LOG.$i"
		ctl '2 0 0\n'
		await exists "$LOG"
	done
	send one 'last\n'
	hang_up one
	mon_end
	for i in 1 2 3 4 5; do is "$(klog payload "$LOG.$i")" "line $i"; done
	is "$(payload)" last
}

@test "reopening in the middle of a stream loses and doubles nothing" {
	# The next part waits for a word, or all would be over before a slow test is.
	bundle sh -c 'exec 3<&0; numbers emit 100000000 |
		{ for i in 1 2 3 4; do read go <&3; dd bs=4096 count=4096 iflag=fullblock 2>/dev/null; done; read go <&3; cat; }'
	mon_started -- -i
	client one
	for i in 1 2 3 4; do
		send one '\n'
		await size "$LOG" 200000
		mv "$LOG" "$LOG.$i"
		ctl '2 0 0\n'
		await exists "$LOG"
	done
	send one '\n'
	mon_end
	cat "$LOG".1 "$LOG".2 "$LOG".3 "$LOG".4 "$LOG" >"$DIR/all"
	exits 0 numbers check 100000000 "$DIR/all"
}

@test "a reopen that fails keeps the old log and the container's record" {
	keeps_going() {
		bundle sh -c 'read a; echo "got $a"; exit 8'
		mkdir "$DIR/logs"
		mon_started -- -i -l "k8s-file:$DIR/logs/c.log"
		mv "$DIR/logs" "$DIR/moved"
		ctl '2 0 0\n'
		client one
		send one 'on\n'
		mon_end
		is "$(klog payload "$DIR/moved/c.log")" "got on"
		is "$(exit_file)" 8
	}
	peer_fails monitor keeps_going
}

@test "thousands of resizes of a container without terminal do not stop it" {
	not_stopped() {
		bundle cat
		mon_started -- -i
		for i in $(seq 40); do
			for j in $(seq 300); do echo "1 20 $j"; done 1<>"$BUNDLE/ctl"
		done
		client one
		send one 'alive\n'
		await match "$LOG" ' alive$'
		hang_up one
		mon_end
	}
	if monitor_is_ours; then not_stopped; fi # the peer stops after 10,900 of them, or later
}

@test "orders do not reach the container's data" {
	bundle cat
	mon_started -- -i
	client one
	send one 'a\n'
	await match "$LOG" ' a$'
	ctl '1 20 20\n'
	send one 'b\n'
	hang_up one
	mon_end
	is "$(payload)" $'a\nb'
}
