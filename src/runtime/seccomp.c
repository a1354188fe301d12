/* linux.seccomp: from the cache, or compiled and kept. */
#include "runtime/seccomp.h"

#include <linux/seccomp.h>

#include "common/error.h"
#include "runtime/seccomp_internal.h"
#include "runtime/seccomp_names.h"

static bool read_flags(const struct spec_seccomp *seccomp, unsigned int *ret_flags, GError **error)
{
	unsigned int flags = 0;

	/* Without a list the speculative store bypass mitigation, which costs a lot, is not asked for; an empty list
	 * asks for it. */
	if (!seccomp->flags)
		flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; seccomp->flags && seccomp->flags[i]; i++) {
		const struct seccomp_word *flag = seccomp_find_word(seccomp_flags, seccomp->flags[i]);

		if (!flag)
			return fail(error, "linux.seccomp.flags[%zu]: seccomp flag %s is not known to tallyrun", i,
				seccomp->flags[i]);
		flags |= flag->value;
	}
	*ret_flags = flags;
	return true;
}

bool seccomp_compile(
	const struct spec_seccomp *seccomp, const char *cache_dir, struct seccomp_filter *ret_filter, GError **error)
{
	g_autofree char *key = NULL;
	g_autoptr(GArray) program = NULL;
	struct seccomp_filter filter = { 0 };

	if (!seccomp || !seccomp->default_action) {
		*ret_filter = filter;
		return true;
	}
	if (!read_flags(seccomp, &filter.flags, error))
		return false;
	if (cache_dir) {
		key = seccomp_key(seccomp);
		program = seccomp_cache_load(cache_dir, key);
	}
	if (!program) {
		program = seccomp_build(seccomp, error);
		if (!program)
			return false;
		if (cache_dir)
			seccomp_cache_store(cache_dir, key, program);
	}
	filter.program = g_bytes_new(program->data, program->len * sizeof(struct sock_filter));
	*ret_filter = filter;
	return true;
}

void seccomp_filter_clear(struct seccomp_filter *filter)
{
	g_clear_pointer(&filter->program, g_bytes_unref);
}
