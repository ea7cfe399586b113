// SPDX-License-Identifier: BSD-3-Clause
//
// A burst on its way down the corridor: frames, what is known of each, and which are still going
// on. Owned by one worker; every stage takes it whole.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>

#include "dataplane/decode/decode.h"
#include "dataplane/decode/native_burst.h"
#include "dataplane/packet.h"
#include "dataplane/parse.h"
#include "rules/lookup.h"

enum { BURST_MAX = 64 };

struct burst {
	// rx writes
	struct rte_mbuf *mbuf[BURST_MAX];
	uint32_t n;
	uint32_t port; // index of the port received on
	uint64_t now;  // TSC at rx
	bool all_summed; // the NIC has found the UDP checksum of every frame right

	// frames that go on, as indices into the arrays: each stage keeps or thins this list
	uint32_t n_live;
	uint8_t live[BURST_MAX];

	// parse writes the layers; the message fields of a packet are set by burst_packet alone
	struct packet packet[BURST_MAX];
	// A bit for each frame that stands for a datagram of several, of which its packet has a copy, and its mbuf
	// another; and the identification of its fragments, as it lay there.
	uint64_t whole;
	uint32_t whole_id[BURST_MAX];
	uint64_t opened; // of these, those that were a tunnel's packet: what was inside never came in fragments
	struct payloads payloads; // by position in `live`, as everything below

	// decode writes
	struct messages message;

	// classify writes
	uint32_t slot[BURST_MAX];
	uint32_t class[BURST_MAX];
	uint32_t verdict[BURST_MAX];
	uint64_t exceeds; // police writes: a bit for each frame over its rule's rate

	// frames that are finished here, to be freed at the end of the turn
	uint32_t n_done;
	struct rte_mbuf *done[BURST_MAX];
};

// Moves what is known of the live frame at `from` to position `to`: how stages thin the list.
static inline void burst_move(struct burst *burst, unsigned to, unsigned from)
{
	burst->live[to] = burst->live[from];
	burst->payloads.at[to] = burst->payloads.at[from];
	burst->payloads.length[to] = burst->payloads.length[from];
	burst->payloads.source[to] = burst->payloads.source[from];
	burst->message.tenant[to] = burst->message.tenant[from];
	burst->message.country[to] = burst->message.country[from];
	burst->message.size[to] = burst->message.size[from];
	burst->message.kind[to] = burst->message.kind[from];
	burst->slot[to] = burst->slot[from];
	burst->class[to] = burst->class[from];
	burst->verdict[to] = burst->verdict[from];
}

// The packet of the live frame at `at`, its message fields included: for what happens to few frames.
static inline const struct packet *burst_packet(struct burst *burst, unsigned at)
{
	struct packet *packet = &burst->packet[burst->live[at]];

	if (!(packet->flags & PACKET_DECODED)) {
		decode_native(packet);
		packet->country = burst->message.country[at]; // its sender's, where it said none
	}
	return packet;
}

// What has been done to a forwarded frame beside its MAC addresses.
enum frame_change { FRAME_AS_IT_CAME, FRAME_IN_TUNNEL, FRAME_TRANSLATED };

// Kept in the mbuf's private area for frames whose sender wants an answer and that have been rewritten
// (TX_FORWARD_ACK): what the answer needs if the frame is given up while staged.
struct frame_origin {
	uint8_t mac_destination[6], mac_source[6]; // as the frame had them
	uint8_t change;      // enum frame_change, which the rest is for
	uint8_t ip_version;  // of the datagram in the tunnel
	uint16_t l3;         // length of the Ethernet header with its tags
	uint16_t offset;     // bytes of the outer headers; or of the UDP header, where the address was exchanged
	uint8_t address[16]; // destination that was exchanged
};

static inline struct frame_origin *frame_origin(struct rte_mbuf *mbuf)
{
	return rte_mbuf_to_priv(mbuf);
}
