# A container that says nothing costs nothing.
load ../lib/harness

# unwoken SECONDS PID: the monitor sleeps, and is not scheduled once in this time; $SEEN says what was seen
unwoken() {
	local before
	before=$(scheduled "$2")
	sleep "$1" # what is measured is time passing
	SEEN="$before, then $(scheduled "$2")"
	[ "$SEEN" = "$before, then $before" ] && [[ $before == S* ]]
}

# scheduled PID: its state, and how often it has given up the processor or lost it
scheduled() { awk '/^State/ { s = $2 } /ctxt_switches/ { n += $2 } END { print s, n }' "/proc/$1/status"; }

# asleep [PID]: the monitor is not scheduled in three seconds. Before that it may finish what it has begun, which a busy
# machine may let it do in a minute (memory of a burst is given back after a second of quiet).
asleep() {
	local pid=${1:-$MPID} from=$SECONDS
	until unwoken 2 "$pid"; do
		[ $((SECONDS - from)) -lt "${AWAIT_SECONDS:-60}" ] || fail "never asleep: $SEEN"
	done
	unwoken 3 "$pid" || unwoken 3 "$pid" || unwoken 3 "$pid" || fail "woken: $SEEN"
}

# the_end: of a container that would go on for ever
the_end() {
	rt kill "$ID" KILL
	mon_end
}

@test "idle: a created container, and a running one that is silent" {
	bundle sleep 1000
	mon_created -- -i
	asleep
	rt start "$ID"
	asleep
	the_end
}

@test "idle: after a burst of output, and with a client attached" {
	bundle sh -c 'numbers emit 3000000; echo done; exec sleep 1000'
	mon_started -- -i
	await match "$LOG" ' done$'
	client one
	asleep
	the_end
}

@test "idle: a client that never reads, far behind" {
	behind() {
		bundle sh -c 'read x; numbers emit 3000000; echo done; exec sleep 1000'
		mon_started -- -i
		client stuck --stall
		client one
		send one '\n'
		await match "$LOG" ' done$'
		asleep
		the_end
	}
	peer_fails monitor behind # it never comes to the end of the output
}

@test "idle: a terminal" {
	bundle sh -c 'echo ready; exec sleep 1000'
	config '.process.terminal = true'
	mon_started -- -t
	await match "$LOG" 'ready'
	asleep
	the_end
}

@test "idle: a terminal that nobody has open" {
	no_polling() {
		bundle sh -c 'echo ready; exec sleep 1000 </dev/null >/dev/null 2>&1'
		config '.process.terminal = true'
		mon_started -- -t
		await match "$LOG" 'ready'
		asleep
		the_end
	}
	peer_fails monitor no_polling
}

@test "idle: stdin that the container has closed, and a client that still sends" {
	quiet() {
		bundle sh -c 'exec 0<&-; echo closed; exec sleep 1000'
		mon_started -- -i
		client one
		await match "$LOG" ' closed$'
		send one 'nobody reads this\n'
		asleep
		the_end
	}
	peer_fails monitor quiet
}

@test "idle: a client that is held back, since the container does not read" {
	bundle sleep 1000
	mon_started -- -i
	client one --flood
	asleep
	the_end
}

@test "idle: an exec session" {
	bundle sleep 1000
	rt_create
	rt start "$ID"
	exec_spec sleep 1000
	exec_args one
	mon --attach-pipe -- "${ARGS[@]}" --conmon-pidfile "$DIR/session.pid"
	said '^attach '
	order start
	said '^sync '
	asleep "$(cat "$DIR/session.pid")"
	rt delete --force "$ID"
	said '^gone'
}
