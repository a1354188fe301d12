/* Runs between clone and _exit: system calls only. */
#include "child/device_node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mnt.h"
#include "base/rw.h"
#include "base/sys.h"

/* A tmpfs on top of everything that there is, for this mount namespace alone. A descriptor of its root, or -errno. */
static int mount_tmpfs(const struct device_node *node)
{
	auto_fd fs = mnt_fsopen("tmpfs", FSOPEN_CLOEXEC);
	auto_fd top = -1;

	if (fs < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	if (node->label && fsconfig(fs, FSCONFIG_SET_STRING, node->label_key, node->label, 0) < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	top = fsmount(fs, FSMOUNT_CLOEXEC, node->attributes);
	if (top < 0 || mnt_move(top, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return steal_fd(&top);
}

static int make(const struct device_node *node)
{
	static const char name[] = "node";
	auto_fd dir = mount_tmpfs(node);
	int tree;

	if (dir < 0)
		return dir;
	if (mknodat(dir, name, node->mode, node->dev) < 0 || fchownat(dir, name, node->uid, node->gid, 0) < 0 ||
		fchmodat(dir, name, node->mode & 07777, 0) < 0)
		return -errno;
	/* Only what is mounted in a namespace may be cloned before Linux 6.15: that is why there is one. */
	tree = mnt_open_tree(dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return tree < 0 ? -errno : tree;
}

int device_node_make(const struct device_node *node)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_FILES, .exit_signal = SIGCHLD };
	auto_fd in = -1, out = -1;
	int pair[2], result = -EIO;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	in = pair[0];
	out = pair[1];
	pid = sys_clone3(&args, sizeof args);
	if (pid == 0) {
		result = make(node);
		(void)rw_write_all(pair[1], &result, sizeof result);
		_exit(0);
	}
	if (pid < 0)
		return (int)pid;
	/* Nothing that it does waits for anybody. Its descriptors are ours, the end of the pipe that it writes to among them. */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	fd_close(&out);
	return rw_read_full(in, &result, sizeof result) == sizeof result ? result : -EIO;
}
