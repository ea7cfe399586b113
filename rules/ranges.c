// SPDX-License-Identifier: BSD-3-Clause
//
// Blocked prefixes as disjoint ascending ranges of addresses; overlapping and adjoining ones are one.

#include <errno.h>
#include <stdlib.h>

#include "rules/build.h"

struct range {
	unsigned __int128 first, last;
};

static unsigned __int128 address_number(const struct blocked_def *blocked)
{
	unsigned __int128 number = 0;

	for (unsigned i = 0; i < (blocked->family == 4 ? 4 : 16); i++)
		number = number << 8 | blocked->address[i];
	return number;
}

static struct range prefix_range(const struct blocked_def *blocked)
{
	unsigned host = (blocked->family == 4 ? 32 : 128) - blocked->length;
	unsigned __int128 first = address_number(blocked);
	unsigned __int128 rest = host == 128 ? ~(unsigned __int128)0 : ((unsigned __int128)1 << host) - 1;

	return (struct range){.first = first & ~rest, .last = first | rest};
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->last < y->last ? -1 : x->last > y->last;
}

static uint32_t merge_ranges(struct range *range, uint32_t n)
{
	uint32_t last = 0;

	if (n == 0)
		return 0;
	qsort(range, n, sizeof(*range), compare_ranges);
	for (uint32_t i = 1; i < n; i++) {
		if (range[i].first <= range[last].last || range[i].first == range[last].last + 1) {
			if (range[i].last > range[last].last)
				range[last].last = range[i].last;
		} else {
			range[++last] = range[i];
		}
	}
	return last + 1;
}

static struct range *collect(const struct rule_set *rules, unsigned family, uint32_t *n)
{
	struct range *range = malloc(((size_t)rules->n_blocked + 1) * sizeof(*range));

	*n = 0;
	if (range == NULL)
		return NULL;
	for (uint32_t i = 0; i < rules->n_blocked; i++)
		if (rules->blocked[i].family == family)
			range[(*n)++] = prefix_range(&rules->blocked[i]);
	*n = merge_ranges(range, *n);
	return range;
}

int blocked4_make(const struct rule_set *rules, struct blocked4_range **out, uint32_t *n)
{
	struct range *range = collect(rules, 4, n);

	*out = range == NULL ? NULL : malloc(((size_t)*n + 1) * sizeof(**out));
	if (*out != NULL)
		for (uint32_t i = 0; i < *n; i++)
			(*out)[i] = (struct blocked4_range){(uint32_t)range[i].first, (uint32_t)range[i].last};
	free(range);
	return *out == NULL ? -ENOMEM : 0;
}

int blocked6_make(const struct rule_set *rules, struct blocked6_range **out, uint32_t *n)
{
	struct range *range = collect(rules, 6, n);

	*out = range == NULL ? NULL : malloc(((size_t)*n + 1) * sizeof(**out));
	if (*out != NULL)
		for (uint32_t i = 0; i < *n; i++)
			(*out)[i] = (struct blocked6_range){
				.first = {(uint64_t)(range[i].first >> 64), (uint64_t)range[i].first},
				.last = {(uint64_t)(range[i].last >> 64), (uint64_t)range[i].last},
			};
	free(range);
	return *out == NULL ? -ENOMEM : 0;
}
