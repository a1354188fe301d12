# A --help to the lines of the table of completions/generate; or, with check=1, the table to complaints about rules that fit
# nothing. Rules say what --help does not in a form that programs understand: which words a value can be.
function rule(options, kind,    i, n, a) {
	n = split(options, a, " ")
	for (i = 1; i <= n; i++)
		rules[a[i]] = kind
}

BEGIN {
	if (program == "tallyman") {
		rule("--attach-overflow", "disconnect,skip,block")
		rule("--log-compress", "gzip,zstd")
		rule("--log-level", "error,warning,info,debug,trace")
		rule("--log-policy", "block,drop-oldest,drop-newest")
	} else if (program == "tallyrun") {
		rule("--cgroup-manager", "cgroupfs,systemd,disabled")
		rule("--cpu-idle", "0,1")
		rule("--empty-ns", "network")
		rule("--format", "table,json")
		rule("--log-format", "text,json")
		rule("--log-level", "error,warning,debug")
		rule("--manage-cgroups-mode", "soft,full,strict,ignore")
		rule("--network-lock", "iptables,nftables,skip")
		rule("--rootless", "true,false,auto")
		rule("--cwd --cgroup", "none") # the container's
	} else {
		rule("--cwd --workdir", "none") # the container's
	}
	if (check)
		FS = "\t"
}

check && $1 == "opt" && $6 != "flag" {
	shown["--" $4] = shown["--" $4] " " $5 " " $8
}

check { next }

function kind_of(option, value) {
	if (value == "-")
		return "flag"
	if (option in rules)
		return rules[option]
	if (value == "DIR")
		return "dir"
	if (value ~ /PATH$/ || value == "FILE")
		return "file"
	return value == "SIGNAL" ? "signal" : "none"
}

# What the words of a usage line are. A container that is made has no id yet.
function args_of(usage,    n, i, w, kinds, stop, made) {
	made = path ~ /^(run|create|restore)$/
	stop = usage ~ /COMMAND|ARGUMENTS OF/
	sub(/ *\[?(-- )?(\[?COMMAND|\[ARGUMENTS OF).*/, "", usage)
	n = split(usage, w, " ")
	for (i = 1; i <= n; i++) {
		if (w[i] ~ /^\[--/)
			continue
		if (w[i] ~ /SESSION/)
			kinds = kinds "\tsession"
		else if (w[i] ~ /^\[?(ID|CONTAINER)/ && w[i - 1] !~ /\|--all$/)
			kinds = kinds "\t" (made ? "none" : "container") (w[i] ~ /\.\.\./ ? "*" : "")
		else if (w[i] ~ /^[a-z]+(\|[a-z]+)+$/) {
			gsub(/\|/, ",", w[i])
			kinds = kinds "\t" w[i]
		} else if (w[i] ~ /SIGNAL/)
			kinds = kinds "\tsignal"
	}
	print "args\t" path "\t" (stop ? 1 : 0) kinds
}

/^(COMMANDS|Verbs.*):$/ { list = "verb"; next }
/^(Usage|USAGE):$/ { list = "usage"; next }
/^(.*Options|.*OPTIONS):$/ { list = "opt"; next }
/^$/ { if (list != "opt") list = ""; next }

list == "usage" {
	sub(/^.*\[(OPTION\?|command options|global options)\] */, "")
	if (path ~ /\//)
		sub(/^[a-z]+ */, "")
	if (path != "-")
		args_of($0)
	next
}

list == "verb" {
	verb = $1
	sub(/^ *[^ ]+ +/, "")
	print "verb\t" path "\t" verb "\t" $0
}

list == "opt" && match($0, /^ +(-., )?--[a-z][a-z0-9-]*/) {
	text = substr($0, RLENGTH + 1)
	option = substr($0, 1, RLENGTH)
	short = option ~ /-., / ? substr(option, index(option, ",") - 1, 1) : "-"
	sub(/^.*--/, "", option)
	value = "-"
	if (match(text, /^=[^ ]+/) || match(text, /^ [^ a-z]+( |$)/)) {
		value = substr(text, 2, RLENGTH - 1)
		sub(/ $/, "", value)
		text = substr(text, RLENGTH + 1)
	}
	sub(/^ +/, "", text)
	print "opt\t" path "\t" short "\t" option "\t" value "\t" kind_of("--" option, value) "\t" \
		(text ~ /may be repeated|\(repeatable\)/ ? 1 : 0) "\t" text
}

END {
	if (!check)
		exit
	for (o in rules) {
		if (!(o in shown)) {
			print "completions/table.awk: " program " has no option " o " with a value"
			failed = 1
			continue
		}
		n = split(rules[o], words, ",")
		for (i = 1; i <= n; i++)
			if (words[i] != "none" && index(shown[o], words[i]) == 0) {
				print "completions/table.awk: the help of " o " says nothing of " words[i]
				failed = 1
			}
	}
	exit failed
}
