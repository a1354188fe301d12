/* A cgroup's limits as systemd's properties: systemd.resource-control(5), cgroup-v2.rst. */
#include "scope/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USEC_PER_SEC     G_GUINT64_CONSTANT(1000000)
#define USEC_PER_PERCENT (USEC_PER_SEC / 100)
#define IDS_MAX          8192

/* One number, or "max"; and the release of systemd that first took a 0 (cpu.weight says so of an idle cgroup). */
static const struct {
	const char *file, *property;
	unsigned zero_since;
} numbers[] = {
	{ "memory.max", "MemoryMax", 0 },
	{ "memory.high", "MemoryHigh", 0 },
	{ "memory.low", "MemoryLow", 0 },
	{ "memory.min", "MemoryMin", 0 },
	{ "memory.swap.max", "MemorySwapMax", 0 },
	{ "pids.max", "TasksMax", 0 },
	{ "cpu.weight", "CPUWeight", 252 },
	{ "io.weight", "IOWeight", 0 },
};

/* A list of ids; systemd has these since 244. */
#define SETS_SINCE 244
static const struct {
	const char *file, *property;
} sets[] = {
	{ "cpuset.cpus", "AllowedCPUs" },
	{ "cpuset.mems", "AllowedMemoryNodes" },
};

static char *read_text(const char *dir, const char *file)
{
	g_autofree char *path = g_build_filename(dir, file, NULL);
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? g_strchomp(text) : NULL;
}

static guint64 parse(const char *text)
{
	if (g_str_has_prefix(text, "default ")) /* of io.weight; devices may follow */
		text += strlen("default ");
	return g_str_has_prefix(text, "max") ? G_MAXUINT64 : g_ascii_strtoull(text, NULL, 10);
}

GVariant *limits_bitmap(const char *list)
{
	g_auto(GStrv) ranges = g_strsplit(list, ",", -1);
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	for (char **range = ranges; *range && **range; range++) {
		char *end;
		guint64 first = g_ascii_strtoull(*range, &end, 10);
		guint64 last = *end == '-' ? g_ascii_strtoull(end + 1, NULL, 10) : first;

		for (guint64 id = first; id <= MIN(last, IDS_MAX); id++) {
			while (bytes->len <= id / 8)
				g_byte_array_append(bytes, (const guint8 *)"", 1);
			bytes->data[id / 8] |= (guint8)(1u << (id % 8));
		}
	}
	return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes->data, bytes->len, 1);
}

/* "QUOTA PERIOD" in microseconds; systemd counts the quota in a second. */
static void add_bandwidth(GVariantBuilder *b, const char *text)
{
	guint64 quota = parse(text), period = 0;
	const char *blank = strchr(text, ' ');

	if (blank)
		period = g_ascii_strtoull(blank + 1, NULL, 10);
	if (period == 0)
		return;
	/* It keeps whole percents: what is less is more, as with runc, and not nothing. */
	if (quota != G_MAXUINT64)
		quota = (quota * USEC_PER_SEC / period + USEC_PER_PERCENT - 1) / USEC_PER_PERCENT * USEC_PER_PERCENT;
	g_variant_builder_add(b, "(sv)", "CPUQuotaPeriodUSec", g_variant_new_uint64(period));
	g_variant_builder_add(b, "(sv)", "CPUQuotaPerSecUSec", g_variant_new_uint64(quota));
}

static const char *const kept_files[LIMITS_N_KEPT] = { "memory.oom.group", "memory.zswap.max",
	"memory.zswap.writeback", "cpu.idle", "io.weight", "io.bfq.weight" };

void limits_keep(const char *dir, LimitsKept *ret_kept)
{
	for (gsize i = 0; i < LIMITS_N_KEPT; i++)
		ret_kept->text[i] = read_text(dir, kept_files[i]);
}

void limits_kept_free(LimitsKept *kept)
{
	for (gsize i = 0; i < LIMITS_N_KEPT; i++)
		g_free(kept->text[i]);
}

/* A control file takes a line with each write. */
static bool write_lines(const char *dir, const char *file, const char *text, GError **error)
{
	g_autofree char *path = g_build_filename(dir, file, NULL);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	bool ok = true;
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	for (char **line = lines; ok && *line; line++)
		ok = fd >= 0 && write(fd, *line, strlen(*line)) >= 0;
	if (!ok)
		g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno), "write %s: %s", path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

bool limits_restore(const char *dir, const LimitsKept *kept, GError **error)
{
	for (gsize i = 0; i < LIMITS_N_KEPT; i++) {
		g_autofree char *now = kept->text[i] ? read_text(dir, kept_files[i]) : NULL;

		if (now && !g_str_equal(now, kept->text[i]) && !write_lines(dir, kept_files[i], kept->text[i], error))
			return false;
	}
	return true;
}

GVariant *limits_read(const char *dir, unsigned version)
{
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE("a(sv)"));
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
		g_autofree char *text = read_text(dir, numbers[i].file);

		if (text && (parse(text) != 0 || version >= numbers[i].zero_since))
			g_variant_builder_add(&b, "(sv)", numbers[i].property, g_variant_new_uint64(parse(text)));
	}
	for (gsize i = 0; version >= SETS_SINCE && i < G_N_ELEMENTS(sets); i++) {
		g_autofree char *text = read_text(dir, sets[i].file);

		if (text)
			g_variant_builder_add(&b, "(sv)", sets[i].property, limits_bitmap(text));
	}
	{
		g_autofree char *text = read_text(dir, "cpu.max");

		if (text)
			add_bandwidth(&b, text);
	}
	return g_variant_builder_end(&b);
}
