// SPDX-License-Identifier: BSD-3-Clause
//
// The writer's list of agent queues, kept beside the table `queues`. spool*.c only.
#pragma once

#include "controlplane/spool_look.h"

struct queue_list {
	struct queue_entry *entries; // sorted by name
	uint32_t n, room;
};

struct queue_entry {
	struct spool_queue queue;
	bool changed; // in this batch
};

void queue_list_fini(struct queue_list *list);

// The entry of a name, or NULL.
struct queue_entry *queue_list_find(const struct queue_list *list, const char *name);

// The entry of an id, or NULL. Looks at all.
struct queue_entry *queue_list_by_id(const struct queue_list *list, uint32_t id);

// Adds a queue; pointers into the list move. NULL when memory is out.
struct queue_entry *queue_list_add(struct queue_list *list, const struct spool_queue *queue);
