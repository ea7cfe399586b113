// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of weirctl about route switches (commands.h has the frame). Loop's thread only.
#pragma once

#include <jansson.h>

struct client;
struct commands;

void command_switches(struct commands *commands, struct client *client, const json_t *request);
void command_switch(struct commands *commands, struct client *client, const json_t *request);

// The time of some switch is over (switches.h; `argument` is a struct commands): it is taken back, or tried again
// later.
void commands_expired(void *argument);
