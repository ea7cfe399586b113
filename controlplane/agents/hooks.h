// SPDX-License-Identifier: BSD-3-Clause
//
// The webhooks of all queues: each is an agent that waits for messages as a claim of the API does, by the name
// webhook:QUEUE:N, so that people and webhooks can share a queue. docs/webhooks.md. The desk's thread, but for
// hooks_json.
#pragma once

#include <jansson.h>
#include <stddef.h>

struct desk;
struct hooks;

// Reads the secrets and certificates of gateway.conf's webhooks, and gives back what was in delivery when the control
// plane ended. Before the desk's thread starts; its queues and leases are known. NULL with one line in `why` and errno:
// EINVAL where a file is to be mended, ENOMEM.
struct hooks *hooks_create(struct desk *desk, char *why, size_t why_size);

// Ends deliveries under way: their leases stay in the spool. The desk's thread has ended.
void hooks_destroy(struct hooks *hooks);

// Has each wait for as many messages as it may deliver now; before messages are given out.
void hooks_ask(struct hooks *hooks);

// What is due: settlements that failed and are tried again.
void hooks_tick(struct hooks *hooks);

// The webhooks of a queue, of hosts only (docs/webhooks.md); empty where it has none. A new reference. Any thread.
json_t *hooks_json(struct hooks *hooks, const char *queue);
