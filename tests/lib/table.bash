# table.bash - tests whose cases are the rows of a table: tab-separated columns, the first is the group. Beside load harness:
# load ../lib/table
#
#   rows TABLE GROUP COMMAND    COMMAND gets the other columns of each row of the group; what it prints is what is wrong
#   table_is_whole TABLE MIN    at least so many rows, and no name twice in a group

rows() {
	local row n=0
	while IFS=$'\037' read -ra row; do
		[ "${row[0]}" = "$2" ] || continue
		"$3" "${row[@]:1}" </dev/null
		n=$((n + 1))
	done < <(grep -v '^#' "$1" | tr '\t' '\037') >"$DIR/wrong" 2>&1
	[ "$n" -gt 0 ] || fail "no rows in group $2"
	[ ! -s "$DIR/wrong" ] || fail "$(cat "$DIR/wrong")"
}

table_is_whole() {
	[ "$(grep -vc '^#' "$1")" -ge "$2" ]
	is "$(grep -v '^#' "$1" | cut -f 1-2 | sort | uniq -d)" ""
}
