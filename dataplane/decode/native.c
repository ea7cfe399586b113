// SPDX-License-Identifier: BSD-3-Clause
//
// The native message header, 16 bytes (DESIGN 1.2, docs/wire-format.md). Every field is judged at once;
// only a message that fails is looked at field by field, to name the first one that is wrong.
// Refuses whatever the table of 1.2 does not call legal; trusts nothing but payload and payload_length.
#include "dataplane/decode/decode.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "dataplane/decode/siphash.h"

enum { HEADER_SIZE = 16, TAG_SIZE = 8, MAGIC = 0x57, VERSION = 1, MAX_PRIORITY = 3, MAX_CHANNEL = 15 };
enum { FLAG_ACK = 1, FLAG_REPLY = 2, FLAG_TAG = 4, FLAG_RESERVED = 8 };

static inline uint16_t load_be16(const uint8_t *at)
{
	uint16_t word;

	memcpy(&word, at, sizeof(word));
	return be16toh(word);
}

static inline uint32_t load_be32(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return be32toh(word);
}

// Index of a country field, or WEIR_COUNTRY_NONE. 0x0000 is unknown: ZZ.
static inline uint16_t country_index(uint16_t field)
{
	unsigned first = (unsigned)(field >> 8) - 'A', second = (field & 0xffu) - 'A';

	if (first < 26 && second < 26)
		return (uint16_t)(first * 26 + second);
	return field == 0 ? WEIR_COUNTRY_ZZ : WEIR_COUNTRY_NONE;
}

// The first wrong field, in the order of DESIGN 1.3.
static __attribute__((cold, noinline)) enum weir_reason native_reason(const uint8_t *at, unsigned length)
{
	if (length < HEADER_SIZE)
		return WEIR_REASON_NATIVE_SHORT;
	if (at[0] != MAGIC)
		return WEIR_REASON_NATIVE_MAGIC;
	if (at[1] >> 4 != VERSION)
		return WEIR_REASON_NATIVE_VERSION;
	if (at[1] & (FLAG_REPLY | FLAG_RESERVED))
		return WEIR_REASON_NATIVE_FLAGS;
	if (at[2] > MAX_PRIORITY)
		return WEIR_REASON_NATIVE_PRIORITY;
	if (at[3] > MAX_CHANNEL)
		return WEIR_REASON_NATIVE_CHANNEL;
	if (load_be32(at + 4) == 0)
		return WEIR_REASON_NATIVE_TENANT;
	if (country_index(load_be16(at + 8)) == WEIR_COUNTRY_NONE)
		return WEIR_REASON_NATIVE_COUNTRY;
	return WEIR_REASON_NATIVE_LENGTH;
}

// Bytes 0 to 3 in one comparison: magic, version, the two flags that must be 0, priority, channel.
static inline bool first_right(uint32_t first)
{
	const uint32_t mask = 0xffu << 24 | (0xf0u | FLAG_REPLY | FLAG_RESERVED) << 16 | (0xffu ^ MAX_PRIORITY) << 8 |
			      (0xffu ^ MAX_CHANNEL);

	return (first & mask) == ((uint32_t)MAGIC << 24 | (uint32_t)VERSION << 20);
}

void decode_native(struct packet *packet)
{
	const uint8_t *at = packet->data + packet->payload;
	unsigned length = packet->payload_length, head, flags;
	uint32_t first, tenant, third;
	uint16_t country;

	if (__builtin_expect(length < HEADER_SIZE, 0))
		goto wrong;
	first = load_be32(at);
	tenant = load_be32(at + 4);
	third = load_be32(at + 8); // country, payload length
	flags = first >> 16;
	head = HEADER_SIZE + (flags & FLAG_TAG) / FLAG_TAG * TAG_SIZE;
	country = country_index((uint16_t)(third >> 16));
	if (__builtin_expect(!first_right(first) || tenant == 0 || country == WEIR_COUNTRY_NONE ||
			     (third & 0xffff) + head != length, 0))
		goto wrong;
	packet->tenant = tenant;
	packet->country = country;
	packet->body = (uint16_t)head;
	packet->size = (uint16_t)third;
	packet->priority = (uint8_t)(first >> 8);
	packet->channel = (uint8_t)first;
	static_assert(FLAG_ACK == (int)PACKET_WANTS_ACK && FLAG_TAG >> 1 == (int)PACKET_TAGGED, "a shift moves them");
	packet->flags |= (uint8_t)(PACKET_DECODED | (flags & FLAG_ACK) | (flags & FLAG_TAG) >> 1);
	return;
wrong:
	packet->reason = (uint8_t)native_reason(at, length);
}

bool decode_verify(const struct packet *packet, const uint8_t key[16])
{
	const uint8_t *at = packet->data + packet->payload;
	uint64_t sent, right;

	memcpy(&sent, at + HEADER_SIZE, sizeof(sent));
	right = siphash24(key, at, HEADER_SIZE, at + packet->body, packet->size);
	return (le64toh(sent) ^ right) == 0;
}
