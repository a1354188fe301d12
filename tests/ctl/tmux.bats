# tallyctl as a person has it: in a shell, on a terminal of tmux, with what people do there.
load ctl

# What the windows show is written to $DIR/shown as it comes.
prepare() {
	CTL=$DIR/ctl
	CONTAINERS=$CTL/containers
	: >"$DIR/shown"
	printf '%s\n' 'set -g status off' 'set -g escape-time 0' 'set -g exit-empty off' >"$DIR/tmux.conf"
	cat >"$DIR/rc" <<-SHELL
		PS1='host> '
		unset HISTFILE
		c() { "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" "\$@"; }
		# done_with NAME CMD...: its status and the terminal's modes before and after go to files
		done_with() {
			local status=0
			stty -g >"$DIR/\$1.before"
			c "\${@:2}" || status=\$?
			stty -g >"$DIR/\$1.after"
			echo "\$status" >"$DIR/\$1.new"
			mv "$DIR/\$1.new" "$DIR/\$1.status"
		}
	SHELL
	tmux_ new-session -d -x 90 -y 30 "bash --noprofile --rcfile $DIR/rc -i"
	follow
}

tmux_() { TERM=xterm tmux -f "$DIR/tmux.conf" -S "$DIR/tmux" "$@" </dev/null 3>&- 4>&-; }
follow() {
	tmux_ pipe-pane -O "exec cat >>$DIR/shown"
	type_ 'echo fol""lowed' Enter
	sees followed
}
# type_ KEY...: tmux's names of keys, or text
type_() { tmux_ send-keys -- "$@"; }
# sees REGEX: shown since the last time we looked
sees() {
	await match "$DIR/shown" "$1" || fail "not shown: $1; but: $(tail -c 1000 "$DIR/shown")"
	: >"$DIR/shown"
}
# ended NAME STATUS: what done_with was to do
ended() {
	await exists "$DIR/$1.status" || fail "$1 has not ended; shown: $(tail -c 1000 "$DIR/shown")"
	is "$(cat "$DIR/$1.status")" "$2"
	is "$(cat "$DIR/$1.after")" "$(cat "$DIR/$1.before")"
}

eval "ctl_$(declare -f teardown)"
teardown() {
	tmux_ kill-server 2>/dev/null || true
	ctl_teardown
}

@test "tmux: a shell with Ctrl-C, Ctrl-Z, vi and another size; the terminal is as before" {
	bundle sh
	type_ "done_with run run -t -i --rm -b $BUNDLE $ID" Enter
	sees '# '
	type_ 'echo re""ady; sleep 1000' Enter
	sees ready
	type_ C-c
	sees '# '
	type_ 'echo int-$?' Enter
	sees int-130
	type_ 'echo re""ady; sleep 1000' Enter
	sees ready
	type_ C-z
	sees 'Stopped'
	type_ 'kill -9 %1; wait; echo go""ne' Enter
	sees gone
	tmux_ resize-window -x 100 -y 35
	type_ 'until [ "$(stty size)" = "35 100" ]; do usleep 20000; done; echo si""zed' Enter
	sees sized
	type_ 'busybox vi /tmp/f' Enter
	sees '/tmp/f.*1/1'
	type_ i 'written in vi'
	sees 'in vi'
	type_ Escape
	sees '- /tmp/f.*[Mm]odified'
	type_ ':wq' Enter
	sees '# '
	type_ 'cat /tmp/f; echo si""ze $(stty size)' Enter
	sees '^written in vi'
	type_ 'exit 5' Enter
	ended run 5
}

@test "tmux: detached by keys and attached to again, with what was there" {
	bundle sh
	type_ "done_with run run -t -i -b $BUNDLE $ID" Enter
	sees '# '
	type_ 'A=kept; cd /tmp; echo se""t' Enter
	sees set
	type_ C-p C-q
	ended run 0
	is "$(ctl_status)" running
	type_ "done_with attach attach $ID" Enter
	type_ Enter
	sees '# '
	type_ 'echo $A-$PWD' Enter
	sees kept-/tmp
	type_ 'exit 4' Enter
	ended attach 4
}

@test "tmux: a client that dies, and a window that is closed, leave the container and its terminal" {
	local client
	bundle sh
	type_ "done_with run run -t -i -b $BUNDLE $ID" Enter
	sees '# '
	type_ 'A=kept; echo se""t' Enter
	sees set
	client=$(pgrep -f -- "--root $CTL .*run -t -i -b $BUNDLE")
	kill -9 "$client"
	await exists "$DIR/run.status"
	is "$(cat "$DIR/run.status")" 137
	type_ 'stty sane' C-j "c attach $ID" Enter
	type_ Enter
	sees '# '
	type_ 'echo $A-1' Enter
	sees kept-1
	tmux_ new-window "bash --noprofile --rcfile $DIR/rc -i"
	tmux_ kill-window -t :0
	is "$(ctl_status)" running
	follow
	type_ "done_with again attach $ID" Enter
	type_ Enter
	sees '# '
	type_ 'echo $A-2; exit 3' Enter
	ended again 3
}

@test "tmux: a monitor that is killed under a session gives the terminal back" {
	started sleep 1000
	type_ "done_with exec exec -t -i $ID sh" Enter
	sees '# '
	type_ 'stty raw -echo; echo ra""w' Enter
	sees raw
	kill -9 "$(ctl --json session ls "$ID" | jq '.[0].monitorPid')"
	ended exec 124
	is "$(ctl_status)" running
}
