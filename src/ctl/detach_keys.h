/* The keys that leave a terminal session without ending it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define DETACH_KEYS_MAX     16

struct detach_keys {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t n_keys;    /* 0: there is no way to detach */
	size_t n_matched; /* keys seen and held back */
};

/* Parses "ctrl-p,ctrl-q": single characters, or ctrl- and one of a-z @ [ \ ] ^ _; "" for none. */
bool detach_keys_parse(struct detach_keys *ret_keys, const char *text, GError **error);

/* Passes n bytes of input through: what goes on is in out (n + DETACH_KEYS_MAX bytes), its size in *ret_n. Bytes that
 * may be the beginning of the keys are held back until the next one shows. True when the keys are complete; what came
 * after them is dropped. */
bool detach_keys_filter(struct detach_keys *k, const unsigned char *in, size_t n, unsigned char *out, size_t *ret_n);
