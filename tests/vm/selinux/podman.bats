# podman on a host with SELinux enforced: containers in domains and categories of their own.
load ../../lib/harness
load ../podman

# What podman takes its labels from, as a policy for containers brings it; the machine is thrown away.
setup_file() {
	mkdir -p /etc/selinux/tests/contexts
	printf 'SELINUX=enforcing\nSELINUXTYPE=tests\n' >/etc/selinux/config
	printf '%s = "system_u:%s:s0"\n' process system_r:container_t file object_r:container_file_t >/etc/selinux/tests/contexts/lxc_contexts
}

prepare() {
	podman_begins 'cgroup_manager = "cgroupfs"' 'events_logger = "file"'
	printf '[containers]\nlabel = true\n' >>"$CONTAINERS_CONF"
}

@test "run and exec: podman's label, that of --security-opt, none; the same categories on the container's files" {
	pod run -d --name one --network none bb sh -c 'echo text >/file && exec sleep 1000' >/dev/null
	local pid categories
	pid=$(pod inspect -f '{{.State.Pid}}' one)
	categories=$(grep -oa 's0:c[0-9]*,c[0-9]*' "/proc/$pid/attr/current")
	is "$(tr -d '\0\n' <"/proc/$pid/attr/current")" "system_u:system_r:container_t:$categories"
	is "$(pod exec one cat /proc/self/attr/current | tr -d '\0\n')" "system_u:system_r:container_t:$categories"
	is "$(stat -c %C "/proc/$pid/root/file" "/proc/$pid/root/dev/shm" | uniq)" "system_u:object_r:container_file_t:$categories"
	is "$(pod run --rm --network none --security-opt label=type:newprivs_t --security-opt label=level:s0:c5,c6 bb cat /proc/self/attr/current | tr -d '\0\n')" \
		system_u:system_r:newprivs_t:s0:c5,c6
	like "$(pod run --rm --network none --security-opt label=disable bb cat /proc/self/attr/current | tr -d '\0\n')" ':kernel_t:'
	pod rm -f -t 0 one >/dev/null
}

@test "a volume without a label is not for writing, with :Z it is; a label that is not known is told" {
	mkdir "$DIR/volume"
	echo text >"$DIR/volume/file"
	is "$(pod run --rm --network none -v "$DIR/volume:/v" bb sh -c 'echo more >/v/file || cat /v/file' 2>&1 | tail -n 1)" text
	is "$(pod run --rm --network none -v "$DIR/volume:/v:Z" bb sh -c 'echo more >>/v/file; cat /v/file')" $'text\nmore'
	attempt pod run --rm --network none --security-opt label=type:no_such_t bb true
	is "$status" 126
	has "$stderr" "process.selinuxLabel: SELinux's policy does not know the label system_u:system_r:no_such_t:s0"
}
