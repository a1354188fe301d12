# Mistakes that people and engines make (mistakes.table): the message says what was being done, on which JSON path, host path
# or container, what the kernel said, and what may help where that is known; in one line, with nothing left behind.
load ../lib/harness
load ../lib/table

prepare() { bundle sleep 100; }

# --- the words of the table: each row's second column is shell code that makes the mistake with the last of them -------

# run JQ: the bundle with this edit
run() {
	config '.process.args = ["true"]'
	config "$1"
	attempt rt run --bundle "$BUNDLE" "$ID"
}

# document TEXT: this for a config.json
document() {
	printf "$1" >"$BUNDLE/config.json"
	attempt rt create --bundle "$BUNDLE" "$ID"
}

create() { attempt rt create --bundle "$BUNDLE" "$@"; }

created() { rt_create || fail "not created: $(cat "$DIR/err")"; }

started() {
	created
	rt start "$ID"
}

stopped() {
	config '.process.args = ["true"]'
	created
	rt start "$ID"
	await process-gone "$(cat "$DIR/pid")"
}

# v1 CODE...: a mistake that only cgroup v1 can tell; "-" where it is something else
v1() {
	on_cgroup2 || { "$@"; return; }
	status=1 stderr=-
}

# program FILE CONTENT: an executable of the image
program() {
	own_rootfs
	printf "$2" >"$BUNDLE/rootfs/$1"
	chmod 755 "$BUNDLE/rootfs/$1"
}

# --- the table ----------------------------------------------------------------------------------------------------

# mistake NAME CODE WANTED: prints what is wrong with the answer
mistake() {
	local name=$1 wanted=$3 word words
	bundle sleep 100
	status=0 stderr=
	eval "$2" || { echo "$name: the code failed"; return; }
	[ "$stderr" != - ] || return 0
	[ "$status" -ne 0 ] || echo "$name: no error"
	[ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ] || echo "$name: not one line: $stderr"
	IFS='&' read -ra words <<<"$wanted"
	for word in "${words[@]}"; do
		word=${word# } word=${word% }
		word=${word//@BUNDLE@/$BUNDLE} word=${word//@DIR@/$DIR} word=${word//@ID@/$ID}
		[[ $stderr == *"$word"* ]] || echo "$name: no '$word' in: $stderr"
	done
	[ ! -e "$ROOT/$ID" ] || rt delete --force "$ID" || echo "$name: cannot be deleted"
	[ -z "$(cgroups_of "$ID")" ] || echo "$name: cgroups left behind"
}

mistakes() {
	runtime_is_ours || return 0
	rows "$TESTS/system/mistakes.table" "$1" mistake
}

@test "mistakes in the bundle" { mistakes bundle; }
@test "mistakes about the program" { mistakes program; }
@test "mistakes about namespaces and ids" { mistakes ids; }
@test "mistakes about mounts" { mistakes mounts; }
@test "mistakes about limits" { mistakes limits; }
@test "mistakes about security" { mistakes security; }
@test "mistakes about hooks" { mistakes hooks; }
@test "mistakes on the command line" { mistakes line; }
@test "mistakes about a container's state" { mistakes state; }
@test "mistakes of exec" { mistakes exec; }

@test "the table of mistakes is whole" { table_is_whole "$TESTS/system/mistakes.table" 80; }
