# One changed value in config.json at a time (probes.table): it runs where the specification wants that, and else is refused
# with one line that names it, and nothing left behind.
load ../lib/harness
load ../lib/table

prepare() { bundle true; }

# says TEXT ALTERNATIVES: one of a|b|c is in the text
says() {
	local word words
	IFS='|' read -ra words <<<"$2"
	for word in "${words[@]}"; do [[ $1 != *"$word"* ]] || return 0; done
	return 1
}

# probe NAME JQ WANTED: one row; prints what is wrong with it
probe() {
	local name=$1 edit=$2 wanted=$3
	local v2=
	case $wanted in
	SCOPE:*) if in_scopes; then wanted=${wanted#SCOPE:}; else wanted=; fi ;; # it is systemd's to understand
	V1*) if on_cgroup2; then v2=1 wanted=; else wanted=${wanted#V1} wanted=${wanted#:}; fi ;;
	esac
	bundle true
	config "$edit" || { echo "$name: the edit is no jq"; return; }
	attempt rt run --bundle "$BUNDLE" "$ID"
	if [ -n "$v2" ] && [ "$status" -ne 0 ]; then
		like "$stderr" "controller .* not available" || echo "$name: refused with $status: $stderr"
	elif [ -z "$wanted" ]; then
		[ "$status" -eq 0 ] || echo "$name: refused with $status: $stderr"
	else
		[ "$status" -eq 1 ] || echo "$name: status $status, not 1; $stderr"
		[ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ] || echo "$name: more than one line: $stderr"
		says "$stderr" "$wanted" || echo "$name: no '$wanted' in: $stderr"
	fi
	[ ! -e "$ROOT/$ID" ] || { echo "$name: state left behind"; rt delete --force "$ID"; }
	[ -z "$(cgroups_of "$ID")" ] || echo "$name: cgroups left behind"
}

# probes GROUP: all rows of a group. What a peer does is in the table; its texts are not ours to test.
probes() {
	runtime_is_ours || return 0
	rows "$TESTS/system/probes.table" "$1" probe
}

@test "probes of mounts" { probes mounts; }
@test "probes of the process" { probes process; }
@test "probes of the document" { probes document; }
@test "probes of namespaces, sysctls and network devices" { probes namespaces; }
@test "probes of seccomp" { probes seccomp; }
@test "probes of linux" { probes linux; }
@test "probes of resources" { probes resources; }
@test "probes of hooks" { probes hooks; }

@test "the table of probes is whole" { table_is_whole "$TESTS/system/probes.table" 96; }
