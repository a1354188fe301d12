# tallyctl doctor on a host with systemd.
load ../../lib/harness

prepare() { CTL=$DIR/ctl; }
ctl() { "$TALLYCTL" --root "$CTL" "$@"; }

told() { jq -r --arg n "$1" '.findings[] | select(.name == $n) | .level + " " + .text' <<<"$output"; }

@test "doctor finds systemd, its bus, and AppArmor; and says so when the bus does not answer" {
	exits 0 ctl doctor --json
	is "$(told mode)" "ok unified"
	is "$(told controllers)" "ok cpu cpuset io memory pids"
	is "$(told manager)" "ok running"
	is "$(told "system bus")" "ok answers at /run/dbus/system_bus_socket"
	is "$(told AppArmor)" "ok enabled"
	is "$(told cgroup.kill)" "ok there"
	is "$(told tallyrun-scope)" "" # it is there
	# shellcheck disable=SC2016 # the inner shell expands it
	deaf() { unshare -m --propagation private sh -ec 'mount -t tmpfs tmpfs /run/dbus; exec "$@"' sh "$TALLYCTL" --root "$CTL" "$@"; }
	exits 1 deaf doctor --json
	like "$(told "system bus")" '^warning no answer at /run/dbus/system_bus_socket \(no such file or directory\): --systemd-cgroup cannot be used$'
	exits 1 deaf doctor
	has "$output" "remedy: install dbus and start it: systemctl start dbus.socket"
}

@test "an ordinary user with a manager of his own has a bus and delegated cgroups; doctor says so" {
	local uid
	uid=$(id -u tester)
	loginctl enable-linger tester
	outside() { nsenter --mount=/proc/1/ns/mnt "$@"; } # where systemd mounts what is the user's
	systemctl start "user@$uid.service" # returns when the manager and its sockets are there
	mkdir "$DIR/bin"
	cp "$TALLYCTL" "${TALLYCTL%/*}/tallyman" "${TALLYCTL%/*}/tallyrun" "${TALLYCTL%/*}/tallyrun-scope" "$DIR/bin"
	chmod 755 "$DIR" "$DIR/bin"
	attempt outside setpriv --reuid tester --regid "$(id -g tester)" --init-groups env XDG_RUNTIME_DIR="/run/user/$uid" \
		DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus" systemd-run --user --quiet --collect --wait --pipe \
		-p Delegate=yes env XDG_RUNTIME_DIR="/run/user/$uid" "$DIR/bin/tallyctl" doctor --json
	[ "$status" -le 1 ] || fail "$stderr"
	like "$(told delegation)" "^ok /sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service/.* is ours$"
	is "$(told "user's bus")" "ok answers at /run/user/$uid/bus"
	is "$(told XDG_RUNTIME_DIR)" "ok /run/user/$uid"
}
