// SPDX-License-Identifier: BSD-3-Clause
//
// See returned.h. On the lcore of the run. Reads no further into a frame than its first segment goes.
#include "bench/pktgen/returned.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "bench/pktgen/stamp.h"

enum { BURST = 64, VLANS_MAX = 2, IP_UDP = 17 };

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

// Offset of the UDP header of a plain frame, 0 where it has none.
static unsigned find_udp(const uint8_t *at, unsigned length)
{
	unsigned l3 = 14, type = length >= 14 ? get16(at + 12) : 0, udp = 0;

	for (unsigned i = 0; i < VLANS_MAX && (type == 0x8100 || type == 0x88a8) && l3 + 4 <= length; i++, l3 += 4)
		type = get16(at + l3 + 2);
	if (type == 0x0800 && l3 + 20 <= length && at[l3 + 9] == IP_UDP)
		udp = l3 + (at[l3] & 15u) * 4;
	else if (type == 0x86dd && l3 + 40 <= length && at[l3 + 6] == IP_UDP)
		udp = l3 + 40;
	return udp && udp + 8 <= length ? udp : 0;
}

static bool is_service(unsigned port)
{
	return port == 5700 || port == 5060 || port == 5683;
}

static void judge(const struct run *run, const struct rte_mbuf *mbuf, uint64_t now)
{
	const uint8_t *at = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	unsigned udp = find_udp(at, mbuf->data_len), length;
	uint64_t due;

	METER_ADD(run->meter, back_bytes, mbuf->pkt_len);
	if (!udp) {
		METER_ADD(run->meter, other, 1);
	} else if (is_service(get16(at + udp + 2))) {
		METER_ADD(run->meter, forwarded, 1);
		length = get16(at + udp + 4);
		if (udp + length > mbuf->data_len || !stamp_get(at + udp, length, run->mark, &due))
			return;
		METER_ADD(run->meter, timed, 1);
		histogram_push(&run->meter->latency, now > due ? now - due : 0);
	} else if (is_service(get16(at + udp))) {
		METER_ADD(run->meter, answered, 1);
	} else {
		METER_ADD(run->meter, other, 1);
	}
}

void return_take(const struct run *run, uint64_t *last)
{
	struct rte_mbuf *in[BURST];

	for (unsigned p = 0; p < run->n_ports; p++) {
		uint16_t n = rte_eth_rx_burst(run->ports[p], 0, in, BURST);
		uint64_t now;

		if (n == 0)
			continue;
		now = *last = rte_rdtsc();
		for (unsigned i = 0; i < n; i++)
			judge(run, in[i], now);
		rte_pktmbuf_free_bulk(in, n);
	}
}
