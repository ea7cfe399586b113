// SPDX-License-Identifier: BSD-3-Clause
//
// Stamps: 16 bytes at the end of a message's body that say when it was due. The deck's frames have zeros there, and
// the checksum of that; a stamp is put in by adding its words to the checksum (RFC 1624), and found again in what comes
// back. Within one host the TSC of all cores is one clock.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/checksum.h"

enum { STAMP_SIZE = 16 };

struct stamp {
	uint32_t mark; // of the run: its own number, so that stamps of an earlier one are not read
	uint32_t zero;
	uint64_t due; // TSC
};
_Static_assert(sizeof(struct stamp) == STAMP_SIZE, "stamps are bytes on the wire");

// Writes a stamp into a copy of a deck's frame: `at` its place, `checksum` the two bytes of the UDP checksum.
static inline void stamp_put(uint8_t *at, uint8_t *checksum, uint32_t mark, uint64_t due)
{
	struct stamp stamp = { .mark = mark, .due = due };
	uint64_t words[2];
	uint16_t sum;

	memcpy(words, &stamp, sizeof(words));
	memcpy(at, words, sizeof(words));
	memcpy(&sum, checksum, sizeof(sum));
	sum = (uint16_t)~checksum_fold(checksum_add(checksum_add((uint16_t)~sum, words[0]), words[1]));
	sum = sum ? sum : 0xffff; // 0 would mean none (RFC 768)
	memcpy(checksum, &sum, sizeof(sum));
}

// The stamp of this run that a datagram of `length` bytes (with its UDP header) holds. False: none.
static inline bool stamp_get(const uint8_t *udp, uint32_t length, uint32_t mark, uint64_t *due)
{
	struct stamp stamp;

	if (length < 8 + STAMP_SIZE)
		return false;
	memcpy(&stamp, udp + length - length % 2 - STAMP_SIZE, sizeof(stamp));
	*due = stamp.due;
	return stamp.mark == mark && stamp.zero == 0;
}
