/* Compiled filters, kept by the content they come from: libseccomp needs milliseconds for an engine's usual profile. An
 * entry is believed when it is ours to the last bit: directory and file belong to us and nobody else may write them,
 * and a checksum over key and program fits. Everything else is as good as absent. */
#include "runtime/seccomp_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"

#define MAGIC	    "tallybpf"
#define FORMAT	    1
#define MAX_ENTRIES 64
#define DIGEST_SIZE 32

struct entry_header {
	char magic[8];
	uint32_t format;
	uint32_t n_insns;
	uint8_t digest[DIGEST_SIZE]; /* of key and program */
};

/* --- key --- */

static void put_text(GString *s, const char *text)
{
	/* With the NUL, and absent is not the same as empty. */
	if (text)
		g_string_append_len(s, text, (gssize)strlen(text) + 1);
	else
		g_string_append_c(s, '\1');
}

static void put_number(GString *s, uint64_t value)
{
	g_string_append_len(s, (const char *)&value, sizeof value);
}

static void put_list(GString *s, const char *const *list)
{
	put_number(s, list ? g_strv_length((char **)list) : UINT64_MAX);
	for (; list && *list; list++)
		put_text(s, *list);
}

char *seccomp_key(const struct spec_seccomp *p)
{
	const struct scmp_version *v = seccomp_version();
	g_autoptr(GString) s = g_string_sized_new(16384);

	put_text(s, PACKAGE_VERSION);
	put_number(s, FORMAT);
	put_number(s, (uint64_t)v->major << 32 | (uint64_t)v->minor << 16 | v->micro);
	put_number(s, seccomp_arch_native());
	put_text(s, p->default_action);
	put_number(s, p->default_errno_ret.set ? p->default_errno_ret.value : UINT64_MAX);
	put_list(s, (const char *const *)p->architectures);
	put_number(s, p->n_syscalls);
	for (size_t i = 0; i < p->n_syscalls; i++) {
		const struct spec_syscall *call = &p->syscalls[i];

		put_list(s, (const char *const *)call->names);
		put_text(s, call->action);
		put_number(s, call->errno_ret.set ? call->errno_ret.value : UINT64_MAX);
		put_number(s, call->n_args);
		for (size_t a = 0; a < call->n_args; a++) {
			put_number(s, call->args[a].index);
			put_number(s, call->args[a].value);
			put_number(s, call->args[a].value_two);
			put_text(s, call->args[a].op);
		}
	}
	return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)s->str, s->len);
}

static void compute_digest(const char *key, const void *program, size_t size, uint8_t *ret_digest)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	gsize len = DIGEST_SIZE;

	g_checksum_update(sum, (const guchar *)key, -1);
	g_checksum_update(sum, program, (gssize)size);
	g_checksum_get_digest(sum, ret_digest, &len);
}

/* --- files --- */

static bool is_ours(int fd, mode_t type_and_mode)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_mode == type_and_mode && st.st_uid == geteuid() &&
	       (S_ISDIR(st.st_mode) || st.st_nlink == 1);
}

static int open_dir(const char *dir)
{
	auto_fd fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && is_ours(fd, S_IFDIR | 0700) ? steal_fd(&fd) : -1;
}

GArray *seccomp_cache_load(const char *dir, const char *key)
{
	auto_fd dir_fd = open_dir(dir);
	auto_fd fd = dir_fd < 0 ? -1 : openat(dir_fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	g_autoptr(GArray) program = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
	struct entry_header header;
	uint8_t digest[DIGEST_SIZE];
	size_t size;
	char more;

	if (fd < 0 || !is_ours(fd, S_IFREG | 0600))
		return NULL;
	if (rw_read_full(fd, &header, sizeof header) != sizeof header ||
		memcmp(header.magic, MAGIC, sizeof header.magic) != 0 || header.format != FORMAT ||
		header.n_insns == 0 || header.n_insns > BPF_MAXINSNS)
		return NULL;
	size = header.n_insns * sizeof(struct sock_filter);
	g_array_set_size(program, header.n_insns);
	if (rw_read_full(fd, program->data, size) != (ssize_t)size || rw_read(fd, &more, 1) != 0)
		return NULL;
	compute_digest(key, program->data, size, digest);
	return memcmp(digest, header.digest, sizeof digest) == 0 ? g_steal_pointer(&program) : NULL;
}

/* Keeps the directory small: with too many entries the one written longest ago goes. */
static void prune(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char oldest[NAME_MAX + 1] = "";
	time_t oldest_time = 0;
	unsigned int n = 0;
	struct dirent *e;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((e = readdir(dir))) {
		struct stat st;

		if (e->d_name[0] == '.' || fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (n++ == 0 || st.st_mtime < oldest_time) {
			oldest_time = st.st_mtime;
			g_strlcpy(oldest, e->d_name, sizeof oldest);
		}
	}
	closedir(dir);
	if (n > MAX_ENTRIES)
		(void)unlinkat(dir_fd, oldest, 0); /* another process may have been quicker */
}

void seccomp_cache_store(const char *dir, const char *key, const GArray *program)
{
	size_t size = program->len * sizeof(struct sock_filter);
	g_autofree char *data = g_malloc(sizeof(struct entry_header) + size);
	struct entry_header header = { .magic = MAGIC, .format = FORMAT, .n_insns = program->len };
	auto_fd dir_fd = -1;

	(void)mkdir(dir, 0700); /* open_dir checks what is there */
	dir_fd = open_dir(dir);
	if (dir_fd < 0)
		return;
	compute_digest(key, program->data, size, header.digest);
	memcpy(data, &header, sizeof header);
	memcpy(data + sizeof header, program->data, size);
	if (rw_replace_file(dir_fd, key, data, sizeof header + size, 0600) == 0)
		prune(dir_fd);
}
