// SPDX-License-Identifier: BSD-3-Clause
//
// MESSAGEs that go back to the senders of SIP messages (dataplane/decode/sip_reply.h, decision 47). Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool_ops.h"

// As reply_text_max, whatever the status; 0 where the message cannot be answered.
size_t reply_sip_text_max(const struct spool_message *message, unsigned status);

// As reply_build, which has checked the status, and that the answer is text. An answer without text says its status.
int reply_sip_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		    uint16_t *port);
