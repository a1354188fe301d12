# The table as one case of bash for each path.
$1 == "verb" { verbs[$2] = verbs[$2] " " $3 }
$1 == "opt" {
	names = "--" $4 ($3 == "-" ? "" : " -" $3)
	options[$2] = options[$2] " " names
	if ($6 != "flag") {
		n = split(names, a, " ")
		for (i = 1; i <= n; i++)
			values[$2] = values[$2] " " a[i] "=" $6
	}
}
$1 == "args" {
	stop[$2] = $3
	for (i = 4; i <= NF; i++)
		args[$2] = args[$2] " " $i
}
!seen[$2]++ { paths[++n_paths] = $2 }
END {
	for (p = 1; p <= n_paths; p++) {
		at = paths[p]
		printf "\t%s)\n\t\tverbs='%s'\n\t\toptions='%s'\n\t\tvalues='%s '\n\t\tkinds='%s'\n\t\tstop=%d\n\t\t;;\n", at,
			substr(verbs[at], 2), substr(options[at], 2), values[at], substr(args[at], 2), stop[at]
	}
}
