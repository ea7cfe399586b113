// SPDX-License-Identifier: BSD-3-Clause
//
// What the segments and arguments of a CoAP message say: channels, priorities, ids of tenants. libc only.
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/abi/names.h"
#include "dataplane/decode/digits.h"

// The names of the channels but "unspecified" as words, by a hash that has a place of its own for each (found by trial;
// the unit test finds every name). A name costs no branch that depends on which it is.
#define COAP_HASH_FACTOR UINT64_C(0x50b385a011fdebe1)
#define COAP_EACH_BYTE UINT64_C(0x0101010101010101)
enum { COAP_HASH_SHIFT = 60, COAP_WORD = 8, COAP_ID_DIGITS = 10 };
static const struct {
	char name[COAP_WORD];
	uint8_t length, channel;
} coap_channels[16] = {
	[11] = { "sms", 3, 1 },	  [2] = { "email", 5, 2 },  [4] = { "chat", 4, 3 }, [13] = { "voice", 5, 4 },
	[6] = { "push", 4, 5 },	  [5] = { "social", 6, 6 }, [7] = { "web", 3, 7 },  [10] = { "8", 1, 8 },
	[15] = { "9", 1, 9 },	  [1] = { "10", 2, 10 },    [12] = { "11", 2, 11 }, [8] = { "12", 2, 12 },
	[3] = { "13", 2, 13 },	  [14] = { "14", 2, 14 },   [9] = { "15", 2, 15 },
};

// The bytes of a segment of 1 to 8 bytes as a little-endian word, the first lowest; read by one load that ends where
// the segment does. A channel's or tenant's never begins before the payload: header and "m" stand before it.
static inline uint64_t coap_segment_word(const uint8_t *segment, unsigned length)
{
	uint64_t word;

	memcpy(&word, segment + length - COAP_WORD, COAP_WORD);
	return le64toh(word) >> 8 * (COAP_WORD - length);
}

// The channel of a segment's name, -1: none.
static inline int coap_channel_find(const uint8_t *segment, unsigned length)
{
	uint64_t word, name;
	unsigned place;

	if (length < 1 || length > COAP_WORD)
		return length == 11 && memcmp(segment, "unspecified", 11) == 0 ? 0 : -1;
	word = coap_segment_word(segment, length);
	place = (unsigned)(word * COAP_HASH_FACTOR >> COAP_HASH_SHIFT);
	memcpy(&name, coap_channels[place].name, COAP_WORD);
	return word == le64toh(name) && length == coap_channels[place].length ? coap_channels[place].channel : -1;
}

// The names of the contract by a hash of first letter and length that has a place of its own for each: a name's last
// eight bytes, of "priority=NAME" that is, and its first two are all of it.
enum { COAP_PRIORITY_FIRST = 2 };
static const struct {
	char last[COAP_WORD], first[COAP_PRIORITY_FIRST];
	uint8_t length, priority;
} coap_priorities[4] = {
	{ "y=urgent", "ur", 6, WEIR_URGENT },
	{ "n-urgent", "no", 10, WEIR_NON_URGENT },
	{ "y=normal", "no", 6, WEIR_NORMAL },
	{ "mergency", "em", 9, WEIR_EMERGENCY },
};

// The priority of the value of an argument "priority=", -1: none.
static inline int coap_priority_find(const uint8_t *value, unsigned length)
{
	unsigned place;

	if (length < COAP_PRIORITY_FIRST)
		return -1;
	place = (value[0] ^ length) >> 2 & 3;
	return coap_priorities[place].length == length &&
			       memcmp(coap_priorities[place].last, value + length - COAP_WORD, COAP_WORD) == 0 &&
			       memcmp(coap_priorities[place].first, value, COAP_PRIORITY_FIRST) == 0
		       ? coap_priorities[place].priority
		       : -1;
}

// A tenant's id: decimal, 1 to 2^32-1, without leading zeros; 0 for anything else.
static inline uint32_t coap_id_parse(const uint8_t *segment, unsigned length)
{
	uint64_t id = 0;

	if (length == 0 || length > COAP_ID_DIGITS || segment[0] == '0')
		return 0;
	if (__builtin_expect(length <= COAP_WORD, 1)) {
		unsigned before = 8 * (COAP_WORD - length);
		uint64_t digits = (coap_segment_word(segment, length) ^ COAP_EACH_BYTE * '0' >> before) << before;

		// none is above 9
		return ((digits + COAP_EACH_BYTE * 6) | digits) & COAP_EACH_BYTE * 0xf0 ? 0 : digits_join(digits);
	}
	for (unsigned i = 0; i < length; i++) {
		unsigned digit = segment[i] - (unsigned)'0';

		if (digit > 9)
			return 0;
		id = id * 10 + digit;
	}
	return id <= UINT32_MAX ? (uint32_t)id : 0;
}
