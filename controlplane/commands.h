// SPDX-License-Identifier: BSD-3-Clause
//
// What weirctl may ask on control.sock, and the answers. A request is {"command": NAME, ...}; an answer
// {"ok": true, "result": ...} or {"ok": false, "kind": refused|busy|environment|usage, "error": line,
// "diagnostics": [...]}. Loop's thread only.
#pragma once

#include <jansson.h>

#include "rules/gateway.h"

struct client;
struct consumer;
struct link;
struct publisher;
struct spool;

struct commands {
	const struct gateway *gateway;
	const char *history;
	struct link *link;
	struct publisher *publisher;
	struct consumer *consumer;
	struct spool *spool;
	uint64_t started_s; // CLOCK_MONOTONIC
};

// Handlers of control.h; `argument` is a struct commands.
void commands_request(void *argument, struct client *client, const json_t *request);
void commands_gone(void *argument, struct client *client);
