# Exec sessions: what happens at their edges, one feature a test (docs/compat.md, Seed features).
load sessions

@test "B6 what a session is to do is settled when it is made, whatever its caller changes later" {
	started sleep 1000
	SID=$(MINE=before ctl session create -e MINE "$ID" -- sh -c 'echo $MINE')
	is "$(MINE=after ctl session start -a "$SID")" before
	ctl session rm "$SID"
}

@test "B7 a session is found by its id alone, and is among its container's" {
	local other=$ID-other sid
	started sleep 1000
	config '.linux.cgroupsPath = "/" + $o' --arg o "$other"
	ctl run -d -b "$BUNDLE" "$other"
	create "$ID" -- true
	sid=$(ctl session create "$other" -- true)
	is "$(record .containerId)" "$ID"
	is "$(record .containerId "$sid")" "$other"
	is "$(ctl inspect "$ID" | jq -r '.sessions[].id')" "$SID"
	is "$(ctl --json session ls "$other" | jq -r '.[].id')" "$sid"
	is "$(ctl --json session ls | jq length)" 2
	ctl rm --force "$other"
	exits 121 ctl session inspect "$sid"
}

@test "B8 detach keys: a default, others, and none, and then the bytes are the command's" {
	started sleep 1000
	create -t -i "$ID" -- sh
	on_terminal 'expect:# ' 'send:\x10\x11' -- "$TALLYCTL" --root "$CTL" session start --attach "$SID"
	has "$output" "status 0"
	is "$(state)" running
	create -t -i --detach-keys x,y "$ID" -- sh
	on_terminal 'expect:# ' 'send:\x10\x11\x15xy' -- "$TALLYCTL" --root "$CTL" session start --attach "$SID"
	has "$output" "status 0"
	is "$(state)" running
	create -t -i --detach-keys= "$ID" -- sh
	on_terminal 'expect:# ' 'send:\x10\x11\x15exit 3\r' -- "$TALLYCTL" --root "$CTL" session start --attach "$SID"
	has "$output" "status 3"
	is "$(state)" stopped
	exits 120 ctl session create -t --detach-keys ctrl-pp "$ID" sh
	ctl session rm --all --force -t 0 "$ID"
}

@test "B31 a record that cannot be written is told, and what had to end has ended" {
	local d pid
	started sleep 1000
	d=$(exec_dir)
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	pid=$(record .pid)
	mount --bind "$d/$SID" "$d/$SID"
	mount --rbind "$d" "$d"
	mount -o remount,bind,ro "$d"
	attempt ctl session stop -t 5 "$SID"
	await process-gone "$pid"
	umount -l "$d"
	umount -l "$d/$SID"
	[ "$status" -ne 0 ]
	one_line "$(tail -n 1 <<<"$stderr")"
	has "$stderr" "read-only file system"
	until_so stopped
	is "$(record .exitCode)" 143
	ctl session rm "$SID"
	is "$(ls "$d")" ""
}

@test "B32 an end that is not recorded in time is an error, and no code is made up" {
	local monitor
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	monitor=$(record .monitorPid)
	kill -STOP "$monitor"
	exits 123 ctl session stop -t 0 "$SID"
	has "$stderr" "its end was not recorded in 10 seconds"
	is "$(record 'has("exitCode")')" false
	kill -CONT "$monitor"
	until_so stopped
	is "$(record .exitCode)" 137
	ctl session rm "$SID"
	# What is no number is no code.
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	kill -9 "$(record .monitorPid)"
	printf '12 ' >"$(exec_dir)/$SID/exit/$ID"
	kill -9 "$(record .pid)"
	until_so stopped
	is "$(record '.exitCode, .unknownBecause')" "null"$'\n'"the session's monitor ended without recording it"
	ctl session rm "$SID"
}

@test "B33 a session's exit file appears whole, by one rename" {
	started sleep 1000
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	helper watch "$DIR/watched" "$(exec_dir)/$SID/exit"
	await match "$DIR/watched" ready
	kill -9 "$(record .pid)"
	until_so stopped
	await match "$DIR/watched" "delete $ID"
	is "$(grep -E " $ID$" "$DIR/watched" | paste -sd' ')" "moved_to $ID delete $ID"
	is "$(record .exitCode)" 137
	ctl session rm "$SID"
}

@test "B34 B38 only what runs can be stopped; its end is recorded and its files go, also when nobody saw it" {
	started sleep 1000
	create "$ID" -- sleep 1000
	exits 122 ctl session stop "$SID"
	is "$stderr" "tallyctl: exec session $SID of container $ID is created: it cannot be stopped"
	ctl session start "$SID"
	ctl session stop "$SID"
	is "$(record '.state, .exitCode, has("pid")')" $'stopped\n143\nfalse'
	[ ! -e "$(exec_dir)/$SID" ]
	ctl session rm "$SID"
	create "$ID" -- sh -c 'trap "" HUP PIPE; sleep 1000'
	ctl session start "$SID"
	kill -9 "$(record .monitorPid)"
	ctl session stop -t 0 "$SID"
	is "$(record '.state, .exitCode, has("pid")')" $'stopped\nnull\nfalse'
	[ ! -e "$(exec_dir)/$SID" ]
	ctl session rm "$SID"
}

@test "B43 a removal that broke off between two steps is no obstacle to a look, nor to the rest" {
	local d
	started sleep 1000
	d=$(exec_dir)
	create "$ID" -- true
	ctl session start -a "$SID"
	mkdir -p "$d/$SID/exit" # a bundle whose session has stopped
	is "$(ctl --json session ls "$ID" | jq -r '.[].state')" stopped
	[ ! -e "$d/$SID" ]
	mkdir "$d/$SID" # a bundle without a record
	rm "$d/$SID.json"
	is "$(ctl --json session ls "$ID" | jq length)" 0
	exits 121 ctl session rm "$SID"
	ctl rm --force "$ID"
	nothing_of
}

@test "B48 active are those that run, an engine's old ones among them" {
	local old
	started sleep 1000
	create "$ID" -- true
	ctl session start -a "$SID"
	create "$ID" -- true
	sleep 1000 3>&- 4>&- &
	old=$!
	echo "{\"id\": \"old\", \"command\": [\"sleep\"], \"pid\": $old}" >"$(exec_dir)/old.json"
	create "$ID" -- sleep 1000
	ctl session start "$SID"
	is "$(ctl --json session ls --active "$ID" | jq -r '.[].id' | sort)" "$(printf '%s\n' "$SID" old | sort)"
	is "$(ctl --json session ls "$ID" | jq length)" 4
	kill "$old"
	wait "$old" || true
	is "$(ctl --json session ls --active "$ID" | jq -r '.[].id')" "$SID"
	ctl session rm --all --force -t 0 "$ID"
}
