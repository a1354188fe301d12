/* The findings of a look at the host: how they are kept, read from files, and told. */
#include "ctl/doctor.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/json.h"

#define FILE_MAX ((gsize)16 << 20) /* mountinfo of a host with thousands of containers */

static void finding_free(gpointer data)
{
	struct doctor_finding *f = data;

	g_free(f->name);
	g_free(f->text);
	g_free(f->remedy);
	g_free(f);
}

void doctor_init(struct doctor *d, int root_fd, uid_t uid)
{
	*d = (struct doctor){ .root_fd = root_fd, .uid = uid };
	d->findings = g_ptr_array_new_with_free_func(finding_free);
}

void doctor_clear(struct doctor *d)
{
	g_clear_pointer(&d->findings, g_ptr_array_unref);
}

void doctor_add(struct doctor *d, const char *area, const char *name, enum doctor_level level, const char *remedy,
	const char *format, ...)
{
	struct doctor_finding *f = g_new0(struct doctor_finding, 1);
	va_list args;

	f->area = area;
	f->name = g_strdup(name);
	f->level = level;
	f->remedy = g_strdup(remedy);
	va_start(args, format);
	f->text = g_strdup_vprintf(format, args);
	va_end(args);
	g_ptr_array_add(d->findings, f);
}

enum doctor_level doctor_verdict(const struct doctor *d)
{
	enum doctor_level worst = DOCTOR_OK;

	for (guint i = 0; i < d->findings->len; i++)
		worst = MAX(worst, ((struct doctor_finding *)d->findings->pdata[i])->level);
	return worst;
}

const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_NOTE] = "note",
		[DOCTOR_WARNING] = "warning",
		[DOCTOR_PROBLEM] = "problem",
	};

	return names[level];
}

static guint count(const struct doctor *d, enum doctor_level level)
{
	guint n = 0;

	for (guint i = 0; i < d->findings->len; i++)
		n += ((struct doctor_finding *)d->findings->pdata[i])->level == level;
	return n;
}

char *doctor_table(const struct doctor *d)
{
	GString *s = g_string_new(NULL);
	const char *area = "";
	guint warnings = count(d, DOCTOR_WARNING), problems = count(d, DOCTOR_PROBLEM);

	for (guint i = 0; i < d->findings->len; i++) {
		const struct doctor_finding *f = d->findings->pdata[i];

		if (strcmp(f->area, area) != 0)
			g_string_append_printf(s, "%s\n", f->area);
		area = f->area;
		g_string_append_printf(s, "  %-8s%-27s %s\n", doctor_level_name(f->level), f->name, f->text);
		if (f->remedy)
			g_string_append_printf(s, "          remedy: %s\n", f->remedy);
	}
	if (warnings + problems)
		g_string_append_printf(s, "problems: %u, warnings: %u\n", problems, warnings);
	else
		g_string_append(s, "all good\n");
	return g_string_free(s, FALSE);
}

char *doctor_json(const struct doctor *d)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	enum doctor_level worst = doctor_verdict(d);

	json_object_open(w, NULL);
	json_put_string(w, "status", doctor_level_name(worst < DOCTOR_WARNING ? DOCTOR_OK : worst));
	json_array_open(w, "findings");
	for (guint i = 0; i < d->findings->len; i++) {
		const struct doctor_finding *f = d->findings->pdata[i];

		json_object_open(w, NULL);
		json_put_string(w, "area", f->area);
		json_put_string(w, "name", f->name);
		json_put_string(w, "level", doctor_level_name(f->level));
		json_put_string(w, "text", f->text);
		json_put_string(w, "remedy", f->remedy);
		json_object_close(w);
	}
	json_array_close(w);
	json_object_close(w);
	return json_writer_text(w);
}

char *doctor_read(const struct doctor *d, const char *path)
{
	auto_fd fd = openat(d->root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	g_autoptr(GString) text = g_string_new(NULL);
	char buf[16384];
	ssize_t n;

	if (fd < 0)
		return NULL;
	while ((n = rw_read(fd, buf, sizeof buf)) > 0 && text->len < FILE_MAX)
		g_string_append_len(text, buf, n);
	return n < 0 ? NULL : g_strchomp(g_strdup(text->str));
}

bool doctor_exists(const struct doctor *d, const char *path)
{
	struct stat st;

	return fstatat(d->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

char *doctor_find_program(const struct doctor *d, const char *name)
{
	g_auto(GStrv) dirs = g_strsplit(d->path ?: "", ":", -1);

	for (char **dir = dirs; *dir; dir++) {
		g_autofree char *path = **dir == '/' ? g_build_filename(*dir + 1, name, NULL) : NULL;
		struct stat st;

		if (path && fstatat(d->root_fd, path, &st, 0) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
			return g_steal_pointer(&path);
	}
	return NULL;
}
