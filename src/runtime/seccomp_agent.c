/* Hands the listener of a seccomp filter to the agent. */
#include "runtime/seccomp_agent.h"

#include <string.h>

#include "base/fd.h"
#include "base/fdpass.h"
#include "base/sys.h"
#include "common/error.h"
#include "common/json.h"
#include "runtime/unix_connect.h"
#include "runtime/version.h"

static char *process_state(const struct container *c, enum status status, pid_t pid)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);

	json_object_open(w, NULL);
	json_put_string(w, "ociVersion", VERSION_OCI);
	json_array_open(w, "fds");
	json_put_string(w, NULL, "seccompFd");
	json_array_close(w);
	json_put_int(w, "pid", pid);
	if (c->listener_metadata)
		json_put_string(w, "metadata", c->listener_metadata);
	/* Of an exec's process it is the first one's. */
	container_put_oci_state(w, "state", c, status, c->pid > 0 ? c->pid : pid);
	json_object_close(w);
	return json_writer_text(w);
}

bool seccomp_agent_notify(const struct container *c, enum status status, pid_t pid, int pid_fd, int fd, GError **error)
{
	g_autofree char *state = process_state(c, status, pid);
	auto_fd listener = sys_pidfd_getfd(pid_fd, fd);
	auto_fd sock = -1;
	int r;

	if (listener < 0)
		return fail_with(error, listener, "take the seccomp listener from process %d", pid);
	if (!unix_connect(c->listener_path, "seccomp agent's socket", &sock, error))
		return fail_prefix(error, "linux.seccomp.listenerPath: failed to connect with seccomp agent");
	r = fdpass_send(sock, listener, state, strlen(state));
	return r == 0 || fail_with(error, r, "send the seccomp listener to %s", c->listener_path);
}
