# shellcheck shell=bash
# journal.bash - the system's journal for the tests of a file: the machine's own where there is one. The daemon needs no
# systemd, only its directories.

setup_more() {
	# podman logs -f of a journal prints nothing unless its events are in the journal too, with any monitor.
	sed -i "s/^events_logger.*/events_logger = \"journald\"/" "$D/containers.conf"
	[ ! -S /run/systemd/journal/socket ] || return 0
	mkdir -p /run/systemd/journal /run/log/journal
	/lib/systemd/systemd-journald >"$D/journald" 2>&1 3>&- 4>&- &
	echo $! >"$D/journald.pid"
	until_true test -S /run/systemd/journal/socket
}

teardown_file() {
	local pid
	[ -e "$D/journald.pid" ] || { engine_teardown_file; return; }
	pid=$(cat "$D/journald.pid")
	kill "$pid"
	until_true eval "[ ! -e /proc/$pid ] || grep -q '^State:.Z' /proc/$pid/status"
	rm -rf /run/systemd/journal /run/log/journal # the next daemon begins anew
	engine_teardown_file
}
