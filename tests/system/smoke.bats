load ../lib/harness

@test "a container's output, exit code and pid are recorded" {
	mon_run sh -c 'echo hello; echo oops >&2; exit 7'
	is "$(payload stdout)" hello
	is "$(payload stderr)" oops
	is "$(exit_file)" 7
}
