// SPDX-License-Identifier: BSD-3-Clause
//
// Members that take no plain frame, see reach.h. Runs on the worker. The payload is never copied: outer
// headers go into the headroom, and only the Ethernet header moves.
#include "dataplane/reach.h"

#include <string.h>

#include "dataplane/encap.h"
#include "dataplane/nat.h"
#include "dataplane/worker.h"

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, UDP_SIZE = 8 };

// Where the parts of a frame are in its first segment.
struct place {
	uint16_t l3, udp, length; // offsets; bytes of the IP datagram
};

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static struct place place_of(const struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->l3;
	unsigned length = packet->ip_version == 4 ? get16(ip + 2) : 40 + get16(ip + 4);

	return (struct place){ packet->l3, (uint16_t)(packet->payload - UDP_SIZE),
			       (uint16_t)RTE_MIN(length, UINT16_MAX) };
}

static void put_type(uint8_t *l3, unsigned family)
{
	unsigned type = family == 4 ? TYPE_IPV4 : TYPE_IPV6;

	l3[-2] = (uint8_t)(type >> 8);
	l3[-1] = (uint8_t)type;
}

// Padding belongs to the frame that it filled up, not to one that is longer. Where it is not in the last segment it
// stays: what lies behind an IP datagram has no meaning.
static void trim(struct rte_mbuf *mbuf, const struct place *place)
{
	uint32_t length = (uint32_t)place->l3 + place->length;

	if (mbuf->pkt_len > length)
		(void)rte_pktmbuf_trim(mbuf, (uint16_t)(mbuf->pkt_len - length));
}

static void encap_fill(struct encap *encap, struct worker *worker, const struct burst *burst,
		       unsigned at, const struct table_pool *pool)
{
	encap->mode = pool->mode;
	encap->family = pool->source_family;
	encap->id = worker->datagram_id++;
	encap->flow = member_hash(burst->message.tenant[at], burst->payloads.source[at]);
	memcpy(encap->source, pool->source, sizeof(encap->source));
}

static enum reach tunnel(struct worker *worker, struct burst *burst, unsigned at,
			 const struct table_pool *pool, uint32_t member)
{
	unsigned i = burst->live[at], size = encap_size(pool->mode, pool->source_family);
	const struct packet *packet = &burst->packet[i];
	struct place place = place_of(packet);
	struct rte_mbuf *mbuf = burst->mbuf[i];
	struct encap encap;
	uint8_t *frame;

	if (place.length + size > worker->paths->mtus[member])
		return REACH_MTU;
	if (rte_pktmbuf_headroom(mbuf) < size || rte_pktmbuf_data_len(mbuf) < place.l3)
		return REACH_NO_ROOM;
	encap_fill(&encap, worker, burst, at, pool);
	memcpy(encap.destination, worker->live->table.members[member].address,
	       sizeof(encap.destination));
	trim(mbuf, &place);
	frame = (uint8_t *)rte_pktmbuf_prepend(mbuf, (uint16_t)size);
	memmove(frame, frame + size, place.l3);
	encap_write(frame + place.l3, &encap, packet->data + packet->l3, place.length);
	put_type(frame + place.l3, pool->source_family);
	*frame_origin(mbuf) = (struct frame_origin){ .change = FRAME_IN_TUNNEL,
						     .l3 = place.l3,
						     .ip_version = packet->ip_version,
						     .offset = (uint16_t)size };
	return REACH_GOOD;
}

static enum reach exchange(struct worker *worker, struct burst *burst, unsigned at, uint32_t member)
{
	const struct table_member *to = &worker->live->table.members[member];
	unsigned i = burst->live[at];
	struct packet *packet = &burst->packet[i];
	struct place place = place_of(packet);
	struct rte_mbuf *mbuf = burst->mbuf[i];
	uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, place.l3);
	struct frame_origin origin = { .change = FRAME_TRANSLATED,
				       .l3 = place.l3,
				       .offset = place.udp };

	if (packet->ip_version != to->family)
		return REACH_NO_MEMBER;
	if (place.length > worker->paths->mtus[member])
		return REACH_MTU;
	if (rte_pktmbuf_data_len(mbuf) < place.udp + UDP_SIZE)
		return REACH_NO_ROOM;
	memcpy(origin.address, ip + (to->family == 4 ? 16 : 24), to->family == 4 ? 4 : 16);
	nat_destination(ip, ip + (place.udp - place.l3), to->address);
	*frame_origin(mbuf) = origin;
	return REACH_GOOD;
}

// ICMP errors about the frame are to be believed.
static void leave_trail(struct worker *worker, const struct burst *burst, unsigned at, uint32_t member)
{
	const struct packet *packet = &burst->packet[burst->live[at]];
	const uint8_t *ip = packet->data + packet->l3, *udp = packet->data + packet->payload - UDP_SIZE;
	struct message_flow flow = { .family = packet->ip_version,
				     .source_port = (uint16_t)get16(udp),
				     .port = (uint16_t)get16(udp + 2) };

	if (packet->ip_version == 4)
		memcpy(flow.source, ip + 12, 4);
	else
		memcpy(flow.source, ip + 8, 16);
	trail_put(&worker->trail, trail_mark(&worker->trail, member, &flow), burst->now);
}

enum reach reach_member(struct worker *worker, struct burst *burst, unsigned at, uint32_t pool,
			uint32_t member)
{
	const struct table_pool *of = &worker->live->table.pools[pool];
	unsigned i = burst->live[at];
	enum reach reached;

	switch (of->mode) {
	case WEIR_MODE_IPIP:
	case WEIR_MODE_GUE:
		reached = tunnel(worker, burst, at, of, member);
		break;
	case WEIR_MODE_NAT:
		reached = exchange(worker, burst, at, member);
		break;
	default:
		frame_origin(burst->mbuf[i])->change = FRAME_AS_IT_CAME;
		return place_of(&burst->packet[i]).length > worker->paths->mtus[member]
			       ? REACH_MTU
			       : REACH_GOOD;
	}
	if (reached == REACH_GOOD && of->eject_errors)
		leave_trail(worker, burst, at, member);
	return reached;
}

void reach_undo(struct rte_mbuf *mbuf)
{
	const struct frame_origin *origin = frame_origin(mbuf);
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	if (origin->change == FRAME_IN_TUNNEL) {
		memmove(frame + origin->offset, frame, origin->l3);
		put_type(frame + origin->offset + origin->l3, origin->ip_version);
		rte_pktmbuf_adj(mbuf, origin->offset);
	} else if (origin->change == FRAME_TRANSLATED) {
		nat_destination(frame + origin->l3, frame + origin->offset, origin->address);
	}
}

// The address at `from` as 16 bytes.
static void address_get(uint8_t to[16], const uint8_t *from, unsigned version)
{
	memset(to, 0, 16);
	memcpy(to, from, version == 4 ? 4 : 16);
}

static bool end_back(struct worker *worker, struct burst *burst, unsigned i,
		     enum weir_reason reason)
{
	burst->packet[i].reason = (uint8_t)reason;
	burst_end_reason(worker, burst, i);
	return true;
}

// The service address of the nat pool that the frame's sender is a member of, if it sent from a listener's port.
static const uint8_t *service_of(const struct worker *worker, const struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint8_t address[16];

	if (!worker->listeners->by_port[get16(packet->data + packet->payload - UDP_SIZE)])
		return NULL;
	address_get(address, ip + (packet->ip_version == 4 ? 12 : 8), packet->ip_version);
	return paths_find_service(worker->paths, packet->ip_version, address);
}

bool reach_back(struct worker *worker, struct burst *burst, unsigned i)
{
	const struct packet *packet = &burst->packet[i];
	const uint8_t *service = service_of(worker, packet);
	const struct route_neighbour *hop;
	struct place place = place_of(packet);
	struct rte_mbuf *mbuf = burst->mbuf[i];
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *), to[16];

	if (!service)
		return false;
	address_get(to, packet->data + packet->l3 + (packet->ip_version == 4 ? 16 : 24),
		    packet->ip_version);
	hop = neighbours_find(&worker->paths->neighbours, packet->ip_version, to);
	if (!hop)
		return end_back(worker, burst, i, WEIR_REASON_NO_NEXT_HOP);
	if (place.length > worker->ports[hop->port].mtu)
		return end_back(worker, burst, i, WEIR_REASON_MTU);
	if (rte_pktmbuf_data_len(mbuf) < place.udp + UDP_SIZE)
		return end_back(worker, burst, i, WEIR_REASON_NO_ROOM);
	nat_source(frame + place.l3, frame + place.udp, service);
	memcpy(frame, hop->mac, 6);
	memcpy(frame + 6, worker->ports[hop->port].mac, 6);
	worker->counters[burst->port].disposition[WEIR_FORWARD]++;
	tx_push(worker, hop->port, mbuf, TX_FORWARD, WEIR_NORMAL);
	return true;
}
