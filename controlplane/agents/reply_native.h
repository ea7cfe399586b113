// SPDX-License-Identifier: BSD-3-Clause
//
// Native replies (DESIGN 1.2, docs/wire-format.md) to messages that agents answer. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool_ops.h"

// As reply_text_max.
size_t reply_native_text_max(const struct spool_message *message, unsigned status);

// As reply_build, which has checked the status. The reply carries the message's tenant, channel, country and id, and
// goes to the port that the message came from. -EBADMSG: the message has no native header.
int reply_native_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		       uint16_t *port);
