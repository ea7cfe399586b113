// SPDX-License-Identifier: BSD-3-Clause
//
// Fragments on a worker, see reassemble.h. What is held is in the gauge `held` of the port it came by, until it leaves.
// A whole datagram is written once for reading, and once into buffers, since it may be forwarded or be the kernel's;
// none of this is for many frames.
#include "dataplane/reassemble.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_random.h>
#include <string.h>

#include "dataplane/checksum.h"
#include "dataplane/decap.h"
#include "dataplane/reach.h"
#include "dataplane/reassembly.h"
#include "dataplane/worker.h"

enum { PIECES_MAX = 64, IPV4_SIZE = 20, IPV6_SIZE = 40, UDP_SIZE = 8, FRAGMENT_HEADER = 8, NEXT_FRAGMENT = 44,
       OFFSET_UNIT = 8 };

static void copy_frame(const void *frame, uint32_t offset, uint32_t length, uint8_t *out)
{
	const void *at = rte_pktmbuf_read(frame, offset, length, out);

	if (at != out)
		memcpy(out, at, length);
}

static void end_frame(void *context, void *frame, enum weir_disposition disposition)
{
	struct worker *worker = context;
	struct rte_mbuf *mbuf = frame;
	struct weir_counters *counters = &worker->counters[mbuf->port];

	counters->disposition[WEIR_HELD]--;
	counters->disposition[disposition]++;
	counters->reason[WEIR_REASON_FRAGMENT] += disposition == WEIR_MALFORMED;
	rte_pktmbuf_free(mbuf);
}

int reassemble_init(struct worker *worker, const struct gateway *gateway, uint32_t n_mbufs, uint64_t random)
{
	const struct gateway_fragments *set = &gateway->fragments;
	const struct reassembly_frames frames = { copy_frame, end_frame, worker };
	const uint32_t share = RTE_MAX(n_mbufs / 2 / gateway->n_workers, 1u);
	const struct reassembly_limits limits = { set->datagrams, RTE_MIN(set->frames, share), set->per_datagram,
						  rte_get_tsc_hz() / 1000 * set->timeout_ms };
	uint64_t seed[2] = { random, rte_rand() };

	worker->reassembly = reassembly_create(&limits, &frames, (const uint8_t *)seed);
	return worker->reassembly ? 0 : -ENOMEM;
}

void reassemble_fini(struct worker *worker)
{
	reassembly_destroy(worker->reassembly);
	worker->reassembly = NULL;
}

void reassemble_expire(struct worker *worker)
{
	reassembly_expire(worker->reassembly, rte_rdtsc());
}

void reassemble_end(struct worker *worker)
{
	reassembly_flush(worker->reassembly);
}

// Makes the mbuf hold the frame, in as many segments as it takes. False: no buffers.
static bool mbuf_fill(struct worker *worker, struct rte_mbuf *mbuf, const uint8_t *data, uint32_t length)
{
	rte_pktmbuf_free(mbuf->next);
	mbuf->next = NULL;
	mbuf->nb_segs = 1;
	mbuf->data_len = 0;
	mbuf->pkt_len = 0;
	mbuf->data_off = RTE_MIN(RTE_PKTMBUF_HEADROOM, mbuf->buf_len);
	for (struct rte_mbuf *last = mbuf; length > 0;) {
		uint16_t n = (uint16_t)RTE_MIN(length, (uint32_t)rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod(last, uint8_t *), data, n);
		last->data_len = n;
		mbuf->pkt_len += n;
		data += n;
		length -= n;
		if (length == 0)
			break;
		last->next = rte_pktmbuf_alloc(worker->pool);
		if (!last->next)
			return false;
		last = last->next;
		mbuf->nb_segs++;
	}
	return true;
}

static void take_whole(struct worker *worker, struct burst *burst, unsigned i, const struct whole *whole)
{
	struct packet *packet = &burst->packet[i];

	parse_whole(worker->listeners, whole, worker->ports[burst->port].trust_udp_checksum, packet);
	if (packet_tunnel(packet) && packet->outer) {
		decap_link(packet);
		burst->opened |= UINT64_C(1) << i;
	}
	if (!mbuf_fill(worker, burst->mbuf[i], packet->data, packet->length))
		packet->reason = WEIR_REASON_FRAGMENT; // the memory that there is, is a limit too
	burst->whole |= UINT64_C(1) << i;
	burst->whole_id[i] = whole->id;
	if (packet->reason != WEIR_REASON_NONE)
		return;
	burst->payloads.at[i] = packet->data + packet->payload;
	burst->payloads.length[i] = packet->payload_length;
	burst->payloads.source[i] = source_fold(packet);
}

bool reassemble(struct worker *worker, struct burst *burst, unsigned i)
{
	struct whole whole = { .data = worker->linear[i] };
	struct packet *packet = &burst->packet[i];

	switch (reassembly_take(worker->reassembly, packet, burst->mbuf[i], burst->now, &whole)) {
	case REASSEMBLY_HELD:
		worker->counters[burst->port].disposition[WEIR_HELD]++;
		return false;
	case REASSEMBLY_WHOLE:
		take_whole(worker, burst, i, &whole);
		if (packet->reason == WEIR_REASON_NONE)
			return true;
		break;
	default:
		break;
	}
	if (packet->reason == WEIR_REASON_NO_LISTENER && !packet_tunnel(packet) && worker->paths->n_services > 0 &&
	    reach_back(worker, burst, i))
		return false;
	burst_end_reason(worker, burst, i);
	return false;
}

// A datagram that is taken apart again.
struct parts {
	const struct packet *packet;
	uint32_t head;    // bytes of every frame, without an IPv6 fragment header: the payload begins there
	uint32_t length;  // of the IP payload
	uint32_t step;    // bytes of it in each fragment but the last
	uint32_t id;
	unsigned n;
};

static uint32_t datagram_length(const struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->l3, *at = ip + (packet->ip_version == 4 ? 2 : 4);

	return ((uint32_t)at[0] << 8 | at[1]) + (packet->ip_version == 4 ? 0 : IPV6_SIZE);
}

static bool parts_plan(struct parts *parts, const struct packet *packet, uint32_t id, uint32_t mtu)
{
	uint32_t header = packet->ip_version == 4 ? IPV4_SIZE : IPV6_SIZE;
	uint32_t extra = packet->ip_version == 4 ? 0 : FRAGMENT_HEADER;
	uint32_t room = RTE_MIN(mtu, (uint32_t)RTE_MBUF_DEFAULT_DATAROOM - packet->l3);

	if (packet->payload != packet->l3 + header + UDP_SIZE || room < header + extra + OFFSET_UNIT)
		return false;
	*parts = (struct parts){ .packet = packet, .head = packet->l3 + header, .id = id };
	parts->length = datagram_length(packet) - header;
	parts->step = (room - header - extra) / OFFSET_UNIT * OFFSET_UNIT;
	parts->n = (parts->length + parts->step - 1) / parts->step;
	return parts->n <= PIECES_MAX;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void part_write(struct rte_mbuf *mbuf, const struct parts *parts, unsigned n, const uint8_t *macs)
{
	const uint32_t offset = n * parts->step, length = RTE_MIN(parts->step, parts->length - offset);
	const bool more = n + 1 < parts->n, v6 = parts->packet->ip_version == 6;
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *), *ip = frame + parts->packet->l3, *at = frame + parts->head;
	uint16_t sum;

	memcpy(frame, parts->packet->data, parts->head);
	memcpy(frame, macs, 12);
	if (v6) {
		put16(ip + 4, FRAGMENT_HEADER + length);
		at[0] = ip[6];
		ip[6] = NEXT_FRAGMENT;
		at[1] = 0;
		put16(at + 2, offset | more);
		memcpy(at + 4, &parts->id, sizeof(parts->id));
		at += FRAGMENT_HEADER;
	} else {
		put16(ip + 2, IPV4_SIZE + length);
		put16(ip + 6, (ip[6] & 0xc0u) << 8 | offset / OFFSET_UNIT | (more ? 0x2000u : 0));
		put16(ip + 10, 0);
		sum = checksum_finish(checksum_add_bytes(0, ip, IPV4_SIZE));
		memcpy(ip + 10, &sum, sizeof(sum));
	}
	memcpy(at, parts->packet->data + parts->head + offset, length);
	mbuf->data_len = (uint16_t)(at + length - frame);
	mbuf->pkt_len = mbuf->data_len;
}

int reassemble_forward(struct worker *worker, struct burst *burst, unsigned at, const struct forward_to *to)
{
	unsigned i = burst->live[at];
	struct rte_mbuf *mbufs[PIECES_MAX];
	struct parts parts;

	if (!parts_plan(&parts, &burst->packet[i], burst->whole_id[i], to->mtu))
		return -EMSGSIZE;
	if (!tx_port_has_room(worker, to->port, parts.n) ||
	    rte_pktmbuf_alloc_bulk(worker->pool, mbufs, parts.n) != 0)
		return -ENOBUFS;
	for (unsigned n = 0; n < parts.n; n++) {
		part_write(mbufs[n], &parts, n, to->macs);
		mbufs[n]->port = (uint16_t)burst->port;
		// The last one is what is counted: it leaves last, and gives way first.
		tx_push(worker, to->port, mbufs[n], n + 1 < parts.n ? TX_PART : TX_FORWARD, to->priority);
	}
	return 0;
}
