# Every byte, once, in order. The amounts are small by default; the 2 GB promise is the last file's (stream-2gb.bats).
load ../lib/harness

@test "numbered lines through a pipe" {
	mon_run numbers emit 100000000
	exits 0 numbers check 100000000 "$LOG"
}

@test "numbered lines through both pipes at once" {
	mon_run numbers emit 100000000 --both
	exits 0 numbers check 100000000 "$LOG" --both
}

@test "numbered lines through a terminal" {
	bundle numbers emit 20000000
	config '.process.terminal = true'
	mon_started -- -t
	mon_end 120
	exits 0 numbers check 20000000 "$LOG" --tty
}

@test "a writer slower than the reader" {
	bundle sh -c 'i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i+1)); done'
	mon_started
	mon_end
	is "$(payload)" "$(seq 0 299 | sed 's/^/line /')"
	is "$(records | grep -c P)" 0
}
