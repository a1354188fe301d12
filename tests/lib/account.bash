# account.bash - an ordinary user with subordinate ids, for the tests of one file, in a private mount namespace: the host never
# sees it. In a test file: load ../lib/account
#
#   as_user CMD...       as that user, without rights, and with no environment but what the programs need; ${UNDER[@]} comes before
#   own                  everything in the test's directory is that user's
#   user_bundle CMD...   a bundle of the user, whose root is the container's

USER_ID=4711 GROUP_ID=4712

setup_file() {
	local f
	mkdir -p "$WORK/etc"
	for f in passwd group subuid subgid; do
		cp "/etc/$f" "$WORK/etc/$f" 2>/dev/null || : >"$WORK/etc/$f"
	done
	echo "tallyuser:x:$USER_ID:$GROUP_ID::/nonexistent:/bin/sh" >>"$WORK/etc/passwd"
	echo "tallyuser:x:$GROUP_ID:" >>"$WORK/etc/group"
	echo "tallyuser:600000:65536" >>"$WORK/etc/subuid"
	echo "tallyuser:700000:65536" >>"$WORK/etc/subgid"
	chmod 644 "$WORK/etc/"*
	for f in passwd group subuid subgid; do mount --bind "$WORK/etc/$f" "/etc/$f"; done
}

teardown_file() {
	for f in passwd group subuid subgid; do umount "/etc/$f"; done
	rm -rf "$WORK/etc"
}

as_user() {
	"${UNDER[@]}" setpriv --reuid "$USER_ID" --regid "$GROUP_ID" --clear-groups --inh-caps=-all \
		env -i PATH="$PATH" XDG_RUNTIME_DIR="$DIR/xdg" _OCI_SYNCPIPE="${_OCI_SYNCPIPE-}" "$@"
}
own() { chown -R "$USER_ID:$GROUP_ID" "$DIR"; }

user_bundle() {
	bundle "$@"
	own_rootfs
	config 'del(.linux.cgroupsPath) | .linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: $u, size: 1 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: $g, size: 1 }]' --argjson u "$USER_ID" --argjson g "$GROUP_ID"
	# runc 1.1.5 refuses a group that is not mapped, by whoever it was asked for
	runtime_is_ours || config '(.mounts[] | select(.type == "devpts")).options -= ["gid=5"]'
	mkdir -p "$DIR/xdg"
	own
}
