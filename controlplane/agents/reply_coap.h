// SPDX-License-Identifier: BSD-3-Clause
//
// Responses to CoAP requests whose senders wait for what agents say (docs/coap.md, decision 47). Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool_ops.h"

// As reply_text_max; 0 where the message cannot be answered, or not with text.
size_t reply_coap_text_max(const struct spool_message *message, unsigned status);

// As reply_build, which has checked the status, and that the answer is text. It goes to the port that the message came
// from.
int reply_coap_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		     uint16_t *port);
