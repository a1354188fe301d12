# What `make install DESTDIR=` puts where, and what the installed completions do in the real shells.
load ../ctl/ctl

BUILD=$(cd "$(dirname "$TALLYCTL")" && pwd)
FILES='bin/tallyctl bin/tallyman bin/tallyrun libexec/tallyman/tallyctl-init libexec/tallyman/tallyrun-scope
	share/bash-completion/completions/tallyctl share/bash-completion/completions/tallyman share/bash-completion/completions/tallyrun
	share/doc/tallyman/examples/containers.conf.d/tallyman.conf share/doc/tallyman/examples/crio.conf.d/50-tallyman.conf
	share/fish/vendor_completions.d/tallyctl.fish share/fish/vendor_completions.d/tallyman.fish
	share/fish/vendor_completions.d/tallyrun.fish
	share/man/man1/tallyctl.1 share/man/man1/tallyman.1 share/man/man8/tallyrun.8 share/tallyman/exit.schema.json
	share/zsh/site-functions/_tallyctl share/zsh/site-functions/_tallyman share/zsh/site-functions/_tallyrun'

setup_file() {
	make -C "$BUILD" install DESTDIR="$BATS_FILE_TMPDIR" >"$BATS_FILE_TMPDIR.log" 2>&1 3>&- 4>&- ||
		{ tail -n 20 "$BATS_FILE_TMPDIR.log" >&2; return 1; }
}

prepare() {
	CTL=$DIR/ctl CONTAINERS=$DIR/ctl/containers
	USR=$BATS_FILE_TMPDIR/usr/local
	PATH=$USR/bin:$PATH
}

# offers LINE WORDS: each of the three shells offers exactly these words, sorted; of what must be the end of a word, none
offers() {
	local shell
	for shell in bash zsh fish; do
		is "$shell: $("$TESTS/install/complete" "$shell" "$USR/share" "$1" 2>&1 3>&- 4>&- | paste -sd ' ')" "$shell: $2"
	done
}

# the long options of a --help, sorted, in one line
long_options() { "$@" --help | grep -Eo '^ +(-., )?--[a-z-]+' | grep -Eo -- '--[a-z-]+' | sort -u | paste -sd ' '; }

verbs_of() { "$@" --help | sed -nE '/^(COMMANDS|Verbs)/,/^$/s/^ {2,3}([a-z]+) .*/\1/p' | sort | paste -sd ' '; }

@test "make install puts programs, manuals, completions and examples in their places, and make uninstall takes them away" {
	local f other=$DIR/other
	# shellcheck disable=SC2086 # words
	is "$(cd "$USR" && find . -type f -printf '%P\n' | sort)" "$(printf '%s\n' $FILES | sort)"
	for f in $FILES; do
		case $f in bin/* | libexec/*) is "$(stat -c %a "$USR/$f")" 755 ;; *) is "$(stat -c %a "$USR/$f")" 644 ;; esac
	done
	for f in tallyman tallyrun tallyctl; do "$USR/bin/$f" --version >/dev/null; done
	make -C "$BUILD" install DESTDIR="$other" >/dev/null 2>&1 3>&- 4>&-
	make -C "$BUILD" uninstall DESTDIR="$other" >/dev/null 2>&1 3>&- 4>&-
	is "$(find "$other" -type f)" ""
}

@test "installed, doctor finds the program that speaks with systemd, and misses it where it is not" {
	local d missed=()
	for d in scope nothing; do
		mkdir -p "$DIR/$d/bin" "$DIR/$d/libexec/tallyman"
		cp "$USR"/bin/tally* "$DIR/$d/bin"
	done
	cp "$USR/libexec/tallyman/tallyrun-scope" "$DIR/scope/libexec/tallyman"
	for d in scope nothing; do
		mount --bind "$DIR/$d" /usr/local
		attempt /usr/local/bin/tallyctl --root "$CTL" --json doctor
		umount /usr/local
		missed+=("$(jq '[.findings[] | select(.name == "tallyrun-scope")] | length' <<<"$output")")
	done
	is "${missed[*]}" "0 1"
}

@test "the installed examples name the installed programs" {
	local examples=$USR/share/doc/tallyman/examples f
	for f in $(grep -Eho '"/[^"]*/(tallyman|tallyrun)"' "$examples"/*/*.conf | tr -d '"' | grep -v '^/run/' | sort -u); do
		[ -x "$BATS_FILE_TMPDIR$f" ] || fail "$f is not installed"
	done
	is "$(grep -Eho '"/[^"]*/tally(man|run)"' "$examples"/*/*.conf | grep -vc '"/run/')" 4
}

@test "every command and sub-command is completed in bash, zsh and fish" {
	offers "tallyctl " "$(verbs_of tallyctl)"
	offers "tallyrun " "$(verbs_of tallyrun)"
	offers "tallyctl session " "$(verbs_of tallyctl session)"
	offers "tallyctl --root $DIR --json session re" resize
}

@test "every option is completed where it is an option, and only there" {
	offers "tallyctl --" "$(long_options tallyctl)"
	offers "tallyman --" "$(long_options tallyman)"
	offers "tallyrun --" "$(long_options tallyrun | sed 's/ --version//') --version"
	offers "tallyctl logs --" "$(long_options tallyctl logs)"
	offers "tallyctl session create --" "$(long_options tallyctl session create)"
	offers "tallyctl session rm -t 5 --f" --force
	offers "tallyrun checkpoint --tcp" "--tcp-established --tcp-skip-in-flight"
	offers "tallyctl run -b $DIR a --d" ""
	offers "tallyctl exec a -- ls --" ""
	offers "tallyctl exec -it a " ""
	offers "tallyrun exec a --d" ""
}

@test "words, files and directories are completed as values of options" {
	mkdir "$DIR/values"
	mkdir "$DIR/values/one" "$DIR/values/other"
	touch "$DIR/values/ofile"
	offers "tallyctl run -b $DIR/values/o" "one other"
	offers "tallyctl run -dib $DIR/values/o" "one other"
	offers "tallyctl run --bundle=$DIR/values/o" "one other"
	offers "tallyrun create --pid-file $DIR/values/o" "ofile one other"
	offers "tallyman --log-path $DIR/values/of" ofile
	offers "tallyman --log-compress " "gzip zstd"
	offers "tallyman --log-level=w" warning
	offers "tallyrun --log-format " "json text"
	offers "tallyrun list -f " "json table"
	offers "tallyrun checkpoint --network-lock n" nftables
	offers "tallyctl stop -s US" "USR1 USR2"
	offers "tallyctl exec --cwd /" ""
}

@test "ids of containers and of sessions are those below the --root of the command line" {
	local second sid sid2
	started sleep 1000
	offers "tallyctl --root $CTL logs -f " "$ID"
	offers "tallyctl --root=$CTL kill " "$ID"
	offers "tallyctl --root $CTL kill $ID TE" TERM
	offers "tallyctl --root $CTL rm other ${ID:0:4}" "$ID"
	offers "tallyctl --root $CTL run " ""
	offers "tallyctl --root $CTL session ls " "$ID"
	offers "tallyctl --root $DIR/none logs " ""
	second=$ID-2
	jq --arg id "$second" '.linux.cgroupsPath = "/" + $id' "$BUNDLE/config.json" >"$DIR/config" && mv "$DIR/config" "$BUNDLE/config.json"
	ctl create -b "$BUNDLE" "$second" >/dev/null
	offers "tallyctl --root $CTL start --attach " "$ID $second"
	# what the runtime calls them is for the runtime to say
	if [ "${RUNTIME_PROGRAM##*/}" = tallyrun ]; then
		offers "tallyrun --root $CTL/runtime state " "$ID $second"
		offers "tallyrun --root $CTL/runtime exec -t $ID " ""
		offers "tallyrun --root=$CTL/runtime kill $ID HU" HUP
	fi
	sid=$(ctl session create "$ID" -- sleep 1) sid2=$(ctl session create "$ID" -- sleep 1)
	offers "tallyctl --root $CTL session start -a " "$(printf '%s\n' "$sid" "$sid2" | sort | paste -sd ' ')"
	offers "tallyctl --root $CTL session resize ${sid:0:12}" "$sid"
	offers "tallyctl --root $CTL session rm --all " "$ID $second"
	ctl session rm "$sid"
	ctl session rm "$sid2"
	offers "tallyctl --root $CTL session rm " ""
}

@test "a cross-build refuses to guess the completions, takes them from native programs, or does without" {
	local configure=$TESTS/../configure args said
	[ -x "$configure" ] || skip "no configure: built elsewhere"
	mkdir "$DIR/cross"
	cd "$DIR/cross" || return 1
	args=(--build=x86_64-pc-linux-gnu --host=x86_64-other-linux-gnu CC=gcc AR=ar RANLIB=ranlib PKG_CONFIG=pkg-config --cache-file="$DIR/cache")
	said=$("$configure" "${args[@]}" 2>&1 3>&- 4>&-) && fail "configure made no error"
	has "$said" "use --with-native-programs=DIR or --disable-completions"
	said=$("$configure" "${args[@]}" --with-native-programs="$DIR" 2>&1 3>&- 4>&-) && fail "configure made no error"
	has "$said" "there is no $DIR/tallyman"
	"$configure" -q "${args[@]}" --with-native-programs="$BUILD" >/dev/null 2>&1 3>&- 4>&-
	make -n 3>&- 4>&- | grep -F "bash '$BUILD/" >/dev/null
	"$configure" -q "${args[@]}" --disable-completions >/dev/null 2>&1 3>&- 4>&-
	is "$(make -n 3>&- 4>&- | grep -cF completions/generate)" 0
}
