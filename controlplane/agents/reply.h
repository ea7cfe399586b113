// SPDX-License-Identifier: BSD-3-Clause
//
// What an agent's answer looks like on the wire: the UDP payload that goes back to a message's sender, in the protocol
// of the message. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool_ops.h"

// Bytes of text that an answer to `message` may have with this status (enum weir_status); 0 also where its protocol
// knows no such answer.
size_t reply_text_max(const struct spool_message *message, unsigned status);

// Builds the payload into `to`, at most `room` bytes, from the message as it came and answer->status and ->payload: for
// spool_answer.build. Its length, or -EPROTONOSUPPORT: messages of that protocol are not answered (yet); -EMSGSIZE:
// longer than `room` or a datagram holds; -EINVAL: no such status; -EBADMSG: what was stored is no message of its
// protocol.
int reply_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room);
