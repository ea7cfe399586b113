// SPDX-License-Identifier: BSD-3-Clause
//
// Reading and joining fragments, see fragment.h. What is read here parse.c has walked before, to the fragment header,
// and found whole; the walk is bounded by the frame all the same.
#include "dataplane/fragment.h"

#include <string.h>

#include "dataplane/checksum.h"

enum { VLAN_NUMBER = 0xfff, OFFSET4 = 0x1fff, MORE4 = 0x2000, IPV6_SIZE = 40, HEADER_SIZE = 8, NEXT_FRAGMENT = 44,
       DATAGRAM_MAX = 65535 };

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void read_ipv4(const struct packet *packet, struct fragment *out)
{
	const uint8_t *ip = packet->data + packet->l3;
	unsigned header = (ip[0] & 0xfu) * 4, field = get16(ip + 6);

	memcpy(out->key.source, ip + 12, 4);
	memcpy(out->key.destination, ip + 16, 4);
	memcpy(&out->key.id, ip + 4, 2);
	out->key.protocol = ip[9];
	out->offset = (uint16_t)((field & OFFSET4) * 8);
	out->more = field & MORE4;
	out->head = (uint16_t)(packet->l3 + header);
	out->payload = out->head;
	out->length = (uint16_t)(get16(ip + 2) - header);
}

static bool read_ipv6(const struct packet *packet, struct fragment *out)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint32_t at = packet->l3 + IPV6_SIZE, next_at = packet->l3 + 6u, end = at + get16(ip + 4);

	while (packet->data[next_at] != NEXT_FRAGMENT) {
		if (end - at < 2 * HEADER_SIZE)
			return false;
		next_at = at;
		at += (packet->data[at + 1] + 1u) * HEADER_SIZE;
		if (at > end)
			return false;
	}
	if (end - at < HEADER_SIZE || at + HEADER_SIZE > UINT16_MAX)
		return false;
	memcpy(out->key.source, ip + 8, 16);
	memcpy(out->key.destination, ip + 24, 16);
	memcpy(&out->key.id, packet->data + at + 4, 4);
	out->offset = (uint16_t)(get16(packet->data + at + 2) & ~7u);
	out->more = packet->data[at + 3] & 1;
	out->head = (uint16_t)at;
	out->payload = (uint16_t)(at + HEADER_SIZE);
	out->length = (uint16_t)(end - out->payload);
	out->next_at = (uint16_t)next_at;
	out->next = packet->data[at];
	return true;
}

bool fragment_read(const struct packet *packet, struct fragment *fragment)
{
	memset(fragment, 0, sizeof(*fragment));
	fragment->key.version = packet->ip_version;
	fragment->key.tunnel = (uint8_t)packet_tunnel(packet);
	for (unsigned i = 0; i < packet->n_vlan; i++)
		fragment->key.vlan[i] = (uint16_t)(get16(packet->data + 14 + 4 * i) & VLAN_NUMBER);
	if (packet->ip_version == 4)
		read_ipv4(packet, fragment);
	else if (!read_ipv6(packet, fragment))
		return false;
	return fragment->length > 0 && !(fragment->more && fragment->length % 8 != 0) &&
	       (uint32_t)fragment->offset + fragment->length <= DATAGRAM_MAX;
}

bool fragment_join(uint8_t *frame, const struct fragment *first, unsigned l3, uint32_t length)
{
	uint8_t *ip = frame + l3;
	uint32_t header = first->head - l3;
	uint16_t sum;

	if (first->key.version == 6) {
		if (header - IPV6_SIZE + length > DATAGRAM_MAX)
			return false;
		put16(ip + 4, header - IPV6_SIZE + length);
		frame[first->next_at] = first->next;
		return true;
	}
	if (header + length > DATAGRAM_MAX)
		return false;
	put16(ip + 2, header + length);
	put16(ip + 6, get16(ip + 6) & ~(unsigned)(OFFSET4 | MORE4));
	put16(ip + 10, 0);
	sum = checksum_finish(checksum_add_bytes(0, ip, header));
	memcpy(ip + 10, &sum, sizeof(sum));
	return true;
}
