// SPDX-License-Identifier: BSD-3-Clause
//
// Stages parse and decode over a burst: the functions that weirctl classify and the fuzzers run on
// one frame (parse.c, decode/), frame by frame. Runs on the worker. Frames that end here leave the
// live list.
#include <rte_prefetch.h>
#include <string.h>

#include "dataplane/decap.h"
#include "dataplane/decode/decode.h"
#include "dataplane/reach.h"
#include "dataplane/reassemble.h"
#include "dataplane/remember.h"
#include "dataplane/respond.h"
#include "dataplane/worker.h"

enum { FETCH_AHEAD = 3, FETCH_MAX = 512 }; // messages, bytes of each frame

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

// The NIC's word counts where it says of all of them that they are right; where one is not, or is not known, all are
// summed here, so that reasons are exact.
static inline enum parse_sums sums_of(const struct worker *worker, const struct burst *burst)
{
	const struct port *port = &worker->ports[burst->port];

	if (port->trust_udp_checksum)
		return PARSE_TRUST;
	return port->sums_udp && burst->all_summed ? PARSE_SUMMED : PARSE_VERIFY;
}

void parse(struct worker *worker, struct burst *burst)
{
	uint64_t all = ~UINT64_C(0) >> (64 - burst->n);
	uint64_t good =
		parse_burst(worker->listeners, burst->packet, burst->n,
			    sums_of(worker, burst), &burst->payloads);

	burst->n_live = burst->n;
	memcpy(burst->live, identity, sizeof(identity));
	if (unlikely(burst->payloads.tunnelled != 0))
		decap(burst);
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

// Ends what comes from a blocked source (DESIGN 1.3, step 5), before decoding.
static void keep_unblocked(struct worker *worker, struct burst *burst)
{
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		unsigned i = burst->live[at];

		if (unlikely(blocked(&worker->live->table, &burst->packet[i], burst->payloads.source[at]))) {
			burst->packet[i].reason = WEIR_REASON_BLOCKED_SOURCE;
			burst_end_reason(worker, burst, i);
			continue;
		}
		if (unlikely(n != at))
			burst_move(burst, n, at);
		n++;
	}
	burst->n_live = n;
}

// A bit for each live frame of a protocol other than native.
static uint64_t find_requests(const struct burst *burst)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < burst->n_live && at < BURST_MAX; at++) // the second for gcc's sanitizers
		found |= (uint64_t)(burst->packet[burst->live[at]].protocol != WEIR_NATIVE) << at;
	return found;
}

// What decoding leaves behind: a bit for each live frame that ends here, and for those whose sender the protocol owes
// an answer.
struct ended {
	uint64_t ends, owed;
};

static void put_message(struct burst *burst, unsigned at, const struct packet *packet)
{
	burst->message.tenant[at] = packet->tenant;
	burst->message.country[at] = packet->country;
	burst->message.size[at] = packet->size;
	burst->message.kind[at] =
		(uint16_t)(triage_small(packet->protocol, packet->priority, packet->channel) |
			   (packet->flags & (PACKET_WANTS_ACK | PACKET_TAGGED)) << 8);
}

// One message that is not native; whether its sender is owed an answer by its protocol.
static bool begin_request(struct worker *worker, struct burst *burst, unsigned i, struct word_search *tenant)
{
	struct packet *packet = &burst->packet[i];
	struct request *request = &worker->request[i];
	bool owed = request_begin(&worker->live->table, packet, request, tenant);

	if (packet->reason == WEIR_REASON_NONE)
		remember_name(worker, burst, i, request);
	return owed;
}

// Whether the sender of a decoded message is owed the answer that it has had.
static bool find_repeat(struct worker *worker, struct burst *burst, unsigned i)
{
	struct packet *packet = &burst->packet[i];

	switch (remember_find(worker, burst, i)) {
	case REMEMBERED_WAITS:
		packet->reason = WEIR_REASON_REPEAT_WAITS;
		return false;
	case REMEMBERED_TOLD:
		packet->reason = WEIR_REASON_REPEAT;
		return true;
	default:
		if (packet->flags & PACKET_COUNTRY_BY_NUMBER)
			worker->counters[burst->port].country_number++;
		return false;
	}
}

// Ends one frame whose sender is owed an answer: what it was told before, or what its protocol owes.
static void end_owed(struct worker *worker, struct burst *burst, unsigned i)
{
	struct answer again;

	if (burst->packet[i].reason != WEIR_REASON_REPEAT) {
		respond_end(worker, burst, i, NULL);
		return;
	}
	again = remember_answer(worker, burst, i);
	respond_end(worker, burst, i, &again);
}

// Brings the text of a message near, which another core or a device has written. Its first line rx has fetched.
static inline void fetch_text(const struct packet *packet)
{
	unsigned end = (unsigned)packet->payload + packet->payload_length;

	for (unsigned pos = RTE_CACHE_LINE_SIZE; pos < end && pos < FETCH_MAX; pos += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(packet->data + pos);
}

// Decodes the messages at the positions in `requests`, which are not native: all of them before the first is looked up
// among the tenants and in the memory of retransmissions.
static struct ended decode_requests(struct worker *worker, struct burst *burst, uint64_t requests)
{
	const struct table *table = &worker->live->table;
	struct word_search tenant[BURST_MAX];
	struct ended ended = { 0, 0 };
	uint64_t left, ahead = requests;

	remember_begin(worker, burst);
	for (unsigned i = 0; i < FETCH_AHEAD && ahead != 0; i++, ahead &= ahead - 1)
		fetch_text(&burst->packet[burst->live[__builtin_ctzll(ahead)]]);
	for (left = requests; left != 0; left &= left - 1) {
		unsigned at = (unsigned)__builtin_ctzll(left);

		if (ahead != 0) {
			fetch_text(&burst->packet[burst->live[__builtin_ctzll(ahead)]]);
			ahead &= ahead - 1;
		}
		ended.owed |= (uint64_t)begin_request(worker, burst, burst->live[at], &tenant[at]) << at;
	}
	remember_named(worker, burst);
	for (left = requests; left != 0; left &= left - 1) {
		unsigned at = (unsigned)__builtin_ctzll(left);

		if (burst->packet[burst->live[at]].reason == WEIR_REASON_NONE)
			request_fetch(table, &tenant[at]);
	}
	for (left = requests; left != 0; left &= left - 1) {
		unsigned at = (unsigned)__builtin_ctzll(left), i = burst->live[at];
		struct packet *packet = &burst->packet[i];

		if (packet->reason == WEIR_REASON_NONE) {
			request_end(table, packet, &tenant[at]);
			ended.owed |= (uint64_t)find_repeat(worker, burst, i) << at;
		}
		ended.ends |= (uint64_t)(packet->reason != WEIR_REASON_NONE) << at;
		put_message(burst, at, packet);
	}
	return ended;
}

// Ends the frames that are no messages: decode_native names what is wrong with a native one. The rest moves up.
static void end_undecodable(struct worker *worker, struct burst *burst, struct ended ended)
{
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		unsigned i = burst->live[at];

		if (!(ended.ends >> at & 1)) {
			burst_move(burst, n++, at);
			continue;
		}
		if (burst->packet[i].protocol == WEIR_NATIVE)
			decode_native(&burst->packet[i]);
		if (ended.owed >> at & 1)
			end_owed(worker, burst, i);
		else
			burst_end_reason(worker, burst, i);
	}
	burst->n_live = n;
}

void decode(struct worker *worker, struct burst *burst)
{
	struct ended ended = { 0, 0 };
	uint64_t requests = 0;

	if (worker->live->any_blocked)
		keep_unblocked(worker, burst);
	if (worker->any_foreign)
		requests = find_requests(burst);
	if (likely((unsigned)__builtin_popcountll(requests) < burst->n_live))
		ended.ends = decode_native_burst(&burst->payloads, burst->n_live, &burst->message);
	else
		burst->message.any = 0;
	if (unlikely(requests != 0)) {
		struct ended others;

		others = decode_requests(worker, burst, requests);
		ended = (struct ended){ (ended.ends & ~requests) | others.ends, others.owed };
	}
	if (unlikely(ended.ends != 0))
		end_undecodable(worker, burst, ended);
}
