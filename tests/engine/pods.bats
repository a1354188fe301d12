load engine

setup() {
	trace_the_test_alone
	has_controllers || skip "podman makes no pods in a cgroup2 hierarchy without controllers"
	! runtime_is_crun || skip "crun 1.8.1, below the cgroup that podman makes for a pod: mknod /dev/null: Operation not permitted"
}

teardown() {
	podman pod rm -fa -t 0 >/dev/null
	engine_teardown
}

@test "containers of a pod share network, IPC and UTS, and podman can list them" {
	podman pod create --name p --hostname shared >/dev/null
	podman run -d --pod p --name a $BB sleep 1000 >/dev/null
	podman run -d --pod p --name b $BB sleep 1000 >/dev/null
	check_monitor a
	check_monitor b
	check_monitor "$(podman pod inspect --format '{{.InfraContainerID}}' p)"
	for ns in net ipc uts; do
		is "$(podman exec a readlink /proc/self/ns/$ns)" "$(podman exec b readlink /proc/self/ns/$ns)" "$ns namespace"
	done
	is "$(podman exec a hostname)" shared hostname
	is "$(podman pod ps --format '{{.Status}} {{.NumberOfContainers}}')" 'Running 3' "pod ps"
	podman pod rm -f -t 0 p
}

@test "a pod that shares its pid namespace" {
	podman pod create --name p --share pid,net,ipc,uts >/dev/null
	podman run -d --pod p --name a $BB sleep 985 >/dev/null
	run -0 podman run --rm --pod p $BB ps -o args
	like "$output" 'sleep 985' "processes of the pod"
	podman pod rm -f -t 0 p
}

@test "pod stop, start, pause, unpause, restart, kill, top, rm" {
	podman pod create --name p >/dev/null
	podman run -d --pod p --name a $BB sleep 1000 >/dev/null
	run -0 podman pod top p pid args
	like "$output" 'sleep 1000' top
	podman pod pause p >/dev/null
	is "$(inspect a .State.Status)" paused "after pause"
	podman pod unpause p >/dev/null
	is "$(inspect a .State.Status)" running "after unpause"
	podman pod stop -t 0 p >/dev/null
	is "$(inspect a .State.Status)" exited "after stop"
	podman pod start p >/dev/null
	is "$(inspect a .State.Status)" running "after start"
	check_monitor a
	first=$(inspect a .State.Pid)
	podman stop -t 0 a >/dev/null
	podman pod restart p >/dev/null
	is "$(inspect a .State.Status)" running "after restart"
	[ "$(inspect a .State.Pid)" != "$first" ] || fail "still process $first"
	podman pod kill p >/dev/null
	until_true eval '[ "$(podman inspect --format "{{.State.Status}}" a)" = exited ]'
	podman pod rm p >/dev/null
	run ! podman pod exists p
}

@test "a pod from a Kubernetes file" {
	cat >"$D/pod.yaml" <<-X
		apiVersion: v1
		kind: Pod
		metadata:
		  name: kube
		spec:
		  hostNetwork: true
		  restartPolicy: Never
		  containers:
		  - name: one
		    image: $BB
		    imagePullPolicy: Never
		    command: ["sh", "-c", "echo from kube \$COLOUR; exit 3"]
		    env: [{name: COLOUR, value: blue}]
		    workingDir: /var
	X
	podman play kube --log-driver k8s-file "$D/pod.yaml" >/dev/null
	run -0 podman wait kube-one
	is "$output" 3 status
	is "$(podman logs kube-one)" 'from kube blue' logs
	podman play kube --down "$D/pod.yaml" >/dev/null
	# play kube takes no --cgroup-parent. What is empty may go, what another engine uses stays.
	find /sys/fs/cgroup/*/libpod_parent /sys/fs/cgroup/libpod_parent -depth -type d -exec rmdir {} + 2>/dev/null || true
}
