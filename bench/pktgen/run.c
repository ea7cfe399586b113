// SPDX-License-Identifier: BSD-3-Clause
//
// The sending and receiving lcore, see run.h. Frames are copied out of the deck, whose lines are read in order; nothing
// is allocated but mbufs. What a port does not take stays first in line, so nothing that was made is lost here.
#include "bench/pktgen/run.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "bench/pktgen/pace.h"
#include "bench/pktgen/returned.h"
#include "bench/pktgen/stamp.h"

enum { BURST = 64, LINE = 64, TURNS_BETWEEN_LOOKS = 64, SETTLE_TIMES = 20 };

struct loop {
	struct run *run;
	struct meter *meter;
	struct pace pace;
	struct rte_mbuf *out[BURST]; // made and not yet taken by the port
	uint64_t due[BURST];
	unsigned n_out, first_out;
	uint32_t next; // frame of the deck
	uint64_t made;
	uint64_t end;  // TSC at which sending ends
	uint64_t last_back;
};

static void fill(struct loop *loop, struct rte_mbuf *mbuf, uint64_t due)
{
	const struct deck *deck = loop->run->deck;
	const struct deck_frame *frame = &deck->frames[loop->next];
	const uint8_t *from = deck->bytes + frame->at;
	uint8_t *to = rte_pktmbuf_mtod(mbuf, uint8_t *);

	for (unsigned at = 0; at < frame->length; at += LINE)
		memcpy(to + at, from + at, LINE);
	mbuf->data_len = frame->length;
	mbuf->pkt_len = frame->length;
	METER_ADD(loop->meter, asked, frame->asks);
	if (frame->stamp) {
		stamp_put(to + frame->stamp, to + frame->udp + 6, loop->run->mark, due);
		METER_ADD(loop->meter, stamped, 1);
	}
	loop->next = loop->next + 1 == deck->n ? 0 : loop->next + 1;
}

// Makes the messages that are due.
static void make(struct loop *loop, uint64_t now)
{
	uint64_t left = loop->run->limit ? loop->run->limit - loop->made : BURST;
	unsigned n = left < BURST ? (unsigned)left : BURST;

	if (loop->run->base > 0) {
		n = pace_due(&loop->pace, now, loop->due, n);
	} else {
		for (unsigned i = 0; i < n; i++)
			loop->due[i] = now;
	}
	if (n == 0)
		return;
	while (rte_pktmbuf_alloc_bulk(loop->run->pool, loop->out, n) != 0) {
		METER_ADD(loop->meter, no_mbufs, 1);
		return_take(loop->run, &loop->last_back); // what came back holds them
		if (rte_rdtsc() > loop->end)
			return;
	}
	for (unsigned i = 0; i < n; i++)
		fill(loop, loop->out[i], loop->due[i]);
	loop->first_out = 0;
	loop->n_out = n;
	loop->made += n;
}

static void give(struct loop *loop)
{
	struct rte_mbuf **out = loop->out + loop->first_out;
	unsigned bytes[BURST];
	uint64_t sum = 0, now;
	uint16_t n;

	for (unsigned i = 0; i < loop->n_out; i++)
		bytes[i] = out[i]->pkt_len;
	n = rte_eth_tx_burst(loop->run->ports[0], 0, out, (uint16_t)loop->n_out);
	for (unsigned i = 0; i < n; i++)
		sum += bytes[i];
	if (loop->run->base > 0) {
		now = rte_rdtsc();
		for (unsigned i = 0; i < n; i++)
			histogram_push(&loop->meter->late, now - loop->due[loop->first_out + i]);
	}
	METER_ADD(loop->meter, sent, n);
	METER_ADD(loop->meter, sent_bytes, sum);
	METER_ADD(loop->meter, stalls, n < loop->n_out);
	loop->first_out += n;
	loop->n_out -= n;
}

static bool is_over(const struct loop *loop, uint64_t now)
{
	const struct run *run = loop->run;

	return now >= loop->end || __atomic_load_n(run->stop, __ATOMIC_RELAXED) ||
	       (run->limit && loop->made >= run->limit && loop->n_out == 0);
}

static void send_all(struct loop *loop)
{
	uint64_t now = rte_rdtsc();

	for (unsigned turn = 0; turn % TURNS_BETWEEN_LOOKS != 0 || !is_over(loop, now); turn++) {
		now = rte_rdtsc();
		if (loop->n_out == 0)
			make(loop, now);
		if (loop->n_out > 0)
			give(loop);
		return_take(loop->run, &loop->last_back);
	}
}

// Until nothing has come back for `settle_s`. What the port did not take is given to it until then; the rest was not
// sent.
static void settle(struct loop *loop)
{
	uint64_t quiet = (uint64_t)(loop->run->settle_s * loop->pace.hz), start = rte_rdtsc();

	loop->last_back = start;
	do {
		if (loop->n_out > 0)
			give(loop);
		return_take(loop->run, &loop->last_back);
	} while (rte_rdtsc() - loop->last_back < quiet && rte_rdtsc() - start < SETTLE_TIMES * quiet);
	rte_pktmbuf_free_bulk(loop->out + loop->first_out, loop->n_out);
}

int run_loop(void *argument)
{
	struct run *run = argument;
	struct loop loop = { .run = run, .meter = run->meter };
	uint64_t start = rte_rdtsc();
	double hz = (double)rte_get_tsc_hz();

	pace_start(&loop.pace, run->rate, run->base, hz, start);
	loop.end = start + (uint64_t)(run->seconds * hz);
	send_all(&loop);
	run->sent_s = (double)(rte_rdtsc() - start) / hz;
	settle(&loop);
	return 0;
}
