# What a monitor must not lose, and the peer does: statuses on full disks, and what they mean.
load ../lib/harness

# small_disk NAME OPTIONS: a file system of its own at $DIR/NAME
small_disk() {
	mkdir -p "$DIR/$1"
	mount -t tmpfs -o "$2" tmpfs "$DIR/$1"
}

# fill DIR: not a byte more fits
fill() {
	dd if=/dev/zero of="$1/filler" bs=4096 2>/dev/null || true
	refuses dd if=/dev/zero of="$1/one-more" bs=1 count=1
	rm -f "$1/one-more"
}

# written_to_the_end STATUS: both plain files and both records say so
written_to_the_end() {
	is "$(exit_file)" "$1"
	is "$(cat "$DIR/persist/exit")" "$1"
	is "$(jq .status "$BUNDLE/exit.json")" "$1"
	is "$(jq .status "$DIR/persist/exit.json")" "$1"
}

@test "log and exit files on a disk that is full: the status is there, the log has whole records, what is missing is counted" {
	survives() {
		local logged
		LOG=$DIR/exits/ctr.log
		bundle sh -c 'numbers emit 1000000; echo last >&2; exit 9'
		mon_started
		mon_end
		written_to_the_end 9
		exits 0 klog records "$LOG"
		logged=$(klog payload "$LOG" | wc -c)
		[ "$logged" -gt 100000 ]
		is "$((logged + $(jq '.streams.stdout.dropped_bytes + .streams.stderr.dropped_bytes' "$BUNDLE/exit.json")))" \
			"$(jq '.streams.stdout.bytes + .streams.stderr.bytes' "$BUNDLE/exit.json")"
		is "$(jq '.streams.stdout.bytes + .streams.stderr.bytes' "$BUNDLE/exit.json")" \
			$(($(numbers emit 1000000 | wc -c) + 5))
	}
	small_disk exits size=400k
	peer_fails monitor survives
	umount -l "$DIR/exits"
}

@test "a persist directory whose disk fills up takes neither status: not its own, not the exit file's" {
	survives() {
		bundle sh -c 'read x; exit 6'
		mon_started -- -i
		fill "$DIR/persist"
		client one
		hang_up one
		mon_end
		written_to_the_end 6
	}
	small_disk persist size=64k
	peer_fails monitor survives
	umount -l "$DIR/persist"
}

@test "a persist directory whose disk was full before takes no status from the exit file" {
	survives() {
		mon_run sh -c 'exit 7'
		is "$(exit_file)" 7
		is "$(jq .status "$BUNDLE/exit.json")" 7
	}
	small_disk persist size=8k
	fill "$DIR/persist"
	peer_fails monitor survives
	umount -l "$DIR/persist"
}

@test "an exit directory without room for one more name takes no status from the persist directory, and the other way round" {
	survives() {
		local dir
		for dir in exits persist; do
			small_disk $dir nr_inodes=1
			refuses touch "$DIR/$dir/x"
			mon_run sh -c 'exit 8'
			rt delete "$ID"
			umount -l "$DIR/$dir"
			if [ $dir = exits ]; then is "$(cat "$DIR/persist/exit")" 8; else is "$(exit_file)" 8; fi
			only_ours monitor is "$(jq .status "$BUNDLE/exit.json")" 8
		done
	}
	peer_fails monitor survives
	umount -l "$DIR/exits" "$DIR/persist" 2>/dev/null || true
}

@test "death by SIGSEGV, status 139 and a time-out are three different ends" {
	told_apart() {
		bundle sh -c 'kill -SEGV $$'
		config 'del(.linux.namespaces[] | select(.type == "pid"))'
		mon_started
		mon_end
		rt delete "$ID"
		is "$(exit_file)" 139
		is "$(jq -c '[.cause, .signal, .exit_code]' "$BUNDLE/exit.json")" '["signal","SIGSEGV",null]'
		mon_run sh -c 'exit 139'
		rt delete "$ID"
		is "$(exit_file)" 139
		is "$(jq -c '[.cause, .signal, .exit_code]' "$BUNDLE/exit.json")" '["exit",null,139]'
		bundle sleep 1000
		mon_timed
		mon_end
		is "$(exit_file)" -1
		is "$(jq -c '[.cause, .exit_code]' "$BUNDLE/exit.json")" '["timeout",null]'
	}
	peer_fails monitor told_apart
}
