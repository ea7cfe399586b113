// SPDX-License-Identifier: BSD-3-Clause
//
// "Did you mean": the known name nearest to one that is not known, by optimal string alignment
// distance (insert, remove, change, swap two neighbours).
#include <limits.h>
#include <string.h>

#include "dataplane/abi/names.h"
#include "rules/index.h"

enum { NEAR = 2 }; // further apart than this is another name, not a slip

static int min_int(int a, int b)
{
	return a < b ? a : b;
}

static int distance(const char *a, int n, const char *b, int m)
{
	int row[3][WEIR_NAME_MAX + 1], *two = row[0], *one = row[1], *now = row[2], *swap;

	for (int j = 0; j <= m; j++)
		one[j] = j;
	for (int i = 1; i <= n; i++) {
		now[0] = i;
		for (int j = 1; j <= m; j++) {
			now[j] = min_int(one[j], now[j - 1]) + 1;
			now[j] = min_int(now[j], one[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min_int(now[j], two[j - 2] + 1);
		}
		swap = two;
		two = one;
		one = now;
		now = swap;
	}
	return one[m];
}

int name_distance(const char *name, const char *near)
{
	int n = (int)strnlen(name, WEIR_NAME_MAX + 1), m = (int)strnlen(near, WEIR_NAME_MAX + 1), d;
	int limit = n < 4 ? 1 : NEAR;

	if (n == 0 || n > WEIR_NAME_MAX || m > WEIR_NAME_MAX || n - m > limit || m - n > limit)
		return -1;
	d = distance(name, n, near, m);
	return d <= limit && d < n ? d : -1;
}

const char *name_index_nearest(const struct name_index *index, const char *name)
{
	const char *best = NULL;
	int best_distance = INT_MAX;

	for (uint32_t i = 0; index->slots != NULL && i <= index->mask; i++) {
		const char *known = index->slots[i].name;
		int d = known != NULL ? name_distance(name, known) : -1;

		// of equally near names the first in the alphabet, not the first in the table
		if (d >= 0 &&
		    (d < best_distance || (d == best_distance && strcmp(known, best) < 0))) {
			best = known;
			best_distance = d;
		}
	}
	return best;
}
