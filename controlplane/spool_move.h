// SPDX-License-Identifier: BSD-3-Clause
//
// A message in hand of the writer, on its way from one table to another. It is found, then removed where it stands,
// then put where it belongs; both count in its queue. spool*.c only.
//
// All return 0 or -errno: -ENOENT not there, -EBADMSG a value that is none of this version; both have changed nothing.
// Another error means that the batch must be given up.
#pragma once

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

struct spool_item {
	enum spool_table where;  // TABLE_MESSAGES, _LEASES, _DEAD
	uint64_t id;
	struct spool_key key;    // where it waits, or is dead
	struct queue_entry *queue;
	struct spool_value *value; // in the spool's scratch, until the next item is found
	size_t size;
	struct spool_message message; // points into value and names
	struct spool_names names;
	uint64_t since_ms;       // of a lease, or of its death
	struct spool_lease_head lease;
	char agent[SPOOL_AGENT_MAX + 1];
};

// The most urgent, then oldest, of a queue.
int item_first(struct spool *spool, const struct queue_entry *queue, struct spool_item *item);

// By id in `table` (MESSAGES or DEAD), of `queue` or (NULL) of any.
int item_find(struct spool *spool, enum spool_table table, const char *queue, uint64_t id, struct spool_item *item);

// The same, for whether it is there alone.
bool item_is_there(struct spool *spool, enum spool_table table, uint64_t id);

// A leased message by id.
int item_find_lease(struct spool *spool, uint64_t id, struct spool_item *item);

// Takes over a value found at `k` in `where` (MESSAGES or DEAD).
int item_read(struct spool *spool, enum spool_table where, const MDB_val *k, const MDB_val *v, struct spool_item *item);

int item_remove(struct spool *spool, const struct spool_item *item);

// Removes what stands at `k` of `where` (MESSAGES or DEAD) and cannot be read, of `queue`.
int item_drop(struct spool *spool, enum spool_table where, const MDB_val *k, struct queue_entry *queue);

int item_put_waiting(struct spool *spool, const struct spool_item *item);
int item_put_lease(struct spool *spool, const struct spool_item *item); // with its `lease` and `agent`
int item_put_dead(struct spool *spool, const struct spool_item *item, enum spool_death reason, uint64_t now_ms);
