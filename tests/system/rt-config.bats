# What bundles of run_oci have in config.json beyond the runtime-spec, or in another sense: what becomes of it here.
load ../lib/harness

prepare() { bundle true; }

# add_mount JSON: one more mount in the config
add_mount() { config ".mounts += [$1]" --arg dir "$DIR"; }

# refuses_config TEXT: create fails with one line that has TEXT, and leaves nothing
refuses_config() {
	exits 1 rt run --bundle "$BUNDLE" "$ID"
	has "$stderr" "$1"
	one_line "$stderr"
	nothing_left
}

@test "C72 a label is refused by its place where SELinux is off: process, mounts, exec" {
	runtime_is_ours || return 0
	! grep -q selinuxfs /proc/self/mounts || skip "SELinux is on"
	config '.linux.mountLabel = "u:r:t:s0"'
	refuses_config 'linux.mountLabel: selinux label is specified in config, but selinux is disabled or not supported'
	config '.process.selinuxLabel = "u:r:t:s0"'
	refuses_config 'process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not supported'
	bundle sleep 1000
	rt_create
	exits 255 rt exec --process-label u:r:t:s0 "$ID" true
	has "$stderr" 'process.selinuxLabel: selinux label is specified in config'
	one_line "$stderr"
	exits 0 rt exec --process-label '' "$ID" true
}

@test "linux.intelRdt is refused by its place where resctrl is not mounted, and update without a group" {
	runtime_is_ours || return 0
	! grep -q ' resctrl ' /proc/self/mounts || skip "resctrl is mounted"
	config '.linux.intelRdt = { l3CacheSchema: "L3:0=f" }'
	refuses_config 'linux.intelRdt: intelRdt is specified in config, but Intel RDT is not enabled: no resctrl file system is mounted'
	bundle sleep 1000
	rt_create
	is "$(jq -r .intel_rdt_path "$ROOT/$ID/state.json")" ""
	exits 1 rt update --mem-bw-schema MB:0=20 "$ID"
	has "$stderr" '--mem-bw-schema: the container has no group of Intel RDT (linux.intelRdt)'
}
