/* Descriptors of ours that a container gets in the run_oci way. Runtimes pass a number of them on, all from 3 on: so gaps
 * are filled. */
#include "ctl/oci_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/diag.h"

#define FIRST 3
#define LAST  63

int oci_fds_claim(void)
{
	int last = LAST;

	while (last >= FIRST && fcntl(last, F_GETFD) < 0)
		last--;
	for (int fd = FIRST; fd < last; fd++) {
		auto_fd null_fd = -1;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		null_fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* the lowest number: this one */
		if (null_fd != fd) {
			diag_warning("descriptors from %d on are not passed on: open /dev/null: %s", fd,
				null_fd < 0 ? "failed" : "unexpected number");
			return fd - FIRST;
		}
		(void)steal_fd(&null_fd);
	}
	return last - FIRST + 1;
}
