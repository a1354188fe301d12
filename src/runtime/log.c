/* runc's log lines. One write(2) each, so that lines of several commands on one file do not mix. */
#include "runtime/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/error.h"
#include "common/json.h"

struct Log {
	int fd; /* of FILE; -1: standard error */
	bool json;
	char *container; /* NULL: none */
	GPtrArray *warnings;
};

static const char *level_name(enum diag_level level)
{
	static const char *const names[] = {
		[DIAG_ERROR] = "error", [DIAG_WARNING] = "warning", [DIAG_INFO] = "info", [DIAG_DEBUG] = "debug"
	};

	return names[level];
}

/* A Go string literal, as logrus quotes: backslashes, quotes and control characters escaped. */
static char *quote(const char *text)
{
	GString *out = g_string_new("\"");

	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			g_string_append_printf(out, "\\%c", *text);
		else if (*text == '\n')
			g_string_append(out, "\\n");
		else if (*text == '\t')
			g_string_append(out, "\\t");
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			g_string_append_printf(out, "\\x%02x", (unsigned char)*text);
		else
			g_string_append_c(out, *text);
	g_string_append_c(out, '"');
	return g_string_free(out, FALSE);
}

static char *format_line(const Log *log, enum diag_level level, const char *text)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	g_autoptr(JsonWriter) w = NULL;
	g_autofree char *body = NULL;

	if (!log->json) {
		body = quote(text);
		return g_strdup_printf("time=\"%s\" level=%s msg=%s\n", time, level_name(level), body);
	}
	w = json_writer_new(NULL);
	json_object_open(w, NULL);
	json_put_string(w, "level", level_name(level));
	json_put_string(w, "msg", text);
	json_put_string(w, "time", time);
	if (log->container)
		json_put_string(w, "container", log->container);
	json_object_close(w);
	body = json_writer_text(w);
	return g_strconcat(body, "\n", NULL);
}

static void write_message(enum diag_level level, const char *text, void *user)
{
	Log *log = user;
	g_autofree char *line = format_line(log, level, text);

	if (level == DIAG_WARNING) {
		g_ptr_array_add(log->warnings, g_steal_pointer(&line));
		return;
	}
	/* Nobody is left to be told when this fails. */
	(void)rw_write_all(log->fd >= 0 ? log->fd : STDERR_FILENO, line, strlen(line));
	if (log->fd >= 0 && level == DIAG_ERROR) {
		g_autofree char *bare = g_strconcat(text, "\n", NULL);

		(void)rw_write_all(STDERR_FILENO, bare, strlen(bare));
	}
}

Log *log_new(const char *file, bool json, enum diag_level level, const char *container, GError **error)
{
	Log *log;
	auto_fd fd = -1;

	if (file && *file) {
		fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0) {
			fail_errno(error, "open log file %s", file);
			return NULL;
		}
		/* Not where a caller's closed standard file was. */
		fd = fd_take_above_stdio(steal_fd(&fd));
	}
	log = g_new0(Log, 1);
	log->fd = steal_fd(&fd);
	log->json = json;
	log->container = g_strdup(container);
	log->warnings = g_ptr_array_new_with_free_func(g_free);
	diag_setup(level, write_message, log);
	return log;
}

void log_drop_warnings(Log *log)
{
	g_ptr_array_set_size(log->warnings, 0);
}

void log_free(Log *log)
{
	if (!log)
		return;
	for (guint i = 0; i < log->warnings->len; i++) {
		const char *line = log->warnings->pdata[i];

		(void)rw_write_all(log->fd >= 0 ? log->fd : STDERR_FILENO, line, strlen(line));
	}
	diag_setup(DIAG_WARNING, NULL, NULL);
	g_ptr_array_unref(log->warnings);
	fd_close(&log->fd);
	g_free(log->container);
	g_free(log);
}
