// SPDX-License-Identifier: BSD-3-Clause
//
// Ranges in any order, overlapping in any way, made disjoint: a sweep over the addresses with a heap of the rows that
// hold the present one, the one that was read last on top. Files are mostly in order and disjoint: that is seen first.

#include <errno.h>
#include <stdlib.h>

#include "rules/geo.h"

struct sweep {
	const struct geo_range *row;
	uint32_t *order; // row numbers by first address
	uint32_t *heap;  // row numbers, the largest on top
	struct geo_range *out;
	uint32_t n_heap, n_out, n_overlaps, overlap;
};

static bool is_disjoint(const struct geo_rows *rows)
{
	for (uint32_t i = 1; i < rows->n; i++)
		if (rows->row[i].first <= rows->row[i - 1].last)
			return false;
	return true;
}

static int compare_first(const void *a, const void *b, void *context)
{
	const struct geo_range *row = context;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (row[x].first != row[y].first)
		return row[x].first < row[y].first ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void heap_push(struct sweep *sweep, uint32_t number)
{
	uint32_t at = sweep->n_heap++;

	for (; at > 0 && sweep->heap[(at - 1) / 2] < number; at = (at - 1) / 2)
		sweep->heap[at] = sweep->heap[(at - 1) / 2];
	sweep->heap[at] = number;
}

static void heap_pop(struct sweep *sweep)
{
	uint32_t last = sweep->heap[--sweep->n_heap], at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < sweep->n_heap && sweep->heap[child + 1] > sweep->heap[child])
			child++;
		if (child >= sweep->n_heap || sweep->heap[child] < last)
			break;
		sweep->heap[at] = sweep->heap[child];
		at = child;
	}
	sweep->heap[at] = last;
}

// Drops rows that end before `at` from the top.
static void expire(struct sweep *sweep, unsigned __int128 at)
{
	while (sweep->n_heap > 0 && sweep->row[sweep->heap[0]].last < at)
		heap_pop(sweep);
}

static void enter(struct sweep *sweep, uint32_t number)
{
	const struct geo_range *row = &sweep->row[number], *top;

	expire(sweep, row->first);
	top = sweep->n_heap > 0 ? &sweep->row[sweep->heap[0]] : NULL;
	if (top != NULL && top->row >> TABLE_GEO_ROW_BITS == row->row >> TABLE_GEO_ROW_BITS && sweep->n_overlaps++ == 0)
		sweep->overlap = top > row ? top->row : row->row;
	heap_push(sweep, number);
}

static void emit(struct sweep *sweep, unsigned __int128 first, unsigned __int128 last)
{
	const struct geo_range *row = &sweep->row[sweep->heap[0]];
	struct geo_range *before = sweep->n_out > 0 ? &sweep->out[sweep->n_out - 1] : NULL;

	if (before != NULL && before->row == row->row && before->last + 1 == first && before->country == row->country)
		before->last = last;
	else
		sweep->out[sweep->n_out++] =
			(struct geo_range){.first = first, .last = last, .row = row->row, .country = row->country};
}

// Every turn begins or ends a row, so at most two ranges a row come out.
static void run(struct sweep *sweep, uint32_t n)
{
	unsigned __int128 at = 0, end;
	uint32_t next = 0;

	while (next < n || sweep->n_heap > 0) {
		if (sweep->n_heap == 0)
			at = sweep->row[sweep->order[next]].first;
		while (next < n && sweep->row[sweep->order[next]].first == at)
			enter(sweep, sweep->order[next++]);
		end = sweep->row[sweep->heap[0]].last;
		if (next < n && sweep->row[sweep->order[next]].first <= end)
			end = sweep->row[sweep->order[next]].first - 1;
		emit(sweep, at, end);
		at = end + 1;
		if (at == 0)
			break;
		expire(sweep, at);
	}
}

static int sweep_all(struct geo_rows *rows, struct sweep *sweep)
{
	sweep->row = rows->row;
	sweep->order = malloc(rows->n * sizeof(*sweep->order));
	sweep->heap = malloc(rows->n * sizeof(*sweep->heap));
	sweep->out = malloc(2 * (size_t)rows->n * sizeof(*sweep->out));
	if (sweep->order == NULL || sweep->heap == NULL || sweep->out == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < rows->n; i++)
		sweep->order[i] = i;
	qsort_r(sweep->order, rows->n, sizeof(*sweep->order), compare_first, rows->row);
	run(sweep, rows->n);
	free(rows->row);
	*rows = (struct geo_rows){.row = sweep->out, .n = sweep->n_out, .max = 2 * rows->n};
	sweep->out = NULL;
	return 0;
}

static void drop_empty(struct geo_rows *rows)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < rows->n; i++)
		if (rows->row[i].country != WEIR_COUNTRY_NONE)
			rows->row[kept++] = rows->row[i];
	rows->n = kept;
}

int geo_resolve(struct geo_rows *rows, uint32_t *n_overlaps, uint32_t *overlap)
{
	struct sweep sweep = {0};
	int err = is_disjoint(rows) ? 0 : sweep_all(rows, &sweep);

	free(sweep.order);
	free(sweep.heap);
	free(sweep.out);
	*n_overlaps = sweep.n_overlaps;
	*overlap = sweep.overlap;
	if (err == 0)
		drop_empty(rows);
	return err;
}
