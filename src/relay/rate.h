/* How much of a stream may be logged: bytes for each second, and how many at once after a pause. What passes may be more
 * than was left; then it is owed, so that over time no more than the rate passes, however large a record is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_MAX (1u << 30) /* of either value: the products below fit */

struct rate {
	uint64_t per_s; /* 0: no limit */
	uint64_t burst;
	int64_t left;   /* below 0: owed */
	uint64_t at_ns; /* until when it was counted, CLOCK_BOOTTIME */
};

/* Counts what the time until now has brought. */
static inline void rate_refill(struct rate *r, uint64_t now_ns)
{
	uint64_t missing = (uint64_t)((int64_t)r->burst - r->left), add;

	if (!r->per_s)
		return;
	if (!r->at_ns || (now_ns - r->at_ns) / 1000000000u > missing / r->per_s) {
		r->left = (int64_t)r->burst;
		r->at_ns = now_ns;
		return;
	}
	add = (now_ns - r->at_ns) * r->per_s / 1000000000u;
	r->left += (int64_t)(add < missing ? add : missing);
	r->at_ns = add < missing ? r->at_ns + add * 1000000000u / r->per_s : now_ns;
}

/* Whether n bytes may pass now; then they are counted. */
static inline bool rate_pass(struct rate *r, uint64_t n)
{
	if (r->per_s && r->left <= 0)
		return false;
	r->left -= r->per_s ? (int64_t)n : 0;
	return true;
}

/* How long until something worth the turn may pass: a twentieth of a second's bytes. */
static inline uint64_t rate_wait_ns(const struct rate *r)
{
	uint64_t want = r->per_s / 20 ?: 1;

	if (want > r->burst)
		want = r->burst;
	return r->left >= (int64_t)want ? 0 : (uint64_t)((int64_t)want - r->left) * 1000000000u / r->per_s + 1;
}
