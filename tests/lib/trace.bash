# trace.bash - to be called by setup: bats notes where it is at every command, for the day one fails. That is half of the
# time of a test, and of use in the lines of the test's own file alone.
trace_the_test_alone() {
	# shellcheck disable=SC2016 # expanded at each command
	trap '[[ $BASH_SOURCE != "$BATS_TEST_SOURCE" ]] || bats_debug_trap "$BASH_SOURCE"' DEBUG
}
