/* --version. Docker takes the name and the number from the line with "version" in it (so no other line has that word),
 * and the values of "commit: " and "spec: "; the others show the text as it is. */
#include "runtime/version.h"

#include <seccomp.h>
#include <stdio.h>

void version_print(const char *name)
{
	const struct scmp_version *v = seccomp_version();

	/* Released sources are tagged by their number. */
	printf("%s version %s\ncommit: v%s\nspec: %s\nlibseccomp: %u.%u.%u\n", name, PACKAGE_VERSION, PACKAGE_VERSION,
		VERSION_OCI, v->major, v->minor, v->micro);
}
