# A status that was observed is not lost, whatever has become of the places where it is written.
load ../lib/harness

# small OPTIONS: everything that is recorded goes to a small file system of its own at $SMALL
small() {
	SMALL=$DIR/small
	mkdir "$SMALL"
	mount -t tmpfs -o "$1" tmpfs "$SMALL"
	mkdir "$SMALL/exits" "$SMALL/persist"
	rmdir "$DIR/exits" "$DIR/persist"
	ln -s small/exits "$DIR/exits"
	ln -s small/persist "$DIR/persist"
	BUNDLE=$SMALL/bundle
}

fill_blocks() { ! dd if=/dev/zero of="$SMALL/fill" bs=4k 2>/dev/null; }

fill_inodes() {
	mkdir -p "$SMALL/full" || return 0
	local n=0
	while : 2>/dev/null >"$SMALL/full/$n"; do n=$((n + 1)); done
}

complete() {
	is "$(exit_file)" "$1"
	is "$(cat "$DIR/persist/exit")" "$1"
	monitor_is_ours || return 0
	is "$(jq .status "$BUNDLE/exit.json")" "$1"
	is "$(jq .status "$DIR/persist/exit.json")" "$1"
	nothing_reserved
}

nothing_reserved() { is "$(find "$DIR/exits/" "$DIR/persist/" "$BUNDLE" -regextype egrep -regex '.*\.[A-Za-z0-9]{6}' -not -path '*/rootfs/*')" ""; }

# Teardown may run on a function that has failed: the mount is gone before that in any case.
unmounted() {
	local rc
	set +e
	(
		trap - ERR
		set -e
		"$@"
	)
	rc=$?
	set -e
	end_monitor
	umount -l "$DIR/small"
	return "$rc"
}

# What a failed function has left alive
end_monitor() {
	"$RUNTIME" --root "$ROOT" delete --force "$ID" >/dev/null 2>&1 || true
	await -t 10 match "$DIR/e0/events" '^gone' 2>/dev/null || true
}

@test "a disk that is full when the container ends has the status all the same" {
	kept() {
		bundle sleep 1000
		mon_started
		fill_blocks
		rt kill "$ID" KILL
		mon_end
		complete 137
	}
	small size=256k
	peer_fails monitor unmounted kept
	! monitor_is_ours || [ ! -e "$DIR/small/fill" ]
}

@test "an inode table that is full when the container ends has the status all the same" {
	kept() {
		bundle sleep 1000
		mon_started
		fill_inodes
		rt kill "$ID" KILL
		mon_end
		complete 137
	}
	small size=1m,nr_inodes=40
	peer_fails monitor unmounted kept
}

@test "a disk that was full at the start, and is not when the container ends" {
	kept() {
		bundle sleep 1000
		fill_blocks
		standard_args
		mon -- "${ARGS[@]}" -p "$DIR/container.pid"
		said_created
		rm "$SMALL/fill"
		rt kill "$ID" KILL || rt delete --force "$ID"
		mon_end
		complete 137
	}
	small size=256k
	unmounted kept
}

@test "a full exit directory takes neither the persist file nor exit.json" {
	kept() {
		mkdir "$DIR/small"
		mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs "$DIR/small"
		printf x >"$DIR/small/fill"
		rmdir "$DIR/exits"
		ln -s small "$DIR/exits"
		bundle sh -c 'exit 6'
		mon_started
		mon_end
		is "$(cat "$DIR/persist/exit")" 6
		is "$(ls "$DIR/small")" fill
		! monitor_is_ours || is "$(jq .status "$BUNDLE/exit.json" "$DIR/persist/exit.json" | uniq)" 6
	}
	unmounted kept
}

@test "a read-only persist directory takes neither the exit file nor exit.json" {
	kept() {
		mkdir "$DIR/small"
		mount -t tmpfs -o ro tmpfs "$DIR/small"
		rmdir "$DIR/persist"
		ln -s small "$DIR/persist"
		bundle sh -c 'exit 6'
		mon_started
		mon_end
		is "$(exit_file)" 6
		is "$(jq .status "$BUNDLE/exit.json")" 6
	}
	peer_fails monitor unmounted kept
}

@test "an exit directory that is removed while the container runs takes neither the persist file nor exit.json" {
	bundle sleep 1000
	mon_started
	rm -rf "$DIR/exits"
	rt kill "$ID" KILL
	mon_end
	is "$(cat "$DIR/persist/exit")" 137
	! monitor_is_ours || is "$(jq .status "$BUNDLE/exit.json" "$DIR/persist/exit.json" | uniq)" 137
}

@test "directories that are made anew while the container runs get what belongs into them" {
	bundle sleep 1000
	mon_started
	rm -rf "$DIR/exits" "$DIR/persist"
	mkdir "$DIR/exits" "$DIR/persist"
	rt kill "$ID" KILL
	mon_end
	complete 137
}

@test "no directory is left: exit.json and the sync pipe have the status" {
	bundle sleep 1000
	rt_create
	rt start "$ID"
	exec_spec sh -c 'exit 9'
	exec_args one
	mon --attach-pipe -- "${ARGS[@]}"
	said '^attach'
	rm -rf "$DIR/one/exits" "$DIR/one/persist"
	order start
	said '^gone'
	! monitor_is_ours || is "$(jq .status "$DIR/one/exit.json")" 9
	! monitor_is_ours || like "$(events '^sync ' | tail -n 1)" '"data": 9'
	rt delete --force "$ID"
}

@test "space is reserved at the start under a name that engines overlook, and an earlier reservation of the same id goes" {
	reserved() {
		: >"$DIR/exits/$ID.AbCdEf"
		: >"$DIR/persist/exit.AbCdEf"
		bundle sleep 1000
		: >"$BUNDLE/exit.json.AbCdEf"
		mon_started
		like "$(ls "$DIR/exits")" "^$ID\.[A-Za-z0-9]{6}$"
		hasnt "$(ls "$DIR/exits" "$DIR/persist" "$BUNDLE")" AbCdEf
		[ "$(stat -c %b "$DIR/exits/$ID".??????)" -gt 0 ]
		rt kill "$ID" KILL
		mon_end
		complete 137
	}
	peer_fails monitor reserved
}

@test "a create that fails leaves no reservation" {
	bundle /no/such/program
	mon_create
	said '^gone'
	is "$(ls -A "$DIR/exits")" ""
	nothing_reserved
}

@test "the record of an earlier run is kept aside, and is not there while the container runs" {
	aside() {
		mon_run sh -c 'exit 1'
		rt delete "$ID"
		config '.process.args = ["sleep", "1000"]'
		mon_started
		[ ! -e "$BUNDLE/exit.json" ] && [ ! -e "$DIR/persist/exit.json" ]
		is "$(jq .status "$BUNDLE/exit.json.1" "$DIR/persist/exit.json.1" | uniq)" 1
		rt kill "$ID" KILL
		mon_end
		is "$(jq .status "$BUNDLE/exit.json" "$DIR/persist/exit.json" | uniq)" 137
	}
	peer_fails monitor aside
}

@test "who sees the exit file finds exit.json" {
	there() {
		helper watch "$DIR/watched" "$DIR/exits" "$DIR/persist"
		await match "$DIR/watched" '^ready$'
		mon_run true
		await match "$DIR/watched" "^moved_to $ID$"
		is "$(grep -xE "moved_to (exit|exit.json|$ID)" "$DIR/watched" | tr '\n' ' ')" "moved_to exit moved_to exit.json moved_to $ID "
	}
	peer_fails monitor there
}

@test "an id that cannot be a file's name is refused where a file is to be called so" {
	refused() {
		bundle true
		standard_args
		mkdir -p "$DIR/exits/a"
		for id in a/b . .. "" "$(printf 'x%.0s' {1..249})"; do
			exits 1 "$MONITOR" "${ARGS[@]}" -c "$id"
			has "$stderr" "$id"
			only_ours monitor has "$stderr" "--exit-dir"
			one_line "$stderr"
		done
		is "$(find "$DIR/exits" "$DIR/persist")" "$(printf '%s\n' "$DIR/exits" "$DIR/exits/a" "$DIR/persist")"
	}
	peer_fails monitor refused
}

@test "a monitor whose pid cannot be written starts nothing, and says so" {
	nothing() {
		export FAKE=$DIR/fake
		mkdir "$FAKE"
		bundle true
		standard_args
		mon -- "${ARGS[@]}" -r "$TESTS/lib/fake-runtime" -P "$DIR/no/such/directory/pid"
		said '^gone'
		is "$(events '^status ')" "status 1"
		has "$(cat "$E/stderr")" "Failed to write conmon pidfile"
		is "$(events '^sync ' | sed 's/^sync //' | jq .data)" -1
		[ ! -e "$FAKE/argv" ] || fail "the runtime was called"
		is "$(ls "$DIR/exits" "$DIR/persist")" "$DIR/exits:"$'\n\n'"$DIR/persist:"
	}
	peer_fails monitor nothing
}
