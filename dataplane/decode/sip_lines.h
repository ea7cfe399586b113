// SPDX-License-Identifier: BSD-3-Clause
//
// The ends of a datagram's lines, found by blocks of 64 bytes, some of them at once. libc only.
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { SIP_NO_LINE = -1, SIP_LINE_BLOCKS = 8 };

// The ends of lines, in order.
struct sip_lines {
	const uint8_t *at;
	unsigned length;
	unsigned from, next; // where these blocks begin, and those after them
	unsigned i, n;       // the block that is being told, and how many there are
	unsigned stray;      // the first position after a CR where no LF is, of the blocks so far; UINT_MAX: none
	uint64_t carry;      // 1: the last block's last byte was a CR
	uint64_t feeds[SIP_LINE_BLOCKS]; // a bit for each LF that was not yet told
};

static inline void sip_lines_init(struct sip_lines *lines, const uint8_t *at, unsigned length, unsigned from)
{
	lines->at = at;
	lines->length = length;
	lines->from = lines->next = from;
	lines->i = lines->n = 0;
	lines->stray = UINT_MAX;
	lines->carry = 0;
	lines->feeds[0] = 0;
}

// Looks at the next blocks. False where there are none.
bool sip_lines_fill(struct sip_lines *lines);

// Position of the next LF, or SIP_NO_LINE.
static inline int sip_lines_next(struct sip_lines *lines)
{
	uint64_t *feeds = &lines->feeds[lines->i];
	int end;

	while (*feeds == 0) {
		feeds++;
		if (++lines->i >= lines->n) {
			if (!sip_lines_fill(lines))
				return SIP_NO_LINE;
			feeds = lines->feeds;
		}
	}
	end = (int)(lines->from + 64 * lines->i + (unsigned)__builtin_ctzll(*feeds));
	*feeds &= *feeds - 1;
	return end;
}

// The next header line from `*pos` on, folds included: the position of its last LF, and `*pos` is then the line after
// it. SIP_NO_LINE at the empty line, with `*pos` where the body starts, and where the datagram ends before it, with
// `*pos` past the datagram's end.
static inline int sip_lines_next_header(struct sip_lines *lines, unsigned *pos)
{
	const uint8_t *at = lines->at;
	unsigned from = *pos, next;
	int end = sip_lines_next(lines);

	if (end >= 0 && (unsigned)end - from <= 1 && ((unsigned)end == from || at[from] == '\r')) {
		*pos = (unsigned)end + 1;
		return SIP_NO_LINE;
	}
	for (next = (unsigned)end + 1; end >= 0 && next < lines->length; next = (unsigned)end + 1) {
		if (at[next] != ' ' && at[next] != '\t')
			break;
		end = sip_lines_next(lines);
	}
	*pos = end >= 0 ? next : lines->length + 1;
	return end;
}

// Whether a line before `pos` has a CR that no LF follows.
static inline bool sip_lines_stray(const struct sip_lines *lines, unsigned pos)
{
	return lines->stray < pos;
}
