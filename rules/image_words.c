// SPDX-License-Identifier: BSD-3-Clause
//
// Fills the buckets of domains and names. A name's string is its tenant's; domains' strings are
// put here in the order of their slots, so that the check of an image (table_words.c) reads them one after the other.

#include "rules/image.h"
#include "rules/lookup_words.h"

enum { ITEM_AHEAD = 32, TEXT_AHEAD = 16 }; // slots that are fetched before they are filled

static const struct word_item *item_of(const struct word_list *list, size_t at)
{
	size_t n = (size_t)TABLE_WORD_WAYS << list->bits;

	return at < n && list->slots[at] != 0 ? &list->item[list->slots[at] - 1] : NULL;
}

static void fetch(const struct word_list *list, size_t at)
{
	const struct word_item *item = item_of(list, at + TEXT_AHEAD);

	__builtin_prefetch(item_of(list, at + ITEM_AHEAD));
	if (item != NULL)
		__builtin_prefetch(item->text);
}

static void fill(struct image_work *work, const struct word_list *list, enum table_section_id id, bool domains)
{
	struct word_bucket *bucket = image_section(work, id);
	size_t n = (size_t)TABLE_WORD_WAYS << list->bits;

	for (size_t at = 0; at < n; at++) {
		const struct word_item *item = item_of(list, at);

		fetch(list, at);
		if (item == NULL)
			continue;
		bucket[at / TABLE_WORD_WAYS].slot[at % TABLE_WORD_WAYS] = (struct word_slot){
			.tag = word_tag(item->hash),
			.string = domains ? image_put_string(work, item->text) : item->string,
			.tenant = item->tenant,
			.length = (uint16_t)item->length,
		};
	}
}

void image_fill_words(struct image_work *work)
{
	for (uint32_t i = 0; i < work->names.n; i++)
		work->names.item[i].string = work->name_at[i];
	fill(work, &work->domains, TABLE_DOMAINS, true);
	fill(work, &work->names, TABLE_NAMES, false);
}
