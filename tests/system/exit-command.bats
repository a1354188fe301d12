# The exit command: engines clean up with it.
load ../lib/harness

# recorder: a program that writes down how it was called and what it sees, once per call
recorder() {
	cat >"$DIR/recorder" <<-X
		#!/bin/bash
		{
			echo "call \$\$"
			printf 'arg %s\n' "\$0" "\$@"
			[ -e "$DIR/exits/$ID" ] && echo "exit file \$(cat "$DIR/exits/$ID")"
			[ -e "$DIR/persist/exit" ] && echo "persist file \$(cat "$DIR/persist/exit")"
			[ -e "$BUNDLE/attach" ] || echo "no attach socket"
			echo "cwd \$PWD"
			echo "env \$TALLYMAN_TEST"
			echo "stdin \$(readlink /proc/\$\$/fd/0)"
			echo "stderr \$(readlink /proc/\$\$/fd/2)"
		} >"$DIR/record.new"
		"$TOOLS/inside" fds >"$DIR/record.fds"
		cat "$DIR/record.new" >>"$DIR/record"
	X
	chmod +x "$DIR/recorder"
}

@test "it is called once, with its arguments in order, after both exit files" {
	recorder
	bundle sh -c 'exit 3'
	mon_started -- --exit-command "$DIR/recorder" --exit-command-arg --root --exit-command-arg "a b" \
		--exit-command-arg ""
	mon_end
	is "$(grep -c ^call "$DIR/record")" 1
	is "$(grep ^arg "$DIR/record")" "arg $DIR/recorder"$'\narg --root\narg a b\narg '
	has "$(cat "$DIR/record")" "exit file 3"
	has "$(cat "$DIR/record")" "persist file 3"
	has "$(cat "$DIR/record")" "no attach socket"
}

@test "it has the monitor's environment and working directory, and /dev/null as stdio" {
	recorder
	bundle true
	cd "$DIR"
	TALLYMAN_TEST=present mon_started -- --exit-command "$DIR/recorder"
	mon_end
	has "$(cat "$DIR/record")" "env present"
	has "$(cat "$DIR/record")" "cwd $DIR"
	has "$(cat "$DIR/record")" "stdin /dev/null"
	has "$(cat "$DIR/record")" "stderr /dev/null"
}

@test "it gets no descriptor of the monitor and none that the monitor inherited" {
	recorder
	bundle true
	mon_started --preserve "$DIR/three" -- --exit-command "$DIR/recorder" --runtime-opt --preserve-fds --runtime-opt 1
	mon_end
	is "$(cat "$DIR/record.fds")" "0 1 2"
}

@test "it is called for a failed create too, and there are no exit files then" {
	recorder
	bundle /no/such/program
	mon_create -- --exit-command "$DIR/recorder"
	said '^gone'
	is "$(grep -c ^call "$DIR/record")" 1
	hasnt "$(cat "$DIR/record")" "exit file"
	is "$(ls "$DIR/exits")" ""
	is "$(ls "$DIR/persist")" "$(only_ours monitor echo exit.json)"
}

@test "its status and its absence change nothing in the record" {
	bundle sh -c 'exit 6'
	mon_started -- --exit-command /bin/false
	mon_end
	is "$(exit_file)" 6
	has "$(events "^exit $MPID ")" "exit $MPID 6"
	rt delete "$ID"
	bundle sh -c 'exit 7'
	mon_started -- --exit-command /nonexistent/program
	mon_end
	is "$(exit_file)" 7
}

@test "--exit-delay delays the command, not the exit files" {
	bundle true
	mon_created -- --exit-delay 1 --exit-command /bin/touch --exit-command-arg "$DIR/called"
	rt start "$ID"
	mon_end
	late=$(($(date -d "$(stat -c %y "$DIR/called")" +%s%N) - $(date -d "$(stat -c %y "$DIR/exits/$ID")" +%s%N)))
	[ "$late" -ge 900000000 ]
}

@test "the sync pipe is closed before it runs" {
	bundle true
	mon_started -- --exit-command /bin/sh --exit-command-arg -c --exit-command-arg "until test -e $DIR/go; do sleep 0.02; done"
	said '^sync-eof$'
	touch "$DIR/go"
	mon_end
}

@test "the exit command may delete the container" {
	bundle sh -c 'while ! test -e /work/go; do sleep 0.05; done; exit 2'
	with_work # runc's start fails when delete comes before it has ended
	mon_started -- --exit-command "$RUNTIME" --exit-command-arg --root --exit-command-arg "$ROOT" \
		--exit-command-arg delete --exit-command-arg "$ID"
	touch "$DIR/work/go"
	mon_end
	is "$(exit_file)" 2
	[ ! -e "$ROOT/$ID" ]
}
