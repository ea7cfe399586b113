// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of weirctl about agents (commands.h): {"command": "agents"}; {"command": "agent-add", "name": N,
// "queues": [Q...], "operator": bool}; {"command": "agent-revoke", "name": N}. Loop's thread.
#pragma once

#include <jansson.h>

struct client;
struct commands;

void command_agents(struct commands *commands, struct client *client, const json_t *request);
void command_agent_add(struct commands *commands, struct client *client, const json_t *request);
void command_agent_revoke(struct commands *commands, struct client *client, const json_t *request);
