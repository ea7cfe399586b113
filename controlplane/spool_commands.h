// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of weirctl about the spool: queues, queue, tail, purge. A purge is answered when it is durable, all others
// at once. Loop's thread only.
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>

struct client;
struct commands;
struct consumer;
struct purges;

void command_queues(struct commands *commands, struct client *client, const json_t *request);
void command_queue(struct commands *commands, struct client *client, const json_t *request);
void command_tail(struct commands *commands, struct client *client, const json_t *request);
void command_purge(struct commands *commands, struct client *client, const json_t *request);

// Whether the rules in use have a queue; false while there are none.
bool queue_is_ruled(const struct commands *commands, const char *name);

// Purges under way. `history` outlives them. NULL when memory or descriptors are out.
struct purges *purges_create(struct event_base *base, const char *history);

// Call when the consumer, which they were submitted to, has ended.
void purges_destroy(struct purges *purges);

// The client is gone: its purge goes on, and is answered to nobody.
void purges_forget(struct purges *purges, const struct client *client);
