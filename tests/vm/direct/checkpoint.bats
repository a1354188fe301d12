# That the tests of checkpoint and restore see a criu that works here, and not only how one fails.
load ../../lib/harness

@test "criu works with this machine's kernel" {
	exits 0 criu check
}
