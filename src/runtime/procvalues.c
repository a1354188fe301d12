/* Names and lists of config.json as the kernel's numbers: tables. */
#include "runtime/procvalues.h"

#include <linux/securebits.h>
#include <string.h>
#include <sys/resource.h>

struct name {
	const char *name;
	int number;
};

static int lookup(const struct name *names, size_t n, const char *name, int otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	return otherwise;
}

int procvalues_rlimit(const char *name)
{
	static const struct name names[] = {
		{ "RLIMIT_AS", RLIMIT_AS },
		{ "RLIMIT_CORE", RLIMIT_CORE },
		{ "RLIMIT_CPU", RLIMIT_CPU },
		{ "RLIMIT_DATA", RLIMIT_DATA },
		{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
		{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
		{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
		{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
		{ "RLIMIT_NICE", RLIMIT_NICE },
		{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
		{ "RLIMIT_NPROC", RLIMIT_NPROC },
		{ "RLIMIT_RSS", RLIMIT_RSS },
		{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
		{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
		{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
		{ "RLIMIT_STACK", RLIMIT_STACK },
	};

	return lookup(names, G_N_ELEMENTS(names), name, -1);
}

int procvalues_sched_policy(const char *name)
{
	static const struct name names[] = {
		{ "SCHED_OTHER", PROCVALUES_SCHED_OTHER },
		{ "SCHED_FIFO", PROCVALUES_SCHED_FIFO },
		{ "SCHED_RR", PROCVALUES_SCHED_RR },
		{ "SCHED_BATCH", PROCVALUES_SCHED_BATCH },
		{ "SCHED_ISO", PROCVALUES_SCHED_ISO },
		{ "SCHED_IDLE", PROCVALUES_SCHED_IDLE },
		{ "SCHED_DEADLINE", PROCVALUES_SCHED_DEADLINE },
	};

	return lookup(names, G_N_ELEMENTS(names), name, -1);
}

int procvalues_io_class(const char *name)
{
	static const struct name names[] = { { "IOPRIO_CLASS_RT", 1 }, { "IOPRIO_CLASS_BE", 2 },
		{ "IOPRIO_CLASS_IDLE", 3 } };

	return lookup(names, G_N_ELEMENTS(names), name, -1);
}

int procvalues_mempolicy_mode(const char *name)
{
	static const struct name names[] = {
		{ "MPOL_DEFAULT", PROCVALUES_MPOL_DEFAULT },
		{ "MPOL_PREFERRED", PROCVALUES_MPOL_PREFERRED },
		{ "MPOL_BIND", PROCVALUES_MPOL_BIND },
		{ "MPOL_INTERLEAVE", PROCVALUES_MPOL_INTERLEAVE },
		{ "MPOL_LOCAL", PROCVALUES_MPOL_LOCAL },
		{ "MPOL_PREFERRED_MANY", PROCVALUES_MPOL_PREFERRED_MANY },
		{ "MPOL_WEIGHTED_INTERLEAVE", PROCVALUES_MPOL_WEIGHTED_INTERLEAVE },
	};

	return lookup(names, G_N_ELEMENTS(names), name, -1);
}

uint32_t procvalues_securebit(const char *name)
{
	static const struct name names[] = {
		{ "NOROOT", SECBIT_NOROOT },
		{ "NOROOT_LOCKED", SECBIT_NOROOT_LOCKED },
		{ "NO_SETUID_FIXUP", SECBIT_NO_SETUID_FIXUP },
		{ "NO_SETUID_FIXUP_LOCKED", SECBIT_NO_SETUID_FIXUP_LOCKED },
		{ "KEEP_CAPS", SECBIT_KEEP_CAPS },
		{ "KEEP_CAPS_LOCKED", SECBIT_KEEP_CAPS_LOCKED },
		{ "NO_CAP_AMBIENT_RAISE", SECBIT_NO_CAP_AMBIENT_RAISE },
		{ "NO_CAP_AMBIENT_RAISE_LOCKED", SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED },
	};

	return (uint32_t)lookup(names, G_N_ELEMENTS(names), name, 0);
}

uint32_t procvalues_securebits_without(const char *const *skip)
{
	/* The bits about ambient capabilities are nobody's by default: those are what a program has left without NOROOT. */
	uint32_t bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
			SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED;

	for (; *skip; skip++)
		bits &= ~procvalues_securebit(*skip);
	return bits;
}

uint64_t procvalues_sched_flag(const char *name)
{
	static const struct name names[] = {
		{ "SCHED_FLAG_RESET_ON_FORK", 0x01 },
		{ "SCHED_FLAG_RECLAIM", 0x02 },
		{ "SCHED_FLAG_DL_OVERRUN", 0x04 },
		{ "SCHED_FLAG_KEEP_POLICY", 0x08 },
		{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },
		{ "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
		{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
	};

	return (uint64_t)lookup(names, G_N_ELEMENTS(names), name, 0);
}

unsigned int procvalues_mempolicy_flag(const char *name)
{
	static const struct name names[] = {
		{ "MPOL_F_NUMA_BALANCING", 1 << 13 },
		{ "MPOL_F_RELATIVE_NODES", 1 << 14 },
		{ "MPOL_F_STATIC_NODES", 1 << 15 },
	};

	return (unsigned int)lookup(names, G_N_ELEMENTS(names), name, 0);
}

bool procvalues_cpu_list(const char *text, gulong *mask, size_t n_words)
{
	const size_t bits = 8 * sizeof(gulong);

	if (mask)
		memset(mask, 0, n_words * sizeof *mask);
	for (;;) {
		guint64 first, last;
		char *end;

		if (!g_ascii_isdigit(*text))
			return false;
		first = last = g_ascii_strtoull(text, &end, 10);
		if (*end == '-') {
			if (!g_ascii_isdigit(end[1]))
				return false;
			last = g_ascii_strtoull(end + 1, &end, 10);
		}
		if (last < first || last >= (mask ? n_words * bits : 1u << 16))
			return false;
		for (guint64 i = first; mask && i <= last; i++)
			mask[i / bits] |= 1ul << (i % bits);
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

char *procvalues_sysctl_key(const char *key)
{
	char *out = g_strdup(key);
	char *first = strpbrk(out, "./");

	if (first && *first == '/')
		for (char *p = out; *p; p++)
			*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	return out;
}
