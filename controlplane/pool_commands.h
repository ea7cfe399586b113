// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of weirctl about pools and members (commands.h has the frame). What an operator changes is in the
// log and in the history, with who and when. Loop's thread only.
#pragma once

#include <jansson.h>

struct client;
struct commands;

void command_pools(struct commands *commands, struct client *client, const json_t *request);
void command_pool(struct commands *commands, struct client *client, const json_t *request);
void command_drain(struct commands *commands, struct client *client, const json_t *request);
void command_enable(struct commands *commands, struct client *client, const json_t *request);
void command_weight(struct commands *commands, struct client *client, const json_t *request);
