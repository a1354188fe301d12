# SELinux, enforced: what the kernel is asked for in labels is what processes, keys and mounts have (policy.conf).
load ../../lib/harness

ONE=system_u:system_r:container_t:s0:c1,c2
FILES=system_u:object_r:container_file_t:s0:c1,c2

# labelled CMD...: a bundle whose process and mounts have labels
labelled() {
	bundle "$@"
	config '.process.selinuxLabel = $p | .linux.mountLabel = $f' --arg p "$ONE" --arg f "$FILES"
}

# begin: the bundle's container runs, and has got its label
begin() {
	rt_create || fail "$(cat "$DIR/err")"
	PID=$(cat "$DIR/pid")
	rt start "$ID"
	await -t 60 match "/proc/$PID/attr/current" ':container_t:'
}

up() {
	labelled sleep 1000
	[ $# -eq 0 ] || config "$@"
	begin
}

label_of() { tr -d '\0\n' <"/proc/$1/attr/current"; }
# mounted PLACE: the options of that mount's file system, as the container sees them
mounted() { awk -v at="$1" '$5 == at { print $NF }' "/proc/$PID/mountinfo"; }
# on_file PATH: the label of what is there in the container
on_file() { stat -c %C "/proc/$PID/root$1"; }

# refuses_label TEXT: nothing is made, for this reason
refuses_label() {
	refuses rt create --bundle "$BUNDLE" "$ID"
	only_ours runtime has "$stderr" "$1"
	only_ours runtime one_line "$stderr"
	nothing_left
}

@test "the container's process has the label of process.selinuxLabel, once it has been started" {
	labelled sleep 1000
	rt_create || fail "$(cat "$DIR/err")"
	like "$(label_of "$(cat "$DIR/pid")")" '^system_u:system_r:kernel_t:'
	rt delete --force "$ID"
	up
	is "$(label_of "$PID")" "$ONE"
	is "$(rt exec "$ID" cat /proc/1/attr/current | tr -d '\0\n')" "$ONE"
	rt delete --force "$ID"
	# Without a label it has that of what starts it.
	bundle cat /proc/self/attr/current
	like "$(rt run --bundle "$BUNDLE" "$ID")" '^system_u:system_r:kernel_t:'
}

@test "a monitored container and its keyring have their label, its output arrives, and so does its status" {
	labelled sh -c 'cat /proc/self/attr/current; inside key-label; exit 7'
	mon_started
	mon_end
	is "$(exit_file)" 7
	is "$(payload | tr -d '\0\n')" "$ONE$ONE"
}

@test "exec has the container's label, that of --process-label, or that of the process it is given" {
	up
	is "$(rt exec "$ID" cat /proc/self/attr/current | tr -d '\0\n')" "$ONE"
	is "$(rt exec --process-label system_u:system_r:container_t:s0:c3 "$ID" cat /proc/self/attr/current | tr -d '\0\n')" \
		system_u:system_r:container_t:s0:c3
	is "$(rt exec --process-label '' "$ID" cat /proc/self/attr/current | tr -d '\0\n')" "$ONE"
	exec_spec cat /proc/self/attr/current
	jq '.selinuxLabel = "system_u:system_r:container_t:s0:c4"' "$DIR/process.json" >"$DIR/four.json"
	is "$(rt exec --process "$DIR/four.json" "$ID" | tr -d '\0\n')" system_u:system_r:container_t:s0:c4
	# The session keyring is the container's, with its label.
	is "$(rt exec "$ID" inside key-label)" "$ONE"
}

@test "new file systems have the label of linux.mountLabel, and so has what is made in them; others keep theirs" {
	labelled sleep 1000
	with_work
	config '.mounts += [{ destination: "/run", type: "tmpfs", source: "tmpfs", options: ["mode=755", "size=1m"] }]'
	begin
	local place
	for place in /dev /dev/shm /dev/pts /tmp /run; do
		has "$(mounted "$place")" "context=\"$FILES\""
		is "$(on_file "$place")" "$FILES"
	done
	rt exec "$ID" sh -c 'echo text >/tmp/file; echo text >/dev/shm/file; mkdir /run/dir'
	is "$(on_file /tmp/file)" "$FILES"
	is "$(on_file /dev/shm/file)" "$FILES"
	is "$(on_file /run/dir)" "$FILES"
	is "$(on_file /dev/null)" "$FILES"
	is "$(on_file /dev/mqueue)" "$FILES"
	# Masked directories are file systems, too; procfs and sysfs keep their own labels, and so do bind mounts.
	is "$(on_file /sys/firmware)" "$FILES"
	hasnt "$(mounted /proc)$(mounted /sys)$(mounted /work)" context=
	is "$(on_file /work)" system_u:object_r:host_t:s0
}

@test "a mount that names its context keeps it, and an annotation says which kind the others get" {
	runtime_is_runc && return 0 # it gives the kernel both contexts, and has no such annotation
	up '.mounts |= map(if .destination == "/tmp" then .options += ["context=\"system_u:object_r:host_t:s0:c9\""] else . end)'
	has "$(mounted /tmp)" 'context=system_u:object_r:host_t:s0:c9'
	is "$(on_file /tmp)" system_u:object_r:host_t:s0:c9
	is "$(on_file /dev/shm)" "$FILES"
	rt delete --force "$ID"
	up '.annotations = { "run.oci.mount_context_type": "rootcontext" }'
	has "$(mounted /tmp)" "rootcontext=\"$FILES\""
	hasnt "$(mounted /tmp)" ",context="
	is "$(on_file /tmp)" "$FILES"
}

@test "labels in a user namespace: process, keyring, mounts" {
	labelled sleep 1000
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	own_rootfs
	chmod 755 "$DIR" "$WORK"
	chown -R 100000:100000 "$BUNDLE/rootfs"
	begin
	is "$(label_of "$PID")" "$ONE"
	is "$(rt exec "$ID" inside key-label)" "$ONE"
	local place
	for place in /dev /dev/shm /dev/pts /tmp /dev/mqueue; do is "$(on_file "$place")" "$FILES"; done
}

@test "a container may not write files of another type, nor read those of other categories" {
	labelled sleep 1000
	with_work
	echo text | tee "$DIR/work/host" "$DIR/work/mine" "$DIR/work/others" >/dev/null
	chcon "$FILES" "$DIR/work/mine"
	chcon system_u:object_r:container_file_t:s0:c1,c3 "$DIR/work/others"
	begin
	is "$(rt exec "$ID" sh -c 'cat /work/host; echo more >>/work/mine && cat /work/mine')" $'text\ntext\nmore'
	is "$(rt exec "$ID" sh -c 'echo more >>/work/host; cat /work/others' 2>&1 | grep -c 'Permission denied')" 2
	is "$(cat "$DIR/work/host")" text
	# In the categories of another container it is the other way round.
	is "$(rt exec --process-label system_u:system_r:container_t:s0:c1,c3 "$ID" sh -c 'cat /work/others; cat /work/mine' 2>&1)" \
		$'text\ncat: can\'t open \'/work/mine\': Permission denied'
}

@test "a label that the policy does not know is refused by its place and text, and nothing is made" {
	local wrong=system_u:system_r:no_such_t:s0
	labelled true
	config '.process.selinuxLabel = $l' --arg l "$wrong"
	refuses_label "process.selinuxLabel: SELinux's policy does not know the label $wrong"
	labelled true
	config '.linux.mountLabel = $l' --arg l "$wrong"
	refuses_label "linux.mountLabel: SELinux's policy does not know the label $wrong"
	up
	refuses rt exec --process-label "$wrong" "$ID" true
	only_ours runtime has "$stderr" "process.selinuxLabel: SELinux's policy does not know the label $wrong"
	only_ours runtime one_line "$stderr"
	is "$(rt exec "$ID" echo still there)" "still there"
}

@test "a domain that may not be entered: exec and start say that a label can be the reason" {
	up
	refuses rt exec --process-label system_u:system_r:forbidden_t:s0 "$ID" true
	only_ours runtime like "$stderr" 'exec true: permission denied .*process.selinuxLabel'
	rt delete --force "$ID"
	labelled true
	config '.process.selinuxLabel = "system_u:system_r:forbidden_t:s0"'
	rt_create || fail "$(cat "$DIR/err")"
	attempt rt start "$ID"
	if runtime_is_ours; then # runc's start does not wait for execve
		is "$status" 1
		like "$stderr" 'exec: permission denied .*process.selinuxLabel'
	fi
	rt delete --force "$ID"
	# One that no_new_privs keeps out, and nothing else.
	labelled cat /proc/self/attr/current
	config '.process.selinuxLabel = "system_u:system_r:newprivs_t:s0" | .process.noNewPrivileges = false'
	is "$(rt run --bundle "$BUNDLE" "$ID" | tr -d '\0\n')" system_u:system_r:newprivs_t:s0
	config '.process.noNewPrivileges = true'
	refuses rt run --bundle "$BUNDLE" "$ID"
	only_ours runtime like "$stderr" 'exec.*: (operation not permitted|permission denied) .*process.selinuxLabel'
}

doctor_on_selinux() {
	"$TALLYCTL" --root "$DIR/ctl" doctor --json | jq -r '.findings[] | select(.name == "SELinux") | .level + " " + .text'
}

@test "features and doctor tell of SELinux, and whether it is enforced" {
	runtime_is_ours || return 0
	is "$(rt features | jq .linux.selinux.enabled)" true
	is "$(doctor_on_selinux)" "ok enforcing"
	echo 0 >/sys/fs/selinux/enforce
	local told
	told=$(doctor_on_selinux)
	echo 1 >/sys/fs/selinux/enforce
	is "$told" "ok permissive"
}
