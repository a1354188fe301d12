/* Errors above the system-call layer. */
#include "common/error.h"

#include <errno.h>
#include <string.h>

G_DEFINE_QUARK(tally-error-quark, tally_error)

const char *errno_text(int err)
{
	static _Thread_local char text[128];

	if (err < 0)
		err = -err;
	/* strerrordesc_np (glibc 2.32): without locale, static. */
	g_strlcpy(text, strerrordesc_np(err) ?: "unknown error", sizeof text);
	text[0] = g_ascii_tolower(text[0]);
	return text;
}

static bool set_error(GError **error, int code, const char *format, va_list args, const char *suffix)
{
	g_autofree char *text = g_strdup_vprintf(format, args);

	g_set_error(error, TALLY_ERROR, code, "%s%s%s", text, suffix ? ": " : "", suffix ?: "");
	return false;
}

bool fail(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_error(error, 0, format, args, NULL);
	va_end(args);
	return false;
}

bool fail_errno(GError **error, const char *format, ...)
{
	int err = errno;
	va_list args;

	va_start(args, format);
	set_error(error, err, format, args, errno_text(err));
	va_end(args);
	return false;
}

bool fail_with(GError **error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_error(error, ABS(err), format, args, errno_text(err));
	va_end(args);
	return false;
}

bool fail_prefix(GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_prefix_error(error, "%s: ", text);
	return false;
}
