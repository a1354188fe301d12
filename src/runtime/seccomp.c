/* linux.seccomp: from the cache, or compiled and kept. */
#include "runtime/seccomp.h"

#include <linux/seccomp.h>
#include <string.h>

#include "common/error.h"
#include "runtime/seccomp_internal.h"
#include "runtime/seccomp_names.h"

#define NOTIFY "SCMP_ACT_NOTIFY"

/* Whether system calls go to an agent; what cannot be handed to one is an error. */
static bool check_notify(const struct spec_seccomp *seccomp, bool *ret_notifies, GError **error)
{
	bool notifies = false;

	if (strcmp(seccomp->default_action, NOTIFY) == 0)
		return fail(error, "linux.seccomp.defaultAction: " NOTIFY " cannot be used as default action");
	for (size_t i = 0; i < seccomp->n_syscalls; i++) {
		const struct spec_syscall *call = &seccomp->syscalls[i];

		if (g_strcmp0(call->action, NOTIFY) != 0)
			continue;
		/* The process tells by write(2) that there is a listener; nobody has it yet. */
		if (call->names && g_strv_contains(call->names, "write"))
			return fail(error,
				"linux.seccomp.syscalls[%zu].names: " NOTIFY " cannot be used for the write syscall",
				i);
		notifies = true;
	}
	if (notifies && !seccomp->listener_path)
		return fail(
			error, "linux.seccomp.listenerPath: seccomp listenerPath is not set, but " NOTIFY " is used");
	*ret_notifies = notifies;
	return true;
}

static bool read_flags(const struct spec_seccomp *seccomp, unsigned int *ret_flags, GError **error)
{
	unsigned int flags = 0;
	bool notifies = false;

	if (!check_notify(seccomp, &notifies, error))
		return false;

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
	/* Of one thread, synchronising has nothing to do, and the kernel wants it or a listener. */
	flags &= ~(unsigned int)SECCOMP_FILTER_FLAG_TSYNC;
	if (notifies)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	else if (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		return fail(error, "linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for " NOTIFY
				   ", which is not used");
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
