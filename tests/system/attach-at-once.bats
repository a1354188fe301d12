load ../lib/harness

# podman connects before it starts the container. Under load the monitor may come to run only when all is over.
@test "a client that connected before the start gets all output of a container that is over before the monitor runs" {
	bundle sh -c 'echo hello; echo oops >&2'
	mon_created
	kill -STOP "$MPID"
	attach "$BUNDLE/attach" --no-stdin --ready "$DIR/ready" >"$DIR/seen.out" 2>"$DIR/seen.err" 3>&- 4>&- &
	client=$!
	await exists "$DIR/ready"
	rt start "$ID"
	await process-gone "$CPID"
	kill -CONT "$MPID"
	wait "$client"
	is "$(cat "$DIR/seen.out")" hello
	is "$(cat "$DIR/seen.err")" oops
	mon_end
}
