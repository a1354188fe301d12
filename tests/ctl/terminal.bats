# tallyctl on a terminal.
load ctl

@test "the container's terminal has the size of ours, from the start and when it changes" {
	bundle inside window
	on_terminal 'expect:30 90' size:20:70 'expect:20 70' 'send:\x04' -- "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" \
		--runtime "$RUNTIME" run -t -i --rm -b "$BUNDLE" "$ID"
	is "$status" 0
	has "$output" "status 0"
	has "$output" "modes same"
}

@test "what is typed is the container's business, and its exit status is ours" {
	bundle sh
	on_terminal 'expect:# ' 'send:echo x$((6*7))\r' expect:x42 'send:sh -c "echo rea\"\"dy; exec sleep 100"\r' expect:ready 'send:\x03' 'expect:# ' 'send:tty; exit 5\r' \
		expect:/dev/pts/0 -- "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -t -i --rm -b "$BUNDLE" "$ID"
	is "$status" 0
	has "$output" "status 5"
	has "$output" "modes same"
}

@test "ctrl-p ctrl-q leaves a session that can be attached to again" {
	bundle sh
	on_terminal 'expect:# ' 'send:A=kept\r' 'expect:# ' 'send:\x10\x11' -- "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" \
		--runtime "$RUNTIME" run -t -i -b "$BUNDLE" "$ID"
	has "$output" "status 0"
	has "$output" "modes same"
	is "$(ctl_status)" running
	on_terminal 'send:echo $A-$((1+1))\r' expect:kept-2 'send:stty size\r' 'expect:30 90' 'send:exit 4\r' -- "$TALLYCTL" --root "$CTL" \
		attach "$ID"
	has "$output" "status 4"
	has "$output" "modes same"
}

@test "detach keys are what --detach-keys says, and none when it says so" {
	bundle sh
	on_terminal 'expect:# ' 'send:\x10\x11xy' -- "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -t -i \
		--detach-keys x,y -b "$BUNDLE" "$ID"
	has "$output" "status 0"
	is "$(ctl_status)" running
	on_terminal 'send:\x10\x11\x15exit 3\r' -- "$TALLYCTL" --root "$CTL" attach --detach-keys= "$ID"
	has "$output" "status 3"
}

@test "the terminal's modes are restored when a signal makes us leave" {
	bundle inside say-signals
	on_terminal expect:ready signal:TERM 'expect:signal 15' signal:TERM 'expect:signal 15' signal:TERM -- "$TALLYCTL" --root "$CTL" \
		--monitor "$MONITOR" --runtime "$RUNTIME" run -t -i -b "$BUNDLE" "$ID"
	has "$output" "status 143"
	has "$output" "modes same"
	has "$output" "goes on"
	is "$(ctl_status)" running
}

@test "a hang-up of the terminal leaves the container running" {
	bundle sh -c 'trap "" HUP; echo ready; sleep 1000'
	on_terminal expect:ready hangup -- "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" \
		run -t -i -b "$BUNDLE" "$ID"
	has "$output" "status 129"
	is "$(ctl_status)" running
}

@test "a shell's job control finds its modes, and we find ours again" {
	bundle sh
	on_terminal 'expect:# ' signal:STOP signal:CONT 'send:echo y$((3*3))\r' expect:y9 'send:exit\r' -- "$TALLYCTL" --root "$CTL" \
		--monitor "$MONITOR" --runtime "$RUNTIME" run -t -i --rm -b "$BUNDLE" "$ID"
	has "$output" "status 0"
	has "$output" "modes same"
}

@test "exec on a terminal: size, keys, status" {
	started sleep 1000
	on_terminal 'expect:30 90' size:25:80 'expect:25 80' 'send:\x04' -- "$TALLYCTL" --root "$CTL" exec -t -i "$ID" inside window
	has "$output" "status 0"
	on_terminal 'expect:# ' 'send:exit 8\r' -- "$TALLYCTL" --root "$CTL" exec -t -i "$ID" sh
	has "$output" "status 8"
	has "$output" "modes same"
	on_terminal 'expect:# ' 'send:\x10\x11' -- "$TALLYCTL" --root "$CTL" exec -t -i "$ID" sh
	has "$output" "status 0"
	has "$output" "modes same"
	is "$(ctl --json session ls --active "$ID" | jq length)" 1
}

@test "-t without a terminal of ours: the process has one all the same" {
	bundle sh -c 'tty; test -t 1; echo $?'
	exits 0 ctl run -t --rm -b "$BUNDLE" "$ID" </dev/null
	is "$output" $'/dev/pts/0\r\n0\r'
	started sleep 1000
	exits 0 ctl exec -t "$ID" tty
	is "$output" $'/dev/pts/0\r'
}

@test "a hang-up of the terminal while the container is being created: nothing is waited for, or left" {
	local i
	bundle sh -c 'echo ready; sleep 1000'
	for i in 1 2 3; do
		on_terminal hangup -- "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" run -t -i --rm -b "$BUNDLE" "$ID"
		is "$status" 0 # its end came within on-terminal's deadline
		exits 0 ctl rm --force "$ID"
		nothing_of
	done
}
