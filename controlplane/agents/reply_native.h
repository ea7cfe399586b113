// SPDX-License-Identifier: BSD-3-Clause
//
// Native replies (DESIGN 1.2, docs/wire-format.md) to messages that agents answer. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool_ops.h"

// Seconds after which the sender may try again whom an agent tells "busy".
enum { REPLY_NATIVE_RETRY_SECONDS = 60 };

// Bytes beside the text: the header, and the seconds of `busy`.
size_t reply_native_overhead(unsigned status);

// As reply_build, which has checked status and lengths. The reply carries the message's tenant, channel, country and
// id. -EBADMSG: the message has no native header.
int reply_native_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to);
