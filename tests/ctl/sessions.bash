# sessions.bash - words about the exec session $SID of the container $ID. In a test file: load sessions

load ctl

exec_dir() { echo "$CONTAINERS/$ID/exec"; }
create() { SID=$(ctl session create "$@"); }
record() { ctl session inspect "${2:-$SID}" | jq -r "$1"; }
state() { record .state "$@"; }
stopped() { [ "$(state "$@")" = stopped ]; }
running() { [ "$(state "$@")" = running ]; }

# until_so CMD: a session's state has no event for others: asked again and again, for a minute
until_so() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "not in 60 seconds: $*"
		sleep 0.1
	done
}
