# podman container checkpoint and restore, with the criu that is installed (or $CRIU).
load engine

setup_more() {
	[ -z "${CRIU:-}" ] || ln -s "$CRIU" "$D/bin/criu"
}

@test "a container goes on where it was; where criu does not work with this kernel, that is told and it runs on" {
	case $RUNTIME in *tallyrun*) ;; *) skip "how others do it is theirs" ;; esac
	start --name saved $BB sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done'
	until_true eval '[ -n "$(podman logs --tail 1 saved)" ]'
	if ! criu check >"$D/criu-check" 2>&1; then
		run podman container checkpoint saved
		[ "$status" -ne 0 ] || fail "criu check fails, and podman checkpoints"
		is "$(inspect saved .State.Status)" running state
		# podman asks criu itself, before the runtime.
		like "${output,,}" criu "what podman says"
		return 0
	fi
	run -0 podman container checkpoint saved
	is "$(inspect saved .State.Status)" exited state
	n=$(podman logs --tail 1 saved)
	run -0 podman container restore saved
	is "$(inspect saved .State.Status)" running state
	until_true eval '[ "$(podman logs --tail 1 saved)" -gt '"$n"' ]'
	is "$(podman logs saved | sort -n | uniq -d | head -n 1)" '' "numbers that were printed twice"
	podman rm -f -t 0 saved
}
