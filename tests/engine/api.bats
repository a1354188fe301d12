load engine

# podman's service: exec sessions there outlive their clients, and their monitors wait a while before they clean up.

setup_more() {
	cat >"$D/bin/api" <<-'X'
		#!/usr/bin/python3
		"""api METHOD PATH [JSON]: one request to the service; the answer's body goes to stdout, a stream without its frames."""
		import json, os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(30)
		s.connect(os.environ["D"] + "/api.sock")
		body = sys.argv[3] if len(sys.argv) > 3 else ""
		s.sendall(f"{sys.argv[1]} /v4.0.0/libpod{sys.argv[2]} HTTP/1.0\r\nHost: d\r\nContent-Type: application/json\r\n"
		          f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
		answer = b""
		while data := s.recv(65536):
		    answer += data
		head, _, body = answer.partition(b"\r\n\r\n")
		status = int(head.split()[1])
		if b"multiplexed" in head or b"raw-stream" in head:
		    while body:
		        stream, size = body[0], int.from_bytes(body[4:8], "big")
		        (sys.stderr if stream == 2 else sys.stdout).buffer.write(body[8:8 + size])
		        body = body[8 + size:]
		else:
		    sys.stdout.buffer.write(body)
		sys.exit(0 if status < 400 else 1)
	X
	chmod 755 "$D/bin/api"
	DEADLINE=600 podman system service --time 0 "unix://$D/api.sock" >"$D/service" 2>&1 3>&- 4>&- &
	echo $! >"$D/service.pid"
	until_true test -S "$D/api.sock"
}

teardown_file() {
	kill "$(cat "$D/service.pid")"
	engine_teardown_file
}

new_exec() { # CONTAINER COMMAND...: prints the session's id
	local name=$1
	shift
	api POST "/containers/$name/exec" \
		"$(jq -nc '{Cmd: $ARGS.positional, AttachStdout: true, AttachStderr: true}' --args -- "$@")" | jq -r .Id
}

exit_code() { # SESSION
	api GET "/exec/$1/json" | jq 'select(.Running == false) | .ExitCode'
}

@test "a session's output comes in frames, its status afterwards" {
	id=$(new_exec canary sh -c 'echo out; echo err >&2; exit 17')
	run -0 --separate-stderr api POST "/exec/$id/start" '{"Detach": false, "Tty": false}'
	is "$output" out stdout
	is "$stderr" err stderr
	until_true eval '[ "$(exit_code '"$id"')" = 17 ]'
}

@test "a detached session runs without a client, and the monitor's exit command cleans it up" {
	id=$(new_exec canary sh -c 'mkfifo /tmp/gate; echo ran >/tmp/detached; cat /tmp/gate')
	api POST "/exec/$id/start" '{"Detach": true}'
	until_true podman exec canary grep -q ran /tmp/detached
	api GET "/exec/$id/json" | jq -e .Running
	podman exec canary sh -c 'echo go >/tmp/gate'
	until_true eval "! api GET '/exec/$id/json'"
}

@test "a program that is missing is an error of the start" {
	id=$(new_exec canary /no/such/program)
	run api POST "/exec/$id/start" '{"Detach": true}'
	like "$output$(api GET "/exec/$id/json")" '/no/such/program|"ExitCode": *12[67]' "answer"
}

@test "create, start, wait, logs and remove" {
	id=$(api POST /containers/create "$(jq -nc --arg image "$BB" --arg parent "$CGROUP_PARENT" \
		'{image: $image, cgroup_parent: $parent, command: ["sh", "-c", "echo by api; exit 19"]}')" | jq -r .Id)
	api POST "/containers/$id/start"
	is "$(api POST "/containers/$id/wait")" 19 status
	is "$(podman logs "$id")" 'by api' logs
	api DELETE "/containers/$id" >/dev/null
	no_trace "$id"
}
