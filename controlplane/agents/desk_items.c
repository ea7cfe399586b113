// SPDX-License-Identifier: BSD-3-Clause
//
// Messages that are with an agent, or offered to some: a hash table by id. Ids are arrival numbers, so their low
// bits spread well. One thread.
#include <stdlib.h>

#include "controlplane/agents/desk_parts.h"

enum { FIRST_SLOTS = 64 };

struct core_item *core_item_find(const struct core_items *items, uint64_t id)
{
	struct core_item *item = items->slots ? items->slots[id & items->mask] : NULL;

	while (item && item->id != id)
		item = item->next;
	return item;
}

// Makes room for one more. A table that cannot grow goes on with longer chains.
static bool make_room(struct core_items *items)
{
	uint32_t n = items->slots ? 2 * (items->mask + 1) : FIRST_SLOTS;
	struct core_item **slots;

	if (items->slots && items->n <= items->mask)
		return true;
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return items->slots != NULL;
	for (uint32_t i = 0; items->slots && i <= items->mask; i++)
		while (items->slots[i]) {
			struct core_item *item = items->slots[i];

			items->slots[i] = item->next;
			item->next = slots[item->id & (n - 1)];
			slots[item->id & (n - 1)] = item;
		}
	free(items->slots);
	items->slots = slots;
	items->mask = n - 1;
	return true;
}

struct core_item *core_item_add(struct core_items *items, uint64_t id, uint32_t queue)
{
	struct core_item *item = make_room(items) ? calloc(1, sizeof(*item)) : NULL;

	if (!item)
		return NULL;
	item->id = id;
	item->queue = queue;
	item->state = CORE_OFFERED;
	item->next = items->slots[id & items->mask];
	items->slots[id & items->mask] = item;
	items->n++;
	return item;
}

void core_item_remove(struct core_items *items, struct core_item *item)
{
	struct core_item **at = &items->slots[item->id & items->mask];

	while (*at != item)
		at = &(*at)->next;
	*at = item->next;
	items->n--;
	free(item->rung);
	free(item);
}

void core_items_fini(struct core_items *items)
{
	for (uint32_t i = 0; items->slots && i <= items->mask; i++)
		while (items->slots[i])
			core_item_remove(items, items->slots[i]);
	free(items->slots);
	*items = (struct core_items){ 0 };
}

void core_items_each(struct core *core, void (*each)(struct core *core, struct core_item *item, uint64_t now),
		     uint64_t now)
{
	for (uint32_t i = 0; core->items.slots && i <= core->items.mask; i++)
		for (struct core_item *item = core->items.slots[i], *next; item; item = next) {
			next = item->next;
			each(core, item, now);
		}
}

bool core_item_rang(const struct core_item *item, const struct core_agent *agent)
{
	for (unsigned i = 0; i < item->n_rung; i++)
		if (item->rung[i] == agent)
			return true;
	return false;
}

bool core_item_ring(struct core_item *item, struct core_agent *agent)
{
	struct core_agent **rung = reallocarray(item->rung, item->n_rung + 1, sizeof(struct core_agent *));

	if (!rung)
		return false;
	item->rung = rung;
	rung[item->n_rung++] = agent;
	return true;
}
