/* The keys that leave a terminal session without ending it. */
#include "ctl/detach_keys.h"

#include <string.h>

#include "common/error.h"

static bool parse_key(const char *word, unsigned char *ret_key)
{
	const char *c = word;

	if (g_str_has_prefix(word, "ctrl-")) {
		c += strlen("ctrl-");
		if (strlen(c) != 1 || !(g_ascii_islower(*c) || strchr("@[\\]^_", *c)))
			return false;
		*ret_key = (unsigned char)*c & 0x1f;
		return true;
	}
	if (strlen(word) != 1)
		return false;
	*ret_key = (unsigned char)*word;
	return true;
}

bool detach_keys_parse(struct detach_keys *ret_keys, const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	struct detach_keys k = { .n_keys = 0 };

	if (g_strv_length(words) > DETACH_KEYS_MAX)
		return fail(error, "detach keys \"%s\": more than %d", text, DETACH_KEYS_MAX);
	for (char **w = words; *w; w++)
		if (!parse_key(*w, &k.keys[k.n_keys++]))
			return fail(error,
				"detach keys \"%s\": \"%s\" is neither a character nor ctrl- and one of a-z @[\\]^_",
				text, *w);
	*ret_keys = k;
	return true;
}

/* A key that does not go on with the match: gives up the oldest held keys until the rest matches again. */
static size_t give_up(struct detach_keys *k, unsigned char *out)
{
	size_t n = 0;

	do {
		out[n] = k->keys[n];
		n++;
		k->n_matched--;
		/* What is held are keys n.. of those that matched; are they a beginning of the keys, too? */
	} while (k->n_matched > 0 && memcmp(k->keys, k->keys + n, k->n_matched) != 0);
	return n;
}

bool detach_keys_filter(struct detach_keys *k, const unsigned char *in, size_t n, unsigned char *out, size_t *ret_n)
{
	size_t n_out = 0;

	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		while (k->n_matched > 0 && in[i] != k->keys[k->n_matched])
			n_out += give_up(k, out + n_out);
		if (k->n_keys > 0 && in[i] == k->keys[k->n_matched])
			k->n_matched++;
		else
			out[n_out++] = in[i];
		*ret_n = n_out;
		if (k->n_keys > 0 && k->n_matched == k->n_keys)
			return true;
	}
	*ret_n = n_out;
	return false;
}
