# The promise itself: 2 GB of numbered lines, every byte in the log, once, in order. A group of its own (tests/budget).
load ../lib/harness

# The log of 2 GB does not belong into a tmpfs.
prepare() {
	BIG=$(mktemp -d "${TMPDIR:-/tmp}/tallyman-2gb.XXXXXX")
	LOG=$BIG/ctr.log
}

# through MODE ARGS: emit, end, check
through() {
	mon_created "${@:2}"
	rt start "$ID"
	mon_end 600
	exits 0 numbers check 2000000000 "$LOG" $1
	rm -rf "$BIG"
}

@test "2 GB through a pipe" {
	bundle numbers emit 2000000000
	through ""
}

@test "2 GB through both pipes at once" {
	bundle numbers emit 2000000000 --both
	through --both
}

@test "2 GB through a terminal" {
	bundle numbers emit 2000000000
	config '.process.terminal = true'
	through --tty -- -t
}
