/* linux.resources.rdma: one line for each device; what is not given is left as it is. */
#include "common/error.h"
#include "runtime/cgroup_internal.h"

bool cgroup_apply_rdma(const Cgroup *cg, const struct spec_resources *r, GError **error)
{
	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct spec_rdma *d = &r->rdma[i];
		g_autoptr(GString) line = g_string_new(d->device);

		if (d->handles.set)
			g_string_append_printf(line, " hca_handle=%" G_GUINT64_FORMAT, d->handles.value);
		if (d->objects.set)
			g_string_append_printf(line, " hca_object=%" G_GUINT64_FORMAT, d->objects.value);
		if ((d->handles.set || d->objects.set) && !cgroup_write(cg, "rdma", "rdma.max", line->str, error))
			return fail_prefix(error, "linux.resources.rdma.%s", d->device);
	}
	return true;
}
