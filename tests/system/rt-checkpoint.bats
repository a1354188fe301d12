# checkpoint and restore, with the criu that is installed (or $CRIU), and with one that fails as asked.
load ../lib/harness

prepare() {
	CRIU=${CRIU:-criu}
	bundle sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/n; echo "tick $i"; sleep 0.1; done'
	mkdir "$DIR/work" "$DIR/images"
	export DOUBLE=$DIR
}

# Some kernels are too new for a criu, some too old.
criu_works() { command -v "$CRIU" >/dev/null && "$CRIU" check >"$DIR/criu-check" 2>&1; }

# criu saves pipes, as engines give them; files of the host it does not.
created() {
	rt create --bundle "$BUNDLE" --pid-file "$DIR/pid" "$ID" </dev/null > >(exec cat >"$DIR/out" 3>&- 4>&-) 2>&1
}

started() {
	created
	rt start "$ID"
	await match "$DIR/out" 'tick 3'
}

checkpoint() { rt --criu "$CRIU" checkpoint --image-path "$DIR/images" --work-path "$DIR/work" "$@" "$ID"; }

restore() { rt --criu "$CRIU" restore --image-path "$DIR/images" --work-path "$DIR/work" --bundle "$BUNDLE" "$@" "$ID"; }

# double MODE: the double in criu's place
double() {
	echo "$1" >"$DIR/mode"
	CRIU=$TOOLS/criu-double
}

@test "a container is saved and goes on where it was; or criu's reason is told and it runs on" {
	runtime_is_ours || return 0
	started
	if ! criu_works; then
		exits 1 checkpoint
		one_line "$stderr"
		command -v "$CRIU" >/dev/null || { has "$stderr" "is criu installed"; return 0; }
		# The first thing that criu itself complains of.
		reason=$(sed -n 's/.*Error ([^)]*): //p' "$DIR/criu-check" | head -n 1)
		[ -n "$reason" ] || fail "criu check fails without a reason: $(cat "$DIR/criu-check")"
		has "$stderr" "$reason"
		is "$(status_of)" running
		return 0
	fi
	exits 0 checkpoint
	is "$output$stderr" ""
	[ ! -e "$ROOT/$ID" ]
	await process-gone "$(cat "$DIR/pid")"
	n=$(tail -n 1 "$DIR/out" | cut -d' ' -f2)
	restore --detach --pid-file "$DIR/pid2" </dev/null > >(exec cat >"$DIR/out2" 3>&- 4>&-) 2>&1 || fail "$(cat "$DIR/out2")"
	is "$(rt state "$ID" | jq -r '.status, .pid')" $'running\n'"$(cat "$DIR/pid2")"
	await match "$DIR/out2" "tick"
	[ "$(rt exec "$ID" cat /tmp/n)" -ge "$n" ]
	[ "$(head -n 1 "$DIR/out2" | cut -d' ' -f2)" -ge "$n" ]
	on_cgroup2 || has "$(cat "/proc/$(cat "$DIR/pid2")/cgroup")" "$ID"
}

@test "--leave-running leaves it running" {
	runtime_is_ours && criu_works || return 0
	started
	exits 0 checkpoint --leave-running
	is "$(status_of)" running
	[ -e "$DIR/images/inventory.img" ]
	is "$(jq length "$DIR/images/descriptors.json")" 3
}

@test "a restore in the foreground ends with the container, and leaves nothing" {
	runtime_is_ours && criu_works || return 0
	bundle sh -c 'echo waiting; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo done; exit 7'
	with_work
	config '(.process.args[2]) |= sub("/tmp/go"; "/work/go")'
	created
	rt start "$ID"
	await match "$DIR/out" waiting
	exits 0 checkpoint
	touch "$DIR/work/go"
	exits 7 restore
	has "$output" done
	[ ! -e "$ROOT/$ID" ]
}

@test "a failing restore undoes what it made" {
	runtime_is_ours && criu_works || return 0
	echo '[]' >"$DIR/images/descriptors.json"
	exits 1 restore --detach
	has "$stderr" "runc restore failed: criu failed (restore): "
	has "$stderr" "$DIR/work/restore.log"
	one_line "$stderr"
	nothing_left
}

@test "why criu failed is told: from its log, from what it printed, or that it said nothing; the container runs on" {
	runtime_is_ours || return 0
	started
	double logged
	exits 1 checkpoint
	has "$stderr" "criu failed (dump): sk: it is the socket (log: $DIR/work/dump.log)"
	double printed
	exits 1 checkpoint
	has "$stderr" "criu failed (dump): this kernel is too new"
	double silent
	exits 1 checkpoint
	has "$stderr" "criu failed (dump): it gave no reason"
	double garbage
	exits 1 checkpoint
	has "$stderr" "criu failed (dump): an answer that makes no sense"
	CRIU=$DIR/none
	exits 1 checkpoint
	has "$stderr" "execute $DIR/none (is criu installed?)"
	is "$(status_of)" running
}

@test "every option reaches criu" {
	runtime_is_ours || return 0
	started
	double done
	# field HEX OPTION...: the request has this, and without the option has not
	field() {
		exits 0 checkpoint --leave-running
		hasnt "$(cat "$DIR/request")" "$1"
		exits 0 checkpoint --leave-running "${@:2}"
		has "$(cat "$DIR/request")" "$1"
	}
	mkdir "$DIR/parent"
	field 2001 --ext-unix-sk
	field 2801 --tcp-established
	field 3801 --shell-job
	field 4001 --file-locks
	field 5a0d "--page-server" 127.0.0.1:99
	field 72092e2e2f706172656e74 --parent-path ../parent
	field 800101 --auto-dedup
	field 900101 --link-remap
	field 900204 --manage-cgroups-mode full
	field b0028080808004 --empty-ns network
	field f00201 --tcp-skip-in-flight
	field 800301 --lazy-pages
	field 800403 --network-lock skip
	double done
	exits 0 checkpoint --pre-dump
	like "$(cat "$DIR/request")" '^0804' # the type
	is "$(status_of)" running
}

# Hierarchies that the container has no place in: it is where the test is. Beside cgroup2 these are all others.
shares_cgroups() { on_cgroup2 && grep -qv '^0:' /proc/self/cgroup; }

@test "criu leaves cgroups alone where the container shares some with others, unless it is told what to do" {
	runtime_is_ours || return 0
	started
	double done
	mode=03 # soft
	shares_cgroups && mode=00 # ignore
	exits 0 checkpoint --leave-running
	has "$(cat "$DIR/request")" "9002$mode"
	exits 0 checkpoint --leave-running --manage-cgroups-mode strict
	has "$(cat "$DIR/request")" 900205
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	rt delete "$ID"
	echo '[]' >"$DIR/images/descriptors.json"
	double silent
	exits 1 restore --detach
	has "$(cat "$DIR/request")" "9002$mode"
}

# with_pids COMMAND: in the hierarchy of pids, which the lane may not show. The mount ends with the command: never is a
# hierarchy of the host's below $DIR, which is removed.
with_pids() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -m --propagation private sh -ec 'mount -t cgroup -o pids none /mnt; cd /mnt; eval "$1"' pids "$1"
}

@test "a restore makes no cgroups of others again" {
	runtime_is_ours && criu_works || return 0
	grep -q ':pids:' /proc/self/cgroup || return 0
	with_pids "mkdir $ID-other"
	started
	attempt checkpoint
	with_pids "rmdir $ID-other"
	is "$status$stderr" 0
	restore --detach --pid-file "$DIR/pid2" </dev/null > >(exec cat >"$DIR/out2" 3>&- 4>&-) 2>&1 || fail "$(cat "$DIR/out2")"
	await match "$DIR/out2" tick
	found=$(with_pids "find . -name $ID-other -print -exec rmdir {} +")
	is "$found" ""
	on_cgroup2 && part=0 || part=pids
	has "$(grep -E "^$part:|:$part:" "/proc/$(cat "$DIR/pid2")/cgroup")" "/$ID"
}

@test "what makes no sense is refused before criu is called" {
	runtime_is_ours || return 0
	started
	CRIU=$DIR/none
	bad() {
		exits 1 checkpoint "${@:2}"
		has "$stderr" "$1"
	}
	bad "--manage-cgroups-mode: some" --manage-cgroups-mode some
	bad "--network-lock: none" --network-lock none
	bad "namespace ipc is not supported for --empty-ns" --empty-ns ipc
	bad "--page-server ADDRESS:PORT" --page-server 99
	bad "must be relative" --parent-path /tmp
	bad "--parent-path" --parent-path ../none
	bad "--status-fd" --status-fd 99
	bad "exclude each other" --pre-dump --lazy-pages
	is "$(status_of)" running
	rt kill "$ID" KILL
	await process-gone "$(cat "$DIR/pid")"
	bad "container cannot be checkpointed in stopped state"
	exits 1 rt checkpoint none
	has "$stderr" "container does not exist"
}

@test "a mount with src-nofollow is refused before criu is called: restore would follow the source" {
	runtime_is_ours || return 0
	ln -s nowhere "$DIR/link"
	config '.mounts += [{ destination: "/etc/plain", source: $s, options: ["bind", "src-nofollow"] }]' --arg s "$DIR/link"
	started
	double fail
	exits 1 checkpoint
	has "$stderr" "options: criu cannot restore src-nofollow"
	is "$(status_of)" running
}

@test "--status-fd gets one byte, and its number is not criu's business" {
	runtime_is_ours || return 0
	started
	double ready
	exits 0 checkpoint --leave-running --status-fd 7 7>"$DIR/status"
	is "$(od -An -tx1 <"$DIR/status")" " 00"
	hasnt "$(cat "$DIR/request")" 880307
	is "$(status_of)" running
}

@test "restore: without images, and with an id that is taken" {
	runtime_is_ours || return 0
	double silent
	exits 1 rt --criu "$CRIU" restore --image-path "$DIR/none" --bundle "$BUNDLE" --detach "$ID"
	has "$stderr" "open directory $DIR/none"
	exits 1 restore --detach
	has "$stderr" descriptors.json
	nothing_left
	echo '["/dev/null", "pipe:[1]", "pipe:[2]"]' >"$DIR/images/descriptors.json"
	exits 1 restore --detach
	has "$stderr" "criu failed (restore): it gave no reason"
	nothing_left
	has "$(cat "$DIR/request")" "$(printf 'pipe:[2]' | od -An -tx1 | tr -d ' \n')1005" # its fd is our 2
	started
	exits 1 restore --detach
	has "$stderr" "container with given ID already exists"
	is "$(status_of)" running
}

@test "the mount of the socket for readiness is the host's, in checkpoint as in restore" {
	runtime_is_ours || return 0
	own_rootfs
	NOTIFY_SOCKET=$DIR/nobody created
	rt start "$ID"
	await match "$DIR/out" 'tick 3'
	double done
	exits 0 checkpoint --leave-running
	place=$(printf 'mnt[/run/notify]:' | od -An -tx1 | tr -d ' \n')
	has "$(cat "$DIR/request")" "$place$(printf /run/notify | od -An -tx1 | tr -d ' \n')"
	rt delete --force "$ID"
	echo '[]' >"$DIR/images/descriptors.json"
	double silent
	NOTIFY_SOCKET=$DIR/nobody attempt restore --detach
	is "$status" 1
	has "$(cat "$DIR/request")" "$place$(printf '%s' "$ROOT/$ID/notify" | od -An -tx1 | tr -d ' \n')"
	nothing_left
}

@test "cgroup2 without a cgroup namespace is the host's, in checkpoint as in restore; a namespace's is the container's" {
	runtime_is_ours && on_cgroup2 || return 0
	real=$CRIU
	own_rootfs
	config '(.mounts |= map(select(.destination != "/sys/fs/cgroup")) + [{ destination: "/sys/fs/cgroup", type: "cgroup",
		source: "cgroup" }]) | .linux.namespaces |= map(select(.type != "cgroup"))'
	started
	double done
	exits 0 checkpoint --leave-running
	place=$(printf 'mnt[/sys/fs/cgroup]:' | od -An -v -tx1 | tr -d ' \n')
	has "$(cat "$DIR/request")" "$place$(printf /sys/fs/cgroup | od -An -v -tx1 | tr -d ' \n')"
	if CRIU=$real criu_works; then
		CRIU=$real exits 0 checkpoint --leave-running
		rm "$DIR/images"/*.img
	fi
	rt delete --force "$ID"
	echo '[]' >"$DIR/images/descriptors.json"
	double silent
	exits 1 restore --detach
	has "$(cat "$DIR/request")" "$place$(printf %s "$(group_of)" | od -An -v -tx1 | tr -d ' \n')"
	config '.linux.namespaces += [{ type: "cgroup" }]'
	exits 1 restore --detach
	hasnt "$(cat "$DIR/request")" "$place"
	nothing_left
}

@test "a criu that dies is seen, whoever else has its socket" {
	runtime_is_ours || return 0
	started
	double killed
	exits 1 checkpoint
	has "$stderr" "criu failed (dump): it was killed by signal 9 (Killed)"
	is "$(status_of)" running
}

# interrupted SIGNAL COMMAND...: it is told to end when the double has the request; its words are in $DIR/said
interrupted() {
	rm -f "$DIR/request"
	"${@:2}" >"$DIR/said" 2>&1 3>&- 4>&- &
	pid=$!
	await exists "$DIR/request"
	if [ -n "${FREEZE-}" ]; then rt pause "$ID"; fi
	kill "-$1" "$pid"
	rc=0
	wait "$pid" || rc=$?
	is "$rc" 1
}

@test "a checkpoint is interrupted by a signal: criu ends, what it has frozen is thawed, the container runs on" {
	runtime_is_ours || return 0
	started
	double hangs
	for sig in TERM HUP; do # what runs in the background ignores the others
		FREEZE=1 interrupted $sig "$RUNTIME" --root "$ROOT" --criu "$CRIU" checkpoint --image-path "$DIR/images" \
			--work-path "$DIR/work" "$ID"
		has "$(cat "$DIR/said")" "criu failed (dump): interrupted by signal $(kill -l $sig) ("
		is "$(status_of)" running
	done
	double stuck
	interrupted TERM "$RUNTIME" --root "$ROOT" --criu "$CRIU" checkpoint --image-path "$DIR/images" --work-path "$DIR/work" "$ID"
	is "$(status_of)" running
}

@test "a restore is interrupted by a signal, detached or not, and leaves nothing" {
	runtime_is_ours || return 0
	echo '["/dev/null", "pipe:[1]", "pipe:[2]"]' >"$DIR/images/descriptors.json"
	double hangs
	for detach in '' --detach; do
		interrupted TERM "$RUNTIME" --root "$ROOT" --criu "$CRIU" restore --image-path "$DIR/images" --work-path "$DIR/work" \
			--bundle "$BUNDLE" $detach "$ID"
		has "$(cat "$DIR/said")" "criu failed (restore): interrupted by signal 15 (Terminated)"
		nothing_left
	done
}

# criu_can FEATURE: of this criu on this kernel
criu_can() { criu_works && "$CRIU" check --feature "$1" >/dev/null 2>&1; }

# cannot REASON OPTIONS...: a checkpoint that says why not, and leaves the container running
cannot() {
	exits 1 checkpoint "${@:2}"
	one_line "$stderr"
	has "$stderr" "$1"
	is "$(status_of)" running
}
criu_reason() { sed -n 's/.*Error ([^)]*): //p' "$DIR/criu-check" | head -n 1; }

@test "--pre-dump, then a checkpoint with its parent, then the restore; or criu's reason is told" {
	runtime_is_ours || return 0
	started
	mkdir "$DIR/images.pre"
	if ! criu_works; then
		cannot "$(criu_reason)" --pre-dump
		return 0
	fi
	if ! criu_can mem_dirty_track; then # a kernel without soft-dirty pages
		cannot "Tracking memory is not available" --pre-dump
		return 0
	fi
	checkpoint() { rt --criu "$CRIU" checkpoint --image-path "$images" --work-path "$DIR/work" "$@" "$ID"; }
	images=$DIR/images.pre
	exits 0 checkpoint --pre-dump
	is "$(status_of)" running
	[ -n "$(ls "$images"/pages-*.img)" ]
	images=$DIR/images
	exits 0 checkpoint --parent-path ../images.pre
	[ -L "$images/parent" ]
	[ ! -e "$ROOT/$ID" ]
	n=$(tail -n 1 "$DIR/out" | cut -d' ' -f2)
	restore --detach --pid-file "$DIR/pid2" </dev/null > >(exec cat >"$DIR/out2" 3>&- 4>&-) 2>&1 || fail "$(cat "$DIR/out2")"
	await match "$DIR/out2" tick
	[ "$(head -n 1 "$DIR/out2" | cut -d' ' -f2)" -ge "$n" ]
}

@test "--lazy-pages waits with the pages for who fetches them, as long as it takes; or criu's reason is told" {
	runtime_is_ours || return 0
	started
	port=$((20000 + RANDOM % 10000))
	if ! criu_works; then
		cannot "$(criu_reason)" --lazy-pages --page-server "127.0.0.1:$port"
		return 0
	fi
	criu_can uffd-noncoop || return 0 # there is nothing to fetch with
	mkfifo "$DIR/ready"
	"$RUNTIME" --root "$ROOT" --criu "$CRIU" checkpoint --image-path "$DIR/images" --work-path "$DIR/work" --lazy-pages \
		--page-server "127.0.0.1:$port" --status-fd 7 "$ID" 7<>"$DIR/ready" </dev/null >"$DIR/said" 2>&1 3>&- 4>&- &
	saving=$!
	[ "$(timeout 60 head -c 1 <"$DIR/ready" | od -An -tx1)" = " 00" ] || fail "not ready: $(cat "$DIR/said")"
	kill -TERM "$saving"
	! wait "$saving" || fail "saved, and nobody has fetched the pages"
	has "$(cat "$DIR/said")" "interrupted by signal 15"
	rt delete --force "$ID"
	nothing_left
}

# May criu have larger pipes than a sysctl allows? Without, its server of pages has no place for them.
may_grow_pipes() { (($(awk '/^CapEff:/ { print "0x" $2 }' /proc/self/status) >> 24 & 1)); }

@test "restore --lazy-pages goes on at once and gets its pages from a server; without one it fails and says so" {
	runtime_is_ours || return 0
	real=$CRIU
	echo '["/dev/null", "pipe:[1]", "pipe:[2]"]' >"$DIR/images/descriptors.json"
	double silent
	exits 1 restore --detach --lazy-pages
	has "$(cat "$DIR/request")" 800301
	CRIU=$real
	criu_can uffd-noncoop || return 0
	started
	mkfifo "$DIR/ready"
	port=$((20000 + RANDOM % 10000))
	"$RUNTIME" --root "$ROOT" --criu "$CRIU" checkpoint --image-path "$DIR/images" --work-path "$DIR/work" --lazy-pages \
		--page-server "127.0.0.1:$port" --status-fd 7 "$ID" 7<>"$DIR/ready" </dev/null >"$DIR/said" 2>&1 3>&- 4>&- &
	saving=$!
	[ "$(timeout 30 head -c 1 <"$DIR/ready" | od -An -tx1)" = " 00" ] || fail "not ready: $(cat "$DIR/said")"
	# The container is there until its last page has been fetched: what is restored has another name.
	first=$ID ID=$ID-lazy
	config '.linux.cgroupsPath += "-lazy"'
	exits 1 restore --detach --lazy-pages
	has "$stderr" "lazy-pages.socket"
	[ ! -e "$ROOT/$ID" ]
	if may_grow_pipes; then
		"$CRIU" lazy-pages --page-server --address 127.0.0.1 --port "$port" -D "$DIR/images" -W "$DIR/work" \
			>"$DIR/server" 2>&1 3>&- 4>&- &
		server=$!
		await exists "$DIR/work/lazy-pages.socket"
		restore --detach --lazy-pages </dev/null > >(exec cat >"$DIR/out2" 3>&- 4>&-) 2>&1 || fail "$(cat "$DIR/out2" "$DIR/server")"
		await match "$DIR/out2" tick
		wait "$saving" || fail "$(cat "$DIR/said")"
		wait "$server" || fail "$(cat "$DIR/server")"
		is "$(status_of)" running
		[ ! -e "$ROOT/$first" ]
		rt delete --force "$ID"
	else
		kill -TERM "$saving"
		! wait "$saving" || fail "saved, and nobody has fetched the pages"
	fi
	ID=$first
	rt delete --force "$ID"
	nothing_left
}
