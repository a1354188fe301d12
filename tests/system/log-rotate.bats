# Old log files: rotation at the limit and on request, compression, readers that follow.
load ../lib/harness

# What rotation-soak asks of the container: the numbers from a to b, each by a write of its own, then b on stderr.
COUNTING='while read a b; do while [ $a -le $b ]; do echo $a; a=$((a + 1)); done; echo $b >&2; done'
ROTATING=(--log-rotate --log-max-files 1000)

# old_files: the log's old files, oldest first
old_files() { ls -v "$DIR" | grep "^${LOG##*/}\.[0-9]" | tac | sed "s|^|$DIR/|"; }

# whole_log: all that is in the log and its old files
whole_log() {
	local f
	for f in $(old_files); do
		case $f in
		*.gz) gzip -dc "$f" ;;
		*.zst) zstd -dcq "$f" ;;
		*) cat "$f" ;;
		esac
	done
	cat "$LOG"
}

# compressor SCRIPT: a program called gzip, first in PATH
compressor() {
	mkdir -p "$DIR/bin"
	{ echo '#!/bin/sh'; cat; } >"$DIR/bin/gzip"
	chmod +x "$DIR/bin/gzip"
	PATH=$DIR/bin:$PATH
}

# asked TIMES CMD...: a container that has CMD's output rotated by request that often, one file each; then it runs on
asked() {
	local times=$1
	bundle sh -c 'while read x; do echo "line $x"; done; sleep 1000'
	mon_started -- -i "${ROTATING[@]}" "${@:2}"
	client one
	for i in $(seq "$times"); do
		send one "$i\n"
		await match "$LOG" " line $i\$"
		inode=$(stat -c %i "$LOG")
		ctl '2 0 0\n'
		await replaced "$LOG" "$inode"
	done
}

# end_it: the container ends now
end_it() {
	rt kill "$ID" KILL
	mon_end
}

@test "old files are numbered, the newest is 1, and at most so many are kept" {
	numbered() {
		bundle sh -c 'i=0; while [ $i -lt 400 ]; do echo "line $i"; i=$((i+1)); done'
		mon_started -- --log-size-max 2000 --log-rotate --log-max-files 3
		mon_end
		is "$(old_files | tr '\n' ' ')" "$LOG.3 $LOG.2 $LOG.1 "
		for f in $(old_files); do [ "$(stat -c '%s %a' "$f" | cut -d ' ' -f 1)" -le 2000 ]; done
		is "$(whole_log | sed 's/.* F //' | tail -n 1)" "line 399"
		first=$(whole_log | sed 's/.* F line //' | head -n 1)
		is "$(whole_log | sed 's/.* F line //')" "$(seq "$first" 399)"
	}
	peer_fails monitor numbered # the options are younger than 2.1.6
}

@test "--log-max-files 1 keeps one" {
	one_kept() {
		asked 3 --log-max-files 1
		is "$(klog payload "$LOG.1")" "line 3"
		is "$(old_files)" "$LOG.1"
		end_it
	}
	peer_fails monitor one_kept
}

@test "a stale .new and a log behind a link do not end rotation, nor does a colon in the path" {
	goes_on() {
		mkdir "$DIR/real"
		ln -s "$DIR/real/a:b.log" "$DIR/link"
		echo stale >"$DIR/real/a:b.log.new"
		bundle numbers emit 500000
		mon_started -- -l "k8s-file:$DIR/link" "${ROTATING[@]}" --log-size-max 20000
		mon_end
		[ -L "$DIR/link" ] && [ ! -e "$DIR/real/a:b.log.new" ] && [ -e "$DIR/real/a:b.log.20" ]
		cat $(ls -v "$DIR/real/a:b.log".* | tac) "$DIR/link" >"$DIR/all"
		exits 0 numbers check 500000 "$DIR/all"
	}
	peer_fails monitor goes_on
}

@test "a log renamed from outside costs none of the old files" {
	kept() {
		asked 2 --log-max-files 2
		send one "3\n"
		await match "$LOG" ' line 3$'
		mv "$LOG" "$DIR/taken"
		ctl '2 0 0\n'
		await exists "$LOG"
		is "$(klog payload "$LOG.2")$(klog payload "$LOG.1")$(klog payload "$DIR/taken")" "line 1line 2line 3"
		end_it
	}
	peer_fails monitor kept
}

@test "a reader that follows by inode misses nothing" {
	missed_nothing() {
		bundle sh -c 'read go; numbers emit 3000000; echo end of it'
		mon_started -- -i "${ROTATING[@]}" --log-size-max 30000
		client one
		"$TESTS/lib/follow-log" "$LOG" "end of it" "$DIR/following" >"$DIR/followed" 3>&- 4>&- &
		follower=$!
		await exists "$DIR/following"
		send one '\n'
		mon_end
		wait "$follower"
		[ -e "$LOG.100" ]
		head -n -1 "$DIR/followed" >"$DIR/numbers"
		exits 0 numbers stream 3000000 <"$DIR/numbers"
	}
	peer_fails monitor missed_nothing
}

@test "rotations at the limit, on request and after a rename lose nothing while the monitor is stopped and continued" {
	nothing_lost() {
		bundle sh -c "$COUNTING"
		mon_started -- -i "${ROTATING[@]}" --log-size-max 20000
		exits 0 "$TESTS/lib/rotation-soak" "$LOG" "$BUNDLE" "$MPID" 2
		like "$output" '^rotations [1-9][0-9][0-9]'
		mon_end
	}
	peer_fails monitor nothing_lost
}

# compressed HOW SUFFIX: every old file becomes NAME.N.SUFFIX, and all is in them
compressed() {
	bundle sh -c 'numbers emit 1000000; read x'
	mon_started -- -i "${ROTATING[@]}" --log-size-max 50000 --log-compress "$1"
	await exists "$LOG.20$2"
	await gone "$LOG.compressing"
	for n in $(seq 20); do
		await exists "$LOG.$n$2"
		await gone "$LOG.$n"
	done
	is "$(stat -c %a "$LOG.1$2")" 640
	whole_log >"$DIR/all"
	client one
	hang_up one
	mon_end
	exits 0 numbers check 1000000 "$DIR/all"
}

@test "--log-compress=gzip: old files become .gz, whole and in order" {
	peer_fails monitor compressed gzip .gz
}

@test "--log-compress=zstd: old files become .zst, whole and in order" {
	peer_fails monitor compressed zstd .zst
}

@test "old files of an earlier run without compression are compressed, and compressed ones keep their place" {
	mixed() {
		echo "2020-01-01T00:00:00.000000000+00:00 stdout F one" | gzip >"$LOG.2.gz"
		echo "2020-01-01T00:00:00.000000000+00:00 stdout F two" >"$LOG.1"
		asked 1 --log-compress zstd
		for n in 1.zst 2.zst 3.gz; do await exists "$LOG.$n"; done
		for n in 1 2; do await gone "$LOG.$n"; done
		is "$(whole_log | sed 's/.* F //')" $'one\ntwo\nline 1'
		end_it
	}
	peer_fails monitor mixed
}

@test "the compressor has low priority and nothing of the monitor's" {
	humble() {
		compressor <<-X
			{ nice; ionice; ls -l /proc/self/fd | sed -n 's/.* \([0-9]*\) -> .*/\1/p'; } >$DIR/seen
			mv $DIR/seen $DIR/told
			exec /bin/gzip "\$@"
		X
		asked 1 --log-compress gzip
		await exists "$LOG.1.gz"
		is "$(tr '\n' ' ' <"$DIR/told")" "19 idle 0 1 2 3 " # 3: the directory that ls reads
		end_it
	}
	peer_fails monitor humble
}

@test "a compressor that fails loses nothing, and the next rotation tries again" {
	nothing_lost() {
		compressor <<-X
			echo x >>$DIR/tried
			head -c 10
			exit 1
		X
		asked 3 --log-compress gzip
		await lines "$DIR/tried" 3
		await gone "$LOG.compressing"
		is "$(old_files | tr '\n' ' ')" "$LOG.3 $LOG.2 $LOG.1 "
		is "$(whole_log | sed 's/.* F //')" $'line 1\nline 2\nline 3'
		end_it
	}
	peer_fails monitor nothing_lost
}

@test "a compressor at work when the container ends is ended, and the file stays as it is" {
	stays() {
		compressor <<-X
			echo half
			: >$DIR/at-work
			exec sleep 1000
		X
		asked 1 --log-compress gzip
		await exists "$DIR/at-work"
		end_it
		[ ! -e "$LOG.compressing" ]
		is "$(whole_log | sed 's/.* F //')" "line 1"
	}
	peer_fails monitor stays
}

@test "what is left of a compressor that was killed with its monitor is in nobody's way" {
	cleaned() {
		echo rubbish >"$LOG.compressing"
		asked 1 --log-compress gzip
		await exists "$LOG.1.gz"
		is "$(whole_log | sed 's/.* F //')" "line 1"
		end_it
		[ ! -e "$LOG.compressing" ]
	}
	peer_fails monitor cleaned
}
