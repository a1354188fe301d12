/* What a container uses. Files that are not there are counted as nothing. */
#include "runtime/stats.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "runtime/cgroup_internal.h"
#include "runtime/cgroupfs.h"

#define NS_PER_USEC 1000

/* A large control file whole (memory.stat, io.stat), or NULL. Free with g_free. */
static char *read_text(int dir_fd, const char *name)
{
	g_autofree char *text = g_malloc(1 << 18);

	return dir_fd >= 0 && cgroupfs_read(dir_fd, name, text, 1 << 18) >= 0 ? g_steal_pointer(&text) : NULL;
}

static int dir_of(const Cgroup *cg, const char *controller)
{
	size_t i = cgroup_find(cg, controller);

	return i == CGROUP_NONE ? -1 : cgroup_dir(cg, i);
}

static uint64_t number(int dir_fd, const char *file)
{
	uint64_t value;

	return dir_fd >= 0 && cgroupfs_read_u64(dir_fd, file, &value) == 0 ? value : 0;
}

static uint64_t keyed(int dir_fd, const char *file, const char *key)
{
	uint64_t value;

	return dir_fd >= 0 && cgroupfs_read_key(dir_fd, file, key, &value) == 0 ? value : 0;
}

/* Writes each "name number" line of text as a member. */
static void put_lines(JsonWriter *w, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

	for (char **line = lines; *line; line++) {
		char *blank = strchr(*line, ' ');
		uint64_t value;

		if (!blank || num_parse_u64(blank + 1, UINT64_MAX, &value) < 0)
			continue;
		*blank = '\0';
		json_put_uint(w, *line, value);
	}
}

/* --- pressure (cgroup2): "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" --- */

static void put_pressure(JsonWriter *w, int dir_fd, const char *file)
{
	g_autofree char *text = read_text(dir_fd, file);
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

	if (!text || !*text)
		return;
	json_object_open(w, "psi");
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", -1);

		if (!words[0] || !words[1])
			continue;
		json_object_open(w, words[0]);
		for (char **word = words + 1; *word; word++) {
			char *equals = strchr(*word, '=');
			char *end = NULL;

			/* Digits and a point: the text goes out as it came in. */
			if (!equals || !g_ascii_isdigit(equals[1]) || g_ascii_strtod(equals + 1, &end) < 0 || *end)
				continue;
			*equals = '\0';
			json_put_number(w, *word, equals + 1);
		}
		json_object_close(w);
	}
	json_object_close(w);
}

/* --- cpu --- */

/* "1 2 3" as an array. */
static void put_number_list(JsonWriter *w, const char *key, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text ?: "", " ", -1);

	json_array_open(w, key);
	for (char **word = words; *word; word++) {
		uint64_t value;

		if (num_parse_u64(*word, UINT64_MAX, &value) == 0)
			json_put_uint(w, NULL, value);
	}
	json_array_close(w);
}

/* One column of cpuacct.usage_all ("cpu user system" and a line for each CPU). */
static void put_column(JsonWriter *w, const char *key, const char *text, guint column)
{
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

	json_array_open(w, key);
	for (char **line = *lines ? lines + 1 : lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", -1);
		uint64_t value;

		if (g_strv_length(words) > column && num_parse_u64(words[column], UINT64_MAX, &value) == 0)
			json_put_uint(w, NULL, value);
	}
	json_array_close(w);
}

static void put_cpu_v1(const Cgroup *cg, JsonWriter *w)
{
	int acct = dir_of(cg, "cpuacct"), cpu = dir_of(cg, "cpu");
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	g_autofree char *percpu = read_text(acct, "cpuacct.usage_percpu");
	g_autofree char *all = read_text(acct, "cpuacct.usage_all");

	json_object_open(w, "usage");
	json_put_uint(w, "total", number(acct, "cpuacct.usage"));
	put_number_list(w, "percpu", percpu);
	put_column(w, "percpu_kernel", all, 2);
	put_column(w, "percpu_user", all, 1);
	json_put_uint(w, "kernel", keyed(acct, "cpuacct.stat", "system") * tick_ns);
	json_put_uint(w, "user", keyed(acct, "cpuacct.stat", "user") * tick_ns);
	json_object_close(w);
	json_object_open(w, "throttling");
	json_put_uint(w, "periods", keyed(cpu, "cpu.stat", "nr_periods"));
	json_put_uint(w, "throttledPeriods", keyed(cpu, "cpu.stat", "nr_throttled"));
	json_put_uint(w, "throttledTime", keyed(cpu, "cpu.stat", "throttled_time"));
	json_object_close(w);
}

static void put_cpu_v2(int fd, JsonWriter *w)
{
	json_object_open(w, "usage");
	json_put_uint(w, "total", keyed(fd, "cpu.stat", "usage_usec") * NS_PER_USEC);
	json_put_uint(w, "kernel", keyed(fd, "cpu.stat", "system_usec") * NS_PER_USEC);
	json_put_uint(w, "user", keyed(fd, "cpu.stat", "user_usec") * NS_PER_USEC);
	json_object_close(w);
	json_object_open(w, "throttling");
	json_put_uint(w, "periods", keyed(fd, "cpu.stat", "nr_periods"));
	json_put_uint(w, "throttledPeriods", keyed(fd, "cpu.stat", "nr_throttled"));
	json_put_uint(w, "throttledTime", keyed(fd, "cpu.stat", "throttled_usec") * NS_PER_USEC);
	json_object_close(w);
	put_pressure(w, fd, "cpu.pressure");
}

/* --- cpuset --- */

GArray *stats_parse_list(const char *text)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(unsigned int));
	g_auto(GStrv) ranges = g_strsplit(text, ",", -1);

	for (char **range = ranges; *range; range++) {
		char *dash = strchr(*range, '-');
		uint64_t first, last;

		if (dash)
			*dash = '\0';
		if (num_parse_u64(*range, 65535, &first) < 0 ||
			num_parse_u64(dash ? dash + 1 : *range, 65535, &last) < 0)
			break;
		for (unsigned int i = (unsigned int)first; i <= last; i++)
			g_array_append_val(list, i);
	}
	return list;
}

static void put_list(JsonWriter *w, const char *key, const char *text)
{
	g_autoptr(GArray) list = stats_parse_list(text ?: "");

	json_array_open(w, key);
	for (guint i = 0; i < list->len; i++)
		json_put_uint(w, NULL, g_array_index(list, unsigned int, i));
	json_array_close(w);
}

static void put_cpuset(const Cgroup *cg, JsonWriter *w)
{
	static const char *const flags[] = { "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate",
		"memory_spread_page", "memory_spread_slab", "memory_pressure", "sched_load_balance" };
	int fd = dir_of(cg, "cpuset");
	bool v2 = cg->mode == CGROUP_UNIFIED;
	g_autofree char *cpus = read_text(fd, v2 ? "cpuset.cpus.effective" : "cpuset.cpus");
	g_autofree char *mems = read_text(fd, v2 ? "cpuset.mems.effective" : "cpuset.mems");
	char text[NUM_MAX];
	int64_t level;

	if (!cpus)
		return;
	put_list(w, "cpus", cpus);
	put_list(w, "mems", mems);
	if (v2)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
		g_autofree char *file = g_strconcat("cpuset.", flags[i], NULL);

		json_put_uint(w, flags[i], number(fd, file));
	}
	if (cgroupfs_read(fd, "cpuset.sched_relax_domain_level", text, sizeof text) > 0 &&
		num_parse_i64(text, INT64_MIN, INT64_MAX, &level) == 0)
		json_put_int(w, "sched_relax_domain_level", level);
}

/* --- memory --- */

static void put_usage(JsonWriter *w, const char *key, uint64_t limit, uint64_t usage, uint64_t max, uint64_t failcnt)
{
	json_object_open(w, key);
	json_put_uint(w, "limit", limit);
	json_put_uint(w, "usage", usage);
	json_put_uint(w, "max", max);
	json_put_uint(w, "failcnt", failcnt);
	json_object_close(w);
}

static void put_usage_v1(int fd, JsonWriter *w, const char *key, const char *prefix)
{
	static const char *const names[] = { "limit_in_bytes", "usage_in_bytes", "max_usage_in_bytes", "failcnt" };
	uint64_t values[G_N_ELEMENTS(names)];

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *file = g_strconcat("memory.", prefix, names[i], NULL);

		values[i] = number(fd, file);
	}
	put_usage(w, key, values[0], values[1], values[2], values[3]);
}

static uint64_t add_limits(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void put_memory_v2(int fd, JsonWriter *w)
{
	uint64_t usage = number(fd, "memory.current"), limit = number(fd, "memory.max");

	put_usage(w, "usage", limit, usage, number(fd, "memory.peak"), keyed(fd, "memory.events", "max"));
	/* As on v1, memory and swap together. */
	put_usage(w, "swap", add_limits(limit, number(fd, "memory.swap.max")),
		add_limits(usage, number(fd, "memory.swap.current")), 0, 0);
	put_usage(w, "kernel", 0, keyed(fd, "memory.stat", "kernel"), 0, 0);
	put_usage(w, "kernelTCP", 0, keyed(fd, "memory.stat", "sock"), 0, 0);
}

static void put_memory(const Cgroup *cg, JsonWriter *w)
{
	int fd = dir_of(cg, "memory");
	bool v2 = cg->mode == CGROUP_UNIFIED;
	g_autofree char *stat = read_text(fd, "memory.stat");

	json_put_uint(w, "cache", keyed(fd, "memory.stat", v2 ? "file" : "cache"));
	if (v2) {
		put_memory_v2(fd, w);
	} else {
		put_usage_v1(fd, w, "usage", "");
		put_usage_v1(fd, w, "swap", "memsw.");
		put_usage_v1(fd, w, "kernel", "kmem.");
		put_usage_v1(fd, w, "kernelTCP", "kmem.tcp.");
	}
	json_object_open(w, "raw");
	put_lines(w, stat);
	json_object_close(w);
	if (v2)
		put_pressure(w, fd, "memory.pressure");
}

/* --- pids, block I/O, huge pages --- */

static void put_pids(const Cgroup *cg, JsonWriter *w)
{
	int fd = dir_of(cg, "pids");
	uint64_t current, limit = number(fd, "pids.max");

	if (fd < 0 || cgroupfs_read_u64(fd, "pids.current", &current) < 0) {
		g_autoptr(GArray) pids = cgroup_pids(cg, NULL);

		current = pids ? pids->len : 0; /* without the controller: processes, not threads */
	}
	json_put_uint(w, "current", current);
	json_put_uint(w, "limit", limit == UINT64_MAX ? 0 : limit);
}

static void put_entry(JsonWriter *w, const char *device, const char *op, uint64_t value)
{
	uint64_t major = 0, minor = 0;
	g_auto(GStrv) parts = g_strsplit(device, ":", 2);

	if (g_strv_length(parts) != 2 || num_parse_u64(parts[0], UINT32_MAX, &major) < 0 ||
		num_parse_u64(parts[1], UINT32_MAX, &minor) < 0)
		return;
	json_object_open(w, NULL);
	json_put_uint(w, "major", major);
	json_put_uint(w, "minor", minor);
	json_put_string(w, "op", op);
	json_put_uint(w, "value", value);
	json_object_close(w);
}

/* "8:0 Read 4096"; the line "Total 4096" speaks of no device. */
static void put_blkio_v1(int fd, JsonWriter *w, const char *key, const char *bfq, const char *throttle)
{
	g_autofree char *text = read_text(fd, bfq);
	g_auto(GStrv) lines = NULL;

	if (!text || !strchr(text, ':')) {
		g_free(text);
		text = read_text(fd, throttle);
	}
	lines = g_strsplit(text ?: "", "\n", -1);
	json_array_open(w, key);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", -1);
		uint64_t value;

		if (g_strv_length(words) == 3 && num_parse_u64(words[2], UINT64_MAX, &value) == 0)
			put_entry(w, words[0], words[1], value);
	}
	json_array_close(w);
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
static void put_blkio_v2(const char *text, JsonWriter *w, const char *key, const char *read_key, const char *write_key)
{
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

	json_array_open(w, key);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", -1);

		for (char **word = words[0] ? words + 1 : words; *word; word++) {
			char *equals = strchr(*word, '=');
			uint64_t value;

			if (!equals || num_parse_u64(equals + 1, UINT64_MAX, &value) < 0)
				continue;
			*equals = '\0';
			if (strcmp(*word, read_key) == 0)
				put_entry(w, words[0], "Read", value);
			else if (strcmp(*word, write_key) == 0)
				put_entry(w, words[0], "Write", value);
		}
	}
	json_array_close(w);
}

static void put_blkio(const Cgroup *cg, JsonWriter *w)
{
	int fd;

	if (cg->mode == CGROUP_UNIFIED) {
		g_autofree char *text = read_text(dir_of(cg, "io"), "io.stat");

		put_blkio_v2(text, w, "ioServiceBytesRecursive", "rbytes", "wbytes");
		put_blkio_v2(text, w, "ioServicedRecursive", "rios", "wios");
		put_pressure(w, dir_of(cg, "io"), "io.pressure");
		return;
	}
	fd = dir_of(cg, "blkio");
	put_blkio_v1(fd, w, "ioServiceBytesRecursive", "blkio.bfq.io_service_bytes_recursive",
		"blkio.throttle.io_service_bytes_recursive");
	put_blkio_v1(fd, w, "ioServicedRecursive", "blkio.bfq.io_serviced_recursive",
		"blkio.throttle.io_serviced_recursive");
}

/* "hugepages-2048kB" to the name that the controller's files have: "2MB". */
static char *page_name(const char *dir_name)
{
	uint64_t kib;
	g_autofree char *digits = NULL;

	if (!g_str_has_prefix(dir_name, "hugepages-") || !g_str_has_suffix(dir_name, "kB"))
		return NULL;
	digits = g_strndup(dir_name + 10, strlen(dir_name) - 12);
	if (num_parse_u64(digits, UINT64_MAX, &kib) < 0)
		return NULL;
	return kib >= 1 << 20	? g_strdup_printf("%" G_GUINT64_FORMAT "GB", kib >> 20)
	       : kib >= 1 << 10 ? g_strdup_printf("%" G_GUINT64_FORMAT "MB", kib >> 10)
				: g_strdup_printf("%" G_GUINT64_FORMAT "KB", kib);
}

static void put_hugetlb(const Cgroup *cg, JsonWriter *w)
{
	static const char *const v1[] = { "usage_in_bytes", "max_usage_in_bytes", "failcnt" };
	g_autoptr(GDir) dir = g_dir_open("/sys/kernel/mm/hugepages", 0, NULL);
	int fd = dir_of(cg, "hugetlb");
	const char *name;

	while (fd >= 0 && dir && (name = g_dir_read_name(dir))) {
		g_autofree char *page = page_name(name);
		uint64_t values[G_N_ELEMENTS(v1)] = { 0 };

		if (!page)
			continue;
		for (size_t i = 0; i < G_N_ELEMENTS(v1); i++) {
			g_autofree char *file = g_strdup_printf("hugetlb.%s.%s", page, v1[i]);

			values[i] = number(fd, file);
		}
		if (cg->mode == CGROUP_UNIFIED) {
			g_autofree char *current = g_strdup_printf("hugetlb.%s.current", page);
			g_autofree char *events = g_strdup_printf("hugetlb.%s.events", page);

			values[0] = number(fd, current);
			values[2] = keyed(fd, events, "max");
		}
		json_object_open(w, page);
		json_put_uint(w, "usage", values[0]);
		json_put_uint(w, "max", values[1]);
		json_put_uint(w, "failcnt", values[2]);
		json_object_close(w);
	}
}

void stats_put(const Cgroup *cg, JsonWriter *w)
{
	static const struct {
		const char *key;
		void (*put)(const Cgroup *cg, JsonWriter *w);
	} parts[] = { { "cpuset", put_cpuset }, { "memory", put_memory }, { "pids", put_pids }, { "blkio", put_blkio },
		{ "hugetlb", put_hugetlb } };

	json_object_open(w, "data");
	json_object_open(w, "cpu");
	if (cg->mode == CGROUP_UNIFIED)
		put_cpu_v2(cgroup_dir(cg, 0), w);
	else
		put_cpu_v1(cg, w);
	json_object_close(w);
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		json_object_open(w, parts[i].key);
		parts[i].put(cg, w);
		json_object_close(w);
	}
	json_object_open(w, "intel_rdt");
	json_object_close(w);
	json_put_null(w, "network_interfaces");
	json_object_close(w);
}
