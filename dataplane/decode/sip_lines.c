// SPDX-License-Identifier: BSD-3-Clause
//
// The ends of lines. Pure; linear in what is looked at.
#include "dataplane/decode/sip_lines.h"

#include "dataplane/decode/sip_scan.h"

// A bit for each LF of 64 bytes, and for each CR.
struct line_ends {
	uint64_t feeds, returns;
};

static inline struct line_ends look(const uint8_t *block)
{
	return (struct line_ends){
		sip_equals(block, '\n') | (uint64_t)sip_equals(block + 32, '\n') << 32,
		sip_equals(block, '\r') | (uint64_t)sip_equals(block + 32, '\r') << 32,
	};
}

// Of the last bytes of a datagram, which has less than 64.
static __attribute__((noinline)) struct line_ends look_short(const uint8_t *at, unsigned left)
{
	uint8_t copy[64] = { 0 };

	return look(memcpy(copy, at, left));
}

// Of the last `left` bytes of a datagram, less than 64: together with those before them.
static inline struct line_ends look_last(const uint8_t *at, unsigned length, unsigned left)
{
	struct line_ends ends;

	if (length < 64)
		return look_short(at + length - left, left);
	ends = look(at + length - 64);
	return (struct line_ends){ ends.feeds >> (64 - left), ends.returns >> (64 - left) };
}

// Keeps what was seen of a block.
static inline void keep(struct sip_lines *lines, struct line_ends ends, uint64_t *strays)
{
	lines->feeds[lines->n++] = ends.feeds;
	*strays |= (ends.returns << 1 | lines->carry) & ~ends.feeds;
	lines->carry = ends.returns >> 63;
}

// The first position after a CR where no LF is, of the blocks from lines->from on; `carry`: a CR was before them.
static unsigned stray_find(const struct sip_lines *lines, uint64_t carry)
{
	for (unsigned pos = lines->from; pos < lines->next; pos++) {
		if (carry && lines->at[pos] != '\n')
			return pos;
		carry = lines->at[pos] == '\r';
	}
	return UINT_MAX;
}

bool sip_lines_fill(struct sip_lines *lines)
{
	const uint64_t carry = lines->carry;
	unsigned left = lines->length - lines->next;
	uint64_t strays = 0;

	lines->from = lines->next;
	lines->i = lines->n = 0;
	for (; left >= 64 && lines->n < SIP_LINE_BLOCKS; left -= 64)
		keep(lines, look(lines->at + lines->length - left), &strays);
	if (left > 0 && lines->n < SIP_LINE_BLOCKS) {
		keep(lines, look_last(lines->at, lines->length, left), &strays);
		left = 0;
	}
	lines->next = lines->length - left;
	if (__builtin_expect(strays != 0, 0) && lines->stray == UINT_MAX)
		lines->stray = stray_find(lines, carry);
	return lines->n > 0;
}
