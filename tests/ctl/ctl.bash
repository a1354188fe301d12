# ctl.bash - what the tests of tallyctl stand on. In a test file: load ctl
#
# The harness's words (bundle, config, await, is, has, exits ...), and:
#   ctl ARGS...        tallyctl on this test's own root and the pair under test
#   started CMD...     a bundle with these args, running detached as $ID
#   ctl_pids           sets $PID and $MPID of $ID
#   holding PID GLOB   until this process holds a descriptor that is called so (/proc/PID/fd): then it waits for what it is told
#   takes_signal PID SIGNAL   sends it, and waits until a tallyctl that waits for something has taken it
#   on_terminal STEPS -- CMD...   CMD on a terminal (on-terminal says which steps); its output is in $output
# Whatever tallyctl has left at the end of a test is removed by `rm --force`, and then nothing may be left at all.

load ../lib/harness

TALLYCTL=${TALLYCTL:-$TESTS/../build/tallyctl}
PATH=$TESTS/ctl:$PATH

eval "harness_$(declare -f teardown)"

prepare() {
	CTL=$DIR/ctl
	CONTAINERS=$CTL/containers
}

ctl() { "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" "$@" 3>&- 4>&-; }

started() {
	bundle "$@"
	is "$(ctl run -d -b "$BUNDLE" "$ID")" "$ID"
}

ctl_pids() {
	PID=$(ctl --json ps | jq -r --arg id "$ID" '.[] | select(.id == $id).pid')
	MPID=$(ctl --json ps | jq -r --arg id "$ID" '.[] | select(.id == $id).monitor_pid')
	[ "$PID" -gt 1 ] && [ "$MPID" -gt 1 ]
}

ctl_status() { ctl --json ps | jq -r --arg id "${1:-$ID}" '.[] | select(.id == $id).status'; }

holding() {
	until find "/proc/$1/fd" -lname "$2" 2>/dev/null | grep -q .; do
		kill -0 "$1" || fail "process $1 ended before it held $2"
		sleep 0.02 # no event tells of it
	done
}

takes_signal() {
	kill -s "$2" "$1"
	until grep -q '^ShdPnd:[[:space:]]*0*$' "/proc/$1/status"; do
		kill -0 "$1" || fail "process $1 ended by SIG$2"
		sleep 0.02 # no event tells of it
	done
}

on_terminal() { run on-terminal "$@"; }

# fails_in_one_line CMD...: with 125, 126 or 127: which, is for the runtime's words to say
fails_in_one_line() {
	local status=0 said
	said=$("$@" 2>&1 >/dev/null) || status=$?
	case $status in 125 | 126 | 127) one_line "$said" ;; *) fail "status $status: $*" ;; esac
}

# nothing_of [ID]: nothing of the container is there: not in the store, not in the runtime, no process, no cgroup
nothing_of() {
	local id=${1:-$ID}
	[ ! -e "$CONTAINERS/$id" ] || fail "left in the store: $(ls -A "$CONTAINERS/$id")"
	[ ! -e "$CTL/runtime/$id" ] || fail "left in the runtime's root"
	is "$(cgroups_of "$id")" ""
	await no-children "$SUBREAP_PID" "$SUBREAP_CHILD" || fail "processes left"
}

teardown() {
	local rc=0 id
	for id in "$CONTAINERS"/*; do
		[ -d "$id" ] || continue
		[ -n "$BATS_TEST_COMPLETED" ] || head -c 500 "$id"/{record.json,container.log} 2>/dev/null
		ctl rm --force "${id##*/}" || rc=1
	done
	nothing_in "$CONTAINERS" || {
		echo "left in the store: $(ls -A "$CONTAINERS")" >&2
		rc=1
	}
	nothing_in "$CTL/runtime" || {
		# some runtimes keep a cache there
		[ -z "$(find "$CTL/runtime" -name state.json)" ] || { echo "left in the runtime's root" >&2; rc=1; }
	}
	harness_teardown || rc=1
	return "$rc"
}
