// SPDX-License-Identifier: BSD-3-Clause
//
// A published table as the workers use it: the opened image, where its names count (registry), its
// rate limiters, the ports of its pools. How members are reached now is beside it (paths.h). The main
// thread builds one aside, hands it over through `struct handover`, waits until every worker has switched
// (RCU), and destroys the old one.
#pragma once

#include <rte_rcu_qsbr.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "dataplane/abi/socket.h"
#include "dataplane/meter.h"
#include "rules/table.h"

struct registry;
struct port;
struct paths;

struct live {
	struct table table;
	uint64_t generation;
	bool any_blocked; // some source is blocked at all
	bool any_key;     // some tenant has a key at all
	bool locates;     // senders' addresses have countries
	bool far; // too large for the nearest caches: stages fetch ahead what they will read
	// by index in the table: index in the registry of names (segment.h)
	uint32_t *rule_names; // n_rules + 1
	uint32_t *queue_names, *reason_names, *reply_names, *pool_names, *member_names, *zone_names;
	uint32_t *zone_rows;         // row of weir_segment.zones
	uint16_t *pool_ports;        // index of the port of each pool
	struct meters tenant_meters; // by tenant slot
	struct meters rule_meters;   // by verdict index
	_Atomic uint64_t closed[WEIR_QUEUES_MAX / 64]; // queues that take nothing at present; by the main thread
	void *image;                 // mapped read-only
	size_t image_size;
	int fd; // the sealed memfd
};

// Whether the queue (table index) takes nothing at present.
static inline bool live_is_closed(const struct live *live, unsigned queue)
{
	return atomic_load_explicit(&live->closed[queue / 64], memory_order_relaxed) >> (queue % 64) & 1;
}

// One word in, one word out: where the main thread leaves a table and workers pick it up.
struct handover {
	_Atomic(struct paths *) current; // written by the main thread, with its table
	_Atomic bool stop;              // likewise
	_Atomic bool dispatched;        // nothing is handed over any more: by the dispatcher when it ends, else always
	_Atomic uint64_t clock_ns;      // CLOCK_REALTIME, by the main thread each millisecond
	struct rte_rcu_qsbr *qsbr;      // workers report at housekeeping
};

struct live_context {
	struct registry *registry;
	const struct port *ports;
	uint32_t n_ports, n_workers;
};

// Opens the image in `fd` (a memfd sealed against write, shrink, grow and further seals, of `size`
// bytes), checks it (table_open) and builds what the workers need. Takes over `fd` (closes it on
// failure). Returns NULL with errno and one line in `why`: EPERM not sealed, EINVAL bad image, a
// pool of a port that is not there or too many queues, ENOMEM, ENOSPC registry full. `previous` (or NULL) is the table
// in use, whose rate limiters carry on.
struct live *live_create(const struct live_context *context, const struct live *previous, int fd,
			 size_t size, char *why, size_t why_size);

// Charges the new table's rate limiters with what workers took from the old one's since
// live_create, after every worker has switched; `live` then replaces `previous` in the registry's
// order.
void live_settle(struct live *live, const struct live *previous, struct registry *registry);

// Says which queues take nothing from now on (abi/socket.h: WEIR_QUEUES); bits past the last queue mean nothing.
void live_close(struct live *live, const uint64_t closed[WEIR_QUEUES_MAX / 64]);

// Takes back a table that was created and never published.
void live_abandon(struct live *live, struct registry *registry);

// Unmaps and frees. No worker may use it any more. NULL is fine.
void live_destroy(struct live *live);
