// SPDX-License-Identifier: BSD-3-Clause
//
// See frame.h. The messages are those that weirctl's batteries are made of. Any thread.
#include "bench/pktgen/frame.h"

#include <string.h>

#include "bench/pktgen/stamp.h"

enum { ETHER = 14, IPV4 = 20, IPV6 = 40, UDP = 8, FRAME_MIN = 60 };

// How a payload is spoiled: byte `at` becomes `value`, or (CUT) the payload ends there.
struct spoiling {
	uint16_t reason;
	uint8_t protocol;
	uint8_t cut;
	uint8_t at, value;
};
static const struct spoiling spoilings[] = {
	{ WEIR_REASON_NATIVE_SHORT, WEIR_NATIVE, true, 11, 0 },
	{ WEIR_REASON_NATIVE_MAGIC, WEIR_NATIVE, false, 0, 0x58 },
	{ WEIR_REASON_NATIVE_VERSION, WEIR_NATIVE, false, 1, 0x20 },
	{ WEIR_REASON_NATIVE_FLAGS, WEIR_NATIVE, false, 1, 0x18 },
	{ WEIR_REASON_NATIVE_PRIORITY, WEIR_NATIVE, false, 2, 4 },
	{ WEIR_REASON_NATIVE_CHANNEL, WEIR_NATIVE, false, 3, 16 },
	{ WEIR_REASON_NATIVE_COUNTRY, WEIR_NATIVE, false, 8, 'd' },
	{ WEIR_REASON_NATIVE_LENGTH, WEIR_NATIVE, false, 10, 0xff },
	{ WEIR_REASON_COAP_SHORT, WEIR_COAP, true, 3, 0 },
	{ WEIR_REASON_COAP_VERSION, WEIR_COAP, false, 0, 0x90 },
	{ WEIR_REASON_COAP_TOKEN, WEIR_COAP, false, 0, 0x59 },
	{ WEIR_REASON_SIP_START_LINE, WEIR_SIP, false, 7, '\t' },
	{ WEIR_REASON_SIP_HEADER, WEIR_SIP, true, 80, 0 },
};
// Spoiled below the message; any protocol.
static const uint16_t below[] = { WEIR_REASON_TRUNCATED, WEIR_REASON_IP_HEADER, WEIR_REASON_IP_CHECKSUM,
				  WEIR_REASON_UDP_CHECKSUM };

static const struct spoiling *find(unsigned reason)
{
	for (unsigned i = 0; i < sizeof(spoilings) / sizeof(spoilings[0]); i++)
		if (spoilings[i].reason == reason)
			return &spoilings[i];
	return NULL;
}

bool frame_can_spoil(unsigned reason)
{
	for (unsigned i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (below[i] == reason)
			return true;
	return find(reason) != NULL;
}

unsigned frame_spoil_protocol(unsigned reason)
{
	const struct spoiling *spoiling = find(reason);

	return spoiling ? spoiling->protocol : WEIR_N_PROTOCOLS;
}

static uint32_t pad(uint8_t *bytes, uint32_t length)
{
	if (length >= FRAME_MIN)
		return length;
	memset(bytes + length, 0, FRAME_MIN - length);
	return FRAME_MIN;
}

struct frame_made frame_make(struct battery_message *message, const struct battery_ends *ends, uint32_t size,
			     uint8_t *bytes)
{
	uint32_t wanted = size - FRAME_FCS, length, end;
	struct frame_made made = { .udp = (uint16_t)(ETHER + (message->family == 4 ? IPV4 : IPV6)) };

	message->size = 0;
	length = battery_build(message, ends, bytes);
	// A body brings bytes of its own: the payload marker, digits of Content-Length.
	for (unsigned tries = 0; tries < 3 && length != wanted; tries++) {
		if (length > wanted && length - wanted > message->size)
			break;
		message->size = (uint16_t)(message->size + wanted - length);
		length = battery_build(message, ends, bytes);
	}
	end = length - (length - made.udp) % 2;
	if (message->size > STAMP_SIZE) {
		made.stamp = (uint16_t)(end - STAMP_SIZE);
		memset(bytes + made.stamp, 0, STAMP_SIZE);
		battery_seal(bytes + ETHER, bytes + made.udp, bytes + length);
	}
	made.length = pad(bytes, length);
	return made;
}

void frame_spoil(uint8_t *bytes, struct frame_made *made, unsigned reason)
{
	const struct spoiling *spoiling = find(reason);
	uint8_t *udp = bytes + made->udp;
	uint32_t end = made->udp + (uint32_t)(udp[4] << 8 | udp[5]);

	made->stamp = 0;
	if (reason == WEIR_REASON_TRUNCATED)
		made->length = ETHER + IPV4 - 4;
	else if (reason == WEIR_REASON_IP_HEADER)
		bytes[ETHER] = 0x44;
	else if (reason == WEIR_REASON_IP_CHECKSUM)
		bytes[ETHER + 10] ^= 0xff;
	else if (reason == WEIR_REASON_UDP_CHECKSUM)
		udp[6] ^= udp[6] == 0x55 ? 0x54 : 0x55; // never 0 and 0: that would be none
	if (!spoiling)
		return;
	if (!spoiling->cut)
		udp[UDP + spoiling->at] = spoiling->value;
	else if (end > made->udp + UDP + (uint32_t)spoiling->at)
		end = made->udp + UDP + spoiling->at;
	battery_seal(bytes + ETHER, udp, bytes + end);
	made->length = spoiling->cut ? pad(bytes, end) : made->length;
}
