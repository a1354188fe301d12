/* tallyctl update: other limits for a container that runs. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/json.h"
#include "common/statefile.h"
#include "ctl/command.h"
#include "ctl/engine.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"

#define LOCK_SECONDS 30
#define FILE_NAME    "resources.json"
#define SIZE_MAX_B   (1 << 20)

struct options {
	char *resources;
};

static const struct option_spec specs[] = { OPTION_SPEC(struct options, resources, STRING, "resources", 'r', "FILE",
	"Where the linux.resources object is (default: -, standard input)") };

/* The object's text, checked to be one. */
static char *read_resources(const char *path, GError **error)
{
	bool from_stdin = !path || g_str_equal(path, "-");
	auto_fd file_fd = from_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	g_autofree char *text = g_malloc(SIZE_MAX_B);
	g_autoptr(JsonValue) v = NULL;
	ssize_t n;

	if (from_stdin)
		path = "standard input";
	n = !from_stdin && file_fd < 0 ? -errno : rw_read_full(from_stdin ? STDIN_FILENO : file_fd, text, SIZE_MAX_B);
	if (n < 0 || n == SIZE_MAX_B) {
		fail_with(error, n < 0 ? (int)n : EFBIG, "update: read %s", path);
		return NULL;
	}
	text[n] = '\0';
	v = json_parse(text, error);
	if (!v || !YAJL_IS_OBJECT(v)) {
		if (v)
			fail(error, "not an object");
		fail_prefix(error, "update: %s", path);
		return NULL;
	}
	return g_steal_pointer(&text);
}

/* Our standard input is no runtime's: the object goes by a file of its own. */
static bool update(const struct ctl *ctl, Container *c, const char *text, GError **error)
{
	g_autofree char *path = g_build_filename(c->path, FILE_NAME, NULL), *runtime = NULL;
	const char *const args[] = { "update", "--resources", path, c->id, NULL };
	bool ok;

	if (!container_lock(c, LOCK_SECONDS, error) || !container_require_live(c, error))
		return false;
	runtime = ctl_runtime(ctl, c->record.runtime, error);
	if (!runtime || !statefile_write(c->dir_fd, FILE_NAME, text, 0600, error))
		return false;
	ok = engine_runtime(runtime, c->runtime_root, c->path, -1, args, NULL, error);
	(void)unlinkat(c->dir_fd, FILE_NAME, 0); /* what stays goes with the container */
	return ok;
}

static int update_main(const struct ctl *ctl, const struct options *o, int argc, char **argv, GError **error)
{
	g_autoptr(Container) c = NULL;
	g_autofree char *text = NULL;

	if (argc != 2) {
		fail(error, "update: one container id is needed");
		return -1;
	}
	c = container_open_known(ctl, argv[1], error);
	text = c ? read_resources(o->resources, error) : NULL;
	return text && update(ctl, c, text, error) ? 0 : -1;
}

static int update_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	int status = -1;

	if (options_parse(cmd_update.args, cmd_update.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc,
		    &argv, error))
		status = update_main(ctl, &o, argc, argv, error);
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_update = {
	.name = "update",
	.args = "ID",
	.help = "Change the limits of a container that runs",
	.run = update_run,
};
