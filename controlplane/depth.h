// SPDX-License-Identifier: BSD-3-Clause
//
// Limits for what waits in queues of agents (agents.queues of gateway.conf, decision 25): a queue that has reached its
// depth is closed, the dataplane is told, and it opens again when an eighth of it has gone. Loop's thread only.
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "rules/gateway.h"

struct consumer;
struct depth;
struct link;
struct pools;
struct spool;

struct depth_parts {
	struct event_base *base;
	const struct gateway *gateway;
	struct spool *spool;
	struct consumer *consumer; // says when messages have come
	struct link *link;
	const struct pools *pools; // know the table in use
};

// Everything in `parts` outlives it, but the consumer: depth_stop, then consumer_destroy, then depth_destroy. NULL when
// memory or descriptors are out.
struct depth *depth_create(const struct depth_parts *parts);
void depth_stop(struct depth *depth);
void depth_destroy(struct depth *depth);

// The dataplane came up, or has another table: it is told which of its queues are closed.
void depth_changed(struct depth *depth);

// Whether the queue of that name is closed.
bool depth_is_closed(const struct depth *depth, const char *queue);
