// SPDX-License-Identifier: BSD-3-Clause
//
// Stages parse and decode over a burst: the functions that weirctl classify and the fuzzers run on
// one frame (parse.c, decode/), frame by frame. Runs on the worker. Frames that end here leave the
// live list.
#include <rte_prefetch.h>

#include "dataplane/decode/decode.h"
#include "dataplane/worker.h"

void parse(struct worker *worker, struct burst *burst)
{
	unsigned n = 0, foreign = 0;

	parse_burst(worker->listeners, burst->packet, burst->n,
		    worker->ports[burst->port].trust_udp_checksum);
	for (unsigned i = 0; i < burst->n; i++) {
		const struct packet *packet = &burst->packet[i];

		if (unlikely(packet->reason != WEIR_REASON_NONE)) {
			burst_end_reason(worker, burst, i);
			continue;
		}
		burst->live[n] = (uint8_t)i;
		burst->payload[n] = packet->data + packet->payload;
		burst->payload_length[n] = packet->payload_length;
		foreign += packet->protocol != WEIR_NATIVE;
		n++;
	}
	burst->n_live = n;
	burst->n_foreign = foreign;
}

static bool blocked(const struct table *table, const struct packet *packet)
{
	uint64_t high, low;

	packet_source(packet, &high, &low);
	return packet->ip_version == 4 ? table_blocks4(table, (uint32_t)low)
				       : table_blocks6(table, high, low);
}

// Ends what comes from a blocked source (DESIGN 1.3, step 5) or is of a protocol other than native; before decoding.
static void keep_decodable(struct worker *worker, struct burst *burst)
{
	const struct live *live = worker->live;
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		unsigned i = burst->live[at];
		struct packet *packet = &burst->packet[i];

		if (live->any_blocked && blocked(&live->table, packet))
			packet->reason = WEIR_REASON_BLOCKED_SOURCE;
		else if (packet->protocol != WEIR_NATIVE)
			decode_message(packet);
		if (unlikely(packet->reason != WEIR_REASON_NONE)) {
			burst_end_reason(worker, burst, i);
			continue;
		}
		burst->live[n] = (uint8_t)i;
		burst->payload[n] = burst->payload[at];
		burst->payload_length[n++] = burst->payload_length[at];
	}
	burst->n_live = n;
}

// Ends the frames at the positions in `wrong`: decode_message names what is wrong with them. The rest moves up.
static void end_undecodable(struct worker *worker, struct burst *burst, uint64_t wrong)
{
	struct messages *message = &burst->message;
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		unsigned i = burst->live[at];

		if (wrong >> at & 1) {
			decode_message(&burst->packet[i]);
			burst_end_reason(worker, burst, i);
			continue;
		}
		burst->live[n] = (uint8_t)i;
		message->tenant[n] = message->tenant[at];
		message->country[n] = message->country[at];
		message->size[n] = message->size[at];
		message->kind[n++] = message->kind[at];
	}
	burst->n_live = n;
}

void decode(struct worker *worker, struct burst *burst)
{
	uint64_t wrong;

	if (worker->live->any_blocked || burst->n_foreign > 0)
		keep_decodable(worker, burst);
	wrong = decode_native_burst(burst->payload, burst->payload_length, burst->n_live,
				    &burst->message);
	if (unlikely(wrong != 0))
		end_undecodable(worker, burst, wrong);
}
