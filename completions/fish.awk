# The table as calls of fish's complete, after a function that says which options take a value.
function quoted(text) {
	gsub(/[\\']/, "\\\\&", text)
	return "'" text "'"
}

function action(kind) {
	if (kind == "dir")
		return " -xa '(__fish_complete_directories (commandline -ct))'"
	if (kind == "file")
		return " -rF"
	if (kind == "container" || kind == "session")
		return " -xa '(__" program "_ids " kind ")'"
	if (kind == "signal")
		return " -xa 'HUP INT QUIT KILL TERM STOP CONT USR1 USR2 WINCH'"
	if (kind == "none")
		return " -x"
	gsub(/,/, " ", kind)
	return " -xa " quoted(kind)
}

function add(line) { lines[++n_lines] = line }

$1 == "verb" {
	add("complete -c " program " -n '__" program "_at " $2 " verb' -a " $3 " -d " quoted($4))
	parents[$2] = 1
}
$1 == "opt" {
	add("complete -c " program " -n '__" program "_at " $2 " option' -l " $4 ($3 == "-" ? "" : " -s " $3) \
		($6 == "flag" ? "" : action($6)) " -d " quoted($8))
	if ($6 != "flag")
		values[$2] = values[$2] " --" $4 ($3 == "-" ? "" : " -" $3)
}
$1 == "args" {
	stop[$2] = $3
	for (i = 4; i <= NF; i++) {
		kind = $i
		more = sub(/\*$/, "", kind)
		if (kind != "none")
			add("complete -c " program " -n '__" program "_at " $2 " " (i - 4) (more ? "+" : "") "'" action(kind))
	}
}
!seen[$2]++ { paths[++n_paths] = $2 }
END {
	printf "function __%s_table\n    switch $argv[1]\n", program
	for (p = 1; p <= n_paths; p++)
		printf "        case %s\n            echo %s\n            echo %s\n", paths[p],
			paths[p] in parents ? "verbs" : stop[paths[p]] ? "stop" : "words", quoted(substr(values[paths[p]], 2))
	printf "        case '*'\n            return 1\n    end\nend\n\n"
	for (i = 1; i <= n_lines; i++)
		print lines[i]
}
