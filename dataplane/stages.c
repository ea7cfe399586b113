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
	bool trust = worker->ports[burst->port].trust_udp_checksum;

	burst->n_live = 0;
	for (unsigned i = 0; i < burst->n; i++) {
		struct packet *packet = &burst->packet[i];

		parse_frame(worker->listeners, packet->data, packet->length, trust, packet);
		burst->live[burst->n_live] = (uint8_t)i;
		burst->n_live += packet->reason == WEIR_REASON_NONE;
		if (unlikely(packet->reason != WEIR_REASON_NONE))
			burst_end_reason(worker, burst, i);
	}
}

static bool blocked(const struct table *table, const struct packet *packet)
{
	uint64_t high, low;

	packet_source(packet, &high, &low);
	return packet->ip_version == 4 ? table_blocks4(table, (uint32_t)low)
				       : table_blocks6(table, high, low);
}

// Blocked sources are looked up here too: step 5 of DESIGN 1.3 stands between the two.
void decode(struct worker *worker, struct burst *burst)
{
	const struct table *table = &worker->live->table;
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		unsigned i = burst->live[at];
		struct packet *packet = &burst->packet[i];

		if (unlikely(blocked(table, packet)))
			packet->reason = WEIR_REASON_BLOCKED_SOURCE;
		else
			decode_message(packet);
		burst->live[n] = (uint8_t)i;
		n += packet->reason == WEIR_REASON_NONE;
		if (unlikely(packet->reason != WEIR_REASON_NONE))
			burst_end_reason(worker, burst, i);
	}
	burst->n_live = n;
}
