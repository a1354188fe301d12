# A hundred thousand clients come and go: no descriptor and no memory stays behind.
load ../lib/harness

descriptors() { find "/proc/$MPID/fd" -mindepth 1 | wc -l; }
# Its own pages only: those of a program file that was just installed count as dirty until they are on disk.
own_memory() { awk '/^Anonymous/ { print $2 }' "/proc/$MPID/smaps_rollup"; }

# settle: every client that has left is forgotten, and memory of bursts is given back
settle() {
	local tries
	client "last$1" --keep-open
	send "last$1" 'still here %s\n' "$1"
	await match "$DIR/last$1.out" "still here $1"
	kill -TERM "${CLIENT_PID[last$1]}"
	await process-gone "${CLIENT_PID[last$1]}"
	for tries in $(seq 100); do
		[ "$(descriptors)" -gt "$2" ] || break
		sleep 0.1 # for another process's descriptors there is no event
	done
	sleep 3 # the monitor gives memory back after a second of quiet
}

@test "100,000 clients that come and go: 0 descriptors more, less than 64 KiB of memory more" {
	local fds memory fds_after memory_after
	bundle cat
	mon_started -- -i --leave-stdin-open
	fds=$(descriptors)
	attach "$BUNDLE/attach" --times 1000
	settle one "$fds"
	fds=$(descriptors)
	memory=$(own_memory)
	attach "$BUNDLE/attach" --times 100000
	settle two "$fds"
	fds_after=$(descriptors)
	for _ in $(seq 20); do # a busy machine may let it give back later
		memory_after=$(own_memory)
		[ $((memory_after - memory)) -ge 64 ] || break
		sleep 1
	done
	echo "# descriptors $fds, then $fds_after; memory $memory KiB, then $memory_after KiB" >&3
	is "$fds_after" "$fds"
	[ $((memory_after - memory)) -lt 64 ] || fail "$((memory_after - memory)) KiB more"
	is "$(payload | grep -c '^line$')" 50500 # what 50,000 and 500 of them sent, all of it
	rt kill "$ID" KILL
	mon_end
	is "$(jq '.attach_clients_cut_off' "$BUNDLE/exit.json")" 0
}
