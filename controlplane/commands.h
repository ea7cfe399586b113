// SPDX-License-Identifier: BSD-3-Clause
//
// What weirctl may ask on control.sock, and the answers. A request is {"command": NAME, ...}; an answer
// {"ok": true, "result": ...} or {"ok": false, "kind": refused|busy|environment|usage, "error": line,
// "diagnostics": [...]}. Loop's thread only.
#pragma once

#include <jansson.h>

#include "controlplane/control.h"
#include "rules/gateway.h"

struct answers;
struct client;
struct consumer;
struct depth;
struct desk;
struct link;
struct nats;
struct pools;
struct registry;
struct publisher;
struct purges;
struct load_outcome;
struct steer;
struct spool;
struct switches;

struct commands {
	const struct gateway *gateway;
	const char *history;
	struct link *link;
	struct publisher *publisher;
	struct consumer *consumer;
	struct spool *spool;
	struct purges *purges;
	struct nats *nats; // NULL: no such backend
	struct answers *answers;
	struct depth *depth;
	struct pools *pools;
	struct switches *switches;
	uint64_t started_s; // CLOCK_MONOTONIC
	struct steer *steer;
	struct registry *registry;
	struct desk *desk;
	// Clients that changed a member, and are answered with its pool when the dataplane uses the change.
	struct waiting {
		struct client *client; // NULL: free
		const char *pool;
	} waiting[CONTROL_CLIENTS];
};

// The two kinds of answer; commands_reply takes over `result` (NULL: memory is out).
void commands_reply(struct client *client, json_t *result);
void commands_refuse(struct client *client, const char *kind, const char *error);

// Answers a client (`argument`) that waits for the end of a load.
void commands_loaded(void *argument, const struct load_outcome *outcome);

// Handlers of control.h; `argument` is a struct commands.
void commands_request(void *argument, struct client *client, const json_t *request);
void commands_gone(void *argument, struct client *client);

// What the router says (router_tell): changes are in use.
void commands_settled(void *argument);
