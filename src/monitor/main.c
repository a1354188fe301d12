/* tallyman: monitors one container or exec session.
 *
 * The order of steps is part of the interface: options are checked and the log is opened in the caller's foreground;
 * then the start pipe is waited for, so that the caller can move us into a cgroup; then we detach. What goes wrong is told
 * on the sync pipe, and on stderr as long as that is the caller's. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/error.h"
#include "monitor/endpoints.h"
#include "monitor/launch.h"
#include "monitor/logpolicy.h"
#include "monitor/logspec.h"
#include "monitor/messages.h"
#include "monitor/options.h"
#include "monitor/parent.h"
#include "relay/relay.h"

/* The version of the interface that callers know and compare with; our own stands on the second line. */
#define INTERFACE_VERSION "2.2.1"
#define DEFAULT_SOCKET_DIR "/var/run/crio"

struct monitor {
	struct monitor_options options;
	struct messages messages;
	struct logspec log;
	GArray *inherited;
	int start_fd, attach_pipe_fd, null_fd;
	char *bundle; /* NULL: none (an exec session without) */
	char *pid_file;
	char oom_score[16];
	struct relay relay;
};

/* Everything lives as long as the process: nothing is freed at its end. */
static struct monitor monitor;

static _Noreturn void leave(GError *error)
{
	diag_error("%s", error->message);
	exit(EXIT_FAILURE);
}

/* If the sync pipe itself is the trouble, the status tells. */
static void tell_caller(struct monitor *m, const char *key, const GError *error)
{
	struct syncpipe sync = { m->relay.set.sync_fd, key };

	if (sync.fd < 0)
		(void)parent_pipe("_OCI_SYNCPIPE", &sync.fd, NULL);
	(void)syncpipe_send(&sync, -1, error->message, (uint32_t)strlen(error->message)); /* we leave with an error anyway */
}

static _Noreturn void refuse(struct monitor *m, const char *key, const char *what, const GError *error)
{
	fprintf(stderr, "%s: %s%s\n", program_invocation_short_name, what, error->message);
	tell_caller(m, key, error);
	exit(EXIT_FAILURE);
}

static const char *sync_key(bool api_version, bool exec)
{
	return api_version ? "data" : exec ? "exit_code" : "pid";
}

/* Of options that make no sense: what their words look like. */
static const char *likely_sync_key(char **argv)
{
	bool api_version = false, exec = false;

	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		api_version = api_version || g_str_equal(*argv, "--api-version");
		exec = exec || g_str_equal(*argv, "--exec") || g_str_equal(*argv, "-e");
	}
	return sync_key(api_version, exec);
}

static void read_options(struct monitor *m, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (!monitor_options_parse(&m->options, argc, argv, &error))
		refuse(m, likely_sync_key(argv), "option parsing failed: ", error);
	if (m->options.version) {
		printf("conmon version %s\ncommit: %s %s\n", INTERFACE_VERSION, PACKAGE_NAME, PACKAGE_VERSION);
		exit(EXIT_SUCCESS);
	}
	m->relay.set.sync_key = sync_key(m->options.api_version, m->options.exec);
	if (!monitor_options_check_early(&m->options, &error))
		refuse(m, m->relay.set.sync_key, "", error);
	messages_setup(&m->messages, DIAG_ERROR, m->options.syslog, m->options.cid);
	if (!monitor_options_check(&m->options, &error)) {
		tell_caller(m, m->relay.set.sync_key, error);
		leave(error);
	}
	messages_setup(&m->messages, (enum diag_level)m->options.level, m->options.syslog, m->options.cid);
}

/* A FIFO is opened for reading too: its readers may come later, go, and come again. */
static int open_log_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0640);

	if (fd < 0 ? errno == ENXIO : fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		int both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

		fd_close(&fd); /* only now, or a reader would see the end */
		fd = both;
	}
	return fd;
}

/* Opens the next log file. */
static bool open_log(struct monitor *m, const struct logspec_file *file, GError **error)
{
	struct relay_log *log = &m->relay.set.log[m->relay.set.n_logs];
	struct stat st, other;

	if (!logspec_check_place(file->path, m->options.log_allowlist_dir, error))
		return false;
	log->fd = open_log_file(file->path);
	if (log->fd < 0)
		return fail(error, "Failed to open log file %s: %s", file->path, strerror(errno));
	for (unsigned int i = 0; i < m->relay.set.n_logs; i++)
		if (fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode) && fstat(m->relay.set.log[i].fd, &other) == 0 &&
			st.st_dev == other.st_dev && st.st_ino == other.st_ino)
			return fail(error, "--log-path: %s is given twice", file->path);
	log->path = logspec_real_path(file->path, log->fd);
	log->json = file->json;
	log->utc = m->options.log_utc;
	if (file->json)
		log->attrs = logspec_json_attrs(m->options.log_tag, m->options.log_label, error);
	m->relay.set.n_logs++;
	return !file->json || log->attrs;
}

/* What an option asks for must have a driver that does it. */
static bool check_log_options(const struct monitor *m, GError **error)
{
	const struct monitor_options *o = &m->options;
	const struct logspec *log = &m->log;
	bool k8s = log->n_files && !log->file[0].json, json = log->n_files && log->file[log->n_files - 1].json;

	if (k8s && !json && !log->journald && o->log_tag)
		return fail(error, "k8s-file doesn't support --log-tag");
	if (k8s && !json && !log->journald && o->log_label)
		return fail(error, "k8s-file doesn't support --log-label");
	if (o->log_compress && !log->n_files)
		return fail(error, "--log-compress %s: there is no log file", o->log_compress);
	if (o->log_utc && !k8s)
		return fail(error, "--log-utc: there is no k8s-file whose times it could change");
	if (!log->n_files && !log->journald && (o->log_policy || o->log_rate_limit))
		return fail(error, "--log-policy and --log-rate-limit: there is no log that they could be for");
	if (!log->n_files && o->log_drop_marker)
		return fail(error, "--log-drop-marker: there is no log file that it could be for");
	if (o->log_priority_prefix && !log->journald)
		return fail(error, "--log-priority-prefix: only journald has priorities, and there is none");
	if (o->no_container_partial_message && !log->journald)
		diag_warning("--no-container-partial-message has no effect without journald log driver");
	return true;
}

/* The program is sought before the container exists: later nobody would hear that it is missing. */
static bool prepare_compressor(struct monitor *m, GError **error)
{
	static const char *const gzip[] = { "gzip", "-c", NULL }, *const zstd[] = { "zstd", "-q", "-c", NULL };
	const char *how = m->options.log_compress;
	struct spawn *s = &m->relay.set.compressor;

	if (!how)
		return true;
	s->path = launch_find_program(how);
	if (!s->path)
		return fail(error, "--log-compress %s: there is no program %s in PATH", how, how);
	s->argv = (char *const *)(strcmp(how, "gzip") == 0 ? gzip : zstd);
	m->relay.set.compressed_suffix = strcmp(how, "gzip") == 0 ? ".gz" : ".zst";
	s->envp = environ;
	s->wait_fd = -1;
	s->die_with_parent = true;
	return true;
}

/* Log drivers, and the files: opened here, in the foreground, so that the caller sees a mistake. */
static bool open_logs(struct monitor *m, GError **error)
{
	const struct monitor_options *o = &m->options;
	struct relay_setup *set = &m->relay.set;

	_Static_assert(LOGSPEC_FILES == RELAY_LOGS, "every file that can be asked for can be written");
	if (!logspec_parse(o->log_path, &m->log, error) ||
		!logpolicy_parse(o->log_policy, o->log_rate_limit, set->log_policy, set->log_rate, error))
		return false;
	if (m->log.passthrough && (o->attach_overflow || o->attach_replay))
		return fail(error, "--attach-overflow and --attach-replay cannot be used with passthrough: nobody can attach");
	for (unsigned int i = 0; i < m->log.n_files; i++)
		if (!open_log(m, &m->log.file[i], error))
			return false;
	if (!check_log_options(m, error) || !prepare_compressor(m, error))
		return false;
	if (m->log.journald) {
		set->journal_partial = !o->no_container_partial_message;
		set->journal_prefixes = o->log_priority_prefix;
		set->journal_fields = logspec_journal_fields(o->cid, o->log_tag, o->name, o->log_label, error);
	}
	return !m->log.journald || set->journal_fields;
}

/* We must be the last to be killed when memory runs out; what we start must not. Often not permitted: then we cope. */
static void protect_from_oom(struct monitor *m)
{
	struct relay_setup *set = &m->relay.set;
	ssize_t n = rw_read_file(AT_FDCWD, "/proc/self/oom_score_adj", m->oom_score, sizeof m->oom_score);

	if (n > 0 && rw_write_control(AT_FDCWD, "/proc/self/oom_score_adj", "-1000") == 0)
		set->runtime.oom_score = set->exit_command.oom_score = set->compressor.oom_score = m->oom_score;
}

static struct record_file record_at(const char *dir, const char *name)
{
	char *path = dir ? g_build_filename(dir, name, NULL) : NULL;

	return (struct record_file){ .path = path, .fd = -1, .temp = path ? g_malloc(strlen(path) + RECORD_SUFFIX) : NULL };
}

static void find_paths(struct monitor *m)
{
	const struct monitor_options *o = &m->options;
	struct relay_setup *set = &m->relay.set;
	g_autofree char *cwd = g_get_current_dir();
	struct record_file dump;

	m->bundle = o->bundle ? g_strdup(o->bundle) : o->exec ? NULL : g_strdup(cwd);
	m->pid_file = o->container_pidfile ? g_strdup(o->container_pidfile) : g_strdup_printf("%s/pidfile-%s", cwd, o->cid);
	set->pid_file = m->pid_file;
	set->spill_dir = m->bundle;
	set->exit_file = record_at(o->exit_dir, o->cid);
	set->persist_file = record_at(o->persist_dir, "exit");
	set->json_file = record_at(m->bundle, "exit.json");
	set->persist_json_file = record_at(o->persist_dir, "exit.json");
	dump = record_at(m->bundle, "state-dump.json");
	set->dump_path = dump.path;
	set->dump_temp = dump.temp;
	set->oom_path = o->bundle ? g_build_filename(o->bundle, "oom", NULL) : NULL;
	set->persist_oom_path = o->persist_dir ? g_build_filename(o->persist_dir, "oom", NULL) : NULL;
}

static void fill_setup(struct monitor *m)
{
	const struct monitor_options *o = &m->options;
	struct relay_setup *set = &m->relay.set;

	set->id = o->cid;
	set->exec = o->exec;
	set->terminal = o->terminal;
	set->no_sync_log = o->no_sync_log;
	set->attach_overflow = (enum attach_overflow)o->overflow;
	set->attach_replay = (uint32_t)o->attach_replay;
	set->close_stdin = o->stdin_open && !o->leave_stdin_open;
	set->timeout_s = o->timeout > 0 ? (unsigned int)o->timeout : 0;
	set->tell_pid = o->api_version || !o->exec;
	set->log_size_max = o->log_size_max;
	set->log_total_max = o->log_global_size_max;
	set->log_marker = o->log_drop_marker;
	set->rotation = (struct rotation){ .keep = o->log_rotate, .max_files = o->log_max_files };
	set->stdin_fd = set->stdout_fd = set->stderr_fd = -1;
	set->console_fd = set->notify_fd = set->attach_fd = set->ctl_fd = set->winsz_fd = set->sync_fd = -1;
	set->say = messages_say;
	set->user = &m->messages;
}

/* NAME.?????? is a reservation; that of a dead monitor is nobody's. It is empty: the record of a container that happens
 * to be called so is not. */
static void remove_reservation(int dir_fd, const char *entry, void *user)
{
	const char *name = user;
	size_t len = strlen(name);
	struct stat st;

	if (strlen(entry) == len + 7 && strncmp(entry, name, len) == 0 && entry[len] == '.' &&
		fstatat(dir_fd, entry, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
		(void)unlinkat(dir_fd, entry, 0); /* no reason to fail: reserving will tell */
}

/* A record of an earlier run must not be taken for this one's. */
static void remove_leftovers(const char *path, bool keep_as_old)
{
	g_autofree char *dir_name = path ? g_path_get_dirname(path) : NULL, *name = path ? g_path_get_basename(path) : NULL;
	auto_fd dir = path ? open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0)
		return; /* without the directory there is nothing in it; writing the record will tell */
	if (keep_as_old) {
		g_autofree char *old = g_strconcat(name, ".1", NULL);

		(void)renameat(dir, name, dir, old); /* usually there is none */
	}
	(void)dir_list(dir, remove_reservation, name);
}

static bool prepare_stdio(struct monitor *m, GError **error)
{
	const struct monitor_options *o = &m->options;
	struct relay_setup *set = &m->relay.set;

	if (m->log.passthrough) {
		for (int i = 0; i < 3; i++) {
			set->runtime.stdio[i] = i;
			set->runtime_fds[i] = -1;
		}
		set->passthrough = true;
	} else if (!endpoints_pipes(set, o->stdin_open, m->null_fd, error)) {
		return false;
	}
	return !o->terminal || endpoints_console(set, error);
}

static bool prepare_control(struct monitor *m, GError **error)
{
	const struct monitor_options *o = &m->options;
	struct relay_setup *set = &m->relay.set;
	const char *link_dir = o->full_attach ? NULL : o->socket_dir_path ?: DEFAULT_SOCKET_DIR;
	struct syncpipe attach_pipe = { m->attach_pipe_fd, "data" };
	int r;

	if (!o->bundle && o->exec)
		return true;
	if (m->log.passthrough)
		return true;
	if (!endpoints_attach(set, m->bundle, link_dir, o->cuuid, error) || !endpoints_fifos(set, m->bundle, error))
		return false;
	r = o->exec_attach ? syncpipe_send(&attach_pipe, 0, NULL, 0) : 0;
	m->attach_pipe_fd = attach_pipe.fd;
	return r == 0 || fail_with(error, r, "write to the attach pipe");
}

static bool prepare_programs(struct monitor *m, GError **error)
{
	const struct monitor_options *o = &m->options;
	struct relay_setup *set = &m->relay.set;
	char *place, **env = launch_environment(o, getpid(), &place, error);

	if (!env)
		return false;
	set->runtime.path = o->runtime;
	set->runtime.argv = launch_runtime_argv(o, m->bundle, m->pid_file, set->console_path);
	set->runtime.envp = env;
	set->runtime.listen_pid = place;
	set->runtime.die_with_parent = true;
	set->runtime.wait_fd = o->exec_attach ? m->start_fd : -1;
	set->exit_command.path = o->exit_command;
	set->exit_command.argv = launch_exit_argv(o);
	set->exit_command.envp = environ;
	set->exit_command.wait_fd = -1;
	set->exit_command.close_from = 3;
	set->exit_command.delay_s = (unsigned int)o->exit_delay;
	for (int i = 0; i < 3; i++)
		set->exit_command.stdio[i] = m->null_fd;
	set->null_fd = m->null_fd;
	set->inherited = (const int *)(void *)m->inherited->data;
	set->n_inherited = m->inherited->len;
	return true;
}

/* In the foreground: everything up to the detaching fork. */
static bool foreground(struct monitor *m, GError **error)
{
	const struct monitor_options *o = &m->options;

	fill_setup(m);
	if (!open_logs(m, error))
		return false;
	find_paths(m);
	protect_from_oom(m);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!parent_pipe("_OCI_STARTPIPE", &m->start_fd, error))
		return false;
	if (m->start_fd >= 0 && !parent_wait_start(m->start_fd, error))
		return false;
	parent_not_inherited(m->inherited, m->start_fd);
	if (!o->exec_attach)
		fd_close(&m->start_fd);
	m->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (m->null_fd < 0)
		return fail_errno(error, "Failed to open /dev/null");
	return o->sync || parent_detach(o->conmon_pidfile, error);
}

/* Detached: from here on the caller hears of a mistake on the sync pipe. */
static bool background(struct monitor *m, GError **error)
{
	const struct monitor_options *o = &m->options;
	int r;

	if (!parent_pipe("_OCI_SYNCPIPE", &m->relay.set.sync_fd, error))
		return false;
	parent_not_inherited(m->inherited, m->relay.set.sync_fd);
	if (o->exec_attach && !parent_pipe("_OCI_ATTACHPIPE", &m->attach_pipe_fd, error))
		return false;
	if (o->exec_attach && m->attach_pipe_fd < 0)
		return fail(error, "--attach specified but _OCI_ATTACHPIPE was not");
	parent_not_inherited(m->inherited, m->attach_pipe_fd);
	(void)setsid(); /* fails only where we lead a group already: with --sync */
	r = sys_set_subreaper(true);
	if (r < 0)
		return fail_with(error, r, "become the reaper of the container's processes");
	remove_leftovers(m->relay.set.exit_file.path, false);
	remove_leftovers(m->relay.set.persist_file.path, false);
	remove_leftovers(m->relay.set.json_file.path, true);
	remove_leftovers(m->relay.set.persist_json_file.path, true);
	if (m->relay.set.dump_path)
		(void)unlink(m->relay.set.dump_path); /* what it tells is over */
	if (o->sdnotify_socket && !endpoints_notify(&m->relay.set, m->bundle, o->sdnotify_socket, error))
		return false;
	if (!prepare_stdio(m, error) || !prepare_control(m, error) || !prepare_programs(m, error))
		return false;
	fd_close(&m->attach_pipe_fd);
	return true;
}

static void use_null_stdio(const struct monitor *m)
{
	for (int i = 0; i < 3; i++)
		if (dup2(m->null_fd, i) < 0)
			diag_warning("replace stdio by /dev/null: %s", strerror(errno));
}

static _Noreturn void report_and_leave(struct monitor *m, GError *error)
{
	tell_caller(m, m->relay.set.sync_key, error);
	/* What is not in the engine's own directories nobody else would remove. */
	if (m->relay.set.console_path)
		(void)unlink(m->relay.set.console_path);
	if (m->relay.set.console_dir)
		(void)rmdir(m->relay.set.console_dir);
	if (m->relay.set.socket_link)
		(void)unlink(m->relay.set.socket_link);
	leave(error);
}

int main(int argc, char **argv)
{
	struct monitor *m = &monitor;
	g_autoptr(GError) error = NULL;
	sigset_t mask; /* as long as the relay */

	if (fd_complete_stdio() < 0)
		return EXIT_FAILURE; /* and nowhere to say it */
	m->inherited = parent_inherited();
	m->start_fd = m->attach_pipe_fd = m->null_fd = m->relay.set.sync_fd = -1;
	(void)umask(0022);
	read_options(m, argc, argv);
	if (!foreground(m, &error) || !background(m, &error))
		report_and_leave(m, error);
	if (!m->log.passthrough)
		use_null_stdio(m);
	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	m->relay.set.runtime.mask = m->relay.set.exit_command.mask = m->relay.set.compressor.mask = &mask;
	tzset(); /* the zone is read now; the relay only looks it up */
	(void)malloc_trim(0);
	return relay_run(&m->relay);
}
