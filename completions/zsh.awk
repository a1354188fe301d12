# The table as functions of zsh: for each path one that sets specs and flags to the words of _arguments, and _PROGRAM_verbs_PATH for those with sub-commands.
function quoted(text) {
	gsub(/'/, "'\\''", text)
	return "'" text "'"
}

function action(kind) {
	if (kind == "dir")
		return "_files -/"
	if (kind == "file")
		return "_files"
	if (kind == "container" || kind == "session")
		return " _" program "_ids " kind # the space: without more arguments
	if (kind == "signal")
		return "(HUP INT QUIT KILL TERM STOP CONT USR1 USR2 WINCH)"
	if (kind == "none")
		return " "
	gsub(/,/, " ", kind)
	return "(" kind ")"
}

function named(at) {
	gsub(/[^a-z]/, "_", at)
	return at == "_" ? "global" : at
}

# One option: by both names, each of them gone when the other was given.
function option(name, both, form) {
	text = $8
	gsub(/[][\\]/, "\\\\&", text)
	value = $5
	gsub(/:/, "\\:", value)
	specs[$2] = specs[$2] "\t\t" quoted(($7 ? "*" : "(" both ")") name form "[" text "]" \
		($6 == "flag" ? "" : ":" value ":" action($6))) "\n"
}

!seen[$2]++ { paths[++n_paths] = $2 }
$1 == "verb" {
	text = $4
	gsub(/:/, "\\:", text)
	verbs[$2] = verbs[$2] "\t\t" quoted($3 ":" text) "\n"
	next
}
$1 == "opt" {
	both = "--" $4 ($3 == "-" ? "" : " -" $3)
	option("--" $4, both, $6 == "flag" ? "" : "=")
	if ($3 != "-")
		option("-" $3, both, $6 == "flag" ? "" : "+")
}
$1 == "args" {
	for (i = 4; i <= NF; i++) {
		kind = $i
		more = sub(/\*$/, "", kind)
		specs[$2] = specs[$2] "\t\t" quoted((more ? "*" : i - 3) ":" kind ":" action(kind)) "\n"
	}
	stop[$2] = $3
	if ($3)
		specs[$2] = specs[$2] "\t\t" quoted("*:: : ") "\n"
}

END {
	for (p = 1; p <= n_paths; p++) {
		at = paths[p]
		rest = (at in verbs) ? "\t\t'1: :->verb'\n\t\t'*:: :->rest'\n" : ""
		printf "_%s_at_%s() {\n\tflags=(%s%s)\n\tspecs=(\n%s%s\t)\n}\n\n", program, named(at),
			(at in verbs) ? "-C " : "", (stop[at] || (at in verbs)) ? "-A '-*'" : "", specs[at], rest
		if (at in verbs)
			printf "_%s_verbs_%s() {\n\tlocal -a verbs=(\n%s\t)\n\t_describe -t commands command verbs\n}\n\n",
				program, named(at), verbs[at]
	}
}
