// SPDX-License-Identifier: BSD-3-Clause
//
// The connection to the dataplane, run_dir/NAME/dp.sock: kept up as long as there is a dataplane, tried
// again quietly while there is none. Loop's thread only.
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "controlplane/consumer.h"
#include "controlplane/image.h"
#include "controlplane/mapping.h"
#include "dataplane/abi/socket.h"

struct link;

// What its owner hears. `up`: a dataplane said hello and its segment is mapped; `table_fd` is the table that
// it uses (-1: none), borrowed. `down`: it is gone. `ack`, `routes_ack`: its answers to link_offer and link_routes
// (status as in weir_table_ack and weir_routes_ack), `steer_ack` to link_steer. `answered`: what became of an answer;
// -errno where that cannot be, which ends the connection.
// `unreachable`: an ICMP error about a member; false: it cannot be, and ends the connection.
struct link_events {
	void (*up)(void *argument, const struct weir_hello *hello, int table_fd);
	void (*down)(void *argument);
	void (*ack)(void *argument, const struct weir_table_ack *ack);
	void (*routes_ack)(void *argument, const struct weir_routes_ack *ack);
	void (*steer_ack)(void *argument, const struct weir_steer_ack *ack);
	int (*answered)(void *argument, const struct weir_answered *answered);
	bool (*unreachable)(void *argument, const struct weir_unreachable *error);
	void *argument;
};

// Begins to connect as soon as the loop runs. All arguments outlive the link (`events` is copied).
// NULL when memory is out or `path` is too long for a socket.
struct link *link_create(struct event_base *base, const char *path, struct consumer *consumer,
			 const struct link_events *events);
void link_destroy(struct link *link);

// Uses a connected socket (taken over) as if link had connected it. For tests.
void link_adopt(struct link *link, int fd);

bool link_is_up(const struct link *link);

// Generation of the table that the dataplane uses; 0: none, or no dataplane.
uint64_t link_generation(const struct link *link);

// The live segment, borrowed until the loop goes on; NULL while there is none.
struct mapping *link_mapping(const struct link *link);

// Offers a sealed table as the next generation, which it returns in `generation`, with the routes for it (or none).
// 0; -ENOTCONN; -EBUSY while an answer is awaited; -errno.
int link_offer(struct link *link, struct sealed table, struct sealed routes, uint64_t *generation);

// Offers routes for the table in use. 0; -ENOTCONN; -EBUSY while an answer to a table or to routes is awaited;
// -errno.
int link_routes(struct link *link, struct sealed routes);

// Sends a steering table; `sequence` comes back in its acknowledgement. 0; -ENOTCONN; -errno.
int link_steer(struct link *link, uint64_t sequence, const uint8_t bucket[WEIR_STEER_BUCKETS]);

// Sends an answer of an agent. 0; -ENOTCONN; -EAGAIN: not now; another -errno: the connection has ended.
int link_answer(struct link *link, const struct weir_answer *answer);

// Says which queues of the table `generation` are closed. As link_answer.
int link_queues(struct link *link, uint64_t generation, const uint64_t closed[WEIR_QUEUES_MAX / 64]);

// Passes on to the dataplane what the consumer made durable. Call when the consumer has news.
void link_acknowledge(struct link *link);

// Ends the connection, saying why, and connects again.
void link_break(struct link *link, const char *why);
