# The command line: what a script or an engine may type, and what it is told when it is wrong.
load ../lib/harness

# refused TEXT ARGS...: status 1, this text, and nothing was started. 2.1.6 writes parse errors to stdout.
refused() {
	exits 1 "$MONITOR" "${@:2}"
	has "$output$stderr" "$1"
	if monitor_is_ours; then
		is "$output" ""
		one_line "$stderr"
	fi
}

@test "--version has a strict three-part version as third word and the commit on line two" {
	exits 0 "$MONITOR" --version
	like "${lines[0]}" '^[^ ]+ version [0-9]+\.[0-9]+\.[0-9]+$'
	like "${lines[1]}" '^commit: '
	is "$stderr" ""
}

@test "--version is read by podman 4 and by CRI-O as a conmon that knows --sync and --log-global-size-max" {
	exits 0 "$MONITOR" --version
	like "$output" '^(version:|conmon version)? ?[0-9]+\.[0-9]+\.[0-9]+'
	read -r major minor patch < <(awk 'NR == 1 { split($3, v, "."); print v[1], v[2], v[3] }' <<<"$output")
	[ "$major" -eq 2 ]
	[ $((minor * 1000 + patch)) -ge 1002 ]
}

@test "--help goes to stdout with status 0 and names the options that CRI-O looks for" {
	exits 0 "$MONITOR" --help
	has "$output" --exec
	only_ours monitor has "$output" journald # in the texts of later conmons
	has "$output" --log-global-size-max
	is "$stderr" ""
	exits 0 "$MONITOR" -h
	has "$output" --exit-command
}

@test "an unknown option is refused by its name" {
	refused "Unknown option --nonsense" --nonsense
}

@test "an option without its value is refused" {
	refused "Missing argument for --cid" --cid
	refused "Missing argument for -c" -c
}

@test "a value that is no number is refused" {
	refused "--timeout" --timeout abc -c x
	refused "--log-size-max" --log-size-max 1x -c x
}

@test "a number out of range is refused" {
	refused "--timeout" --timeout 99999999999 -c x
}

@test "a parse error wins over --version" {
	refused "Unknown option --nonsense" --version --nonsense
}

@test "a missing container id is refused" {
	refused "Container ID not provided. Use --cid"
}

@test "an unknown log level is refused" {
	refused "No such log level loud" -c x -u x -r "$RUNTIME" -l none --log-level loud
}

@test "exec and restore exclude each other" {
	refused "Cannot use 'exec' and 'restore' at the same time" -c x -u x -r "$RUNTIME" -l none --exec --restore /img
}

@test "--exec-attach needs --exec and --api-version" {
	refused "Attach can only be specified with exec" -c x -u x -r "$RUNTIME" -l none --exec-attach
	refused "Attach can only be specified for a non-legacy exec session" -c x -u x -r "$RUNTIME" -l none -e --exec-attach
}

@test "a missing container uuid is refused" {
	refused "Container UUID not provided. Use --cuuid" -c x -r "$RUNTIME" -l none
}

@test "a missing or unusable runtime is refused" {
	refused "Runtime path not provided. Use --runtime" -c x -u x -l none
	refused "Runtime path $DIR/missing/runtime is not valid" -c x -u x -l none -r "$DIR/missing/runtime"
	refused "No such file or directory" -c x -u x -l none -r "$DIR/missing/runtime"
	refused "Permission denied" -c x -u x -l none -r /etc/passwd
}

@test "exec needs a process spec" {
	refused "Exec process spec path not provided. Use --exec-process-spec" -c x -u x -r "$RUNTIME" -l none -e
}

@test "a negative exit delay is refused" {
	refused "Delay before invoking exit command must be greater than or equal to 0" -c x -u x -r "$RUNTIME" -l none \
		--exit-delay -1
}

@test "a missing log path is refused" {
	refused "Log driver not provided. Use --log-path" -c x -u x -r "$RUNTIME"
}

@test "bad log paths are refused" {
	local base=(-c x -u x -r "$RUNTIME")
	refused "log-path must not be empty" "${base[@]}" -l ""
	refused "log-path must not be empty" "${base[@]}" -l :
	refused "k8s-file requires a filename" "${base[@]}" -l k8s-file:
	refused "k8s-file requires a filename" "${base[@]}" -l k8s-file
	refused "No such log driver syslog" "${base[@]}" -l "syslog:$DIR/x"
	refused "Failed to open log file" "${base[@]}" -l "k8s-file:$DIR/missing/x"
	refused "No such file or directory" "${base[@]}" -l "k8s-file:$DIR/missing/x"
}

@test "log drivers that exclude each other, and too many of them, are refused with the value" {
	monitor_is_ours || return 0 # there the last one wins, or gets nothing
	local base=(-c x -u x -r "$RUNTIME")
	refused "json-file requires a filename (--log-path json-file)" "${base[@]}" -l json-file
	refused "--log-path passthrough: no other log can have" "${base[@]}" -l passthrough -l "json-file:$DIR/x"
	refused "--log-path: $DIR/x is given twice" "${base[@]}" -l "json-file:$DIR/x" -l "k8s-file:$DIR/./x" -l none
	refused "--log-path $DIR/5: more than 4 log files" "${base[@]}" -l "$DIR/1" -l "$DIR/2" -l "$DIR/3" -l "$DIR/4" -l "$DIR/5"
	refused "--log-utc: there is no k8s-file" "${base[@]}" -l "json-file:$DIR/x" --log-utc
	refused "--log-priority-prefix: only journald" "${base[@]}" -l "json-file:$DIR/x" --log-priority-prefix
	refused "--log-compress lzma: neither gzip nor zstd" "${base[@]}" -l "$DIR/x" --log-rotate --log-compress lzma
	refused "--log-compress gzip: without --log-rotate" "${base[@]}" -l "$DIR/x" --log-compress gzip
	refused "--log-compress zstd: there is no log file" "${base[@]}" -l journald --log-rotate --log-compress zstd
	refused "--log-compress gzip: there is no log file" "${base[@]}" -l none --log-rotate --log-compress gzip
	exits 1 env PATH="$DIR" "$MONITOR" "${base[@]}" -l "$DIR/x" --log-rotate --log-compress zstd
	has "$stderr" "--log-compress zstd: there is no program zstd in PATH"
	refused "no LABEL present in '=x'" "${base[@]}" -l "json-file:$DIR/x" --log-label =x
}

@test "k8s-file takes no --log-tag" {
	refused "k8s-file doesn't support --log-tag" -c x -u x -r "$RUNTIME" -l "k8s-file:$DIR/x" --log-tag t
}

@test "the numbers of --log-max-files are checked" {
	monitor_is_ours || return 0 # the option is younger than 2.1.6
	refused "log-max-files must be non-negative, got -1" -c x --log-max-files -1
	refused "log-max-files must be at least 1 when log-rotate is enabled, got 0" -c x --log-rotate --log-max-files 0
}

@test "--attach-overflow and --attach-replay are checked, and refused where nobody can attach" {
	monitor_is_ours || return 0 # its own options
	local base=(-c x -u x -r "$RUNTIME")
	refused "--attach-overflow drop: must be disconnect, skip or block" "${base[@]}" -l none --attach-overflow drop
	refused "--attach-overflow : must be" "${base[@]}" -l none --attach-overflow ""
	refused "--attach-replay must be between 0 and 16777216, got -1" "${base[@]}" -l none --attach-replay -1
	refused "--attach-replay must be between 0 and 16777216, got 16777217" "${base[@]}" -l none --attach-replay 16777217
	refused "cannot be used with passthrough" "${base[@]}" -l passthrough --attach-overflow skip
	refused "cannot be used with passthrough" "${base[@]}" -l passthrough --attach-replay 1
	refused "need --bundle" "${base[@]}" -l none -e --exec-process-spec "$DIR/x" --attach-replay 1
}

@test "words after options, and everything after --, are ignored as podman needs it" {
	bundle true
	mon_started -- 1 word --log-level error -- --nonsense
	mon_end
	is "$(exit_file)" 0
}

@test "flags take and ignore a value, short flags can be bundled, the last single value wins" {
	bundle cat
	mon_started -- --api-version=0 -ic "$ID" --timeout=5 --timeout 60
	client one
	send one 'hi\n'
	await match "$LOG" ' F hi$'
	hang_up one
	mon_end
	is "$(exit_file)" 0
}

@test "nothing is printed when all is well" {
	mon_run true
	is "$(cat "$E/stdout" "$E/stderr")" ""
	has "$(events '^status')" "status 0"
}

@test "arguments need not be UTF-8 in the C locale" {
	name_is_kept() {
		bundle true
		export LC_ALL=C
		mon_started -- -n $'caf\xc3\xa9-\xff'
		mon_end
		is "$(exit_file)" 0
	}
	peer_fails monitor name_is_kept
}
