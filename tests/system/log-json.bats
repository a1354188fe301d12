# The driver json-file: Docker's format, read by a reader that knows only Docker's (tests/lib/dockerlog).
load ../lib/harness

prepare() { JSON=$DIR/ctr.json; }

dockerlog() { "$TESTS/lib/dockerlog" "$@"; }

# json [ARGS]: start the bundle with both logs, wait for its end
json() {
	mon_started -- -l "json-file:$JSON" "$@"
	mon_end
}

# json_of FILE: what a container that prints this file leaves
json_of() {
	bundle cat /tmp/in
	with_file "$1"
	json
	exits 0 dockerlog check "$JSON" "$1"
}

@test "a record is what Docker writes" {
	written() {
		bundle sh -c 'echo hello; echo "<a> & \"b\" \\ c" >&2'
		json
		like "$(grep stdout "$JSON")" '^\{"log":"hello\\n","stream":"stdout","time":"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{0,8}[1-9])?Z"\}$'
		has "$(grep stderr "$JSON")" '{"log":"\u003ca\u003e \u0026 \"b\" \\ c\n","stream":"stderr","time":"'
		is "$(dockerlog records "$JSON" | sort)" $'stderr F 14 -\nstdout F 6 -'
	}
	peer_fails monitor written
}

@test "times are UTC, whatever the zone" {
	in_utc() {
		export TZ=XST-05:45
		bundle echo hello
		before=$(date +%s)
		json
		at=$(date -d "$(jq -r .time "$JSON")" +%s)
		[ "$at" -ge "$before" ] && [ "$at" -le "$(date +%s)" ]
	}
	peer_fails monitor in_utc
}

@test "bytes that are no UTF-8 become U+FFFD one by one, and nothing else changes" {
	replaced() {
		printf 'a\0b\r\n\xff\xfe\xc3\n\x1b[31mred\x7f\t\b\f\n\xe2\x80\xa8\xe2\x80\xa9\n\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\n\xef\xbf\xbd\xe2\x82\xac\xf0\x9f\x98\x80\n\n<&>"\\\n\xe2\x82' >"$DIR/in"
		json_of "$DIR/in"
		has "$(cat "$JSON")" '{"log":"\ufffd\ufffd\ufffd\n",'
		has "$(cat "$JSON")" '{"log":"\u2028\u2029\n",'
		is "$(dockerlog records "$JSON" | tail -n 1)" "stdout P 6 -"
	}
	peer_fails monitor replaced
}

@test "a rest without newline is a record without newline, once the container has ended" {
	partial() {
		bundle sh -c 'printf one; read x; printf "two\nrest"; printf err >&2'
		mon_started -- -i -l "json-file:$JSON"
		client one
		await match "$LOG" 'stdout P one$'
		hang_up one
		mon_end
		is "$(dockerlog records "$JSON" | sort)" $'stderr P 3 -\nstdout F 7 -\nstdout P 4 -'
		is "$(dockerlog text "$JSON" stdout)" $'onetwo\nrest'
	}
	peer_fails monitor partial
}

@test "a long line is cut after 16384 bytes, but not inside a character" {
	cut_well() {
		{
			head -c 16384 /dev/zero | tr '\0' x; echo
			for at in 16381 16382 16383; do
				head -c $at /dev/zero | tr '\0' y; printf '\xf0\x9f\x98\x80tail\n'
			done
			head -c 50000 /dev/zero | tr '\0' '\377'; echo
		} >"$DIR/in"
		json_of "$DIR/in"
		is "$(dockerlog records "$JSON" | head -n 8 | tr '\n' ,)" \
			"stdout P 16384 -,stdout F 1 -,stdout P 16381 -,stdout F 9 -,stdout P 16382 -,stdout F 9 -,stdout P 16383 -,stdout F 9 -,"
	}
	peer_fails monitor cut_well
}

@test "all parts of a line have the time of the first" {
	same_time() {
		bundle sh -c 'head -c 20000 /dev/zero | tr "\0" x; read x; echo end'
		mon_started -- -i -l "json-file:$JSON"
		client one
		await match "$JSON" stdout
		hang_up one
		mon_end
		is "$(dockerlog records "$JSON" | wc -l)" 2
		is "$(jq -r .time "$JSON" | uniq | wc -l)" 1
	}
	peer_fails monitor same_time
}

@test "what any bytes become does not depend on how they arrive" {
	any_bytes() {
		head -c 1500000 /dev/urandom >"$DIR/in"
		json_of "$DIR/in"
	}
	peer_fails monitor any_bytes
}

@test "text of all of Unicode comes through" {
	unicode() {
		python3 - >"$DIR/in" <<-'X'
			import random, sys
			r = random.Random(4711)
			ranges = [(0, 0x7f), (0x80, 0x7ff), (0x800, 0xd7ff), (0xe000, 0xffff), (0x10000, 0x10ffff), (0x2020, 0x2030)]
			text = "".join(chr(r.randint(*r.choice(ranges))) for _ in range(300000))
			sys.stdout.buffer.write(text.encode())
		X
		json_of "$DIR/in"
		dockerlog text "$JSON" | cmp - "$DIR/in"
	}
	peer_fails monitor unicode
}

@test "labels and tag are attributes, in the order and with the escapes of Docker" {
	attributes() {
		bundle echo hello
		standard_args
		mon -- "${ARGS[@]/#k8s-file:*/json-file:$JSON}" --log-label 'org.example.b=x=y' --log-label 'A=<1>' \
			--log-label $'a=tab\t"quoted"' --log-tag web --log-label A=2
		said_created
		rt start "$ID"
		mon_end
		is "$(dockerlog records "$JSON")" 'stdout F 6 {"A":"2","a":"tab\t\"quoted\"","org.example.b":"x=y","tag":"web"}'
	}
	peer_fails monitor attributes
}

@test "several drivers and two files at once have all of the output" {
	all_of_it() {
		bundle numbers emit 2000000
		mon_started -- -l "json-file:$JSON" -l "k8s-file:$DIR/second.log" -l none
		mon_end
		exits 0 numbers check 2000000 "$LOG"
		exits 0 numbers check 2000000 "$DIR/second.log"
		dockerlog text "$JSON" >"$DIR/text"
		payload | cmp - "$DIR/text"
		is "$(jq .streams.stdout.dropped_bytes "$BUNDLE/exit.json")" 0
	}
	peer_fails monitor all_of_it
}

@test "a client that lags is served without loss when the only log is a json-file" {
	served() {
		bundle numbers emit 20000000
		standard_args
		mon -- "${ARGS[@]/#k8s-file:*/json-file:$JSON}"
		said_created
		client slow
		kill -STOP "${CLIENT_PID[slow]}"
		rt start "$ID"
		await size "$JSON" 15000000
		kill -CONT "${CLIENT_PID[slow]}"
		mon_end
		client_ends slow 0
		exits 0 numbers stream 20000000 <"$DIR/slow.out"
	}
	peer_fails monitor served
}

@test "rotation keeps every file whole and every byte" {
	rotated() {
		bundle numbers emit 3000000
		json --log-size-max 200000 --log-rotate --log-max-files 100
		for f in $(ls -v "$JSON".* | tac) "$JSON"; do
			[ "$(stat -c %s "$f")" -le 200000 ]
			dockerlog text "$f"
		done >"$DIR/text"
		for f in $(ls -v "$LOG".* | tac) "$LOG"; do klog payload "$f"; done | cmp - "$DIR/text"
		[ -e "$JSON.20" ]
		exits 0 numbers stream 3000000 <"$DIR/text"
	}
	peer_fails monitor rotated
}

@test "a full disk leaves whole records, and the count of what is missing" {
	counted() {
		printf '\xff<>\xe2\x80\xa8 %s\n' $(seq 20000) >"$DIR/in"
		bundle cat /tmp/in
		with_file "$DIR/in"
		standard_args
		mon -- "${ARGS[@]/#k8s-file:*/json-file:$DIR/small/c.json}"
		said_created
		rt start "$ID"
		mon_end
		cp "$DIR/small/c.json" "$JSON"
		records=$(dockerlog records "$JSON" | wc -l)
		head -n "$records" "$DIR/in" >"$DIR/there"
		exits 0 dockerlog check "$JSON" "$DIR/there"
		is "$(jq .streams.stdout.dropped_bytes "$BUNDLE/exit.json")" $(($(wc -c <"$DIR/in") - $(wc -c <"$DIR/there")))
		is "$(jq .streams.stdout.records "$BUNDLE/exit.json")" "$records"
	}
	mkdir "$DIR/small"
	mount -t tmpfs -o size=200k tmpfs "$DIR/small"
	peer_fails monitor counted
	umount "$DIR/small"
}
