// SPDX-License-Identifier: BSD-3-Clause
//
// Answers, see answer.h. Pure functions; any thread. The frame is built anew:
// IPv4 without options, IPv6 without extension headers, hop limit 64, VLAN tags as the message had
// them.
#include "dataplane/answer.h"

#include <string.h>

#include "dataplane/checksum.h"

enum { NATIVE_HEADER = 16, FLAG_REPLY = 0x2, HOP_LIMIT = 64, FRAME_MIN = 60, IP_PROTOCOL_UDP = 17 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint8_t *put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

static void put_sum(uint8_t *p, uint16_t sum) // as checksum.h makes it: already in network order
{
	memcpy(p, &sum, sizeof(sum));
}

void answer_to_packet(struct answer_to *to, const struct packet *packet)
{
	const uint8_t *frame = packet->data, *ip = frame + packet->l3,
		      *udp = frame + packet->payload - 8;
	bool v6 = packet->ip_version == 6;

	memset(to, 0, sizeof(*to));
	memcpy(to->mac_destination, frame + 6, 6);
	memcpy(to->mac_source, frame, 6);
	to->n_vlan = packet->n_vlan;
	memcpy(to->vlan, frame + 12, 4 * (size_t)packet->n_vlan);
	to->ip_version = packet->ip_version;
	memcpy(to->ip_source, ip + (v6 ? 24 : 16), v6 ? 16 : 4);
	memcpy(to->ip_destination, ip + (v6 ? 8 : 12), v6 ? 16 : 4);
	to->udp_source = get16(udp + 2);
	to->udp_destination = get16(udp);
	if (packet->protocol == WEIR_NATIVE)
		memcpy(to->header, frame + packet->payload, NATIVE_HEADER);
}

void answer_to_record(struct answer_to *to, const struct weir_record *record,
		      const uint8_t *payload)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->mac_destination, record->mac_source, 6);
	memcpy(to->mac_source, record->mac_destination, 6);
	to->n_vlan = record->n_vlan;
	memcpy(to->vlan, record->vlan, sizeof(to->vlan));
	to->ip_version = record->ip_version;
	memcpy(to->ip_source, record->ip_destination, 16);
	memcpy(to->ip_destination, record->ip_source, 16);
	to->udp_source = record->udp_destination;
	to->udp_destination = record->udp_source;
	if (record->protocol == WEIR_NATIVE)
		memcpy(to->header, payload, NATIVE_HEADER);
}

static bool unicast4(const uint8_t address[4])
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

static bool unicast6(const uint8_t address[16])
{
	static const uint8_t low[15];

	return address[0] != 0xff && !(memcmp(address, low, 15) == 0 && address[15] <= 1);
}

bool answer_allowed(const struct answer_to *to)
{
	if (to->udp_destination == 0 || (to->mac_destination[0] & 1) || (to->mac_source[0] & 1))
		return false;
	if (to->ip_version == 4)
		return unicast4(to->ip_destination) && unicast4(to->ip_source);
	return unicast6(to->ip_destination) && unicast6(to->ip_source);
}

// Bytes that follow the header of a native reply.
static unsigned native_length(const struct answer *answer)
{
	return answer->text_length + (answer->status == WEIR_STATUS_BUSY ? 4u : 0u);
}

// The native reply, header and payload.
static uint8_t *write_message(uint8_t *p, const struct answer_to *to, const struct answer *answer)
{
	memcpy(p, to->header, NATIVE_HEADER);
	p[1] = 0x10 | FLAG_REPLY;
	p[2] = answer->status;
	put16(p + 10, native_length(answer));
	p += NATIVE_HEADER;
	if (answer->status == WEIR_STATUS_BUSY) {
		p = put16(p, answer->retry_after >> 16);
		p = put16(p, answer->retry_after);
	}
	if (answer->text_length > 0)
		memcpy(p, answer->text, answer->text_length);
	return p + answer->text_length;
}

static uint8_t *write_ethernet(uint8_t *p, const struct answer_to *to)
{
	memcpy(p, to->mac_destination, 6);
	memcpy(p + 6, to->mac_source, 6);
	memcpy(p + 12, to->vlan, 4 * (size_t)to->n_vlan);
	return put16(p + 12 + 4 * (size_t)to->n_vlan, to->ip_version == 4 ? 0x0800 : 0x86dd);
}

static uint8_t *write_ipv4(uint8_t *p, const struct answer_to *to, unsigned udp_length)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, 20 + udp_length);
	put16(p + 6,
	      0x4000); // don't fragment; an atomic datagram needs no identification (RFC 6864)
	p[8] = HOP_LIMIT;
	p[9] = IP_PROTOCOL_UDP;
	memcpy(p + 12, to->ip_source, 4);
	memcpy(p + 16, to->ip_destination, 4);
	put_sum(p + 10, checksum_finish(checksum_plain_header(p)));
	return p + 20;
}

static uint8_t *write_ipv6(uint8_t *p, const struct answer_to *to, unsigned udp_length)
{
	memset(p, 0, 8);
	p[0] = 0x60;
	put16(p + 4, udp_length);
	p[6] = IP_PROTOCOL_UDP;
	p[7] = HOP_LIMIT;
	memcpy(p + 8, to->ip_source, 16);
	memcpy(p + 24, to->ip_destination, 16);
	return p + 40;
}

static uint8_t *write_udp(uint8_t *p, const struct answer_to *to, unsigned udp_length)
{
	p = put16(p, to->udp_source);
	p = put16(p, to->udp_destination);
	p = put16(p, udp_length);
	return put16(p, 0);
}

// A frame being written: where its layers stand.
struct layers {
	uint8_t *ip, *udp;
	unsigned udp_length;
};

// Everything before the payload, for which the place is returned.
static uint8_t *write_layers(struct layers *layers, uint8_t *out, const struct answer_to *to,
			     unsigned payload_length)
{
	layers->udp_length = 8u + payload_length;
	layers->ip = write_ethernet(out, to);
	layers->udp = to->ip_version == 4 ? write_ipv4(layers->ip, to, layers->udp_length)
					  : write_ipv6(layers->ip, to, layers->udp_length);
	return write_udp(layers->udp, to, layers->udp_length);
}

// The payload is there, up to `end`: sums up and pads. Returns the frame's length.
static size_t finish(const struct layers *layers, const uint8_t *out, const struct answer_to *to,
		     uint8_t *end)
{
	uint16_t length = (uint16_t)layers->udp_length;
	uint64_t sum = to->ip_version == 4 ? checksum_pseudo4(layers->ip, length)
					   : checksum_pseudo6(layers->ip, length);

	put_sum(layers->udp + 6,
		checksum_finish_udp(checksum_add_bytes(sum, layers->udp, length)));
	if (end - out < FRAME_MIN) {
		memset(end, 0, (size_t)(FRAME_MIN - (end - out)));
		end += FRAME_MIN - (end - out);
	}
	return (size_t)(end - out);
}

size_t answer_write(uint8_t *out, const struct answer_to *to, const struct answer *answer)
{
	struct layers layers;
	uint8_t *payload = write_layers(&layers, out, to, NATIVE_HEADER + native_length(answer));

	return finish(&layers, out, to, write_message(payload, to, answer));
}

size_t answer_write_payload(uint8_t *out, const struct answer_to *to, const void *payload,
			    size_t length)
{
	struct layers layers;
	uint8_t *at = write_layers(&layers, out, to, (unsigned)length);

	memcpy(at, payload, length);
	return finish(&layers, out, to, at + length);
}
