/* The program's own messages. */
#include "common/diag.h"

#include <errno.h>
#include <stdio.h>

static void write_stderr(enum diag_level level, const char *text, void *user)
{
	(void)level;
	(void)user;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

/* Level and target: the one piece of state that belongs to the process and not to an object. */
static struct {
	enum diag_level level;
	diag_writer writer;
	void *user;
} diag = { DIAG_WARNING, write_stderr, NULL };

void diag_setup(enum diag_level level, diag_writer writer, void *user)
{
	diag.level = level;
	diag.writer = writer ?: write_stderr;
	diag.user = user;
}

bool diag_wants(enum diag_level level)
{
	return level <= diag.level;
}

void diag_log(enum diag_level level, const char *format, ...)
{
	g_autofree char *text = NULL;
	int saved = errno;
	va_list args;

	if (!diag_wants(level))
		return;
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	diag.writer(level, text, diag.user);
	errno = saved;
}
