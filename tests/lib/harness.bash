# harness.bash - what every end-to-end test stands on. In a test file: load ../lib/harness
#
# One suite for every pair: MONITOR and RUNTIME name the programs under test (default: build/tallyman, build/tallyrun).
# tests/run sets the scene (private mount namespace, sub-reaper, tools, rootfs, lane) and then calls bats; this file
# gives the tests their words:
#   bundle CMD...          a fresh bundle for this test: $ID, $BUNDLE, config.json with these args
#   config JQ [ARGS]       edit its config.json
#   rt VERB...             the runtime, with this test's state directory ($ROOT)
#   mon [opts] -- ARGS     a monitor, started as an engine starts it (opts: tools/engine.c)
#   mon_create, mon_start, mon_run    the usual cases of it
#   await ...              wait for a state with a deadline, woken by events (tools/await.c)
#   event_is, events_of    what the monitor said (tools/engine.c lists the events)
# Every test must leave nothing behind: teardown checks processes, cgroups, mounts and state directories.

bats_require_minimum_version 1.5.0

: "${TOOLS:?run the suite by tests/run}"
. "${BASH_SOURCE[0]%/*}/trace.bash"
PATH=$TOOLS:$PATH

# --- which programs these are -------------------------------------------------------------------------------------

monitor_is_ours() { [[ ${MONITOR##*/} != conmon* ]]; }
runtime_is_ours() { [[ ${RUNTIME##*/} == tallyrun* ]]; }
runtime_is_runc() { [[ ${RUNTIME##*/} == runc* ]]; }
runtime_is_crun() { [[ ${RUNTIME##*/} == crun* ]]; }
# skip_where_crun_differs: crun passes all of them but those that its table lists with a reason
skip_where_crun_differs() {
	local why
	runtime_is_crun || return 0
	why=$(awk -F '\t' -v file="${BATS_TEST_FILENAME##*/}" -v name="$BATS_TEST_DESCRIPTION" '$1 == file && $2 == name { print $3 }' "$TESTS/lib/crun.table")
	[ -z "$why" ] || skip "crun 1.8.1: $why"
}
# lacks CALL...: the programs under test do not have one of these system calls (tests/run --without)
lacks() {
	local call list=,${LACKING%%=*},
	for call; do [[ $list != *",$call,"* ]] || return 0; done
	return 1
}
on_cgroup2() { [ "${LANE:-hybrid}" != hybrid ]; }
# limited_by CONTROLLER: this lane has it. Version 2 has none of those that the host has bound to version 1.
limited_by() { ! on_cgroup2 || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }
# in_scopes: the runtime has systemd make the cgroups (tests/run --systemd-cgroup), where its cgroupsPath has another form
in_scopes() { [ -n "${SYSTEMD_CGROUP:-}" ]; }

# only_ours monitor|runtime CMD...: an assertion about wording that is ours alone. The behaviour around it is asserted
# for everybody; never put that behind this word.
only_ours() {
	"${1}_is_ours" || return 0
	"${@:2}"
}

# peer_fails monitor|runtime CMD...: ours must pass this, and the peer is known to fail it. Should the peer begin to
# pass, the test says so: then the promise is no longer ours alone.
peer_fails() {
	local part=$1
	shift
	if "${part}_is_ours"; then
		"$@"
	else
		# Not in an if: there the shell would overlook failures in the middle of the function.
		local rc
		set +e
		(
			trap - ERR
			set -e
			export AWAIT_SECONDS=4
			"$@"
		) >"$DIR/peer.out" 2>&1
		rc=$?
		set -e
		[ "$rc" -ne 0 ] || fail "the peer passes what it is said to fail: $*"
	fi
}

# --- assertions ---------------------------------------------------------------------------------------------------

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# is GOT WANTED
is() { [ "$1" = "$2" ] || fail "got:    $1" $'\n'"wanted: $2"; }

# has TEXT PART
has() { [[ $1 == *"$2"* ]] || fail "no '$2' in: $1"; }

# hasnt TEXT PART
hasnt() { [[ $1 != *"$2"* ]] || fail "there is '$2' in: $1"; }

# like TEXT EXTENDED-REGEX
like() { [[ $1 =~ $2 ]] || fail "not like /$2/: $1"; }

# attempt CMD...: sets $status, $output (stdout), $stderr, ${lines[@]}. Through files, not pipes: a container that was
# not meant to start and keeps them open must not hold up the test.
attempt() {
	status=0
	"$@" >"$DIR/.stdout" 2>"$DIR/.stderr" 3>&- 4>&- || status=$?
	output=$(tr '\0' '.' <"$DIR/.stdout")
	stderr=$(tr '\0' '.' <"$DIR/.stderr")
	mapfile -t lines <"$DIR/.stdout"
}

# exits STATUS CMD...: attempt it; the status must be this
exits() {
	attempt "${@:2}"
	[ "$status" -eq "$1" ] || fail "status $status, not $1: ${*:2}" $'\n'"stdout: $output" $'\n'"stderr: $stderr"
}

# refuses CMD...: attempt it; it must not succeed
refuses() {
	attempt "$@"
	[ "$status" -ne 0 ] || fail "accepted: $*"
}

# one_line TEXT: not empty, one line
one_line() {
	[ -n "$1" ] || fail "no message at all"
	[ "$(printf '%s\n' "$1" | wc -l)" -eq 1 ] || fail "more than one line: $1"
}

# --- set-up and tear-down -----------------------------------------------------------------------------------------

setup() {
	trace_the_test_alone
	DIR=$(mktemp -d "$WORK/t.XXXXXX")
	ROOT=$DIR/state
	ID=tm-${DIR##*.}
	BUNDLE=$DIR/bundle
	LOG=$DIR/ctr.log
	declare -gA CLIENT_PID=() CLIENT_FD=()
	MOUNTS_BEFORE=$(other_mounts)
	mkdir "$ROOT" "$DIR/exits" "$DIR/persist"
	skip_where_crun_differs
	if declare -F prepare >/dev/null; then prepare; fi
}

teardown() {
	local rc=0
	end_helpers || rc=1
	cleanup_containers || rc=1
	await no-children "$SUBREAP_PID" "$SUBREAP_CHILD" 2>/dev/null || left_processes || rc=1
	left_cgroups || rc=1
	left_mounts || rc=1
	keep_records || rc=1
	[ -n "$BATS_TEST_COMPLETED" ] || show_traces
	rm -rf "$DIR"
	return "$rc"
}

# Every exit record that a test makes is checked against the published schema: collected here, judged once for the file.
keep_records() {
	local f n=0
	mkdir -p "$BATS_FILE_TMPDIR/records"
	while read -r f; do
		cp "$f" "$BATS_FILE_TMPDIR/records/$BATS_TEST_NUMBER-$n.json" || return 1
		n=$((n + 1))
	done < <(find "$DIR" \( -name rootfs -o -name mnt \) -prune -o \( -name exit.json -o -name exit.json.1 \) -size +0 -type f -print 2>/dev/null)
}

teardown_file() {
	[ ! -d "$BATS_FILE_TMPDIR/records" ] || "$TESTS/lib/check-records" "$TESTS/../docs/exit.schema.json" "$BATS_FILE_TMPDIR/records" >&2
}

# What helps to see why a test failed.
show_traces() {
	local f
	for f in "$DIR"/e*/events "$DIR"/e*/stderr "$LOG"; do
		[ -s "$f" ] || continue
		echo "--- ${f#"$DIR"/}"
		head -c 2000 "$f" | tr '\0' '.'
	done
}

# helper CMD...: run one of our own programs in the background, noted so that teardown ends it; $! is its pid
helper() {
	"$@" 3>&- 4>&- &
	echo $! >>"$DIR/helpers"
}

# A helper's number may have been given to somebody else: only programs of ours are ended. Engines end their monitors.
end_helpers() {
	local p exe
	[ -e "$DIR/helpers" ] || return 0
	while read -r p; do
		exe=$(readlink "/proc/$p/exe") || continue
		[ "${exe%/*}" = "$TOOLS" ] && kill -TERM "$p" 2>/dev/null || true
	done <"$DIR/helpers"
	while read -r p; do
		await process-gone "$p" || return 1
	done <"$DIR/helpers"
}

cleanup_containers() {
	local id
	for id in "$ROOT"/*/; do
		[ -d "$id" ] || continue
		id=$(basename "$id")
		"$RUNTIME" --root "$ROOT" delete --force -- "$id" >/dev/null 2>&1 || true
	done
	rm -rf "$ROOT/.seccomp-cache" # ours: compiled filters, for all containers of this root
	nothing_in "$ROOT" || {
		echo "left in the state directory: $(ls -A "$ROOT")" >&2
		return 1
	}
}

nothing_in() { [ -z "$(ls -A "$1" 2>/dev/null)" ]; }

# What an earlier test left was told when that ended; of bats itself it may be the watchdog, which does not hear that a test
# is over when that is so before it has set its trap.
left_processes() {
	local p ppid command found=0
	for p in /proc/[0-9]*; do
		ppid=$(awk '/^PPid:/ { print $2 }' "$p/status" 2>/dev/null) || continue
		[ "$ppid" = "$SUBREAP_PID" ] && [ "${p#/proc/}" != "$SUBREAP_CHILD" ] || continue
		command=$(tr '\0' ' ' <"$p/cmdline")
		case $command in *bats-exec-test*" $BATS_TEST_NAME "*) ;; *bats-exec-test*)
			kill -ABRT "${p#/proc/}" && continue ;;
		esac
		echo "left behind: ${p#/proc/} $command $(awk '/^State/' "$p/status")" >&2
		kill -KILL "${p#/proc/}" 2>/dev/null || true
		found=1
	done
	[ "$found" -eq 0 ]
}

# group_of CONTROLLER: the cgroup of this test's container in that hierarchy
group_of() {
	if in_scopes; then
		echo "/sys/fs/cgroup/system.slice/t-$ID.scope"
	elif on_cgroup2; then
		echo "/sys/fs/cgroup/$ID"
	else
		echo "/sys/fs/cgroup/$1/$ID"
	fi
}

# cgroups of this test's containers, wherever they are
cgroups_of() { find /sys/fs/cgroup -depth -type d -name "*$1*" 2>/dev/null; }

left_cgroups() {
	local g found=0
	while read -r g; do
		[ -n "$g" ] || continue
		echo "cgroup left behind: $g" >&2
		rmdir "$g" 2>/dev/null || true
		found=1
	done < <(cgroups_of "$ID")
	[ "$found" -eq 0 ]
}

# How many mounts there are that are not in the test's directory: before and after, this is the same. (Without a program: it
# is asked for twice in every test.)
other_mounts() {
	local all line n=0
	mapfile -t all </proc/self/mounts
	for line in "${all[@]}"; do
		# systemd's credentials come and go with its services
		[[ $line == *" $DIR"* || $line == *" /run/credentials/"* ]] || n=$((n + 1))
	done
	echo "$n"
}

left_mounts() {
	local now all
	now=$(other_mounts)
	all=$(</proc/self/mounts)
	[ "$now" -eq "$MOUNTS_BEFORE" ] && [[ $all != *" $DIR"* ]] || {
		echo "mounts: $MOUNTS_BEFORE before, $now after; in the test's directory: $(grep " $DIR" /proc/self/mounts)" >&2
		return 1
	}
}

# nothing_left [ID]: a failed create leaves no state directory, cgroup or process (mounts: teardown)
nothing_left() {
	local id=${1:-$ID}
	[ ! -e "$ROOT/$id" ] || fail "state directory left: $(ls -A "$ROOT/$id")"
	is "$(cgroups_of "$id")" ""
	await no-children "$SUBREAP_PID" "$SUBREAP_CHILD" || fail "processes left"
}

# --- bundles and the runtime --------------------------------------------------------------------------------------

# bundle CMD...: config.json with these args; the rootfs is shared and mounted read-only (own_rootfs for a private one).
# The template is filled in by the shell: jq takes as long to begin as a container does.
bundle() {
	local template args='' word group=/$ID i hex byte
	for word; do
		word=${word//'\'/'\\'}
		word=${word//'"'/'\"'}
		if [[ $word == *[$'\x01'-$'\x1f']* ]]; then
			for ((i = 1; i < 32; i++)); do
				printf -v hex %02x "$i"
				printf -v byte "\\x$hex"
				word=${word//"$byte"/"\u00$hex"}
			done
		fi
		args+="${args:+, }\"$word\""
	done
	template=$(<"$TESTS/lib/config.json")
	template=${template/@ROOT@/"$TOOLS/rootfs"}
	if in_scopes; then group=system.slice:t:$ID; fi
	template=${template/@CGROUP@/"$group"}
	rm -rf "$BUNDLE"
	mkdir -p "$BUNDLE"
	printf '%s\n' "${template/'"@ARGS@"'/"$args"}" >"$BUNDLE/config.json"
}

config() {
	jq "$@" <"$BUNDLE/config.json" >"$BUNDLE/config.new"
	mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# with_file FILE: the container sees it at /tmp/in, read-only
with_file() {
	config '.mounts += [{ destination: "/tmp/in", type: "bind", source: $f, options: ["bind", "ro"] }]' --arg f "$1"
}

# with_work: a directory shared with the container, $DIR/work and /work
with_work() {
	mkdir -p "$DIR/work"
	chmod 777 "$DIR/work"
	config '.mounts += [{ destination: "/work", type: "bind", source: $d, options: ["bind", "rw"] }]' --arg d "$DIR/work"
}

own_rootfs() {
	cp -a "$TOOLS/rootfs" "$BUNDLE/rootfs"
	config '.root.path = "rootfs" | .root.readonly = false'
}

rt() { "$RUNTIME" --root "$ROOT" "$@"; }

# rt_create [ARGS]: detached create with its output away, as an engine does it
rt_create() { rt create --bundle "$BUNDLE" --pid-file "$DIR/pid" "$@" "$ID" </dev/null >"$DIR/out" 2>"$DIR/err"; }

status_of() { rt state "${1:-$ID}" | jq -r .status; }

# in_container CMD...: what `run` of the bundle with these args prints; config edits before are kept
in_container() {
	config '.process.args = $ARGS.positional' --args -- "$@"
	rt run --bundle "$BUNDLE" "$ID"
}

# --- monitors -----------------------------------------------------------------------------------------------------

# mon [engine options] -- ARGS: start $MONITOR with exactly these arguments; the engine's directory is $E
mon() {
	local opts=()
	while [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	local n=0
	while ! mkdir "$DIR/e$n" 2>/dev/null; do n=$((n + 1)); done
	E=$DIR/e$n
	mkfifo "$E/cmd"
	helper engine "$E" "${opts[@]}" -- "$MONITOR" "${@:2}"
	await match "$E/events" '^pid '
}

# order WORD: an order to the engine (start, start-eof, drop-sync, end)
order() { echo "$1" >"$E/cmd"; }

# ctl FORMAT [ARGS]: printf an order into the control FIFO, in one write (the shell's own printf writes each line by
# itself). Opened both ways, so that it cannot block on a monitor that has gone.
ctl() {
	# shellcheck disable=SC2059
	printf "$@" >"$DIR/order"
	cat "$DIR/order" 1<>"$BUNDLE/ctl"
}

# said REGEX [SECONDS]: wait until the engine has noted a line like this
said() { await ${2:+-t "$2"} match "$E/events" "$1"; }

# events REGEX: the lines noted so far that are like this
events() { grep -E "$1" "$E/events" || true; }

# The arguments of podman's create, but for the log (k8s-file at $LOG)
standard_args() {
	ARGS=(--api-version 1 -c "$ID" -u "$ID" -r "$RUNTIME" -b "$BUNDLE" -p "$DIR/pidfile" -n "$ID-name"
		--exit-dir "$DIR/exits" --persist-dir "$DIR/persist" --full-attach -l "k8s-file:$LOG" --log-level warning
		--runtime-arg --root --runtime-arg "$ROOT" -P "$DIR/monitor.pid")
}

# said_created: the sync pipe has told the container's pid
said_created() { said '^sync [{]"(data|pid)": [0-9]+[}]$'; }

# mon_create [engine options] [-- ARGS]: podman's create; returns when the sync pipe has spoken. $CPID is the container's
# pid, $MPID the monitor's.
mon_create() {
	local opts=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	standard_args
	mon "${opts[@]}" -- "${ARGS[@]}" "${@:2}"
	said '^(sync |sync-eof|gone)'
	CPID=$(sed -n 's/^sync {"data": \([0-9]*\)}$/\1/p' "$E/events" | head -n 1)
	MPID=$(cat "$DIR/monitor.pid" 2>/dev/null) || MPID=
}

# mon_created ...: mon_create that must succeed
mon_created() {
	mon_create "$@"
	[ -n "$CPID" ] || fail "not created: $(cat "$E/events" "$E/stderr")"
}

# mon_started ...: created and started
mon_started() {
	mon_created "$@"
	rt start "$ID"
}

# mon_timed [REGEX]: mon_started with --timeout $TIMEOUT, which is a second, or more where that is over before the machine
# has started anything, and the container has written what is like this. $FROM and $CREATED are the times before and after
# the create, in milliseconds.
mon_timed() {
	for TIMEOUT in 1 5 25; do
		FROM=$(now_ms)
		mon_created -- --timeout "$TIMEOUT"
		CREATED=$(now_ms)
		if rt start "$ID" 2>"$DIR/late" && { [ $# -eq 0 ] || await -t "$TIMEOUT" match "$LOG" "$1"; }; then return; fi
		mon_end
		rt delete --force "$ID"
		rm -f "$DIR"/{exits,persist}/* "$LOG"
	done
	fail "not started in $TIMEOUT seconds: $(cat "$DIR/late")"
}

# now_ms: a time in milliseconds, to a hundredth of a second
now_ms() {
	local up
	read -r up _ </proc/uptime
	echo "${up/./}0"
}

# mon_end: wait for the end of the monitor and of everything it had
mon_end() {
	said '^gone' "${1-}"
	hasnt "$(cat "$E/events")" leftover
}

# mon_run CMD...: bundle, create, start, wait for the end
mon_run() {
	bundle "$@"
	mon_started
	mon_end
}

exit_file() { cat "$DIR/exits/$ID"; }

# payload [stdout|stderr]: what the log says the container wrote
payload() { klog payload "$LOG" "$@"; }

records() { klog records "$LOG"; }

# exec_spec CMD...: a process object for the exec of these args, at $DIR/process.json
exec_spec() {
	jq '.process | .args = $ARGS.positional' --args -- "$@" <"$BUNDLE/config.json" >"$DIR/process.json"
}

# exec_args SESSION: the arguments of podman's exec; the session's directory is $DIR/SESSION
exec_args() {
	mkdir -p "$DIR/$1/exits" "$DIR/$1/persist"
	ARGS=(--api-version 1 -c "$ID" -u "$1" -r "$RUNTIME" -b "$DIR/$1" -p "$DIR/$1/pid" -n "$ID-name"
		--exit-dir "$DIR/$1/exits" --persist-dir "$DIR/$1/persist" --full-attach -l none --log-level warning
		--runtime-arg --root --runtime-arg "$ROOT" -e --exec-attach --exec-process-spec "$DIR/process.json")
}

# --- attach clients -----------------------------------------------------------------------------------------------

# client NAME [SOCKET-DIR] [options]: an attach client whose stdin is what `send` gives it; its output is $DIR/NAME.out, .err
client() {
	local name=$1 dir=$BUNDLE fd
	shift
	[ $# -eq 0 ] || [[ $1 == --* ]] || { dir=$1; shift; }
	mkfifo "$DIR/$name.in"
	(
		for fd in "${CLIENT_FD[@]}"; do exec {fd}>&-; done
		exec attach "$dir/attach" --ready "$DIR/$name.ready" --packets "$DIR/$name.packets" "$@" \
			<"$DIR/$name.in" >"$DIR/$name.out" 2>"$DIR/$name.err" 3>&- 4>&-
	) &
	echo $! >>"$DIR/helpers"
	CLIENT_PID[$name]=$!
	exec {fd}>"$DIR/$name.in"
	CLIENT_FD[$name]=$fd
	await exists "$DIR/$name.ready"
}

# send NAME FORMAT [ARGS]: printf into the client's stdin
send() {
	# shellcheck disable=SC2059
	printf "${@:2}" >&"${CLIENT_FD[$1]}"
}

# hang_up NAME: end of the client's stdin (it then half-closes its connection)
hang_up() {
	local fd=${CLIENT_FD[$1]}
	exec {fd}>&-
}

# client_ends NAME STATUS
client_ends() {
	await process-gone "${CLIENT_PID[$1]}"
	local rc=0
	wait "${CLIENT_PID[$1]}" || rc=$?
	is "client $1 ended with $rc" "client $1 ended with $2"
}
