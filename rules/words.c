// SPDX-License-Identifier: BSD-3-Clause
//
// Cuckoo placement in buckets of four: a word goes to the bucket of its hash, where that is full to its other one,
// where both are it takes the place of another, which goes on to its own other bucket. Buckets only ever fill, so
// that a word in its second bucket always has a full first one. The same words in the same order are placed alike.

#include "rules/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/lookup_words.h"

enum { MAX_MOVES = 500, AHEAD = 16 };

static uint32_t count_words(const struct rule_set *rules, bool domains)
{
	uint32_t n = 0;

	for (uint32_t i = 0; domains && i < rules->n_tenants; i++)
		n += rules->tenants[i].n_domains;
	return domains ? n : rules->n_tenants;
}

static void put_item(struct word_list *list, const char *text, uint32_t tenant, bool domain)
{
	size_t length = strlen(text);
	struct word_key key;

	word_key_init(&key, text, length, domain);
	list->item[list->n++] =
		(struct word_item){.text = text, .hash = key.hash, .tenant = tenant, .length = (uint32_t)length};
}

static void fill_items(struct word_list *list, const struct rule_set *rules, bool domains)
{
	for (uint32_t i = 0; i < rules->n_tenants; i++) {
		const struct tenant_def *tenant = &rules->tenants[i];

		for (unsigned k = 0; domains && k < tenant->n_domains; k++)
			put_item(list, tenant->domains[k], tenant->id, true);
		if (!domains)
			put_item(list, tenant->name, tenant->id, false);
	}
}

static bool put_in(const struct word_list *list, uint32_t bucket, uint32_t number)
{
	uint32_t *way = &list->slots[(size_t)bucket * TABLE_WORD_WAYS];

	for (unsigned i = 0; i < TABLE_WORD_WAYS; i++)
		if (way[i] == 0) {
			way[i] = number;
			return true;
		}
	return false;
}

// Places item `number` - 1, moving others where both its buckets are full. False when that takes too long.
static bool place(const struct word_list *list, uint32_t number)
{
	uint32_t mask = (UINT32_C(1) << list->bits) - 1;
	uint32_t at = word_bucket1(list->item[number - 1].hash, mask);

	if (put_in(list, at, number))
		return true;
	for (unsigned moves = 0; moves < MAX_MOVES; moves++) {
		uint64_t hash = list->item[number - 1].hash;
		uint32_t *way, other;

		at ^= word_bucket1(hash, mask) ^ word_bucket2(hash, mask);
		if (put_in(list, at, number))
			return true;
		way = &list->slots[(size_t)at * TABLE_WORD_WAYS + moves % TABLE_WORD_WAYS];
		other = *way;
		*way = number;
		number = other;
	}
	return false;
}

static bool place_all(const struct word_list *list)
{
	uint32_t mask = (UINT32_C(1) << list->bits) - 1;

	memset(list->slots, 0, (sizeof(*list->slots) * TABLE_WORD_WAYS) << list->bits);
	for (uint32_t i = 0; i < list->n; i++) {
		if (i + AHEAD < list->n)
			__builtin_prefetch(&list->slots[(size_t)word_bucket1(list->item[i + AHEAD].hash, mask) *
							TABLE_WORD_WAYS]);
		if (!place(list, i + 1))
			return false;
	}
	return true;
}

// Between 31 and 62 ways of 100 are taken.
static unsigned first_bits(uint32_t n)
{
	unsigned bits = 0;

	while ((UINT64_C(5) * TABLE_WORD_WAYS << bits) < UINT64_C(8) * n)
		bits++;
	return bits;
}

int words_init(struct word_list *list, const struct rule_set *rules, bool domains)
{
	uint32_t n = count_words(rules, domains);
	bool placed = false;

	*list = (struct word_list){.item = malloc(((size_t)n + 1) * sizeof(*list->item))};
	if (list->item == NULL)
		return -ENOMEM;
	fill_items(list, rules, domains);
	for (list->bits = first_bits(n); !placed; list->bits += !placed) {
		free(list->slots);
		list->slots = malloc((sizeof(*list->slots) * TABLE_WORD_WAYS) << list->bits);
		if (list->slots == NULL)
			return -ENOMEM;
		placed = place_all(list);
	}
	return 0;
}

void words_fini(struct word_list *list)
{
	free(list->item);
	free(list->slots);
	*list = (struct word_list){0};
}
