/* Named pipes instead of a container's output. Monitors give the runtime their own pipes; so the runtime is called through
 * us: tallyctl fifos output|extra OUT ERR RUNTIME ARG... opens the pipes and becomes the runtime. */
#include "ctl/fifos.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/error.h"
#include "ctl/store.h"

#define LOCATION        "io.microsoft.bmc.logging.pipelocation"
#define SIDE_CAR        "io.microsoft.bmc.logging.isLoggingSideCarContainer"
#define DIRECTORY       "containerlogs"
#define NAME_MAX_LENGTH 200
#define FIRST_EXTRA_FD  3

/* The texts that Go's ParseBool knows, for that is what reads them elsewhere. */
static bool parse_bool(const char *text, bool *ret_value)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True", NULL };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False", NULL };

	*ret_value = g_strv_contains(yes, text);
	return *ret_value || g_strv_contains(no, text);
}

/* A pipe that is there is used again: the other container has made it. */
static bool make_fifo(int dir_fd, const char *dir, const char *name, GError **error)
{
	struct stat st;

	if (mkfifoat(dir_fd, name, 0666) == 0)
		return fchmodat(dir_fd, name, 0666, 0) == 0 || fail_errno(error, "chmod %s/%s", dir, name);
	if (errno != EEXIST || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(error, "create the pipe %s/%s", dir, name);
	return S_ISFIFO(st.st_mode) || fail(error, "%s/%s is there and no pipe", dir, name);
}

static bool make_fifos(const struct ctl *ctl, const char *dir, const char *out, const char *err, GError **error)
{
	auto_fd store_fd = store_open(ctl, true, error), dir_fd = -1; /* the root, and that it is ours alone */

	if (store_fd < 0)
		return false;
	if (mkdir(dir, 0755) == 0 ? chmod(dir, 0755) < 0 : errno != EEXIST)
		return fail_errno(error, "create %s", dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return fail_errno(error, "open %s", dir);
	return make_fifo(dir_fd, dir, out, error) && make_fifo(dir_fd, dir, err, error);
}

char **fifos_prepare(const struct ctl *ctl, yajl_val config, bool terminal, const char *runtime, GError **error)
{
	yajl_val annotations = json_get(config, "annotations");
	const char *name = json_get_string(annotations, LOCATION), *side_car = json_get_string(annotations, SIDE_CAR);
	g_autofree char *dir = g_build_filename(ctl->root, DIRECTORY, NULL), *out = NULL, *err = NULL;
	bool extra = false;
	GPtrArray *call;

	if (!name)
		return NULL; /* the other one alone has no meaning */
	if (terminal) {
		fail(error, "annotation %s: a terminal and pipes are not supported together", LOCATION);
		return NULL;
	}
	if (side_car && !parse_bool(side_car, &extra)) {
		fail(error, "annotation %s: \"%s\" is not a boolean", SIDE_CAR, side_car);
		return NULL;
	}
	if (!*name || strchr(name, '/') || strlen(name) > NAME_MAX_LENGTH) {
		fail(error, "annotation %s: \"%s\" is no file name", LOCATION, name);
		return NULL;
	}
	out = g_strconcat(name, "-stdout", NULL);
	err = g_strconcat(name, "-stderr", NULL);
	if (!make_fifos(ctl, dir, out, err, error))
		return NULL;
	call = g_ptr_array_new();
	g_ptr_array_add(call, g_strdup("fifos"));
	g_ptr_array_add(call, g_strdup(extra ? "extra" : "output"));
	g_ptr_array_add(call, g_build_filename(dir, out, NULL));
	g_ptr_array_add(call, g_build_filename(dir, err, NULL));
	g_ptr_array_add(call, g_strdup(runtime));
	g_ptr_array_add(call, NULL);
	return (char **)g_ptr_array_free(call, FALSE);
}

/* Opened for both ways neither end is ever missing: nobody waits for a reader, and one that goes leaves no broken pipe. */
static bool open_as(const char *path, int target, GError **error)
{
	auto_fd fd = open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(error, "open %s", path);
	if (fd == target ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, target) < 0)
		return fail_errno(error, "duplicate %s to descriptor %d", path, target);
	if (fd == target)
		(void)steal_fd(&fd);
	return true;
}

/* argv: fifos output|extra OUT ERR RUNTIME ARG... */
static int fifos_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autoptr(GPtrArray) call = g_ptr_array_new();
	bool extra = argc > 1 && g_str_equal(argv[1], "extra"), creates = false;
	int first = extra ? FIRST_EXTRA_FD : STDOUT_FILENO;

	(void)ctl;
	if (argc < 6) {
		fail(error, "fifos: not for people: a monitor calls the runtime by it");
		return -1;
	}
	for (int i = 4; i < argc; i++) {
		bool verb = i > 4 && !creates && g_str_equal(argv[i], "create");

		g_ptr_array_add(call, argv[i]);
		creates = creates || verb;
		if (verb && extra) {
			g_ptr_array_add(call, (char *)"--preserve-fds");
			g_ptr_array_add(call, (char *)"2");
		}
	}
	g_ptr_array_add(call, NULL);
	if (creates && (!open_as(argv[2], first, error) || !open_as(argv[3], first + 1, error)))
		return -1;
	execv(argv[4], (char **)call->pdata);
	fail_errno(error, "execute %s", argv[4]);
	return -1;
}

const struct command cmd_fifos = {
	.name = "fifos",
	.args = "output|extra OUT ERR RUNTIME ARG...",
	.run = fifos_run,
};
