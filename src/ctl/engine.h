/* Driving a conmon-compatible monitor and a runc-compatible runtime, as engines do: by command lines and pipes. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* What the monitor is asked to do. Paths are absolute; strings are borrowed. */
struct engine_launch {
	const char *monitor;
	const char *runtime;
	const char *const *runtime_args; /* its first arguments; NULL: none */
	const char *runtime_root;
	const char *id;
	const char *uuid;         /* the container's id, or the session's */
	const char *dir;          /* bundle: the container's or the session's directory */
	int dir_fd;               /* the same */
	const char *process_spec; /* path of the process object: an exec session; NULL: a container */
	const char *pid_file;     /* its name in dir; NULL: STORE_PID_FILE */
	const char *log;          /* value of -l: "k8s-file:PATH", "passthrough" or "none" */
	const char *exit_dir;
	const char *const *exit_command; /* argv run by the monitor at the end */
	bool terminal;
	bool stdin_open;
	const int *stdio; /* the monitor's, and with passthrough the process's, 0, 1 and 2 (-1: /dev/null); NULL: none */
	int preserve_fds; /* descriptors 3, 4 ... of ours reach the process */
	int signal_fd;    /* a wait ends when a signal that ends tallyctl is readable here; -1: none */
};

/* The monitor's argv (without its file descriptors, which go by environment); free with g_strfreev. */
char **engine_monitor_argv(const struct engine_launch *launch);

/* A monitor that has called the runtime. */
struct engine_running {
	pid_t monitor_pid;
	pid_t pid;     /* the container's first process, or the session's */
	int sync_fd;   /* an exec session's exit code comes here */
	int attach_fd; /* exec only: connected before the process ran; -1 when not wanted */
};
#define ENGINE_RUNNING_NONE ((struct engine_running){ .sync_fd = -1, .attach_fd = -1 })

/* Called between the attach socket's appearance and the process's start: an exec session's client connects here and
 * gives the connection away. */
typedef bool (*engine_ready_fn)(void *user, int *ret_fd, GError **error);

/* Starts the monitor, and through it creates the container (it is then started by engine_runtime) or executes the
 * session's process. on_ready may be NULL; it is called for exec sessions only. Told to end meanwhile, it lets what has
 * begun come to rest, so that *ret_running has the process if there is one. On failure the error is the runtime's
 * own words where it said any, with the exit status that goes with them. */
bool engine_launch(const struct engine_launch *launch, engine_ready_fn on_ready, void *user,
	struct engine_running *ret_running, GError **error);

/* The exit code that an exec session's monitor tells at the end; sync_fd is readable. False without one. */
bool engine_read_exit_code(int sync_fd, int *ret_code, GError **error);

void engine_running_clear(struct engine_running *running);

/* Runs the runtime: RUNTIME --root ROOT ARGS. Its last error is the error. ret_output (may be NULL) gets what it printed,
 * trimmed; free with g_free. */
bool engine_runtime(const char *runtime, const char *runtime_root, const char *dir, int signal_fd,
	const char *const *args, char **ret_output, GError **error);

/* One line of the sync or attach pipe: {"data": N} or {"data": N, "message": "TEXT"} (conmon's api version 1). message
 * is NULL when there is none; free with g_free. */
bool engine_parse_line(const char *line, int *ret_data, char **ret_message, GError **error);

/* The last error (or worse: fatal, panic) in a runtime's log written with --log-format=json, or NULL; free with g_free. */
char *engine_last_error(const char *log_text);
