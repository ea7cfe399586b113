// SPDX-License-Identifier: BSD-3-Clause
//
// Places the tenants' domains, or their names, in the buckets of an image; private to the compiler.
#pragma once

#include "rules/model.h"

struct word_item {
	const char *text; // the rule_set's; a domain is in lower case
	uint64_t hash;
	uint32_t string; // offset into the image's STRINGS, once it is known (image_words.c)
	uint32_t tenant; // id
	uint32_t length;
};

struct word_list {
	struct word_item *item;
	uint32_t n;
	unsigned bits;   // 2^bits buckets of TABLE_WORD_WAYS slots
	uint32_t *slots; // by slot: position in `item` + 1, or 0
};

// Lists and places every domain, or every name. Returns 0 or -ENOMEM; words_fini in either case.
int words_init(struct word_list *list, const struct rule_set *rules, bool domains);
void words_fini(struct word_list *list);
