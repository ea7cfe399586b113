// SPDX-License-Identifier: BSD-3-Clause
//
// A message of the spool as a message of NATS: subject, headers, body (docs/agents-nats.md lists them).
#pragma once

#include <nats/nats.h>

#include "controlplane/agents/answer_id.h"

// Makes it, without what ties it to others of its stream. A message that is a copy, or whose sender cannot be answered,
// has no Weir-Answer-Id. NULL when memory is out; natsMsg_Destroy otherwise.
natsMsg *nats_message_create(const char *gateway, const struct answer_key *key, const struct spool_message *message);
