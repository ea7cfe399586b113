// SPDX-License-Identifier: BSD-3-Clause
//
// Messages and queues as JSON (docs/api.yaml). New references; NULL when memory is out. Pure.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "controlplane/spool_look.h"
#include "controlplane/spool_ops.h"

// Of a message, without what it says: id, queue, priority, tenant, country, channel, protocol, sender, received_ms,
// stored_ms, rule, generation, size, attempts.
json_t *api_message_json(const struct spool_message *message);

// A message with its lease, its content (`body` where that is text, UTF-8 without NUL, else `body_base64`) and
// answer_max: bytes that an answer to it may have, 0 where it cannot be answered.
json_t *api_claimed_json(const struct spool_claimed *claimed);

// A lease token as 32 hexadecimal digits, and back (false: it is none).
void api_token_format(const uint8_t token[SPOOL_TOKEN_SIZE], char text[2 * SPOOL_TOKEN_SIZE + 1]);
bool api_token_parse(const char *text, uint8_t token[SPOOL_TOKEN_SIZE]);
