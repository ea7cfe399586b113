// SPDX-License-Identifier: BSD-3-Clause
//
// What an agent's answer to a SIP MESSAGE is: a MESSAGE of ours to its sender (RFC 3428; decision 47). Its form is
// fixed to the byte, so that what is built and what is checked are the same: docs/sip.md shows it. libc only; any
// thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/decode/sip_answer.h"

enum { SIP_REPLY_MAX = 1300 }; // bytes of a whole MESSAGE (RFC 3428, 8)

struct sip_reply {
	struct sip_peer from; // our end: where the message went to
	uint64_t name[4];     // no other MESSAGE of anyone has them: of branch, tag and Call-ID
	const char *text;     // body, UTF-8; not owned
	unsigned length;      // of it
};

// Writes the MESSAGE that answers `request` into `out`. Returns its length; -EINVAL where nobody can be answered: no
// well-formed MESSAGE (but its body may be missing), From or To is a URI of a scheme that is none of SIP, or From asks
// for TLS (sips) or says that it leads nowhere (a host in `.invalid`, RFC 2606, as anonymous ones have; RFC 3323, 4.1);
// -EMSGSIZE where it is longer than `size` or SIP_REPLY_MAX.
int sip_reply_format(const struct sip_request *request, const struct sip_reply *reply, uint8_t *out, unsigned size);

// Whether `payload` is such a MESSAGE, byte for byte of that form, from our end `from`. Trusts nothing but `length`;
// linear work.
bool sip_reply_is_good(const uint8_t *payload, size_t length, const struct sip_peer *from);
