// SPDX-License-Identifier: BSD-3-Clause
//
// Who takes which share of the messages, as operators want it: the weight of each worker, and what is moved to sibling
// gateways. Kept in state_dir/NAME/steer.json, sent to the dataplane when it comes and at each change. Loop's thread
// only.
#pragma once

#include <jansson.h>

#include "controlplane/steer_deal.h"

struct client;
struct commands;
struct link;
struct steer;

// Reads what was wanted last; what of it cannot be any more is left out and logged. NULL when memory is out.
struct steer *steer_create(const struct gateway *gateway, const char *path, const char *history);
void steer_destroy(struct steer *steer);

// The connection that it goes over.
void steer_serve(struct steer *steer, struct link *link);

// What the link says (link.h).
void steer_up(struct steer *steer);
void steer_down(struct steer *steer);
void steer_ack(struct steer *steer, const struct weir_steer_ack *ack);

// Requests of weirctl (commands.h): {"command": "steer"}; {"command": "steer-move", "to": NAME or "here",
// "percent": N}; {"command": "steer-weight", "worker": N, "weight": N}. The latter two answer when the dataplane
// steers so, with what the first answers.
void command_steer(struct commands *commands, struct client *client, const json_t *request);
void command_steer_move(struct commands *commands, struct client *client, const json_t *request);
void command_steer_weight(struct commands *commands, struct client *client, const json_t *request);

// `client` must not be answered any more.
void steer_forget(struct steer *steer, const struct client *client);

// The file's content, and back: `wish` as steer_wish_init left it gets what is right in `state`; whether all was.
json_t *steer_wish_json(const struct steer_wish *wish, const struct gateway *gateway);
bool steer_wish_read(struct steer_wish *wish, const struct gateway *gateway, const json_t *state);
