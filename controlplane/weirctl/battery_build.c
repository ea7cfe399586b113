// SPDX-License-Identifier: BSD-3-Clause
//
// Bytes of a battery's message: a frame as a sender on the next hop would give it to the gateway, with
// all lengths, checksums and the tag right (docs/wire-format.md).
#include <endian.h>
#include <string.h>

#include "controlplane/weirctl/battery.h"
#include "dataplane/checksum.h"
#include "dataplane/decode/siphash.h"

enum {
	ETHER_SIZE = 14,
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	UDP_SIZE = 8,
	NATIVE_SIZE = 16,
	TAG_SIZE = 8,
	FLAG_ACK = 1,
	FLAG_TAG = 4
};

const struct battery_ends battery_ends = { { 2, 0, 0, 0, 0, 2 }, { 2, 0, 0, 0, 0, 1 }, { 203, 0, 113, 254 },
					   { 0x20, 1, 0x0d, 0xb8, [15] = 0xfe } };

static uint8_t *put8(uint8_t *at, unsigned value)
{
	*at = (uint8_t)value;
	return at + 1;
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
	return put8(put8(at, value >> 8 & 0xff), value & 0xff);
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value & 0xffff);
}

static bool is_tagged(const struct battery_message *message)
{
	return message->key && message->tag != TAG_NONE;
}

static uint8_t *put_native(uint8_t *at, const struct battery_message *message)
{
	uint8_t *start = at, *body = at + NATIVE_SIZE + (is_tagged(message) ? TAG_SIZE : 0);
	char letters[3];
	uint64_t tag;

	weir_country_format(message->country, letters);
	at = put8(at, 0x57);
	at = put8(at, 0x10 | (is_tagged(message) ? FLAG_TAG : 0) | (message->wants_ack ? FLAG_ACK : 0));
	at = put8(at, message->priority);
	at = put8(at, message->channel);
	at = put32(at, message->tenant_id);
	at = put8(put8(at, (unsigned char)letters[0]), (unsigned char)letters[1]);
	at = put16(at, message->size);
	at = put32(at, message->line);
	memset(body, 'x', message->size);
	if (is_tagged(message)) {
		tag = siphash24(message->key, start, NATIVE_SIZE, body, message->size);
		tag = htole64(message->tag == TAG_WRONG ? ~tag : tag);
		memcpy(at, &tag, sizeof(tag));
	}
	return body + message->size;
}

static uint8_t *put_ip(uint8_t *at, const struct battery_message *message, const struct battery_ends *ends)
{
	if (message->family == 4) {
		memset(at, 0, IPV4_SIZE);
		at[0] = 0x45;
		at[8] = 64;
		at[9] = 17;
		memcpy(at + 12, message->source, 4);
		memcpy(at + 16, ends->ipv4, 4);
		return at + IPV4_SIZE;
	}
	memset(at, 0, IPV6_SIZE);
	at[0] = 0x60;
	at[6] = 17;
	at[7] = 64;
	memcpy(at + 8, message->source, 16);
	memcpy(at + 24, ends->ipv6, 16);
	return at + IPV6_SIZE;
}

void battery_seal(uint8_t *ip, uint8_t *udp, const uint8_t *end)
{
	uint16_t length = (uint16_t)(end - udp), sum;

	memset(udp + 6, 0, 2);
	put16(udp + 4, length);
	if (ip[0] >> 4 == 4) {
		put16(ip + 2, (unsigned)(end - ip));
		memset(ip + 10, 0, 2);
		sum = checksum_finish(checksum_plain_header(ip));
		memcpy(ip + 10, &sum, sizeof(sum));
		sum = checksum_finish_udp(checksum_add_bytes(checksum_pseudo4(ip, length), udp, length));
	} else {
		put16(ip + 4, length);
		sum = checksum_finish_udp(checksum_add_bytes(checksum_pseudo6(ip, length), udp, length));
	}
	memcpy(udp + 6, &sum, sizeof(sum));
}

uint32_t battery_build(const struct battery_message *message, const struct battery_ends *ends,
		       uint8_t frame[BATTERY_FRAME_MAX])
{
	static const uint16_t port[WEIR_N_PROTOCOLS] = {[WEIR_NATIVE] = 5700, [WEIR_SIP] = 5060, [WEIR_COAP] = 5683};
	static uint8_t *(*const put[WEIR_N_PROTOCOLS])(uint8_t *, const struct battery_message *) = {
		[WEIR_NATIVE] = put_native, [WEIR_SIP] = battery_put_sip, [WEIR_COAP] = battery_put_coap};
	uint8_t *ip = frame + ETHER_SIZE, *udp, *end;

	memcpy(frame, ends->to_mac, 6);
	memcpy(frame + 6, ends->from_mac, 6);
	put16(frame + 12, message->family == 4 ? 0x0800 : 0x86dd);
	udp = put_ip(ip, message, ends);
	put16(udp, message->source_port);
	put16(udp + 2, port[message->protocol]);
	end = put[message->protocol](udp + UDP_SIZE, message);
	battery_seal(ip, udp, end);
	return (uint32_t)(end - frame);
}
