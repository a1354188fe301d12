# tallyctl attach: to a container that runs already.
load ctl

@test "what comes from now on is seen, and the exit status is the container's" {
	bundle sh -c 'echo before; read x; echo "got $x"; echo err >&2; cat; exit 6'
	ctl run -d -i -b "$BUNDLE" "$ID"
	await match "$CONTAINERS/$ID/container.log" before
	exits 6 ctl attach "$ID" <<<$'hello\nrest'
	is "$output" $'got hello\nrest'
	is "$stderr" err
}

@test "--no-stdin leaves the container's input alone" {
	bundle sh -c 'until read -t 1 x; do echo tick; done; echo "got $x"'
	ctl run -d -i -b "$BUNDLE" "$ID"
	"$TALLYCTL" --root "$CTL" attach --no-stdin "$ID" <<<wrong >"$DIR/out" 3>&- 4>&- &
	local pid=$!
	await match "$DIR/out" tick
	is "$(ctl attach "$ID" <<<right | tail -n 1)" "got right"
	wait "$pid"
	is "$(grep got "$DIR/out")" "got right"
}

@test "a container that does not run, or does not exist, cannot be attached to" {
	started true
	ctl wait "$ID"
	exits 125 ctl attach "$ID"
	is "$stderr" "tallyctl: container $ID is not running: exited"
	exits 125 ctl attach nobody
	is "$stderr" "tallyctl: container nobody does not exist in $CTL"
	exits 125 ctl attach
	one_line "$stderr"
}

@test "signals are passed on" {
	started inside say-signals
	await match "$CONTAINERS/$ID/container.log" ready
	"$TALLYCTL" --root "$CTL" attach "$ID" >"$DIR/out" 3>&- 4>&- &
	local pid=$! status=0
	# attached only when something of it is seen
	await exists "$CONTAINERS/$ID/attach"
	while ! ctl kill "$ID" USR1 || ! await -t 1 match "$DIR/out" "signal 10" 2>/dev/null; do :; done
	kill -TERM "$pid"
	await match "$DIR/out" "signal 15"
	kill -USR2 "$pid"
	wait "$pid" || status=$?
	is "$status" 0
}
