// SPDX-License-Identifier: BSD-3-Clause
//
// A sorted list of queues. Writer's thread.
#include "controlplane/spool_queues.h"

#include <stdlib.h>
#include <string.h>

void queue_list_fini(struct queue_list *list)
{
	free(list->entries);
	*list = (struct queue_list){ 0 };
}

// Index of the first entry that is not before `name`.
static uint32_t position(const struct queue_list *list, const char *name)
{
	uint32_t low = 0, high = list->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(list->entries[middle].queue.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct queue_entry *queue_list_find(const struct queue_list *list, const char *name)
{
	uint32_t at = position(list, name);

	return at < list->n && strcmp(list->entries[at].queue.name, name) == 0 ? &list->entries[at] : NULL;
}

struct queue_entry *queue_list_by_id(const struct queue_list *list, uint32_t id)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (list->entries[i].queue.id == id)
			return &list->entries[i];
	return NULL;
}

struct queue_entry *queue_list_add(struct queue_list *list, const struct spool_queue *queue)
{
	uint32_t at = position(list, queue->name);

	if (list->n == list->room) {
		uint32_t room = list->room ? 2 * list->room : 16;
		struct queue_entry *entries = reallocarray(list->entries, room, sizeof(*entries));

		if (!entries)
			return NULL;
		list->entries = entries;
		list->room = room;
	}
	memmove(&list->entries[at + 1], &list->entries[at], (list->n - at) * sizeof(list->entries[0]));
	list->entries[at] = (struct queue_entry){ .queue = *queue };
	list->n++;
	return &list->entries[at];
}
