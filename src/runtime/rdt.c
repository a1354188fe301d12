/* Intel RDT: a class of service is a directory of the resctrl file system, with schemata that say what it may have and a
 * list of tasks; a monitoring group is a directory in its mon_groups. Shared classes, which have a name of their own, stay
 * when the container goes; a class that bears its id goes with it (runtime-spec, config-linux.md). */
#include "runtime/rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rw.h"
#include "common/diag.h"
#include "common/error.h"

struct Rdt {
	char *class;                   /* its directory */
	char *monitor;                 /* likewise; NULL: none */
	bool own;                      /* the class is the container's, and goes with it */
	bool made_class, made_monitor; /* by this process */
};

static bool check_line(const char *line, const char *where, GError **error)
{
	if (strchr(line, '\n'))
		return fail(error, "linux.intelRdt.%s: there is a newline in it", where);
	return *line || fail(error, "linux.intelRdt.%s is empty", where);
}

bool rdt_check_spec(const struct spec_rdt *s, GError **error)
{
	const char *id = s->clos_id;

	if (id && strcmp(id, "/") != 0 && (strchr(id, '/') || strcmp(id, ".") == 0 || strcmp(id, "..") == 0))
		return fail(error, "invalid intelRdt.ClosID \"%s\" (linux.intelRdt.closID)", id);
	if (s->mem_bw_schema && !g_str_has_prefix(s->mem_bw_schema, "MB:"))
		return fail(error, "linux.intelRdt.memBwSchema: \"%s\" does not begin with MB:", s->mem_bw_schema);
	if ((s->l3_cache_schema && !check_line(s->l3_cache_schema, "l3CacheSchema", error)) ||
		(s->mem_bw_schema && !check_line(s->mem_bw_schema, "memBwSchema", error)))
		return false;
	for (size_t i = 0; s->schemata && s->schemata[i]; i++) {
		g_autofree char *where = g_strdup_printf("schemata[%zu]", i);

		if (!check_line(s->schemata[i], where, error))
			return false;
	}
	return true;
}

char *rdt_find_root(const char *mountinfo)
{
	g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);
	char *root = NULL;

	for (char **line = lines; *line; line++) {
		/* id parent major:minor root mount options [optional fields] - type source super-options */
		g_auto(GStrv) f = g_strsplit(*line, " ", 6);

		if (g_strv_length(f) < 6 || !strstr(f[5], " - resctrl ") || strcmp(f[3], "/") != 0)
			continue;
		g_free(root);
		root = g_strcompress(f[4]);
	}
	return root;
}

static char *find_root(GError **error)
{
	g_autofree char *text = NULL;
	char *root;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, error))
		return NULL;
	root = rdt_find_root(text);
	if (!root)
		fail(error, "linux.intelRdt: intelRdt is specified in config, but Intel RDT is not enabled: no resctrl "
			    "file system is mounted");
	return root;
}

Rdt *rdt_plan(const struct spec_rdt *s, const char *id, const char *root, GError **error)
{
	g_autofree char *found = root ? g_strdup(root) : find_root(error);
	Rdt *rdt;

	if (!found)
		return NULL;
	rdt = g_new0(Rdt, 1);
	rdt->class =
		g_strcmp0(s->clos_id, "/") == 0 ? g_strdup(found) : g_build_filename(found, s->clos_id ?: id, NULL);
	/* What was there before is its maker's. */
	rdt->own = !s->clos_id && access(rdt->class, F_OK) != 0;
	if (s->enable_monitoring)
		rdt->monitor = g_build_filename(rdt->class, "mon_groups", id, NULL);
	return rdt;
}

bool rdt_make_class(Rdt *rdt, const struct spec_rdt *s, GError **error)
{
	bool configured = s->l3_cache_schema || s->mem_bw_schema || (s->schemata && s->schemata[0]);

	/* A named class without a word about it is somebody's who has set it up. */
	if (s->clos_id && !configured)
		return access(rdt->class, F_OK) == 0 ||
		       fail_errno(error, "linux.intelRdt.closID: the group %s", rdt->class);
	rdt->made_class = mkdir(rdt->class, 0755) == 0;
	rdt->own &= rdt->made_class; /* somebody may have been faster */
	return rdt->made_class || errno == EEXIST || fail_errno(error, "linux.intelRdt: create %s", rdt->class);
}

/* What the kernel has to say about the last write, in brackets. */
static char *kernel_reason(const Rdt *rdt)
{
	static const char *const places[] = { "info/last_cmd_status", "../info/last_cmd_status" };
	char text[512];

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path = g_build_filename(rdt->class, places[i], NULL);

		if (rw_read_file(AT_FDCWD, path, text, sizeof text) > 0)
			return g_strdup_printf(" (%s)", g_strdelimit(g_strchomp(text), "\n", ';'));
	}
	return g_strdup("");
}

static bool write_lines(const Rdt *rdt, const char *lines, GError **error)
{
	g_autofree char *path = g_build_filename(rdt->class, "schemata", NULL);
	int r = rw_write_control(AT_FDCWD, path, lines);
	g_autofree char *reason = r < 0 ? kernel_reason(rdt) : NULL;
	g_autofree char *shown = g_strdup(lines);

	g_strdelimit(g_strchomp(shown), "\n", ' ');
	return r == 0 || fail_with(error, r, "linux.intelRdt: write \"%s\" to %s%s", shown, path, reason);
}

/* A value with neither blanks nor zeros in front: the kernel pads as it likes. */
static const char *bare(const char *value)
{
	value += strspn(value, " \t");
	while (*value == '0' && value[1])
		value++;
	return value;
}

/* The value of a domain ("0") in "L3:0=7ff;1=7ff"; NULL: there is none. Free with g_free. */
static char *value_in(const char *line, const char *domain)
{
	g_auto(GStrv) pairs = g_strsplit(strchr(line, ':') + 1, ";", -1);

	for (char **pair = pairs; *pair; pair++) {
		char *equals = strchr(*pair, '=');

		if (!equals)
			continue;
		*equals = '\0';
		if (strcmp(bare(g_strstrip(*pair)), bare(domain)) == 0)
			return g_strdup(bare(g_strstrip(equals + 1)));
	}
	return NULL;
}

/* The line of a resource ("L3:") in schemata, borrowed; NULL: there is none. */
static char *line_of(char **schemata, const char *resource, size_t len)
{
	for (; *schemata; schemata++) {
		char *line = *schemata + strspn(*schemata, " \t");

		if (strncmp(line, resource, len) == 0)
			return line;
	}
	return NULL;
}

/* Whether all that a wanted line says is so in a class that is there. */
static bool has_line(char **schemata, const char *wanted)
{
	const char *colon = strchr(wanted, ':');
	const char *line = colon ? line_of(schemata, wanted, (size_t)(colon + 1 - wanted)) : NULL;
	g_auto(GStrv) pairs = line ? g_strsplit(colon + 1, ";", -1) : NULL;

	for (char **pair = pairs; pair && *pair; pair++) {
		char *equals = strchr(*pair, '=');
		g_autofree char *is = NULL;

		if (!equals)
			return false;
		*equals = '\0';
		is = value_in(line, g_strstrip(*pair));
		if (!is || g_ascii_strcasecmp(is, bare(g_strstrip(equals + 1))) != 0)
			return false;
	}
	return line != NULL;
}

static GPtrArray *wanted_lines(const char *l3_cache_schema, const char *mem_bw_schema, const char *const *schemata)
{
	GPtrArray *lines = g_ptr_array_new();

	if (l3_cache_schema)
		g_ptr_array_add(lines, (char *)l3_cache_schema);
	if (mem_bw_schema)
		g_ptr_array_add(lines, (char *)mem_bw_schema);
	for (; schemata && *schemata; schemata++)
		g_ptr_array_add(lines, (char *)*schemata);
	g_ptr_array_add(lines, NULL);
	return lines;
}

static bool compare(const Rdt *rdt, char *const *wanted, GError **error)
{
	g_autofree char *path = g_build_filename(rdt->class, "schemata", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, error))
		return fail_prefix(error, "linux.intelRdt");
	lines = g_strsplit(text, "\n", -1);
	for (; *wanted; wanted++)
		if (!has_line(lines, *wanted))
			return fail(error, "linux.intelRdt: the group %s has a different configuration than \"%s\"",
				rdt->class, *wanted);
	return true;
}

bool rdt_apply_schemata(Rdt *rdt, const struct spec_rdt *s, GError **error)
{
	g_autoptr(GPtrArray) wanted =
		wanted_lines(s->l3_cache_schema, s->mem_bw_schema, (const char *const *)s->schemata);
	g_autofree char *lines = g_strjoinv("\n", (char **)wanted->pdata);
	g_autofree char *text = g_strconcat(lines, "\n", NULL);

	if (wanted->len == 1)
		return true;
	return rdt->made_class ? write_lines(rdt, text, error) : compare(rdt, (char **)wanted->pdata, error);
}

bool rdt_make_monitor(Rdt *rdt, GError **error)
{
	if (!rdt->monitor)
		return true;
	rdt->made_monitor = mkdir(rdt->monitor, 0755) == 0;
	return rdt->made_monitor || fail_errno(error, "linux.intelRdt.enableMonitoring: create %s", rdt->monitor);
}

bool rdt_update(const Rdt *rdt, const char *l3_cache_schema, const char *mem_bw_schema, GError **error)
{
	g_autoptr(GPtrArray) wanted = wanted_lines(l3_cache_schema, mem_bw_schema, NULL);
	g_autofree char *lines = g_strjoinv("\n", (char **)wanted->pdata);
	g_autofree char *text = g_strconcat(lines, "\n", NULL);

	return wanted->len == 1 || write_lines(rdt, text, error);
}

bool rdt_join(const Rdt *rdt, pid_t pid, GError **error)
{
	const char *const groups[] = { rdt->class, rdt->monitor };
	g_autofree char *text = g_strdup_printf("%d\n", pid);

	for (size_t i = 0; i < G_N_ELEMENTS(groups) && groups[i]; i++) {
		g_autofree char *path = g_build_filename(groups[i], "tasks", NULL);
		int r = rw_write_control(AT_FDCWD, path, text);

		if (r < 0)
			return fail_with(error, r, "linux.intelRdt: write %d to %s", pid, path);
	}
	return true;
}

static bool remove_group(const char *path, GError **error)
{
	return rmdir(path) == 0 || errno == ENOENT || fail_errno(error, "linux.intelRdt: remove %s", path);
}

bool rdt_remove(const Rdt *rdt, GError **error)
{
	if (rdt->monitor && !remove_group(rdt->monitor, error))
		return false;
	return !rdt->own || remove_group(rdt->class, error);
}

void rdt_undo(const Rdt *rdt)
{
	g_autoptr(GError) error = NULL;

	if ((rdt->made_monitor && !remove_group(rdt->monitor, &error)) ||
		(rdt->made_class && !remove_group(rdt->class, &error)))
		diag_warning("%s", error->message);
}

const char *rdt_path(const Rdt *rdt)
{
	return rdt->class;
}

void rdt_put_state(const Rdt *rdt, JsonWriter *w)
{
	json_object_open(w, "intelRdt");
	json_put_string(w, "class", rdt->class);
	if (rdt->monitor)
		json_put_string(w, "monitor", rdt->monitor);
	json_put_bool(w, "own", rdt->own);
	json_object_close(w);
}

Rdt *rdt_from_state(yajl_val object)
{
	const char *class = json_get_string(object, "class");
	yajl_val own = json_get(object, "own");
	Rdt *rdt;

	if (!class)
		return NULL;
	rdt = g_new0(Rdt, 1);
	rdt->class = g_strdup(class);
	rdt->monitor = g_strdup(json_get_string(object, "monitor"));
	rdt->own = YAJL_IS_TRUE(own);
	return rdt;
}

void rdt_free(Rdt *rdt)
{
	if (!rdt)
		return;
	g_free(rdt->class);
	g_free(rdt->monitor);
	g_free(rdt);
}
