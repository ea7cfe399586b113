// SPDX-License-Identifier: BSD-3-Clause
//
// The desk: the thread that everything agents touch runs in. It has a loop of its own, the routing (desk_core.h),
// the HTTP server (http.h), and hands operations on messages to the spool's writer. Nothing of it can hold up the
// loop, the writer or the dataplane: it shares with each of them lists under a mutex that is held for moments.
#pragma once

#include <jansson.h>
#include <stddef.h>

struct consumer;
struct desk;
struct gateway;
struct mapping;
struct registry;
struct spool;
struct table_map;

struct desk_setup {
	const struct gateway *gateway;
	const char *socket; // path of the Unix socket
	struct spool *spool;
	struct consumer *consumer;
	struct registry *registry;
};

// Opens the sockets and starts the thread; what the setup names outlives it. NULL with one line in `why`, and `errno`:
// EINVAL where gateway.conf is to be mended (certificate, key), else the environment's (port taken, no descriptors).
struct desk *desk_create(const struct desk_setup *setup, char *why, size_t why_size);

// Ends the thread: clients are told so, leases stay as they are in the spool. To be called before the consumer is
// destroyed, which finishes what was handed to it; desk_destroy after that.
void desk_stop(struct desk *desk);
void desk_destroy(struct desk *desk);

// The table in use (takes a use of its own): queues and their routing, names of tenants. Any thread but the desk's, as
// the ones below.
void desk_rules(struct desk *desk, struct table_map *map);
// The segment of the dataplane that is connected (takes a use of its own), or NULL.
void desk_attach(struct desk *desk, struct mapping *map);
// The webhooks of a queue (hooks.h); none without a desk (NULL). A new reference.
json_t *desk_webhooks(struct desk *desk, const char *queue);
// An agent was revoked: what it waits for ends, and its leases.
void desk_revoked(struct desk *desk, const char *agent);
