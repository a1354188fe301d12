/*
 * watch - write down, in order, what happens in some directories until SIGTERM.
 *
 *   watch OUT DIR...
 *
 * OUT gets the line "ready" and then one line an event: EVENT NAME (create, modify, close_write, moved_from, moved_to,
 * delete).  Repeated "modify" lines of one name are written once.  "dropped" says that the kernel's queue overflowed.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <sys/inotify.h>

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{ IN_CREATE, "create" },
	{ IN_MODIFY, "modify" },
	{ IN_CLOSE_WRITE, "close_write" },
	{ IN_MOVED_FROM, "moved_from" },
	{ IN_MOVED_TO, "moved_to" },
	{ IN_DELETE, "delete" },
	{ IN_Q_OVERFLOW, "dropped" },
};

int main(int argc, char **argv)
{
	static char buf[65536] __attribute__((aligned(__alignof__(struct inotify_event))));
	char line[600], last[600] = "";
	int in = inotify_init1(IN_CLOEXEC), out;
	ssize_t n;

	if (argc < 3)
		die("usage: watch OUT DIR...");
	out = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (in < 0 || out < 0)
		die("open %s", argv[1]);
	for (int i = 2; i < argc; i++)
		if (inotify_add_watch(in, argv[i], IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVE | IN_DELETE) < 0)
			die("watch %s", argv[i]);
	if (write_all(out, "ready\n", 6) < 0)
		die("write %s", argv[1]);
	while ((n = read(in, buf, sizeof buf)) > 0) {
		const struct inotify_event *e;

		for (char *p = buf; p < buf + n; p += sizeof *e + e->len) {
			e = (const struct inotify_event *)(void *)p;
			for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
				if (!(e->mask & names[i].bit))
					continue;
				snprintf(line, sizeof line, "%s %s\n", names[i].name, e->len ? e->name : "");
				if (strcmp(line, last) != 0 && write_all(out, line, strlen(line)) < 0)
					die("write %s", argv[1]);
				memcpy(last, line, sizeof last);
			}
		}
	}
	die("read events");
}
