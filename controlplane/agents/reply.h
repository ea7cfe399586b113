// SPDX-License-Identifier: BSD-3-Clause
//
// What an agent's answer looks like on the wire: the UDP payload that goes back to a message's sender, in the protocol
// of the message. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool_ops.h"

// Seconds after which the sender may try again whom an agent tells "busy".
enum { REPLY_RETRY_SECONDS = 60 };

// Bytes of text that an answer to `message` may have with this status (enum weir_status); 0 also where it cannot be
// answered.
size_t reply_text_max(const struct spool_message *message, unsigned status);

// Builds the payload into `to`, at most `room` bytes, from the message as it came and answer->status and ->payload: for
// spool_answer.build. Its length, or -EPROTONOSUPPORT: this message cannot be answered, by its protocol or by what it
// says of its sender; -EMSGSIZE: longer than `room` or a datagram holds; -EILSEQ: its protocol has text (UTF-8) only,
// and this is none; -EINVAL: no such status; -EBADMSG: what was stored is no message of its protocol.
int reply_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		uint16_t *port);
