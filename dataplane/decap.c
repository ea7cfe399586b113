// SPDX-License-Identifier: BSD-3-Clause
//
// Outer headers come off, see decap.h. Runs on the worker. Nothing is copied but the Ethernet header, unless the frame
// is one of several segments: its copy in one piece is written back over them.
#include "dataplane/decap.h"

#include <rte_branch_prediction.h>
#include <string.h>

#include "dataplane/tunnel.h"

enum { FRAME_MIN = 60 };

void decap_link(struct packet *packet)
{
	if (packet->outer)
		tunnel_link(packet, (uint8_t *)(uintptr_t)packet->data);
	packet->outer = 0;
}

// Makes segments that held more hold these bytes.
static void write_back(struct rte_mbuf *mbuf, const uint8_t *data, uint32_t length)
{
	struct rte_mbuf *segment = mbuf;

	mbuf->pkt_len = length;
	mbuf->nb_segs = 1;
	for (;; segment = segment->next, mbuf->nb_segs++) {
		uint16_t n = (uint16_t)RTE_MIN(length, (uint32_t)segment->data_len);

		memcpy(rte_pktmbuf_mtod(segment, uint8_t *), data, n);
		segment->data_len = n;
		data += n;
		length -= n;
		if (length == 0)
			break;
	}
	rte_pktmbuf_free(segment->next);
	segment->next = NULL;
}

// A frame is as long as Ethernet wants it.
static void pad(struct rte_mbuf *mbuf)
{
	uint16_t missing = mbuf->data_len < FRAME_MIN ? (uint16_t)(FRAME_MIN - mbuf->data_len) : 0;
	char *padding = missing ? rte_pktmbuf_append(mbuf, missing) : NULL;

	if (padding)
		memset(padding, 0, missing);
}

static void strip(struct rte_mbuf *mbuf, struct packet *packet)
{
	uint16_t outer = packet->outer;

	decap_link(packet);
	if (likely(mbuf->nb_segs == 1)) {
		rte_pktmbuf_adj(mbuf, outer);
		(void)rte_pktmbuf_trim(mbuf, (uint16_t)(mbuf->pkt_len - packet->length));
		pad(mbuf);
	} else {
		write_back(mbuf, packet->data, packet->length);
	}
}

void decap(struct burst *burst)
{
	for (uint64_t left = burst->payloads.tunnelled; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		strip(burst->mbuf[i], &burst->packet[i]);
	}
}
