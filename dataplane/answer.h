// SPDX-License-Identifier: BSD-3-Clause
//
// Builds answers as whole frames, addresses and ports swapped, checksums right: to native messages (DESIGN 1.2), and
// around payloads that answer others. libc only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/channel.h"
#include "dataplane/packet.h"

enum { ANSWER_LAYERS = 14 + 8 + 40 + 8, ANSWER_TEXT_MAX = 512, ANSWER_MAX = ANSWER_LAYERS + 16 + 4 + ANSWER_TEXT_MAX };

// Where an answer goes and which message it answers: taken from a frame or from a record, before
// either is overwritten.
struct answer_to {
	uint8_t mac_destination[6], mac_source[6]; // of the answer
	uint16_t vlan[4];                          // tpid, tci, tpid, tci as on the wire
	uint8_t n_vlan, ip_version;
	uint8_t ip_source[16], ip_destination[16]; // of the answer, network order
	uint16_t udp_source, udp_destination;      // of the answer, host order
	uint8_t header[16]; // of the message answered where it is native, else zeros
};

// What a sender is told: in a native reply, busy carries `retry_after` as 4 bytes in network order before the text.
struct answer {
	uint8_t status;       // enum weir_status
	uint16_t text_length; // at most ANSWER_TEXT_MAX
	uint32_t retry_after; // seconds, of busy
	const char *text;     // not owned; need not end in NUL
	bool later;           // agents have the message, and may say more: who waits for that is told nothing now
};

// Reads the addressing of a parsed and decoded frame.
void answer_to_packet(struct answer_to *to, const struct packet *packet);

// The same of a record of the agent channel; `payload` is what follows it.
void answer_to_record(struct answer_to *to, const struct weir_record *record,
		      const uint8_t *payload);

// Whether an answer may be sent there: not to multicast, broadcast, unspecified or loopback
// addresses, nor from a multicast or broadcast one (RFC 1122, 3.2.1.3; RFC 4291, 2.7), nor to port
// 0.
bool answer_allowed(const struct answer_to *to);

// Writes a native reply as a frame to `out` (ANSWER_MAX bytes). Returns its length, at least 60 (padded with zeros).
size_t answer_write(uint8_t *out, const struct answer_to *to, const struct answer *answer);

// The same with a UDP payload that is there already (to->header has no meaning); `out` has room for ANSWER_LAYERS
// bytes more than it.
size_t answer_write_payload(uint8_t *out, const struct answer_to *to, const void *payload,
			    size_t length);
