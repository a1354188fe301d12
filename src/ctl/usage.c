/* What a container uses. The runtime's figures are those of runc's `events --stats`, in which 0 also stands for what is
 * not counted or limited: a container that runs has memory and processes, so there a 0 is none. */
#include "ctl/usage.h"

#include <string.h>
#include <time.h>

#include "base/sys.h"
#include "common/error.h"
#include "common/json.h"
#include "ctl/engine.h"

/* A limit from here on is none: the kernel rounds the largest number down to pages, of whatever size. */
#define NO_LIMIT (INT64_MAX - (1 << 20))

static int64_t figure(yajl_val object, const char *key)
{
	int64_t value;

	return json_get_int64(object, key, &value) && value > 0 ? value : USAGE_UNKNOWN;
}

static int64_t limit(yajl_val object, const char *key)
{
	int64_t value = figure(object, key); /* 2^64 - 1 is out of range: none */

	return value < NO_LIMIT ? value : USAGE_UNKNOWN;
}

/* The sum over all devices of one kind of transfer. */
static int64_t transferred(yajl_val blkio, const char *op)
{
	yajl_val list = json_get(blkio, "ioServiceBytesRecursive");
	int64_t sum = USAGE_UNKNOWN, value;

	for (size_t i = 0; YAJL_IS_ARRAY(list) && i < list->u.array.len; i++) {
		yajl_val entry = list->u.array.values[i];
		const char *name = json_get_string(entry, "op");

		if (!name || g_ascii_strcasecmp(name, op) != 0)
			continue;
		if (!json_get_int64(entry, "value", &value))
			value = 0; /* left out when it is */
		sum = MAX(sum, 0) + value;
	}
	return sum;
}

bool usage_parse(const char *text, struct usage *ret_usage, GError **error)
{
	g_autoptr(JsonValue) root = json_parse(text, error);
	yajl_val data = json_get(root, "data");
	yajl_val memory = json_get(json_get(data, "memory"), "usage"), pids = json_get(data, "pids");
	int64_t cpu;

	if (!root)
		return false;
	if (!data)
		return fail(error, "no \"data\" in the runtime's figures");
	*ret_usage = (struct usage){
		.cpu_ns = json_get_int64(json_get(json_get(data, "cpu"), "usage"), "total", &cpu) ? cpu : USAGE_UNKNOWN,
		.memory = figure(memory, "usage"),
		.memory_limit = limit(memory, "limit"),
		.pids = figure(pids, "current"),
		.pids_limit = limit(pids, "limit"),
		.read = transferred(json_get(data, "blkio"), "read"),
		.written = transferred(json_get(data, "blkio"), "write"),
	};
	return true;
}

bool usage_read(const Container *c, const char *runtime, struct usage *ret_usage, GError **error)
{
	const char *const args[] = { "events", "--stats", c->id, NULL };
	int64_t before = (int64_t)sys_clock_ns(CLOCK_BOOTTIME);
	g_autofree char *text = NULL;

	if (!engine_runtime(runtime, c->runtime_root, c->path, -1, args, &text, error))
		return false;
	if (!usage_parse(text, ret_usage, error))
		return fail_prefix(error, "%s events", runtime);
	ret_usage->taken_ns =
		before + ((int64_t)sys_clock_ns(CLOCK_BOOTTIME) - before) / 2; /* at some time in between */
	return true;
}

double usage_cpu_percent(const struct usage *before, const struct usage *now)
{
	if (before->cpu_ns < 0 || now->cpu_ns < before->cpu_ns || now->taken_ns <= before->taken_ns)
		return USAGE_UNKNOWN;
	return 100.0 * (double)(now->cpu_ns - before->cpu_ns) / (double)(now->taken_ns - before->taken_ns);
}
