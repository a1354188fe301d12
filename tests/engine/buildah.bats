# buildah drives the runtime itself: no podman, no monitor.
load engine

setup_file() {
	[ -n "${ENGINE_DIR:-}" ] || fail "start these tests with tests/engine/run"
	command -v buildah >/dev/null || fail "buildah is missing"
	export D BB CTR BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-600}
	local fd
	D=$(mktemp -d /var/lib/containers/engine.XXXXXX)
	mkdir "$D/bin" "$D/tmp" "$D/conf"
	PATH=$D/bin:$PATH
	cat >"$D/containers.conf" <<-X
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
		netns = "host"
		[engine.runtimes]
	X
	[ "$ENGINE_NAME" = path ] || echo "runc = [\"$RUNTIME\"]" >>"$D/containers.conf"
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$D/policy.json"
	CTR=$(call from scratch)
	make_image >"$D/image.tar"
	call add -q "$CTR" "$D/image.tar" / >/dev/null
	call config --env PATH=/bin "$CTR"
}

# buildah, with no descriptor of bats. What it remembers of a run, it remembers for the containers of its store alone.
call() {
	TMPDIR=$D/tmp CONTAINERS_CONF=$D/containers.conf BUILDAH_ISOLATION=oci timeout --foreground -k 5 "${DEADLINE:-180}" \
		buildah --root "$D/root" --runroot "$D/runroot" --storage-driver overlay "$@" 3>&- 4>&-
}

# inside [buildah run's options] -- CMD...: a command in the working container, by the runtime under test
inside() { call run --isolation oci --runtime "$(name)" "$@"; }
name() { if [ "$ENGINE_NAME" = path ]; then echo "$RUNTIME"; else echo runc; fi; }

setup() { :; }

teardown() {
	if [ -e "$ENGINE_DIR/trapped" ]; then
		cat "$ENGINE_DIR/trapped"
		rm "$ENGINE_DIR/trapped"
		fail "buildah used another program"
	fi
	until_true nothing_left
}

# buildah's containers are called buildah-buildahNNN, in the runtime's own state directory.
nothing_left() {
	local found
	found=$(find /run/tallyrun /run/runc /sys/fs/cgroup -name 'buildah-*' -prune 2>/dev/null || true)
	[ -z "$found" ] || fail "left: $found"
}

teardown_file() {
	[ -n "${D:-}" ] || return 0
	call rm -a >/dev/null
	umount "$D/root/overlay" 2>/dev/null || true
	rm -rf "$D"
}

@test "buildah: run relays output, input and the exit status" {
	run -7 --separate-stderr inside "$CTR" -- sh -c 'echo out; echo err >&2; exit 7'
	is "$output" out output
	like "$stderr" $'(^|\n)err\n' errors
	run -0 --separate-stderr inside "$CTR" -- tr a-z A-Z <<<'some text'
	is "$output" 'SOME TEXT' "what went in and out"
}

@test "buildah: the runtime that is named is the one that runs" {
	cat >"$D/bin/told" <<-X
		#!/bin/sh
		echo "\$*" >>$D/calls
		exec $RUNTIME "\$@"
	X
	chmod 755 "$D/bin/told"
	run -0 call run --isolation oci --runtime "$D/bin/told" "$CTR" -- true
	like "$(cat "$D/calls")" $'create --bundle .*\nstart buildah-' "the calls of the runtime"
	rm "$D/calls"
}

@test "buildah: run -t" {
	run -9 "$here/at-terminal" 31 91 'expect:# ' 'send:stty size; tty\r' 'expect:31 91' 'expect:/dev/' 'send:exit 9\r' -- \
		env CONTAINERS_CONF="$D/containers.conf" TMPDIR="$D/tmp" buildah --root "$D/root" --runroot "$D/runroot" \
		--storage-driver overlay run --isolation oci --runtime "$(name)" -t "$CTR" -- sh
}

@test "buildah: volumes, users, capabilities, a directory" {
	mkdir "$D/volume"
	echo 'of the host' >"$D/volume/file"
	run -0 --separate-stderr inside -v "$D/volume:/mnt:ro" --user user --workingdir /tmp "$CTR" -- \
		sh -c 'cat /mnt/file; touch /mnt/x 2>/dev/null || echo read-only; id -u; pwd'
	is "$output" $'of the host\nread-only\n1000\n/tmp' output
	run -0 --separate-stderr inside --cap-drop CAP_CHOWN "$CTR" -- sh -c 'chown 1 /tmp 2>/dev/null || echo refused'
	is "$output" refused chown
}

@test "buildah: a program that is missing is an error that names it" {
	run ! inside "$CTR" -- no-such-program
	like "$output" 'no-such-program.*not found' "what run says"
}

@test "buildah: the steps of a Containerfile, and one that fails" {
	cat >"$D/conf/Containerfile" <<-X
		FROM scratch
		ADD image.tar /
		ENV PATH=/bin
		RUN echo one >/one && id -u >>/one
		RUN ["sh", "-c", "tr a-z A-Z </one >/two"]
	X
	cp "$D/image.tar" "$D/conf/"
	run -0 call build -q --isolation oci --runtime "$(name)" --signature-policy "$D/policy.json" -t made "$D/conf"
	made=$(call from --signature-policy "$D/policy.json" made)
	run -0 --separate-stderr inside "$made" -- cat /one /two
	is "$output" $'one\n0\nONE\n0' "what the steps made"
	call rm "$made" >/dev/null
	echo 'RUN exit 3' >>"$D/conf/Containerfile"
	run -3 call build -q --isolation oci --runtime "$(name)" --signature-policy "$D/policy.json" -t bad "$D/conf"
	like "$output" 'exit 3' "what build says"
}
