// SPDX-License-Identifier: BSD-3-Clause
//
// Stages parse and decode over a burst: the functions that weirctl classify and the fuzzers run on
// one frame (parse.c, decode/), frame by frame. Runs on the worker. Frames that end here leave the
// live list.
#include <string.h>

#include "dataplane/decode/decode.h"
#include "dataplane/reach.h"
#include "dataplane/reassemble.h"
#include "dataplane/worker.h"

// Positions 0, 1, 2, …: the live list of a burst that goes on whole.
static const uint8_t identity[BURST_MAX] = {
	0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
	22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
	44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

// Lists the frames in `good`, ends the others. Where a pool is reached by nat, one that met no listener may be an
// answer of its members.
static void keep_good(struct worker *worker, struct burst *burst, uint64_t good)
{
	const bool answers = worker->paths->n_services > 0;
	unsigned n = 0;

	for (unsigned i = 0; i < burst->n; i++) {
		if (!(good >> i & 1) && burst->packet[i].reason == WEIR_REASON_FRAGMENT) {
			if (!reassemble(worker, burst, i))
				continue;
		} else if (!(good >> i & 1)) {
			if (!(answers && burst->packet[i].reason == WEIR_REASON_NO_LISTENER &&
			      reach_back(worker, burst, i)))
				burst_end_reason(worker, burst, i);
			continue;
		}
		burst_move(burst, n++, i);
	}
	burst->n_live = n;
}

void parse(struct worker *worker, struct burst *burst)
{
	uint64_t all = ~UINT64_C(0) >> (64 - burst->n);
	uint64_t good =
		parse_burst(worker->listeners, burst->packet, burst->n,
			    worker->ports[burst->port].trust_udp_checksum, &burst->payloads);

	burst->n_live = burst->n;
	memcpy(burst->live, identity, sizeof(identity));
	if (unlikely(good != all))
		keep_good(worker, burst, good);
}

// Almost every source is cleared by one bit: whether anything is blocked in its /16.
static inline bool blocked(const struct table *table, const struct packet *packet, uint32_t source)
{
	uint64_t high, low;

	if (likely(packet->ip_version == 4))
		return (table->header->blocked4_any[source >> 22] >> (source >> 16 & 63) & 1) &&
		       table_blocks4(table, source);
	packet_source(packet, &high, &low);
	return table_blocks6(table, high, low);
}

// Ends what comes from a blocked source (DESIGN 1.3, step 5) or is of a protocol other than native; before decoding.
static void keep_decodable(struct worker *worker, struct burst *burst)
{
	const struct live *live = worker->live;
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		unsigned i = burst->live[at];
		struct packet *packet = &burst->packet[i];

		if (live->any_blocked && blocked(&live->table, packet, burst->payloads.source[at]))
			packet->reason = WEIR_REASON_BLOCKED_SOURCE;
		else if (packet->protocol != WEIR_NATIVE)
			decode_message(packet);
		if (unlikely(packet->reason != WEIR_REASON_NONE)) {
			burst_end_reason(worker, burst, i);
			continue;
		}
		if (unlikely(n != at))
			burst_move(burst, n, at);
		n++;
	}
	burst->n_live = n;
}

// Ends the frames at the positions in `wrong`: decode_message names what is wrong with them. The rest moves up.
static void end_undecodable(struct worker *worker, struct burst *burst, uint64_t wrong)
{
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		unsigned i = burst->live[at];

		if (wrong >> at & 1) {
			decode_message(&burst->packet[i]);
			burst_end_reason(worker, burst, i);
			continue;
		}
		burst_move(burst, n++, at);
	}
	burst->n_live = n;
}

void decode(struct worker *worker, struct burst *burst)
{
	uint64_t wrong;

	if (worker->live->any_blocked || worker->any_foreign)
		keep_decodable(worker, burst);
	wrong = decode_native_burst(&burst->payloads, burst->n_live, &burst->message);
	if (unlikely(wrong != 0))
		end_undecodable(worker, burst, wrong);
}
