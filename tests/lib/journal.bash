# shellcheck shell=bash
# journal.bash - a journal daemon of the test's own (the real one; it needs no systemd). Load it after the harness.
#
#   journal_dirs                   no journal at all until it is started
#   journal_start, journal_end     the daemon at its usual socket; the second one waits until it has gone
#   journal_stop, journal_go_on    SIGSTOP, SIGCONT
#   entries_are N                  wait until the journal has N entries of container $ID, then they are in $DIR/entries,
#                                  a JSON object a line; there may be no more
# The directories are file systems of their own, so that a host's journal does not come into it.

eval "without_journal_$(declare -f teardown)"

journal_dirs() {
	mkdir -p /run/systemd /run/log
	mount -t tmpfs -o mode=755 tmpfs /run/systemd
	mount -t tmpfs -o mode=755 tmpfs /run/log
	mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal
	printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nRateLimitBurst=0\nReadKMsg=no\nAudit=no\n' \
		>/run/systemd/journald.conf.d/test.conf
}

journal_start() {
	mountpoint -q /run/systemd || journal_dirs
	rm -f /run/systemd/journal/socket
	/lib/systemd/systemd-journald >>"$DIR/journald" 2>&1 3>&- 4>&- &
	JOURNALD=$!
	await exists /run/systemd/journal/socket
}

journal_stop() { kill -STOP "$JOURNALD"; }
journal_go_on() { kill -CONT "$JOURNALD"; }

journal_end() {
	[ -n "${JOURNALD-}" ] || return 0
	kill -CONT "$JOURNALD"
	kill -TERM "$JOURNALD"
	wait "$JOURNALD" || true
	JOURNALD=
}

entries_are() {
	local reader
	journalctl -D /run/log/journal --merge --follow --lines=all --output=json CONTAINER_ID_FULL="$ID" >"$DIR/entries" 2>&1 3>&- 4>&- &
	reader=$!
	await lines "$DIR/entries" "$1"
	kill "$reader"
	wait "$reader" || true
	is "$(wc -l <"$DIR/entries")" "$1"
}

# The messages of what entries_are has found
messages() { jq -rj .MESSAGE "$DIR/entries"; }

teardown() {
	local rc=0 dir
	[ -z "${JOURNALD-}" ] || journal_go_on
	journal_end || rc=1
	for dir in /run/systemd /run/log; do
		! mountpoint -q "$dir" || umount "$dir" || rc=1
	done
	without_journal_teardown || rc=1
	return "$rc"
}
