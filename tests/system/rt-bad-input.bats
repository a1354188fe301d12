# Bad input: one clear line that names the JSON path or the object and the errno's text, the exit status that runc gives,
# and nothing left behind.
load ../lib/harness

prepare() { bundle true; }

# create_fails TEXT...: create is refused with status 1, all these words are in the message, nothing is left
create_fails() {
	local word
	exits 1 rt create --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID"
	only_ours runtime one_line "$stderr"
	for word in "$@"; do has "$stderr" "$word"; done
	[ ! -e "$DIR/pid" ]
	nothing_left
}

# ours_says WORD...: wording that is ours alone, after a create_fails
ours_says() {
	local word
	runtime_is_ours || return 0
	for word in "$@"; do has "$stderr" "$word"; done
}

@test "an unknown option" {
	exits 1 rt create --nonsense "$ID"
	has "$output$stderr" nonsense
	nothing_left
}

@test "a missing bundle" {
	exits 1 rt create --bundle "$DIR/missing" "$ID"
	has "$stderr" "$DIR/missing"
	has "$stderr" "no such file or directory"
	nothing_left
}

@test "a bundle without config.json" {
	mkdir "$DIR/empty"
	exits 1 rt create --bundle "$DIR/empty" "$ID"
	has "$stderr" config.json
	only_ours runtime has "$stderr" "JSON specification file config.json not found"
	nothing_left
}

@test "a config.json that is not JSON, empty, or cut off" {
	for text in '' '{' 'hello' '[]' '{ "ociVersion": "1.0.2", }' '"text"'; do
		printf '%s' "$text" >"$BUNDLE/config.json"
		create_fails
	done
}

@test "a config.json that is a directory, or cannot be read" {
	rm "$BUNDLE/config.json"
	mkdir "$BUNDLE/config.json"
	create_fails config.json
	rmdir "$BUNDLE/config.json"
	ln -s /nonexistent "$BUNDLE/config.json"
	create_fails config.json
}

@test "each mandatory field absent" {
	config 'del(.process)'
	create_fails process
	bundle true
	config 'del(.process.args)'
	create_fails args
	bundle true
	config '.process.args = []'
	create_fails args
	bundle true
	config 'del(.process.cwd)'
	create_fails wd
	bundle true
	config 'del(.root)'
	create_fails root
	bundle true
	config 'del(.mounts[0].destination)'
	if runtime_is_ours; then
		create_fails 'mounts[0].destination'
	fi
	bundle true
	config 'del(.linux.namespaces[0].type)'
	create_fails
	bundle true
	config '.process.rlimits = [{ soft: 1, hard: 1 }]'
	create_fails rlimit
	bundle true
	config '.linux.devices = [{ type: "c", major: 1, minor: 3 }]'
	runtime_is_ours && create_fails 'linux.devices[0].path'
	bundle true
	config '.hooks.createRuntime = [{ args: ["x"] }]'
	create_fails
	ours_says 'hooks.createRuntime[0].path'
}

@test "a mandatory field of a wrong type: the JSON path is named" {
	wrong() {
		bundle true
		config "$2"
		exits 1 rt create --bundle "$BUNDLE" "$ID"
		only_ours runtime one_line "$stderr"
		only_ours runtime has "$stderr" "$1"
		nothing_left
	}
	wrong process '.process = 5'
	wrong process.args '.process.args = "true"'
	wrong 'process.args[0]' '.process.args = [1]'
	wrong process.cwd '.process.cwd = 5'
	wrong 'process.env' '.process.env = { "A": "1" }'
	wrong process.user.uid '.process.user.uid = "root"'
	wrong process.user.uid '.process.user.uid = -1'
	wrong process.user.gid '.process.user.gid = 1.5'
	wrong process.terminal '.process.terminal = "yes"'
	wrong process.capabilities.bounding '.process.capabilities.bounding = "CAP_KILL"'
	wrong 'process.rlimits[0].soft' '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: "many", hard: 1 }]'
	wrong root.path '.root.path = 5'
	wrong root.readonly '.root.readonly = "yes"'
	wrong mounts '.mounts = {}'
	wrong 'mounts[1].options' '.mounts[1].options = "ro"'
	wrong 'mounts[0].destination' '.mounts[0].destination = 7'
	wrong linux '.linux = []'
	wrong 'linux.namespaces[1].type' '.linux.namespaces[1].type = 1'
	wrong linux.resources.pids.limit '.linux.resources.pids = { limit: "many" }'
	wrong linux.resources.memory.limit '.linux.resources.memory = { limit: "1G" }'
	wrong 'linux.resources.devices[0].allow' '.linux.resources.devices[0].allow = "yes"'
	wrong linux.seccomp.defaultAction '.linux.seccomp = { defaultAction: 5 }'
	wrong linux.sysctl '.linux.sysctl = ["a=b"]'
	wrong 'hooks.createRuntime[0].timeout' '.hooks.createRuntime = [{ path: "/bin/true", timeout: "1s" }]'
	wrong hostname '.hostname = 5'
	wrong annotations '.annotations = { "a": 5 }'
}

@test "the rootfs is missing" {
	config '.root.path = "/no/such/rootfs"'
	create_fails /no/such/rootfs "no such file or directory"
}

@test "the rootfs is a file, or a symlink" {
	config '.root.path = "/etc/passwd"'
	create_fails "not a directory"
	ours_says /etc/passwd
	ln -s "$TOOLS/rootfs" "$DIR/link"
	config '.root.path = $l' --arg l "$DIR/link"
	runtime_is_runc || return 0 # crun and ours follow it, as the specification lets them
	create_fails "symlink"
}

@test "args[0] is not found" {
	config '.process.args = ["/no/such/program"]'
	create_fails /no/such/program "no such file or directory"
	config '.process.args = ["nosuch"]'
	create_fails nosuch
	if runtime_is_ours || runtime_is_runc; then has "$stderr" "executable file not found in \$PATH"; fi
}

@test "args[0] is not executable, or a directory" {
	config '.process.args = ["/etc/plain"]'
	create_fails /etc/plain
	if runtime_is_ours || runtime_is_runc; then has "$stderr" "permission denied"; fi
	config '.process.args = ["/etc"]'
	create_fails /etc
	ours_says "is a directory"
}

@test "the cwd is missing and cannot be made, is no directory, or relative" {
	config '.process.cwd = "/proc/no/such/dir"'
	create_fails /proc/no
	config '.process.cwd = "/etc/plain"'
	create_fails /etc/plain
	config '.process.cwd = "etc"'
	runtime_is_ours || runtime_is_runc || return 0
	create_fails "Cwd must be an absolute path"
	config '.process.cwd = ""'
	create_fails "Cwd property must not be empty"
}

@test "the cwd leads out of the container" {
	for n in 3 4 5 6 7 8 9 10; do
		config '.process.cwd = "/proc/self/fd/" + $n' --arg n "$n"
		attempt rt run --bundle "$BUNDLE" "$ID"
		[ "$status" -ne 0 ]
		[ ! -e "$ROOT/$ID" ] || rt delete --force "$ID"
	done
	nothing_left
}

@test "an unknown namespace, and one twice" {
	config '.linux.namespaces += [{ type: "foo" }]'
	create_fails foo
	bundle true
	config '.linux.namespaces += [{ type: "pid" }]'
	create_fails pid
}

@test "a namespace path that is missing or of another kind" {
	config '(.linux.namespaces[] | select(.type == "ipc")).path = "/no/such/ns"'
	create_fails /no/such/ns "no such file or directory"
	config '(.linux.namespaces[] | select(.type == "ipc")).path = "/proc/self/ns/uts"'
	create_fails
	ours_says ipc
}

@test "an unknown rlimit, and a soft limit above the hard one" {
	config '.process.rlimits = [{ type: "RLIMIT_FOO", soft: 1, hard: 1 }]'
	create_fails RLIMIT_FOO
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 50 }]'
	create_fails "invalid argument"
	ours_says RLIMIT_NOFILE
}

@test "env entries without = or without a name" {
	runtime_is_ours || return 0 # 1.1.5 lets them pass
	config '.process.env += ["NOEQUALS"]'
	create_fails "process.env[2]" "missing '='"
	bundle true
	config '.process.env += ["=x"]'
	create_fails "process.env[2]" "name cannot be empty"
}

@test "a mount source that is missing" {
	config '.mounts += [{ destination: "/mnt", source: "/no/such/source", options: ["bind"] }]'
	create_fails /no/such/source "no such file or directory"
	ours_says /mnt
}

@test "a mount type that the kernel does not know, and a bad option" {
	config '.mounts += [{ destination: "/mnt", type: "nosuchfs", source: "x" }]'
	create_fails /mnt "no such device"
	bundle true
	config '.mounts += [{ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["size=banana"] }]'
	create_fails /mnt "invalid argument"
}

@test "a sysctl that is not the container's own" {
	config '.linux.sysctl = { "vm.swappiness": "1" }'
	create_fails vm.swappiness
	ours_says "is not in a separate kernel namespace"
	config '.linux.sysctl = { "net.no.such.thing": "1" }'
	create_fails "no/such/thing" "no such file or directory"
	bundle true
	config '.linux.sysctl = { "net.ipv4.ip_forward": "1" } | del(.linux.namespaces[] | select(.type == "network"))'
	create_fails net.ipv4.ip_forward
}

@test "a hostname without a UTS namespace" {
	config 'del(.linux.namespaces[] | select(.type == "uts"))'
	create_fails hostname "UTS"
}

@test "a user namespace without maps" {
	config '.linux.namespaces += [{ type: "user" }]'
	create_fails
	ours_says "no uid mappings found"
}

@test "a bad device type, and device rules of bad kinds" {
	config '.linux.devices = [{ path: "/dev/x", type: "z", major: 1, minor: 3 }]'
	create_fails z
	bundle true
	config '.linux.resources.devices += [{ allow: true, type: "z", access: "rwm" }]'
	create_fails z
	bundle true
	config '.linux.resources.devices += [{ allow: true, type: "c", major: 1, minor: 3, access: "rq" }]'
	runtime_is_ours && create_fails rq
	true
}

@test "a bad rootfsPropagation" {
	config '.linux.rootfsPropagation = "foo"'
	create_fails foo
}

@test "oomScoreAdj out of range" {
	config '.process.oomScoreAdj = 5000'
	create_fails
	ours_says oomScoreAdj
}

@test "the console socket is missing" {
	config '.process.terminal = true'
	exits 1 rt create --bundle "$BUNDLE" --console-socket "$DIR/no/such/socket" "$ID"
	has "$stderr" "no such file or directory"
	ours_says "$DIR/no/such/socket"
	nothing_left
}

@test "the pid file cannot be written: the container does not stay" {
	exits 1 rt create --bundle "$BUNDLE" --pid-file "$DIR/no/such/dir/pid" "$ID"
	has "$stderr" "no such file or directory"
	nothing_left
}

@test "bad ids" {
	for id in "" . .. a/b "a b" 'a$b' ../x "$(printf 'x%.0s' $(seq 300))" é; do
		exits 1 rt create --bundle "$BUNDLE" "$id"
		only_ours runtime one_line "$stderr"
		if [ -n "$id" ] && [ ${#id} -lt 100 ]; then
			if runtime_is_ours || runtime_is_runc && [ "$id" != .. ] && [ "$id" != . ]; then has "$stderr" "invalid container ID format"; fi
		fi
	done
	nothing_in "$ROOT"
}

@test "the state directory cannot be written" {
	mkdir "$DIR/full"
	mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs "$DIR/full"
	attempt "$RUNTIME" --root "$DIR/full" create --bundle "$BUNDLE" "$ID"
	left=$(ls -A "$DIR/full")
	umount "$DIR/full"
	is "$status" 1
	only_ours runtime has "$stderr" "$DIR/full"
	has "$stderr" "no space left on device"
	is "$left" ""
	nothing_left
}

@test "strange but valid: unknown keys, null objects, duplicate keys, deep nesting in annotations" {
	config '.unknown = { a: [1, 2, { b: null }] } | .linux.futureThing = true | .hooks = null | .annotations = null | .process.rlimits = null'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	config '.process.args = ["hostname"]'
	sed -i '1s/{/{ "hostname": "first",/' "$BUNDLE/config.json"
	like "$(tr -d '\n' <"$BUNDLE/config.json")" '"hostname": "first".*"hostname": "tester"'
	exits 0 rt run --bundle "$BUNDLE" "$ID"
	is "$output" tester
}

@test "nesting without end is refused, not a crash" {
	{ printf '{ "ociVersion": "1.0.2", "x": '; printf '[%.0s' $(seq 20000); printf ']%.0s' $(seq 20000); printf '}'; } >"$BUNDLE/config.json"
	attempt rt create --bundle "$BUNDLE" "$ID"
	is "$status" 1
	nothing_left
}
