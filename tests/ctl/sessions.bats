# Exec sessions step by step: created, running, stopped, and what is true when somebody died on the way.
load sessions

bundle_gone() { [ ! -e "$(exec_dir)/$SID" ]; }

@test "B1 B2 the record has engines' keys, and only those that say something" {
	started sleep 1000
	create -e B=2 -e A=1 -e B=3 -u 1000 -w /tmp --detach-keys= "$ID" -- sh -c 'exit 3'
	is "$(ctl session inspect "$SID" | command -p jq -cS .config)" \
		'{"attachStderr":true,"attachStdout":true,"command":["sh","-c","exit 3"],"detachKeys":"","environment":{"A":"1","B":"3"},"user":"1000","workDir":"/tmp"}'
	is "$(record '.id, .containerId, .state')" "$SID"$'\n'"$ID"$'\n'created
	is "$(record 'has("pid"), has("exitCode")')" $'false\nfalse'
	create -t --privileged --preserve-fds 0 "$ID" sh
	is "$(ctl session inspect "$SID" | command -p jq -cS .config)" '{"command":["sh"],"privileged":true,"terminal":true}'
}

@test "B4 B14 B15 created, running, stopped, and no way back; nothing is made before the start" {
	started sleep 1000
	create "$ID" -- sleep 1000
	like "$SID" '^[0-9a-f]{64}$'
	is "$(state)" created
	is "$(ls "$(exec_dir)")" "$SID.json"
	ctl session start "$SID"
	is "$(state)" running
	[ "$(record .pid)" -gt 1 ]
	exits 122 ctl session start "$SID"
	has "$stderr" "is running"
	ctl session stop "$SID"
	is "$(state)" stopped
	is "$(record '.exitCode, has("pid")')" $'143\nfalse'
	exits 122 ctl session start "$SID"
	has "$stderr" "is stopped"
	exits 122 ctl session stop "$SID"
	ctl session rm "$SID"
	exits 121 ctl session inspect "$SID"
	one_line "$stderr"
	is "$(ls "$(exec_dir)")" ""
}

@test "B5 B16 ids are 64 hex digits, and two that are made at once are both there" {
	local i
	started sleep 1000
	local pids=()
	for i in 1 2 3 4 5 6 7 8; do
		ctl session create "$ID" -- true >"$DIR/id.$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	is "$(sort -u "$DIR"/id.* | grep -cE '^[0-9a-f]{64}$')" 8
	is "$(ctl --json session ls "$ID" | jq -c 'map(.state) | unique')" '["created"]'
	is "$(ctl --json session ls "$ID" | jq length)" 8
	ctl session rm --all "$ID"
	is "$(ctl --json session ls | jq length)" 0
}

@test "B9 B23 user and directory are the container's unless the session names others" {
	bundle sleep 1000
	config '.process.user = {"uid": 1000, "gid": 1000} | .process.cwd = "/tmp"'
	ctl run -d -b "$BUNDLE" "$ID"
	create "$ID" -- sh -c 'id -u; pwd'
	is "$(ctl session start -a "$SID")" $'1000\n/tmp'
	create -u 0 -w /home "$ID" -- sh -c 'id -u; pwd'
	is "$(ctl session start -a "$SID")" $'0\n/home'
	create -u "" -w "" "$ID" -- sh -c 'id -u; pwd'
	is "$(ctl session start -a "$SID")" $'1000\n/tmp'
	ctl session rm --all "$ID"
}

@test "B10 preserved descriptors are those of the one who starts it" {
	started sleep 1000
	echo text >"$DIR/file"
	SID=$("$TALLYCTL" --root "$CTL" session create --preserve-fds 1 "$ID" -- sh -c 'cat <&3' 3<"$DIR/file" 4>&-)
	is "$("$TALLYCTL" --root "$CTL" session start -a "$SID" 3<"$DIR/file" 4>&-)" text
	is "$("$TALLYCTL" --root "$CTL" exec --preserve-fds 2 "$ID" sh -c 'cat <&4' 3</dev/null 4<"$DIR/file")" text
	exits 120 ctl session create --preserve-fds 1 "$ID" true
	has "$stderr" "descriptor 3 is not open"
	ctl session rm "$SID"
}

@test "B11 B12 B13 B17 what makes no sense is refused when the session is made" {
	started sleep 1000
	exits 120 ctl session create "$ID"
	has "$stderr" "no command"
	exits 120 ctl session create "$ID" ""
	exits 120 ctl session create
	exits 120 ctl session create -t --attach-stdout "$ID" sh
	has "$stderr" "--attach-stdout"
	exits 120 ctl session create -w tmp "$ID" sh
	exits 120 ctl session create --detach-keys 'ctrl-1x' "$ID" sh
	exits 120 ctl session create -e =x "$ID" sh
	exits 120 ctl session create --preserve-fds -1 "$ID" sh
	exits 125 ctl session create nosuch sh
	is "$(ls "$(exec_dir)")" ""
	create "$ID" true
	ctl stop -t 0 "$ID"
	exits 122 ctl session create "$ID" true
	has "$stderr" "not running"
	exits 122 ctl session start "$SID"
	is "$(state)" created
}

@test "a paused container is no place to start a session, which stays created" {
	started sleep 1000
	create "$ID" -- sh -c 'exit 5'
	ctl pause "$ID"
	exits 122 ctl session create "$ID" true
	one_line "$stderr"
	exits 122 ctl session start "$SID"
	is "$stderr" "tallyctl: container $ID is paused: nothing can be started in it"
	is "$(state)" created
	exits 125 ctl exec "$ID" true
	is "$(ls "$(exec_dir)")" "$SID.json"
	ctl resume "$ID"
	exits 5 ctl session start --attach "$SID"
	# by somebody else: only the runtime knows
	create "$ID" -- sh -c 'exit 6'
	"$RUNTIME" --root "$CTL/runtime" pause "$ID"
	exits 122 ctl session start "$SID"
	one_line "$stderr"
	is "$(record '.state, has("exitCode"), has("starterPid")')" $'created\nfalse\nfalse'
	exits 125 ctl exec "$ID" true
	has "$stderr" paused
	"$RUNTIME" --root "$CTL/runtime" resume "$ID"
	exits 6 ctl session start --attach "$SID"
	ctl session rm --all "$ID"
}

# blind CALL ERROR ARGS...: tallyctl for which this system call always fails
blind() {
	env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" strace -qq -o "$DIR/trace" -e "trace=$1" \
		-e "inject=$1:error=$2" "$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" "${@:3}" 3>&- 4>&-
}

@test "processes that cannot be looked at are neither alive nor dead" {
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	local before error
	before=$(cat "$(exec_dir)/$SID.json")
	for error in EMFILE ENFILE ENOMEM ENOSYS; do
		exits 125 blind pidfd_open "$error" session inspect "$SID"
		one_line "$stderr"
		like "$stderr" "session $SID: look at its monitor, process [0-9]*: "
		exits 125 blind pidfd_open "$error" session stop "$SID"
		exits 125 blind pidfd_open "$error" session rm --force "$SID"
		exits 125 blind pidfd_open "$error" session start "$SID"
		exits 0 blind pidfd_open "$error" --json ps
		is "$(jq -r '.[0].status' <<<"$output")" unknown
		has "$stderr" "look at the monitor"
		exits 125 blind pidfd_open "$error" rm "$ID"
		has "$stderr" unknown
		exits 125 blind pidfd_open "$error" wait "$ID"
	done
	is "$(cat "$(exec_dir)/$SID.json")" "$before"
	is "$(state)" running
	is "$(ctl_status)" running
	ctl session rm --force -t 0 "$SID"
}

@test "B18 B47 an unknown session is told so, with its id, and as JSON when that is asked for" {
	started sleep 1000
	local verb
	for verb in start attach inspect stop rm cleanup; do
		exits 121 ctl session "$verb" bogus
		has "$stderr" bogus
		one_line "$stderr"
	done
	exits 121 ctl session resize ../x 10 10
	exits 121 ctl --json session start bogus
	is "$(jq -r '.kind, .status' <<<"$stderr")" $'no-such\n121'
	exits 120 ctl session
	exits 120 ctl session frobnicate
}

@test "B20 B27 a session that is started in the background goes on, and its output is kept while it does" {
	started sleep 1000
	create "$ID" -- sh -c 'echo said; echo more >&2; sleep 1000'
	ctl session start "$SID"
	await match "$(exec_dir)/$SID/exec_log" 'stderr F more'
	grep -q 'stdout F said' "$(exec_dir)/$SID/exec_log"
	ctl session rm -f -t 0 "$SID"
}

@test "B22 a privileged session has all capabilities" {
	bundle sleep 1000
	config '.process.capabilities = {bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"]}'
	ctl run -d -b "$BUNDLE" "$ID"
	create "$ID" -- grep CapEff /proc/self/status
	is "$(ctl session start -a "$SID")" $'CapEff:\t0000000000000020'
	is "$(ctl exec --privileged "$ID" grep CapEff /proc/self/status)" "$(grep CapBnd /proc/self/status | sed s/Bnd/Eff/)"
	ctl session rm "$SID"
}

@test "B24 B25 the session's bundle and the files in it" {
	started sleep 1000
	create "$ID" -- sleep 1000
	umask 077
	ctl session start "$SID"
	cd "$(exec_dir)/$SID"
	is "$(stat -c %a . exit)" $'755\n755'
	is "$(cat exec_pid)" "$(record .pid)"
	[ -p ctl ] && [ -S attach ] && [ -e exec_log ] && [ -e oci-log ]
	is "$(stat -c %a exec-process-*)" 600
	jq -e '.args == ["sleep", "1000"]' exec-process-* >/dev/null
	cd /
	ctl session stop -t 0 "$SID"
	[ ! -e "$(exec_dir)/$SID" ]
	is "$(record .exitCode)" 137
}

@test "B28 B29 other commands work on the container and its sessions while one is attended; removed under it is no error" {
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session start --attach "$SID" &
	local client=$!
	until_so running
	is "$(ctl exec "$ID" echo yes)" yes
	is "$(ctl --json session ls --active "$ID" | jq -r '.[].id')" "$SID"
	ctl session rm --force -t 0 "$SID"
	wait "$client" || is "$?" 137 # it may see the end before the record has gone
	is "$(ls "$(exec_dir)")" ""
}

@test "B30 attended to the end: the status is the command's, and is kept" {
	started sleep 1000
	create "$ID" -- sh -c 'echo out; echo err >&2; exit 7'
	exits 7 ctl session start --attach "$SID"
	is "$output" out
	is "$stderr" err
	is "$(record '.state, .exitCode')" $'stopped\n7'
	until_so bundle_gone
	ctl session rm "$SID"
	create --attach-stderr "$ID" -- sh -c 'echo out; echo err >&2; kill -9 $$'
	exits 137 ctl session start --attach "$SID"
	is "$output" ""
	is "$stderr" err
	create -i "$ID" -- wc -c
	is "$(printf 12345 | ctl session start --attach "$SID")" 5
	ctl session rm --all "$ID"
}

@test "B35 B36 B37 stop: TERM, then KILL, and nobody else gets them" {
	started sh -c 'trap "echo init got it" TERM; while :; do sleep 1000 & wait; done'
	create "$ID" -- sh -c 'trap "" TERM; echo ready; while :; do sleep 1000; done'
	ctl session start "$SID"
	await match "$(exec_dir)/$SID/exec_log" ready
	exits 120 ctl session stop -t -1 "$SID"
	ctl session stop -t 1 "$SID"
	is "$(record .exitCode)" 137
	ctl session rm "$SID"
	is "$(ctl_status)" running
	is "$(ctl logs "$ID")" ""
}

@test "B39 B42 a session that runs is neither cleaned up nor removed without force" {
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session cleanup "$SID"
	ctl session start "$SID"
	exits 122 ctl session cleanup "$SID"
	exits 122 ctl session rm "$SID"
	has "$stderr" running
	ctl session stop -t 0 "$SID"
	ctl session cleanup "$SID"
	ctl session cleanup "$SID"
	ctl session rm "$SID"
	exits 121 ctl session rm "$SID"
}

@test "B41 B49 a process that was killed behind our back is a session that has stopped" {
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	kill -9 "$(record .pid)"
	until_so stopped
	is "$(ctl --json session ls "$ID" | jq -r '.[0].exitCode')" 137
	ctl session rm "$SID"
}

@test "B44 resize reaches a running terminal, and nothing else" {
	started sleep 1000
	create -t "$ID" -- sh -c 'trap "stty size" WINCH; echo ready; while :; do sleep 0.1; done'
	exits 122 ctl session resize "$SID" 40 120
	ctl session start "$SID"
	await match "$(exec_dir)/$SID/exec_log" ready
	ctl session resize "$SID" 40 120
	await match "$(exec_dir)/$SID/exec_log" "40 120"
	exits 120 ctl session resize "$SID" 0 10
	exits 120 ctl session resize "$SID" 10 65536
	ctl session rm -f -t 0 "$SID"
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	exits 122 ctl session resize "$SID" 40 120
	has "$stderr" "no terminal"
	ctl session rm -f -t 0 "$SID"
}

@test "B50 B3 all sessions of a container go with it, and an engine's old record is one" {
	started sleep 1000
	sleep 1000 &
	local old=$!
	echo "{\"id\": \"old\", \"command\": [\"sleep\"], \"pid\": $old}" >"$(exec_dir)/old.json"
	is "$(ctl session inspect old | jq -r '.state, .pid')" "running"$'\n'"$old"
	ctl session stop old || [ $? -eq 121 ]
	wait "$old" || is "$?" 143
	exits 121 ctl session inspect old
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	create "$ID" -- sleep 1000
	ctl session rm --all --force -t 0 "$ID"
	is "$(ctl --json session ls | jq length)" 0
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	ctl rm --force "$ID"
}

@test "B51 a pid that is somebody else's by now is not the session's process" {
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	local monitor pid
	monitor=$(record .monitorPid) pid=$(record .pid)
	jq '.pidStart = 1' "$(exec_dir)/$SID.json" >"$DIR/r" && cp "$DIR/r" "$(exec_dir)/$SID.json"
	kill -9 "$monitor"
	until_so stopped
	is "$(record '.exitCode, .unknownBecause')" "null"$'\n'"the session's monitor ended without recording it"
	kill -0 "$pid"
	kill -9 "$pid"
	ctl session rm "$SID"
}

@test "a pid in the bundle of a start that died is not believed when that process is younger than the file" {
	local record stranger
	started sleep 1000
	create "$ID" -- sleep 1000
	sleep 1000 3>&- &
	stranger=$!
	mkdir -p "$(exec_dir)/$SID"
	echo "$stranger" >"$(exec_dir)/$SID/exec_pid"
	touch -d "1 hour ago" "$(exec_dir)/$SID/exec_pid"
	record=$(jq '.starterPid = 4194303 | .starterStart = 1' "$(exec_dir)/$SID.json")
	echo "$record" >"$(exec_dir)/$SID.json"
	is "$(state)" stopped
	ctl session rm -f "$SID"
	kill -0 "$stranger"
	kill "$stranger"
}

@test "a record that cannot be read is told in one line, and goes by force; without force rm says so" {
	local d s command
	started sleep 1000
	d=$(exec_dir)
	: >"$d/empty.json"
	head -c 5000000 /dev/zero >"$d/huge.json"
	printf '{"state":"created\0","config":{}}' >"$d/nul.json"
	mkdir -p "$d/dir.json/x"
	ln -s /etc/passwd "$d/link.json"
	mkfifo "$d/fifo.json"
	command='"config":{"command":["true"]}'
	echo "{\"state\":\"running\",$command,\"pid\":\"x\"}" >"$d/types.json"
	echo "{\"state\":\"stopped\",$command,\"exitCode\":256}" >"$d/code.json"
	echo "{\"state\":\"created\",$command}" >"$d/programs.json"
	echo '{"state":"created","monitor":"m","runtime":"r","config":{"command":[]}}' >"$d/command.json"
	echo '[]' >"$d/list.json"
	printf '[%.0s' {1..10000} >"$d/deep.json"
	create "$ID" -- true
	ln -s "$DIR" "$d/$SID" # where its bundle would be
	is "$(ctl --json session ls "$ID" 2>/dev/null | jq length)" 1
	for s in empty huge nul dir link fifo types code programs command list deep; do
		exits 125 ctl session inspect "$s"
		one_line "$stderr"
		exits 125 ctl session start -a "$s"
		one_line "$stderr"
		exits 125 ctl session rm "$s"
	done
	exits 125 ctl session rm --all "$ID"
	ctl session rm -f link
	ctl session rm -f dir
	ctl session rm --all -f "$ID"
	is "$(ls -A "$d")" ""
	[ -e /etc/passwd ] && [ -d "$DIR" ]
}

@test "what has no readable record and still runs is ended by rm --force" {
	local pid
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	pid=$(record .pid)
	: >"$(exec_dir)/$SID.json"
	ctl session rm -f "$SID"
	is "$(ls -A "$(exec_dir)")" ""
	[ ! -e "/proc/$pid/stat" ] || has "$(cat "/proc/$pid/stat")" ") Z "
}

@test "wait and cleanup of a session whose record cannot be read say so, and its end is not lost" {
	local text="tallyctl: record of session"
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	record . >"$DIR/record"
	jq '.pid = "x"' "$DIR/record" >"$(exec_dir)/$SID.json"
	kill -KILL "$(jq .pid "$DIR/record")"
	await process-gone "$(jq .monitorPid "$DIR/record")"
	exits 125 ctl cleanup --exec "$SID" "$ID"
	is "$stderr" "$text $SID: pid is no process"
	cp "$DIR/record" "$(exec_dir)/$SID.json"
	is "$(record .exitCode)" 137
	jq '.pid = "x"' "$DIR/record" >"$(exec_dir)/$SID.json"
	ctl stop -t 0 "$ID"
	exits 0 ctl wait "$ID"
	is "$output" 137
	is "$stderr" "$text $SID: pid is no process"
	ctl rm --force "$ID"
}

@test "a start that is interrupted leaves nothing running, and says what it was" {
	local delay pid status
	started sleep 1000
	for delay in 0 0.01 0.02 0.03 0.04 0.05 0.06 0.08 0.1 0.15; do
		create "$ID" -- sleep 1234
		"$TALLYCTL" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" session start "$SID" 2>/dev/null </dev/null 3>&- 4>&- &
		pid=$!
		sleep "$delay" # not to wait for anything: another moment of the start each time
		kill -TERM "$pid" 2>/dev/null || true
		status=0
		wait "$pid" || status=$?
		case $status in
		0) is "$(state)" running; ctl session rm -f "$SID" ;;
		143) state | grep -qxE "stopped|created"; ctl session rm -f "$SID" ;;
		*) fail "status $status" ;;
		esac
		is "$(ctl exec "$ID" -- sh -c 'grep -l 1234 /proc/[0-9]*/cmdline 2>/dev/null' | grep -v "/$$/" | wc -l)" 1 # the looking one
	done
}

@test "words that the runtime cannot be told unaltered are refused" {
	started sleep 1000
	exits 120 ctl session create "$ID" -- printf $'a\xff'
	one_line "$stderr"
	has "$stderr" "UTF-8"
	exits 120 ctl session create -e $'A=\xff' "$ID" -- env
	exits 120 ctl session create -w $'/\xff' "$ID" -- env
	exits 120 ctl session create -u $'\xff' "$ID" -- env
	exits 125 ctl exec "$ID" -- printf $'a\xff'
	has "$stderr" "UTF-8"
	is "$(ls -A "$(exec_dir)")" ""
}

@test "a monitor that is killed leaves a session whose end is unknown, once its command has ended" {
	started sleep 1000
	create "$ID" -- sh -c 'trap "" HUP PIPE; sleep 1000'
	ctl session start "$SID"
	local pid
	pid=$(record .pid)
	kill -9 "$(record .monitorPid)"
	is "$(state)" running
	kill -9 "$pid"
	until_so stopped
	is "$(record .exitCode)" null
	ctl session rm "$SID"
}

@test "a tool that is killed at any moment of start leaves a session that is right again at the next look" {
	local i delay
	started sleep 1000
	for i in $(seq 25); do
		create "$ID" -- sh -c 'sleep 0.01; exit 9'
		delay=$(printf '0.%03d' $((i * 4)))
		timeout -s KILL "$delay" "$TALLYCTL" --root "$CTL" session start "$SID" 3>&- 4>&- || true
		until_so settled_or_startable
		case $(state) in
		created) ctl session start "$SID"; until_so stopped; is "$(record .exitCode)" 9 ;;
		stopped) like "$(record .exitCode)" '^(9|null)$' ;;
		esac
		ctl session rm "$SID"
	done
	is "$(ls "$(exec_dir)")" ""
}
settled_or_startable() {
	[ "$(record '.state, has("starterPid")' | paste -sd' ')" = "created false" ] || [ "$(state)" = stopped ]
}

@test "a tool that is killed while it writes a record leaves nothing that stays when the session is removed" {
	started sleep 1000
	create "$ID" -- true
	run env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" strace -qq -o "$DIR/trace" -e trace=/^rename \
		-e inject=/^rename:signal=KILL "$TALLYCTL" --root "$CTL" session start "$SID" 3>&- 4>&-
	like "$(ls "$(exec_dir)")" "$SID.json[.]"
	is "$(state)" created
	ctl session rm "$SID"
	is "$(ls "$(exec_dir)")" ""
}

@test "attach to a running session, leave it by its keys, and come back" {
	started sleep 1000
	create -t -i "$ID" -- sh
	on_terminal 'expect:# ' 'send:A=kept\r' 'expect:# ' 'send:\x10\x11' -- "$TALLYCTL" --root "$CTL" session start --attach "$SID"
	has "$output" "status 0"
	is "$(state)" running
	on_terminal 'send:echo $A-$((1+1))\r' expect:kept-2 'send:exit 4\r' -- "$TALLYCTL" --root "$CTL" session attach "$SID"
	has "$output" "status 4"
	has "$output" "modes same"
	is "$(record .exitCode)" 4
	exits 122 ctl session attach "$SID"
	ctl session rm "$SID"
}

@test "what cannot be executed is a session that has stopped, with the reason in its record" {
	started sleep 1000
	create "$ID" -- /no/such
	exits 127 ctl session start "$SID"
	is "$(record '.state, .exitCode')" $'stopped\n127'
	has "$(record .error)" "no such file"
	bundle_gone
	ctl session rm "$SID"
	create -u nobody-of-this-name "$ID" -- true
	exits 125 ctl session start "$SID"
	is "$(state)" stopped
	ctl session rm "$SID"
}

@test "200 sessions in eight loops, tools and monitors killed at random: nothing is lost or wrong" {
	started sleep 1000
	export CTL ID MONITOR RUNTIME TALLYCTL
	local n pids=()
	for n in 1 2 3 4 5 6 7 8; do
		"$TESTS/ctl/session-storm" "$n" 25 >"$DIR/storm.$n" 2>&1 3>&- 4>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	is "$(cat "$DIR"/storm.* | grep -c '^done')" 8
	is "$(cat "$DIR"/storm.* | grep '^wrong' || true)" ""
	until_so all_stopped
	ctl session rm --all "$ID"
	is "$(ls "$(exec_dir)")" ""
	is "$(ctl ps | grep -c .)" 2
	is "$(ctl exec "$ID" sh -c 'set -- /proc/[0-9]*; echo $#')" 2
}
all_stopped() { [ "$(ctl --json session ls "$ID" | jq -c 'map(.state) | unique - ["created", "stopped"]')" = "[]" ]; }
