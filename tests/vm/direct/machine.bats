# That the machine has what tests skip without, or see only the failure of.
load ../../lib/harness

@test "criu works with this machine's kernel" {
	exits 0 criu check
}

@test "there are loop devices, a device-mapper and tap interfaces" {
	[ -c /dev/loop-control ] && [ -c /dev/mapper/control ] && [ -c /dev/net/tun ]
	command -v veritysetup
}
