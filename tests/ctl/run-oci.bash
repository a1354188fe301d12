# run-oci.bash - tallyctl called as run_oci, for the tests of its command line and of its hooks. In a test file: load run-oci
#
#   oci ARGS...   as run_oci, with $SD for the directories of containers

load ctl

prepare() {
	CTL=$DIR/ctl
	CONTAINERS=$CTL/containers
	SD=$DIR/containers
	ln -s "$TALLYCTL" "$DIR/run_oci"
}

oci() { "$DIR/run_oci" --root "$CTL" --monitor "$MONITOR" --runtime "$RUNTIME" --state-dir "$SD" "$@" 3>&- 4>&-; }

# hook STAGE COMMANDS [JQ-OBJECT]: one more hook of the bundle, a shell's commands
hook() {
	config --arg s "$1" --arg c "$2" ".hooks[\$s] += [{ path: \"/bin/sh\", args: [\"sh\", \"-c\", \$c] } + ${3:-{\}}]"
}
