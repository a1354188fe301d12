# tallyctl doctor on a host with cgroup v2, all its controllers and AppArmor.
load ../../lib/harness

prepare() { CTL=$DIR/ctl; }
ctl() { "$TALLYCTL" --root "$CTL" "$@"; }

told() { jq -r --arg n "$1" '.findings[] | select(.name == $n) | .level + " " + .text' <<<"$output"; }

@test "doctor finds cgroup v2 with its controllers, BPF, AppArmor, and nothing to complain of" {
	exits 0 ctl doctor --json
	is "$(jq -r .status <<<"$output")" ok
	is "$(told mode)" "ok unified"
	is "$(told controllers)" "ok cpu cpuset io memory pids"
	is "$(told cgroup.kill)" "ok there"
	is "$(told pressure)" "ok there"
	is "$(told "clone into a cgroup")" "ok there"
	is "$(told "device rules by BPF")" "ok there"
	is "$(told AppArmor)" "ok enabled"
	like "$(told modules)" apparmor
	like "$(told manager)" "^note not running"
}

@test "doctor says so where a controller is not handed down, and where the own cgroup is threaded" {
	mkdir "/sys/fs/cgroup/$ID" "/sys/fs/cgroup/$ID/below"
	echo threaded >"/sys/fs/cgroup/$ID/below/cgroup.type"
	attempt sh -c 'echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"; echo $$ >"/sys/fs/cgroup/$1/below/cgroup.threads"; shift; exec "$@"' \
		sh "$ID" "$TALLYCTL" --root "$CTL" doctor --json
	rmdir "/sys/fs/cgroup/$ID/below" "/sys/fs/cgroup/$ID"
	is "$status" 1
	is "$(told type)" "warning /sys/fs/cgroup/$ID/below is of type \"threaded\": no container can be below it"
}
