/* The ENOSYS stub: classic BPF over struct seccomp_data, put in front of libseccomp's program, which loads all it needs
 * anew. */
#include "runtime/seccomp_internal.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>

#define X32_BIT 0x40000000u

static void emit(GArray *program, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	struct sock_filter insn = { .code = code, .jt = jt, .jf = jf, .k = k };

	g_array_append_val(program, insn);
}

static const struct seccomp_newest *find(const struct seccomp_newest *newest, size_t n, uint32_t token)
{
	for (size_t i = 0; i < n; i++)
		if (newest[i].token == token)
			return &newest[i];
	return NULL;
}

/* Answers ENOSYS to a number above this one; else goes on, with the number loaded. */
static void emit_limit(GArray *program, uint32_t number)
{
	emit(program, BPF_JMP | BPF_JGT | BPF_K, 0, 1, number);
	emit(program, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS);
}

/* Out of the stub; the distance is filled in at the end. */
static void emit_leave(GArray *program)
{
	emit(program, BPF_JMP | BPF_JA, 0, 0, UINT32_MAX);
}

static void emit_arch(GArray *program, const struct seccomp_newest *row, const struct seccomp_newest *x32)
{
	guint start = program->len;

	emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, row->token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : row->token);
	emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	if (row->token == SCMP_ARCH_X86_64 || row->token == SCMP_ARCH_X32) {
		/* x32 calls come under the same architecture and have their own numbers. Where the profile does not
		 * speak of them they are the filter's to refuse. */
		emit(program, BPF_JMP | BPF_JGE | BPF_K, 0, x32 ? 3 : 1, X32_BIT);
		if (x32)
			emit_limit(program, x32->number);
		emit_leave(program);
	}
	if (row->token != SCMP_ARCH_X32)
		emit_limit(program, row->number);
	emit_leave(program);
	g_array_index(program, struct sock_filter, start + 1).jf = (uint8_t)(program->len - start - 2);
}

GArray *seccomp_stub(const struct seccomp_newest *newest, size_t n)
{
	GArray *program = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
	const struct seccomp_newest *x32 = find(newest, n, SCMP_ARCH_X32);

	for (size_t i = 0; i < n; i++)
		if (newest[i].token != SCMP_ARCH_X32 || !find(newest, n, SCMP_ARCH_X86_64))
			emit_arch(program, &newest[i], x32);
	for (guint i = 0; i < program->len; i++) {
		struct sock_filter *insn = &g_array_index(program, struct sock_filter, i);

		if (insn->code == (BPF_JMP | BPF_JA))
			insn->k = program->len - i - 1;
	}
	return program;
}
